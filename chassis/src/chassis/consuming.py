"""Consuming in batches: decode, handle, commit; a bad record is set aside alone and its neighbours go through.

The order of events in one batch: records that nobody can read become dead letters; the rest is handled in one call and
one transaction; only then are the offsets committed, per partition. A crash anywhere in between repeats the batch, and
handlers are idempotent.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import structlog
from prometheus_client import Counter, Gauge, Histogram
from pydantic import ValidationError

from chassis import outbox, positions
from chassis.broker import Membership
from chassis.commands import COMMAND_SOURCE, Commands
from chassis.database import Connection, Pool, is_transient
from chassis.records import (
    MAX_LETTER_BYTES,
    REPLAY_OF,
    Event,
    Headers,
    RawEvent,
    RawRecord,
    Record,
    Undecodable,
    deterministic_id,
    encode_headers,
)
from chassis.telemetry import tracing
from contracts.envelope import Envelope, EnvelopeError, key_academy
from contracts.topics import Topic

TRIES_ALONE: Final = 3
"""How often a record that fails by itself is tried before it is set aside."""
LONGEST_BACKOFF: Final = 5.0
STAY_EVERY: Final = 60.0
BRAKE_AFTER: Final = 100
BRAKE_WITHIN: Final = 300.0
"""More than BRAKE_AFTER records set aside by unexpected errors within so many seconds are no bad records but a bad
deploy: the consumer halts, loudly, until the first of them is older, so that not a whole topic is rerouted before
somebody looks. A record takes 0.6 s and more until it is set aside: a minute would never see more than a hundred."""
SLICE: Final = 250
"""Records decoded before the event loop gets its turn."""

_consumed = Counter("instroom_consumed_total", "Records handled", ["topic"])
_set_aside = Counter("instroom_dead_letters_total", "Records set aside", ["topic"])
_seconds = Histogram(
    "instroom_batch_seconds", "From decoding to commit", ["topic"], buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 1, 5, 30)
)
_halted = Gauge("instroom_consumer_halted", "1 where a consumer stopped because too much fails", ["topic"])
_behind = Gauge(
    "instroom_consumer_lag_seconds", "Age of the newest record of the last batch, 0 once nothing waits", ["topic"]
)


class Decoder(Protocol):
    """What makes a message of a record's value: a pydantic model, or what reads the same faster."""

    def model_validate_json(self, json_data: bytes, /) -> Any:
        """Raises pydantic.ValidationError."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A dead letter that can be read, with the requests of its key that came before it and were sent again."""

    id: str
    record: Record[Any]
    at: datetime
    before: Sequence[Envelope]


@dataclass(kw_only=True)
class Subscription:
    """What a service wants of a topic. `handle` gets one batch and runs one transaction; it must be idempotent.

    `known` are the types that the topic carries; those without a model are passed over unread, and so is what `wants` does
    not want (by envelope) and what `skips` skips (by type and undecoded value). `answer` makes the events that
    are written together with a dead letter, so that whoever asked is told, and `outcome` what is found under a command
    that came over HTTP, by the id of the dead letter. `changed_later` finds, when letters are to be sent again, those
    whose person was changed after they were set aside, by other than the requests before them.
    """

    topic: Topic
    models: Mapping[str, Decoder]
    handle: Callable[[list[Record[Any]]], Awaitable[None]]
    known: frozenset[str] = frozenset()
    wants: Callable[[Envelope], bool] | None = None
    skips: Callable[[str, bytes], bool] | None = None
    answer: Callable[[Envelope, str, str], list[Event]] | None = None
    outcome: Callable[[str], dict[str, Any]] | None = None
    changed_later: Callable[[Connection, Sequence[SetAside]], Awaitable[set[str]]] | None = None
    max_records: int = 1_000
    keeps_positions: bool = True
    """Whether `handle` stores where it is with what it writes, so that a restored database reads again what it lost."""
    members: int = 1
    """How many members of the group one process has: while one waits for the database, another decides."""
    interactive: bool = False
    """Whether somebody waits for the answer: an idle consumer then looks more often."""
    passed_over: frozenset[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.passed_over = frozenset(name.encode() for name in self.known - self.models.keys())


class Unreadable(Exception):
    """The record is not what its topic carries; the message says why."""

    def __init__(self, reason: str, envelope: Envelope | None = None) -> None:
        super().__init__(reason)
        self.envelope = envelope


class _Stopping(Exception):
    """The process is to stop: leave the batch uncommitted, it comes again."""


async def store_positions(connection: Connection, records: Sequence[Record[Any]]) -> None:
    """Write down, in the transaction that handled the records, where each partition goes on."""
    if records:
        await positions.store(connection, records[0].cluster, positions.ends(records))


def read_record(raw: RawRecord, subscription: Subscription, cluster: str) -> Record[Any] | None:
    """Decode one record; None if the subscription does not want it. Raises Unreadable."""
    if subscription.passed_over and _type(raw) in subscription.passed_over:
        return None
    envelope = read_envelope(raw)
    try:
        key = raw.key.decode() if raw.key is not None else ""
    except UnicodeDecodeError:
        raise Unreadable("the key is not UTF-8") from None
    if key_academy(key) != envelope.academy:
        raise Unreadable("the key does not begin with the academy of the event")
    model = subscription.models.get(envelope.type)
    if model is None:
        raise Unreadable(f"type {envelope.type[:100]} is not known on this topic", envelope)
    if subscription.wants is not None and not subscription.wants(envelope):
        return None
    if raw.value is None:
        raise Unreadable("the value is missing", envelope)
    if subscription.skips is not None and subscription.skips(envelope.type, raw.value):
        return None
    try:
        message = model.model_validate_json(raw.value)
    except ValidationError as error:
        raise Unreadable(_describe(error), envelope) from None
    return Record(cluster, raw.topic, raw.partition, raw.offset, key, raw.value, envelope, message, raw.headers)


def _type(raw: RawRecord) -> bytes | None:
    for name, value in raw.headers:
        if name == "ce_type":
            return value
    return None


def read_envelope(raw: RawRecord) -> Envelope:
    """The envelope of a record. Raises Unreadable."""
    if isinstance(raw, Undecodable):
        raise Unreadable("a header's name is not UTF-8, in this record or before it in the batch that its sender made")
    try:
        return Envelope.from_headers(raw.headers)
    except EnvelopeError as error:
        raise Unreadable(str(error)) from None


def _describe(error: ValidationError) -> str:
    """Where the value is wrong, without the value itself: it may be personal."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, p['loc'])) or 'value'}: {p['msg']}" for p in problems[:5])[:500]


@dataclass
class Consumer:
    """Runs one subscription."""

    subscription: Subscription
    pool: Pool
    cluster: str
    group: str
    log: structlog.stdlib.BoundLogger
    stopping: asyncio.Event
    commands: Commands | None = None
    halted: str | None = None
    """Why it sets nothing aside for the moment, None while it does."""
    _given_up: int = 0
    """Batches of records that were set aside: `handle` has not stored their positions."""
    _unexpected: deque[float] = field(default_factory=lambda: deque(maxlen=BRAKE_AFTER))

    async def __call__(self, raws: Sequence[RawRecord], membership: Membership) -> None:
        """Handle a batch to its end. Returns without a commit only when the process stops."""
        if self.stopping.is_set():
            return  # a batch before this one may be unfinished, and a commit would pass it over
        began = time.perf_counter()
        topic = self.subscription.topic.name
        ends, given_up = positions.ends(raws), self._given_up
        try:
            records = await self._decode(raws, membership)
            if records:
                await self._handle(records, membership)
            if self.subscription.keeps_positions and (self._given_up > given_up or positions.ends(records) != ends):
                await self._until_done(lambda: positions.store(self.pool, self.cluster, ends), membership)
        except _Stopping:
            membership.give_back(raws)
            return
        await membership.commit(ends)
        _consumed.labels(topic).inc(len(raws))
        _seconds.labels(topic).observe(time.perf_counter() - began)
        full = len(raws) >= self.subscription.max_records
        _behind.labels(topic).set(max(0.0, time.time() - raws[-1].timestamp / 1000) if full else 0)

    async def _decode(self, raws: Sequence[RawRecord], membership: Membership) -> list[Record[Any]]:
        records, bad = [], []
        for count, raw in enumerate(raws):
            try:
                record = read_record(raw, self.subscription, self.cluster)
            except Unreadable as error:
                bad.append((raw, error))
            else:
                if record is not None:
                    records.append(record)
            if count % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        if bad:
            self.tell_of_unreadable(bad)
            await self._until_done(lambda: self.set_aside(bad), membership)
        return records

    async def _handle(self, records: list[Record[Any]], membership: Membership) -> None:
        """Handle all; where that fails for good, halve, so that what is bad ends alone. Order per key is kept."""
        with tracing(records[0].envelope.traceparent if len(records) == 1 else ""):
            try:
                await self._until_done(lambda: self.subscription.handle(records), membership)
            except _Stopping:
                raise
            except Exception as error:
                if len(records) > 1:
                    middle = len(records) // 2
                    await self._handle(records[:middle], membership)
                    await self._handle(records[middle:], membership)
                else:
                    await self._alone(records[0], error, membership)

    async def _alone(self, record: Record[Any], error: Exception, membership: Membership) -> None:
        # A replay whose cause was not mended is what it was before, a dead letter: what comes with it need not wait.
        is_replay = any(name == REPLAY_OF for name, _ in record.headers)
        for attempt in range(1, 1 if is_replay else TRIES_ALONE):
            await self._pause(0.1 * 2**attempt)
            try:
                await self._until_done(lambda: self.subscription.handle([record]), membership)
            except _Stopping:
                raise
            except Exception as again:
                error = again
            else:
                return
        if not is_replay:
            await self._brake(membership)
        self.log.error(
            "consumer.set_aside", topic=record.topic, partition=record.partition, offset=record.offset, exc_info=error
        )
        raw = _rebuilt(record)
        reason = Unreadable(f"{type(error).__name__} while it was handled", record.envelope)
        await self._until_done(lambda: self.set_aside([(raw, reason)]), membership)

    async def _brake(self, membership: Membership) -> None:
        """Wait while more is set aside by unexpected errors than bad records can explain."""
        topic = self.subscription.topic.name
        while len(self._unexpected) == BRAKE_AFTER:
            left = self._unexpected[0] + BRAKE_WITHIN - time.monotonic()
            if left <= 0:
                break
            self.halted = (
                f"{topic}: {BRAKE_AFTER} records failed within {BRAKE_WITHIN:.0f} s:"
                " is this version of the service right?"
            )
            _halted.labels(topic).set(1)
            self.log.error("consumer.halted", topic=topic, reason=self.halted)
            await self._pause(min(left, STAY_EVERY))
            await membership.stay()
        self.halted = None
        _halted.labels(topic).set(0)
        self._unexpected.append(time.monotonic())

    async def _until_done(self, operation: Callable[[], Awaitable[None]], membership: Membership) -> None:
        """Await `operation()`, again and again with back-off while it fails with what passes by itself."""
        backoff, stayed = 0.05, time.monotonic()
        while True:
            try:
                await operation()
            except Exception as error:
                if not is_transient(error):
                    raise
                self.log.warning("consumer.retry", topic=self.subscription.topic.name, error=repr(error)[:200])
                await self._pause(backoff * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                backoff = min(backoff * 2, LONGEST_BACKOFF)
                if time.monotonic() - stayed > STAY_EVERY:
                    stayed = time.monotonic()
                    await membership.stay()
            else:
                return

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return
        raise _Stopping

    def tell_of_unreadable(self, bad: Sequence[tuple[RawRecord, Unreadable]]) -> None:
        """One line of the log, with the place and reason of the first."""
        first, reason = bad[0]
        self.log.error(
            "consumer.set_aside",
            topic=first.topic,
            partition=first.partition,
            offset=first.offset,
            reason=str(reason)[:200],
            records=len(bad),
        )

    async def set_aside(self, bad: Sequence[tuple[RawRecord, Unreadable]]) -> None:
        """Write dead letters, and the answers to those who asked, once however often the batch comes."""
        self._given_up += 1
        ids = {
            (r.topic, r.partition, r.offset): deterministic_id(
                "dead-letter", self.group, self.cluster, r.topic, str(r.partition), str(r.offset)
            )
            for r, _ in bad
        }
        async with self.pool.acquire() as connection, connection.transaction():
            new = await connection.fetch(
                """INSERT INTO dead_letter
                       (cluster_id, consumer_group, topic, partition, "offset", id, reason, academy, type)
                   SELECT $1, $2, * FROM unnest($3::text[], $4::int[], $5::bigint[], $6::text[], $7::text[], $8::text[],
                       $9::text[])
                   ON CONFLICT DO NOTHING RETURNING id""",
                self.cluster,
                self.group,
                [r.topic for r, _ in bad],
                [r.partition for r, _ in bad],
                [r.offset for r, _ in bad],
                [ids[r.topic, r.partition, r.offset] for r, _ in bad],
                [str(error).replace("\0", "\ufffd") for _, error in bad],
                [_said(r, "ce_academy") for r, _ in bad],
                [_said(r, "ce_type") for r, _ in bad],
            )
            fresh = {row["id"] for row in new}
            events: list[Event | RawEvent] = []
            kept: list[tuple[str, bytes | None, bytes, bytes | None]] = []
            cut: dict[str, int] = {}
            outcomes: list[tuple[Envelope, dict[str, Any]]] = []
            for raw, error in bad:
                id_ = ids[raw.topic, raw.partition, raw.offset]
                if id_ not in fresh:
                    continue
                letter, own, size = self._dead_letter(raw, error, id_)
                events.append(letter)
                if not isinstance(raw, Undecodable):
                    kept.append((id_, letter.key, encode_headers(own), letter.value))
                if size > MAX_LETTER_BYTES:
                    cut[id_] = size
                if error.envelope is None:
                    continue
                if self.subscription.answer is not None:
                    answers = self.subscription.answer(error.envelope, (raw.key or b"").decode(), id_)
                    # A sender whose reference alone fills a record cannot be told.
                    events.extend(answer for answer in answers if outbox.fits(answer))
                if self.subscription.outcome is not None and error.envelope.request_source == COMMAND_SOURCE:
                    outcomes.append((error.envelope, self.subscription.outcome(id_)))
            await connection.copy_records_to_table(
                "dead_letter_record", records=kept, columns=("id", "key", "headers", "value")
            )
            if cut:
                await connection.executemany("UPDATE dead_letter SET truncated = $2 WHERE id = $1", list(cut.items()))
            await outbox.enqueue(connection, events)
            if self.commands is not None:
                await self.commands.finish(connection, outcomes)
        _set_aside.labels(self.subscription.topic.name).inc(len(fresh))

    def _dead_letter(self, raw: RawRecord, error: Unreadable, id_: str) -> tuple[RawEvent, Headers, int]:
        """The record byte for byte, those of its headers that are its own, and its size; above MAX_LETTER_BYTES what fits."""
        about = {
            "x-dead-letter-id": id_,
            "x-original-topic": raw.topic,
            "x-original-partition": str(raw.partition),
            "x-original-offset": str(raw.offset),
            "x-consumer-group": self.group,
            "x-error-message": str(error),
            "x-failed-at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        own: Headers = [*raw.headers]
        ours: Headers = [(name, value.encode()) for name, value in about.items()]
        letter = RawEvent(self.subscription.topic.dlq.name, raw.key, [*own, *ours], raw.value)
        if (size := letter.size()) <= MAX_LETTER_BYTES:
            return letter, own, size
        ours.append(("x-truncated", str(size).encode()))
        letter = replace(letter, headers=[*own, *ours], value=None)
        if letter.size() > MAX_LETTER_BYTES:
            own = []
            letter = replace(letter, key=None, headers=ours)
        value = None if raw.value is None else raw.value[: MAX_LETTER_BYTES - letter.size()]
        return replace(letter, value=value), own, size


def _said(raw: RawRecord, attribute: str) -> str:
    """What the record says of itself, as text that can be looked for, whatever it is."""
    value = next((value for name, value in raw.headers if name == attribute), None) or b""
    return value[:300].decode(errors="replace").replace("\0", "\ufffd")


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A record as it came, from what was kept of it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    timestamp: int = 0


def _rebuilt(record: Record[Any]) -> RawRecord:
    """A record that could be read, as it came: for the dead letters."""
    return Rebuilt(
        record.topic,
        record.partition,
        record.offset,
        record.key.encode(),
        record.value,
        record.headers,
    )
