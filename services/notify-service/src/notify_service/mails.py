"""From an invitation or a reset to the bytes of its mail: the same one always gives the same bytes.

The MIME is put together here and not by `email.message`: its folding differs between versions of Python (some of them
let a comma in a name begin another address), and a mail that is sent again after a crash must be byte for byte the same.
"""

import binascii
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from email.header import Header
from email.utils import format_datetime, quote
from functools import lru_cache
from itertools import groupby
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import escape

from contracts.fields import ascii_domain
from notify_service.domain import LANGUAGES, MailKind
from notify_service.texts import TEXTS, Texts
from notify_service.tokens import INVITATION, PASSWORD_RESET, Signer

LONGEST_DISPLAY_NAME = 64
LONGEST_NAME = 250
CRLF = b"\r\n"
_LINKS: Final[Mapping[MailKind, tuple[str, int]]] = {
    "invitation": ("/-/invitation/", INVITATION),
    "password_reset": ("/-/password/", PASSWORD_RESET),
}
"""Where a link leads, and what its token is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What a mail is made of; nothing else flows into it but the service's settings."""

    invitation_id: UUID
    generation: int
    email: str
    name: str
    language: str
    academy_name: str
    expires_at: datetime
    queued_at: datetime
    kind: MailKind = "invitation"


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail, ready to be handed to a server."""

    sender: str
    recipient: str
    message_id: str
    content: bytes


class _Body:
    """A part of a mail, ready but for the lines that greet the person or hold the link.

    Quoted-printable goes line by line, so that what is encoded once here is what it would be in the whole.
    """

    GREETING: Final = "\0greeting\0"
    LINK: Final = "\0link\0"
    """In place of what only one mail has; no text that is filled in has control characters."""

    def __init__(self, subtype: str, text: str, escape: Callable[[str], str]) -> None:
        self._escape = escape
        header = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
        self._pieces: list[bytes | str] = [header.encode()]
        for own, lines in groupby(re.findall(r".*\n|.+\Z", text), lambda line: "\0" in line):
            joined = "".join(lines)
            self._pieces.append(joined if own else _quoted_printable(joined))

    def filled(self, greeting: str, link: str) -> bytes:
        """The part of this mail."""
        greeting, link = self._escape(greeting), self._escape(link)
        return b"".join(
            piece
            if isinstance(piece, bytes)
            else _quoted_printable(piece.replace(self.GREETING, greeting).replace(self.LINK, link))
            for piece in self._pieces
        )


@dataclass(frozen=True, slots=True)
class _Form:
    """All that the mails of one kind, language, academy and validity have in common."""

    sender: bytes
    subject: bytes
    language: bytes
    plain: _Body
    html: _Body


class Writer:
    """Writes invitations and resets in every language there is."""

    def __init__(self, *, signer: Signer, public_url: str, sender: str, time_zone: str) -> None:
        environment = Environment(
            loader=PackageLoader("notify_service"),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            keep_trailing_newline=True,
        )
        self._html = environment.get_template("mail.html")
        self._text = environment.get_template("mail.txt")
        self._signer = signer
        self._public_url = public_url.rstrip("/")
        self._sender = sender
        self._zone = ZoneInfo(time_zone)
        self._form = lru_cache(maxsize=256)(self._make_form)

    def message_id(self, invitation_id: UUID, generation: int) -> str:
        """The Message-ID of this mail, in every attempt to send it."""
        return f"<{generation}.{invitation_id}@{self._sender.rpartition('@')[2]}>"

    def write(self, invitation: Invitation) -> Letter:
        """The mail of the invitation. Raises ValueError for an address that no mail can be sent to."""
        recipient = ascii_address(invitation.email)
        academy = one_line(invitation.academy_name, LONGEST_NAME)
        name = one_line(invitation.name, LONGEST_NAME)
        language = invitation.language if invitation.language in LANGUAGES else "en"
        texts = TEXTS[invitation.kind][language]
        form = self._form(
            invitation.kind, language, academy, _validity(texts, invitation.expires_at.astimezone(self._zone))
        )
        path, purpose = _LINKS[invitation.kind]
        token = self._signer.token(invitation.invitation_id, invitation.generation, invitation.expires_at, purpose)
        personal = _greeting(texts, name), f"{self._public_url}{path}{token}"
        message_id = self.message_id(invitation.invitation_id, invitation.generation)
        # Quoted-printable never has "=_", so the boundary occurs in no part.
        boundary = f"=_{invitation.invitation_id.hex}.{invitation.generation}".encode()
        delimiter = b"--" + boundary
        content = CRLF.join(
            (
                form.sender,
                f"To: {_mailbox('To', name, recipient)}".encode("ascii"),
                form.subject,
                _date_header(invitation.queued_at.replace(microsecond=0)),
                f"Message-ID: {message_id}".encode("ascii"),
                b"Auto-Submitted: auto-generated",
                form.language,
                b"MIME-Version: 1.0",
                b'Content-Type: multipart/alternative; boundary="' + boundary + b'"',
                b"",
                delimiter,
                form.plain.filled(*personal),
                delimiter,
                form.html.filled(*personal),
                delimiter + b"--",
                b"",
            )
        )
        return Letter(self._sender, recipient, message_id, content)

    def _make_form(self, kind: MailKind, language: str, academy: str, validity: str) -> _Form:
        texts = TEXTS[kind][language]
        subject = texts.subject.format(academy=academy)
        values = {
            "subject": subject,
            "heading": texts.heading.format(academy=academy),
            "greeting": _Body.GREETING,
            "intro": texts.intro.format(academy=academy),
            "button": texts.button,
            "fallback": texts.fallback,
            "validity": validity,
            "unexpected": texts.unexpected,
            "footer": texts.footer.format(academy=academy),
            "language": language,
            "link": _Body.LINK,
        }
        return _Form(
            sender=f"From: {_mailbox('From', academy, self._sender)}".encode("ascii"),
            subject=f"Subject: {_encoded('Subject', subject)}".encode("ascii"),
            language=f"Content-Language: {language}".encode("ascii"),
            plain=_Body("plain", self._text.render(values), str),
            html=_Body("html", self._html.render(values), escape),
        )


def ascii_address(address: str) -> str:
    """The address with its domain in ASCII form. ValueError if it cannot be put into a mail safely."""
    local, _, domain = address.rpartition("@")
    try:
        plain = f"{local}@{domain if domain.isascii() else ascii_domain(domain)}"
    except UnicodeError:
        plain = ""
    if not (local and domain and plain.isascii() and plain.isprintable() and not set(plain) & set(' <>,;:"\\()[]')):
        raise ValueError("the address cannot be used in a mail")
    return plain


def one_line(text: str, longest: int) -> str:
    """`text` without control, format and line-breaking characters, its white space single, not too long."""
    # Cf holds the bidi overrides that would make one name look like another; Cc, Zl and Zp hold all line breaks.
    safe = text
    if not (text.isascii() and text.isprintable()):
        safe = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text)
    joined = " ".join(safe.split())
    return joined if len(joined) <= longest else joined[: longest - 1].rstrip() + "…"


def _greeting(texts: Texts, name: str) -> str:
    # Mail programs make links of such words; a name must not smuggle one into our mail.
    speakable = name and not any(mark in name.lower() for mark in ("://", "www.", "@"))
    return texts.greeting.format(name=name) if speakable else texts.greeting_without_name


def _validity(texts: Texts, until: datetime) -> str:
    return texts.validity.format(date=_date(until, texts.locale), time=_time(until, texts.locale))


@lru_cache(maxsize=256)
def _date_header(moment: datetime) -> bytes:
    return f"Date: {format_datetime(moment.astimezone(UTC))}".encode("ascii")


def _date(moment: datetime, locale: str) -> str:
    return _long_date(moment.date().toordinal(), locale)


def _time(moment: datetime, locale: str) -> str:
    return _short_time(moment.hour, moment.minute, locale)


@lru_cache(maxsize=256)
def _long_date(ordinal: int, locale: str) -> str:
    return str(format_date(datetime.fromordinal(ordinal), format="long", locale=locale))


@lru_cache(maxsize=256)
def _short_time(hour: int, minute: int, locale: str) -> str:
    return str(format_time(time(hour, minute), format="short", locale=locale))


def _needs_encoding(text: str) -> bool:
    return not text.isascii() or "=?" in text


@lru_cache(maxsize=1024)
def _encoded(header: str, text: str) -> str:
    charset = "utf-8" if _needs_encoding(text) else "us-ascii"
    return Header(text, charset, header_name=header).encode(linesep="\r\n")


def _mailbox(header: str, name: str, address: str) -> str:
    name = one_line(name, LONGEST_DISPLAY_NAME)
    if not name:
        return address
    phrase = _encoded(header, name) if _needs_encoding(name) else f'"{quote(name)}"'
    return f"{phrase}\r\n <{address}>"


def _quoted_printable(text: str) -> bytes:
    return binascii.b2a_qp(text.encode(), istext=True).replace(b"\n", CRLF)
