"""Records in and events out, without a word of Kafka's client."""

import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

import orjson
import uuid_utils
from pydantic import BaseModel

from contracts.envelope import Common, Envelope, Header
from contracts.topics import Topic

M_co = TypeVar("M_co", covariant=True)
Headers = list[Header]

MAX_EVENT_BYTES = 900_000
"""Key, headers and value. Below what a topic takes as a record batch (contracts.topics), so that no event can stall the
relay."""
MAX_LETTER_BYTES = 2_000_000
"""The same of a dead letter: above any record that came uncompressed, with what is said about it. What a sender had
compressed may be larger, and is cut."""

REPLAY_OF = "x-replay-of"
"""The header by which a record tells of which dead letter it is the replay."""

_NAMESPACE = uuid.UUID("6f9d4f0e-6f0b-5d1c-9a52-0d3c5f1a7b11")


class RawRecord(Protocol):
    """One record as the broker gave it; nothing of it is trusted yet."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[Header]: ...
    @property
    def timestamp(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A record of which the broker's client gives nothing but the place."""

    topic: str
    partition: int
    offset: int
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[Header] = ()
    timestamp: int = 0


@dataclass(slots=True)
class Record(Generic[M_co]):
    """One record as it was consumed."""

    cluster: str
    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    envelope: Envelope
    message: M_co
    headers: Sequence[Header] = ()
    """As they came, for the dead letters."""


@dataclass(slots=True)
class Event:
    """One record to publish."""

    topic: str
    key: str
    envelope: Envelope
    value: bytes | None

    def raw(self) -> "RawEvent":
        return RawEvent(self.topic, self.key.encode(), self.envelope.headers(), self.value)


@dataclass(slots=True)
class RawEvent:
    """One record to publish, byte for byte: how a dead letter keeps what nobody could read."""

    topic: str
    key: bytes | None
    headers: Sequence[Header]
    value: bytes | None

    def size(self) -> int:
        """Bytes in a record batch, at most: a header has two lengths of five bytes at most."""
        headers = sum(len(name.encode()) + len(value or b"") + 10 for name, value in self.headers)
        return len(self.key or b"") + headers + len(self.value or b"")


class EventTooLarge(ValueError):
    """An event exceeds MAX_EVENT_BYTES."""


def make_event(topic: Topic, key: str, envelope: Envelope, message: BaseModel) -> Event:
    """The event of a message. Members that were not set are left out of its JSON."""
    return Event(topic.name, key, envelope, message.model_dump_json(exclude_unset=True).encode())


def encode_headers(headers: Sequence[Header]) -> bytes:
    """Headers as JSON for the outbox. Latin-1 maps every byte to a character and back, so nothing is lost."""
    return orjson.dumps([(name, None if value is None else value.decode("latin-1")) for name, value in headers])


def encode_attributes(envelope: Envelope) -> bytes:
    """`encode_headers` of an envelope's headers, with a line break behind those that others of its batch have too."""
    own = orjson.dumps(envelope.own_attributes())
    if not own.isascii():  # what is ASCII is its Latin-1 text already
        own = encode_headers([(name, value.encode()) for name, value in envelope.own_attributes()])
    return _encode_common(envelope.common) + own[1:]


@lru_cache(maxsize=64)
def _encode_common(common: Common) -> bytes:
    return encode_headers(common.headers)[:-1] + b",\n"


def decode_headers(stored: bytes) -> Headers:
    """What `encode_headers` was given."""
    common, line_break, own = stored.partition(b"\n")
    if not line_break:
        return _decode(stored)
    return [*_decode_common(common), *_decode(b"[" + own)]


@lru_cache(maxsize=64)
def _decode_common(common: bytes) -> tuple[Header, ...]:
    return tuple(_decode(common[:-1] + b"]"))


def _decode(stored: bytes) -> Headers:
    return [(name, None if value is None else value.encode("latin-1")) for name, value in orjson.loads(stored)]


def new_id() -> str:
    """A fresh id (UUID version 7)."""
    return str(uuid_utils.uuid7())


def new_ids(count: int) -> list[str]:
    """`count` fresh ids, ascending: UUID version 7 with one timestamp and one read of randomness for all."""
    milliseconds = (time.time_ns() // 1_000_000).to_bytes(6, "big").hex()
    stamp = f"{milliseconds[:8]}-{milliseconds[8:]}-7"
    noise = os.urandom(8 * count).hex()
    base = int.from_bytes(os.urandom(2), "big") << 16
    ids = []
    for i in range(count):
        # 28 counter bits, begun at random, keep the ids of one call ascending; 44 random bits keep those of two apart.
        counter = f"{(base + i) & 0xFFFFFFF:07x}"
        rest = noise[16 * i : 16 * i + 16]
        ids.append(f"{stamp}{counter[:3]}-8{counter[3:6]}-{counter[6]}{rest[:11]}")
    return ids


def deterministic_id(*parts: str) -> str:
    """The same id for the same parts, for ever (UUID version 5)."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))


def now_text() -> str:
    """Now, RFC 3339 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_traceparent() -> str:
    """A W3C trace context of a new trace."""
    noise = os.urandom(24).hex()
    return f"00-{noise[:32]}-{noise[32:]}-01"
