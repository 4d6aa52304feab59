"""From an invitation or a reset to the bytes of its mail: the same one always gives the same bytes.

The MIME is put together here and not by `email.message`: its folding differs between versions of Python (some of them
let a comma in a name begin another address), and a mail that is sent again after a crash must be byte for byte the same.
"""

import binascii
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from email.header import Header
from email.utils import format_datetime, quote
from functools import lru_cache
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

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

    def message_id(self, invitation_id: UUID, generation: int) -> str:
        """The Message-ID of this mail, in every attempt to send it."""
        return f"<{generation}.{invitation_id}@{self._sender.rpartition('@')[2]}>"

    def write(self, invitation: Invitation) -> Letter:
        """The mail of the invitation. Raises ValueError for an address that no mail can be sent to."""
        recipient = ascii_address(invitation.email)
        academy = one_line(invitation.academy_name, LONGEST_NAME)
        name = one_line(invitation.name, LONGEST_NAME)
        language = invitation.language if invitation.language in LANGUAGES else "en"
        path, purpose = _LINKS[invitation.kind]
        token = self._signer.token(invitation.invitation_id, invitation.generation, invitation.expires_at, purpose)
        values = {
            **_sentences(TEXTS[invitation.kind][language], academy, name, invitation.expires_at.astimezone(self._zone)),
            "language": language,
            "link": f"{self._public_url}{path}{token}",
        }
        message_id = self.message_id(invitation.invitation_id, invitation.generation)
        # Quoted-printable never has "=_", so the boundary occurs in no part.
        boundary = f"=_{invitation.invitation_id.hex}.{invitation.generation}"
        headers = (
            f"From: {_mailbox('From', academy, self._sender)}",
            f"To: {_mailbox('To', name, recipient)}",
            f"Subject: {_encoded('Subject', values['subject'])}",
            f"Date: {format_datetime(invitation.queued_at.astimezone(UTC).replace(microsecond=0))}",
            f"Message-ID: {message_id}",
            "Auto-Submitted: auto-generated",
            f"Content-Language: {language}",
            "MIME-Version: 1.0",
            f'Content-Type: multipart/alternative; boundary="{boundary}"',
        )
        delimiter = f"--{boundary}".encode()
        content = CRLF.join(
            (
                *(header.encode("ascii") for header in headers),
                b"",
                delimiter,
                _part("plain", self._text, values),
                delimiter,
                _part("html", self._html, values),
                delimiter + b"--",
                b"",
            )
        )
        return Letter(self._sender, recipient, message_id, content)


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


def _sentences(texts: Texts, academy: str, name: str, until: datetime) -> dict[str, str]:
    # Mail programs make links of such words; a name must not smuggle one into our mail.
    speakable = name and not any(mark in name.lower() for mark in ("://", "www.", "@"))
    return {
        "subject": texts.subject.format(academy=academy),
        "heading": texts.heading.format(academy=academy),
        "greeting": texts.greeting.format(name=name) if speakable else texts.greeting_without_name,
        "intro": texts.intro.format(academy=academy),
        "button": texts.button,
        "fallback": texts.fallback,
        "validity": texts.validity.format(date=_date(until, texts.locale), time=_time(until, texts.locale)),
        "unexpected": texts.unexpected,
        "footer": texts.footer.format(academy=academy),
    }


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


def _part(subtype: str, template: Template, values: dict[str, str]) -> bytes:
    body = template.render(values).encode()
    encoded = binascii.b2a_qp(body, istext=True).replace(b"\n", CRLF)
    return (
        f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'.encode()
        + encoded
    )
