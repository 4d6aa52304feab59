import binascii
import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.utils import getaddresses
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify_service.domain import MailKind
from notify_service.mails import Invitation, Letter, Writer, ascii_address
from notify_service.tokens import PASSWORD_RESET, Signer

NOW = datetime(2031, 1, 4, 23, 30, tzinfo=UTC)
PLAIN = Invitation(
    invitation_id=UUID("01980000-0000-7000-8000-0000000000ff"),
    generation=2,
    email="jan@example.test",
    name="Jan van der Berg",
    language="nl",
    academy_name="Zorggroep De Linde B.V.",
    expires_at=NOW + timedelta(days=30),
    queued_at=NOW,
)
SIGNER = Signer.from_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "k1")
WRITER = Writer(
    signer=SIGNER, public_url="https://people.example/", sender="no-reply@mail.example", time_zone="Europe/Amsterdam"
)
LINK = "https://people.example/-/invitation/" + SIGNER.token(PLAIN.invitation_id, PLAIN.generation, PLAIN.expires_at)


def parsed(letter: Letter) -> EmailMessage:
    message = email.message_from_bytes(letter.content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not [part.defects for part in message.walk() if part.defects]
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def addresses(message: EmailMessage, header: str) -> list[tuple[str, str]]:
    value = message[header]
    assert isinstance(value, AddressHeader)
    # Not `display_name`: the reader of Python 3.11 keeps the space between two encoded words, which is none.
    raw = email.message_from_bytes(message.as_bytes(policy=email.policy.default.clone(refold_source="none")))[header]
    return [
        (str(make_header(decode_header(getaddresses([raw])[i][0]))), address.addr_spec)
        for i, address in enumerate(value.addresses)
    ]


def test_a_dutch_mail_names_academy_person_link_and_the_date_in_dutch_and_says_je() -> None:
    message = parsed(WRITER.write(PLAIN))
    assert message["subject"] == "Je uitnodiging voor Zorggroep De Linde B.V."
    for text in (body(message, "plain"), body(message, "html")):
        assert "Welkom bij Zorggroep De Linde B.V." in text
        assert "Hallo Jan van der Berg," in text
        assert "4 februari 2031" in text  # half past midnight in Amsterdam
        assert LINK in text
        assert not {"u", "uw", "U", "Uw"} & set(text.split())
    assert message["content-language"] == "nl"


RESET = replace(PLAIN, kind="password_reset", generation=1)
RESET_LINK = "https://people.example/-/password/" + SIGNER.token(
    RESET.invitation_id, 1, RESET.expires_at, PASSWORD_RESET
)


@pytest.mark.parametrize(
    ("language", "subject", "button", "until"),
    [
        (
            "nl",
            "Een nieuw wachtwoord voor Zorggroep De Linde B.V.",
            "Wachtwoord kiezen",
            "00:30 uur op 4 februari 2031",
        ),
        ("en", "A new password for Zorggroep De Linde B.V.", "Choose password", "00:30 on 4 February 2031"),
    ],
)
def test_the_mail_of_a_reset_names_academy_person_link_and_until_when_to_the_minute(
    language: str, subject: str, button: str, until: str
) -> None:
    message = parsed(WRITER.write(replace(RESET, language=language)))
    assert (message["subject"], message["content-language"]) == (subject, language)
    for text in (body(message, "plain"), body(message, "html")):
        assert "Jan van der Berg," in text
        assert until in text
        assert RESET_LINK in text
        assert "/invitation/" not in text
        assert not {"u", "uw", "U", "Uw"} & set(text.split())
    assert button in body(message, "html")


def test_the_same_reset_is_the_same_mail() -> None:
    assert WRITER.write(RESET) == WRITER.write(replace(RESET))


def test_an_english_mail_names_academy_person_link_and_the_date_in_english() -> None:
    message = parsed(WRITER.write(replace(PLAIN, language="en")))
    assert message["subject"] == "Your invitation to Zorggroep De Linde B.V."
    for text in (body(message, "plain"), body(message, "html")):
        assert "Welcome to Zorggroep De Linde B.V." in text
        assert "Hello Jan van der Berg," in text
        assert "4 February 2031" in text
        assert LINK in text
    assert message["content-language"] == "en"
    assert '<html lang="en"' in body(message, "html")


def test_the_html_has_the_link_as_button_and_in_full() -> None:
    html = body(parsed(WRITER.write(PLAIN)), "html")
    assert html.count(f'href="{LINK}"') == 2
    assert f">{LINK}</a>" in html


def test_headers_say_who_to_whom_and_that_a_machine_wrote_it() -> None:
    message = parsed(WRITER.write(PLAIN))
    assert addresses(message, "from") == [("Zorggroep De Linde B.V.", "no-reply@mail.example")]
    assert addresses(message, "to") == [("Jan van der Berg", "jan@example.test")]
    assert message["auto-submitted"] == "auto-generated"
    assert message["reply-to"] is None
    assert message["mime-version"] == "1.0"


def test_message_id_and_date_come_from_the_invitation() -> None:
    letter = WRITER.write(PLAIN)
    message = parsed(letter)
    assert letter.message_id == message["message-id"] == f"<2.{PLAIN.invitation_id}@mail.example>"
    assert message["date"].datetime == PLAIN.queued_at


def test_the_same_invitation_gives_the_same_bytes_from_another_writer_too() -> None:
    other = Writer(
        signer=SIGNER, public_url="https://people.example", sender="no-reply@mail.example", time_zone="Europe/Amsterdam"
    )
    assert WRITER.write(PLAIN).content == other.write(PLAIN).content == WRITER.write(PLAIN).content


@given(name=st.text(max_size=300), academy=st.text(max_size=300))
def test_a_part_is_encoded_as_if_it_were_encoded_whole(name: str, academy: str) -> None:
    for kind in get_args(MailKind):
        message = parsed(WRITER.write(replace(PLAIN, name=name, academy_name=academy, kind=kind)))
        for part in message.iter_parts():
            whole = part.get_payload(decode=True)
            assert isinstance(whole, bytes)
            encoded = binascii.b2a_qp(whole.replace(b"\r\n", b"\n"), istext=True).decode()
            assert part.get_payload().replace("\r\n", "\n").rstrip("\n") == encoded.rstrip("\n")


def test_another_generation_is_another_mail() -> None:
    first, second = WRITER.write(PLAIN), WRITER.write(replace(PLAIN, generation=3))
    assert first.message_id != second.message_id
    assert first.content != second.content


@given(name=st.text(max_size=300), academy=st.text(max_size=300))
def test_no_name_can_add_a_header_an_address_or_a_part(name: str, academy: str) -> None:
    letter = WRITER.write(replace(PLAIN, name=name, academy_name=academy))
    message = parsed(letter)
    assert sorted(message.keys()) == [
        "Auto-Submitted",
        "Content-Language",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Subject",
        "To",
    ]
    assert [address for _, address in addresses(message, "to")] == ["jan@example.test"]
    assert [address for _, address in addresses(message, "from")] == ["no-reply@mail.example"]
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert all(len(line) < 998 for line in letter.content.split(b"\r\n"))
    assert b"\n" not in letter.content.replace(b"\r\n", b"")
    assert letter.content.isascii()


@pytest.mark.parametrize(
    "name",
    [
        "Jan\r\nBcc: everybody@example.test",
        "Jan\x00\x0b\x0c\x1c\x85\u2028Bcc: everybody@example.test",
        '"Jan" <evil@example.test>, Piet',
        "Müller, Jörg <evil@example.test>",
        "=?utf-8?q?Jan=0D=0ABcc=3A_evil=40example=2Etest?=",
        "Jan \u202etnereffid",
    ],
)
def test_a_hostile_name_reaches_nobody_else(name: str) -> None:
    message = parsed(WRITER.write(replace(PLAIN, name=name)))
    assert [address for _, address in addresses(message, "to")] == ["jan@example.test"]
    assert message["bcc"] is None
    assert not any(c in addresses(message, "to")[0][0] for c in "\r\n\x00\u202e\u2028")


def test_names_of_every_script_arrive_whole() -> None:
    for name in (
        "Zoë d'Aubigné-Łukasiewicz",
        "Ольга Петрова",
        "李 小龙",
        'O\'Neill "Bob" \\ Smith',
        "Jan, van den Berg",
    ):
        message = parsed(WRITER.write(replace(PLAIN, name=name)))
        assert addresses(message, "to") == [(name, "jan@example.test")]
        assert f"Hallo {name}," in body(message, "plain")


def test_a_name_is_cut_in_the_address_and_told_whole_in_the_greeting() -> None:
    name = "Wolfeschlegelsteinhausen " * 8
    message = parsed(WRITER.write(replace(PLAIN, name=name)))
    assert len(addresses(message, "to")[0][0]) <= 64
    assert f"Hallo {name.strip()}," in body(message, "plain").replace("\n", " ")


def test_markup_in_names_is_shown_and_not_obeyed() -> None:
    html = body(parsed(WRITER.write(replace(PLAIN, name="<b>Jan</b>", academy_name='"><script>x</script>'))), "html")
    assert "&lt;b&gt;Jan&lt;/b&gt;" in html
    assert "<script" not in html


@pytest.mark.parametrize("name", ["Klik op https://evil.example", "www.evil.example", "wie@evil.example", ""])
def test_a_name_that_a_mail_program_would_make_a_link_of_is_not_said(name: str) -> None:
    message = parsed(WRITER.write(replace(PLAIN, name=name)))
    assert "Hallo,\n" in body(message, "plain")
    assert "evil" not in body(message, "html")


def test_an_international_domain_is_addressed_in_its_ascii_form() -> None:
    assert WRITER.write(replace(PLAIN, email="Jan@müller.example")).recipient == "Jan@xn--mller-kva.example"
    assert WRITER.write(replace(PLAIN, email="Jan@faß.example")).recipient == "Jan@xn--fa-hia.example"


@pytest.mark.parametrize(
    "address", ["", "jan", "@x.test", "jan@", "a b@x.test", "a@x.test>", "jän@x.test", "a\r\n@x.test"]
)
def test_an_address_that_cannot_be_used_is_refused(address: str) -> None:
    with pytest.raises(ValueError):
        ascii_address(address)
