"""A record as a document. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from contracts.envelope import Envelope, EnvelopeError, key_academy

NO_TIME: Final = -1
"""In place of a record's time where there is none, as Kafka has it."""

Headers = Iterable[tuple[str, bytes | None]]


class Record(Protocol):
    """As a Kafka client gives it."""

    @property
    def topic(self) -> str: ...

    @property
    def partition(self) -> int: ...

    @property
    def offset(self) -> int: ...

    @property
    def timestamp(self) -> int: ...

    @property
    def key(self) -> bytes | None: ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...

    @property
    def value(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that the Kafka client cannot give; only its place is known."""

    topic: str
    partition: int
    offset: int
    timestamp: int = NO_TIME
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()
    value: bytes | None = None


UNREADABLE: Final = "the name of a header, here or earlier in the same batch of the sender, is not UTF-8"


def time_text(milliseconds: int) -> str | None:
    """The broker's time of a record."""
    if milliseconds == NO_TIME:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def text(raw: bytes | None) -> str | None:
    """Bytes as text, whatever they are."""
    return None if raw is None else raw.decode(errors="backslashreplace")


def academy_of(key: bytes | None, headers: Headers) -> str:
    """The academy a record belongs to, by its header, else by its key."""
    for name, value in headers:
        if name == "ce_academy" and value is not None:
            return value.decode(errors="replace")
    return key_academy((key or b"").decode(errors="replace"))


def event(record: Record) -> dict[str, Any]:
    """A record of `events tail`: where it is, what its envelope says, its data."""
    document = _place(record)
    if isinstance(record, Unreadable):
        return document | {"envelope_error": UNREADABLE, "data": None}
    try:
        envelope = asdict(Envelope.from_headers(record.headers))
        envelope["event_time"] = envelope.pop("time")
        document |= envelope
    except EnvelopeError as error:
        document |= {"envelope_error": str(error), "headers": [[name, text(raw)] for name, raw in record.headers]}
    return document | _data(record.value)


def _place(record: Record) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": text(record.key),
        "time": time_text(record.timestamp),
    }


def _data(value: bytes | None) -> dict[str, Any]:
    if value is None:
        return {"data": None}
    try:
        return {"data": json.loads(value)}
    except (ValueError, RecursionError):
        return {"data": None, "data_text": text(value)}
