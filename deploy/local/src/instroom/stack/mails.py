"""The mails that the sink received: one file, a line per mail, appended before the sender is told that it was accepted."""

import email
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Mail:
    """A received mail, as `mail list` shows it."""

    id: str
    to: str
    subject: str
    at: str
    """When it was accepted: ISO 8601, UTC."""
    text: str
    html: str

    def document(self) -> dict[str, str]:
        return asdict(self)


class Mailbox:
    """Where received mails are kept."""

    def __init__(self, home: Path) -> None:
        self.path = home / "mail" / "received.jsonl"
        self._file = -1
        self._number = 0

    def open(self) -> None:
        """Open for appending; what a killed sink wrote in part is ended so that it spoils nothing behind it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        size = os.fstat(self._file).st_size
        with self.path.open("rb") as file:
            self._number = sum(1 for _ in file)
            if size and (file.seek(size - 1), file.read(1))[1] != b"\n":
                os.write(self._file, b"\n")

    def append(self, sender: str, recipients: Sequence[str], content: bytes) -> str:
        """Keep a mail and return its id. It survives a `kill -9` from here on."""
        self._number += 1
        made = f"{self._number:06d}"
        entry = {
            "id": made,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "from": sender,
            "to": list(recipients),
            "content": content.decode("latin-1"),  # any bytes, and as many characters
        }
        line = orjson.dumps(entry) + b"\n"
        while line:
            line = line[os.write(self._file, line) :]
        return made

    def close(self) -> None:
        os.close(self._file)


def read_entries(home: Path) -> Iterator[dict[str, Any]]:
    """What was kept, oldest first, the mail itself still as it came: `id`, `at`, `from`, `to` (a list), `content`."""
    try:
        file = Mailbox(home).path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            try:
                yield orjson.loads(line)
            except ValueError:
                continue  # the sink was killed while it wrote; this mail was never accepted


def read_mails(home: Path) -> list[Mail]:
    """All received mails, oldest first."""
    return [_parsed(entry) for entry in read_entries(home)]


def _parsed(entry: dict[str, Any]) -> Mail:
    # The parser without policies: four times as fast, and nothing here needs the structure of headers.
    message = email.message_from_bytes(entry["content"].encode("latin-1"))
    return Mail(
        id=entry["id"],
        to=", ".join(entry["to"]),
        subject=str(make_header(decode_header(message["subject"] or ""))),
        at=entry["at"],
        text=_body(message, "text/plain"),
        html=_body(message, "text/html"),
    )


def _body(message: "Message[str, str]", kind: str) -> str:
    for part in message.walk():
        if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
            payload = part.get_payload(decode=True)
            text = payload.decode(part.get_content_charset("utf-8"), "replace") if isinstance(payload, bytes) else ""
            return text.replace("\r\n", "\n")
    return ""
