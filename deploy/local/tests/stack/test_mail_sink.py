"""The mail server that keeps what it receives."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from instroom.stack import ports
from instroom.stack.mails import Mailbox, read_entries, read_mails


class Sink:
    def __init__(self, home: Path, *flags: str) -> None:
        self.home, self.port = home, ports.choose(("mail",), {})["mail"]
        home.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "instroom.stack.mail_sink", "--home", str(home), "--port", str(self.port)]
        self.process = subprocess.Popen([*command, *flags])

    async def send(self, to: str, message: EmailMessage) -> None:
        await aiosmtplib.send(
            message,
            sender="no-reply@academy.test",
            recipients=[to],
            hostname=ports.LOOPBACK,
            port=self.port,
            start_tls=False,
        )


@pytest.fixture
def start_sink(tmp_path: Path, until: Callable[..., Any]) -> Iterator[Callable[..., Sink]]:
    started: list[Sink] = []

    def start(*flags: str) -> Sink:
        sink = Sink(tmp_path / "home", *flags)
        started.append(sink)
        until(lambda: not ports.is_free(sink.port))
        return sink

    yield start
    for sink in started:
        sink.process.kill()
        sink.process.wait(10)


def invitation(body: str = "Hallo Zoë,\n.met een punt vooraan\n") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "no-reply@academy.test", "zoe@acme.test"
    message["Subject"] = "Uitnodiging voor Zoë"
    message.set_content(body)
    message.add_alternative("<p>Hallo Zoë</p>\n", subtype="html")
    return message


async def test_a_received_mail_is_shown_decoded(start_sink: Callable[..., Sink]) -> None:
    sink = start_sink()
    await sink.send("zoe@acme.test", invitation())
    (mail,) = read_mails(sink.home)
    assert mail.document() == {
        "id": "000001",
        "to": "zoe@acme.test",
        "subject": "Uitnodiging voor Zoë",
        "at": mail.at,
        "text": "Hallo Zoë,\n.met een punt vooraan\n",
        "html": "<p>Hallo Zoë</p>\n",
    }
    assert mail.at.endswith("+00:00")


async def test_accepted_mails_survive_a_kill_and_numbering_goes_on(start_sink: Callable[..., Sink]) -> None:
    sink = start_sink()
    for number in range(3):
        await sink.send(f"p{number}@acme.test", invitation())
    sink.process.send_signal(signal.SIGKILL)
    sink.process.wait(10)
    with Mailbox(sink.home).path.open("ab") as file:
        file.write(b'{"id":"000004","at":')  # killed in the middle of a write
    again = start_sink()
    await again.send("p3@acme.test", invitation())
    assert [entry["to"] for entry in read_entries(sink.home)] == [[f"p{number}@acme.test"] for number in range(4)]
    assert len({mail.id for mail in read_mails(sink.home)}) == 4


async def test_a_recipient_can_ask_to_be_refused(start_sink: Callable[..., Sink]) -> None:
    sink = start_sink()
    for _ in range(2):
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await sink.send("bounce-550.jan@acme.test", invitation())
        assert refused.value.recipients[0].code == 550
    assert read_mails(sink.home) == []


async def test_a_recipient_can_ask_to_be_deferred_a_number_of_times(start_sink: Callable[..., Sink]) -> None:
    sink = start_sink()
    for _ in range(2):
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await sink.send("later-451-2+jan@acme.test", invitation())
        assert refused.value.recipients[0].code == 451
    await sink.send("later-451-2+jan@acme.test", invitation())
    assert len(read_mails(sink.home)) == 1


async def test_a_connection_can_vanish_after_the_mail_was_kept(start_sink: Callable[..., Sink]) -> None:
    sink = start_sink()
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await sink.send("vanish-1@acme.test", invitation())
    await sink.send("vanish-1@acme.test", invitation())
    assert len(read_mails(sink.home)) == 2


async def test_all_mails_can_be_deferred(start_sink: Callable[..., Sink]) -> None:
    sink = start_sink("--fail-rate", "1")
    with pytest.raises(aiosmtplib.SMTPDataError) as refused:
        await sink.send("jan@acme.test", invitation())
    assert refused.value.code == 451


async def test_an_empty_mail_and_one_with_lines_of_dots_arrive_as_they_were_sent(
    start_sink: Callable[..., Sink],
) -> None:
    sink = start_sink()
    client = aiosmtplib.SMTP(hostname=ports.LOOPBACK, port=sink.port, start_tls=False)
    await client.connect()
    for content in (b"", b"Subject: x\r\n\r\n.\r\n..\r\nends with a dot.\r\n.x\r\n"):
        await client.sendmail("a@x.test", ["b@y.test"], content)
    await client.quit()
    contents = [entry["content"].encode("latin-1") for entry in read_entries(sink.home)]
    assert contents[0].strip() == b""
    assert contents[1] == b"Subject: x\r\n\r\n.\r\n..\r\nends with a dot.\r\n.x\r\n"


async def talk(sink: Sink, *pieces: bytes) -> list[bytes]:
    """What the sink replies to all that is sent, piece by piece, until it closes the connection."""
    reader, writer = await asyncio.open_connection(ports.LOOPBACK, sink.port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    replies = (await asyncio.wait_for(reader.read(), 60)).splitlines()
    writer.close()
    return [reply[:3] for reply in replies if reply[3:4] == b" "]


MAILS = (
    b"EHLO me\r\nMAIL FROM:<a@x.test> BODY=8BITMIME\r\nRCPT TO:<slow-1@y.test>\r\nDATA\r\n"
    b"one\r\n..two\r\n.\r\nmail from: <>\r\nrcpt to: <c@y.test>\r\ndata\r\n.\r\nQUIT\r\n"
)


async def test_commands_are_obeyed_in_order_however_they_are_cut_and_joined(start_sink: Callable[..., Sink]) -> None:
    sink = start_sink()
    for pieces in ((MAILS,), [MAILS[i : i + 1] for i in range(len(MAILS))]):
        replies = await talk(sink, *pieces)
        assert replies == [b"220", b"250", b"250", b"250", b"354", b"250", b"250", b"250", b"354", b"250", b"221"]
    kept = [(entry["from"], entry["to"], entry["content"]) for entry in read_entries(sink.home)]
    assert kept == [("a@x.test", ["slow-1@y.test"], "one\r\n.two\r\n"), ("", ["c@y.test"], "")] * 2


async def test_what_is_no_mail_is_refused_and_the_next_goes_through(start_sink: Callable[..., Sink]) -> None:
    sink = start_sink()
    wrong = b"DATA\r\nRCPT TO:<b@y.test>\r\nMAIL TO a\r\nVRFY b\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<>\r\nDATA\r\nRSET\r\nNOOP\r\n"
    replies = await talk(sink, wrong + MAILS)
    assert replies[1:10] == [b"503", b"503", b"501", b"502", b"250", b"501", b"503", b"250", b"250"]
    assert len(read_mails(sink.home)) == 2
    assert await talk(sink, b"x" * 5000) == [b"220", b"500"]


def test_without_a_mailbox_there_are_no_mails(tmp_path: Path) -> None:
    assert read_mails(tmp_path) == []
