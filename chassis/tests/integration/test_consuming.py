"""Consuming: a bad record is set aside alone, what passes by itself is waited for, nothing is lost or handled unseen."""

import asyncio
import contextlib
import gc
import itertools
import os
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import pytest
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError
from pydantic import BaseModel
from structlog.testing import capture_logs

from chassis import broker as broker_module
from chassis.broker import STUCK_AFTER, Broker, Membership, Watch
from chassis.commands import Commands
from chassis.consuming import Consumer, Subscription, Unreadable, store_positions
from chassis.database import Pool
from chassis.publishing import Publisher
from chassis.records import Event, RawRecord, Record, Undecodable, encode_headers
from chassis.relay import Relay
from chassis.testing import MakePool, eventually
from chassis.topics import ensure_topics
from contracts.envelope import Envelope
from contracts.topics import Topic

_count = itertools.count()

LONGEST_SILENCE = 12
"""Seconds that a member may handle one batch without a word: more than this machine pauses at a time."""


class Happened(BaseModel):
    n: int


GOOD = [("ce_id", b"1"), ("ce_source", b"test"), ("ce_type", b"test.happened.v1"), ("ce_academy", b"a")]

POISON: dict[str, tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]] = {
    "a header that is not UTF-8": (b"a/1", b'{"n":1}', [*GOOD[:3], ("ce_academy", b"\xff\xfe")]),
    "a header that is null": (b"a/1", b'{"n":1}', [*GOOD[:3], ("ce_academy", None)]),
    "no headers at all": (b"a/1", b'{"n":1}', []),
    "no value": (b"a/1", None, GOOD),
    "a value that is no JSON": (b"a/1", b"{n:1", GOOD),
    "a value of another schema": (b"a/1", b'{"m":1}', GOOD),
    "a value that is not UTF-8": (b"a/1", b'{"n":"\xff"}', GOOD),
    "a type that nobody knows": (b"a/1", b'{"n":1}', [*GOOD[:2], ("ce_type", b"test.unheard.v1"), GOOD[3]]),
    "a value of 800,000 bytes": (b"a/1", b'{"n":"' + b"x" * 800_000 + b'"}', GOOD),
    "the key of another academy": (b"b/1", b'{"n":1}', GOOD),
    "no key": (None, b'{"n":1}', GOOD),
    "a key that is not UTF-8": (b"\xff/1", b'{"n":1}', GOOD),
    "an attribute given twice": (b"a/1", b'{"n":1}', [*GOOD, ("ce_id", b"2")]),
    "a number that is none": (b"a/1", b'{"n":NaN}', GOOD),
    "nesting without end": (b"a/1", b'{"n":' + b"[" * 5_000 + b"]" * 5_000 + b"}", GOOD),
    "an attempt that is no number": (b"a/1", b'{"n":1}', [*GOOD, ("ce_attempt", b"many")]),
}


@pytest.fixture
async def topic(stack: dict[str, str]) -> Topic:
    topic = Topic(
        name=f"test.consuming.{os.getpid()}.{next(_count)}.{time.time_ns() % 1_000_000}",
        key="k",
        partitions=3,
        retention_ms=3_600_000,
        owner="test",
        producers=("test",),
        consumers=("test",),
    )
    await ensure_topics(stack["kafka"], [topic, topic.dlq])
    return topic


async def send(
    stack: dict[str, str],
    topic: Topic,
    records: Sequence[tuple[bytes | None, bytes | None, Any]],
    partition: int = 0,
    **settings: Any,
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack["kafka"], acks="all", **settings)
    await producer.start()
    try:
        for key, value, headers in records:
            await producer.send_and_wait(topic.name, value, key=key, headers=headers, partition=partition)
    finally:
        await producer.stop()


async def read_all(stack: dict[str, str], name: str, expected: int) -> list[Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=stack["kafka"], auto_offset_reset="earliest")
    await consumer.start()
    found: list[Any] = []
    try:
        consumer.assign([TopicPartition(name, 0)])
        async with asyncio.timeout(30):
            while len(found) < expected:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
    finally:
        await consumer.stop()
    return found


@contextlib.asynccontextmanager
async def consuming(
    stack: dict[str, str],
    database: str,
    pool: Pool,
    topic: Topic,
    handle: Callable[[list[Record[Any]]], Any],
    *,
    answer: Callable[[Envelope, str, str], list[Event]] | None = None,
    group: str = "test",
) -> AsyncIterator[Consumer]:
    log = structlog.get_logger()
    stopping = asyncio.Event()
    subscription = Subscription(
        topic=topic,
        models={"test.happened.v1": Happened},
        known=frozenset({"test.happened.v1", "test.other.v1"}),
        handle=handle,
        answer=answer,
    )
    consumer = Consumer(subscription, pool, "cluster", group, log, stopping)
    broker = Broker(stack["kafka"], client="test", stop_timeout=5)
    broker.subscribe(topic.name, group=f"{group}.{topic.name}", max_records=500, handler=consumer)
    relay = Relay(database, Publisher(stack["kafka"], "test"), log=log)
    relaying = asyncio.create_task(relay.run())
    await broker.start()
    try:
        yield consumer
    finally:
        stopping.set()
        await broker.stop()
        relaying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await relaying
        await relay._publisher.stop()


def good(n: int) -> tuple[bytes, bytes, Any]:
    return b"a/1", b'{"n":%d}' % n, GOOD


async def test_every_kind_of_poison_lands_byte_for_byte_in_the_dead_letters_and_its_neighbours_go_through(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, topic: Topic
) -> None:
    pool = await make_migrated_pool()
    handled: list[int] = []

    async def handle(records: list[Record[Happened]]) -> None:
        handled.extend(r.message.n for r in records)

    batch: list[Any] = []
    for n, record in enumerate(POISON.values()):
        batch += [good(n), record]
    await send(stack, topic, batch)
    with capture_logs() as lines:
        async with consuming(stack, database, pool, topic, handle):
            await eventually(lambda: len(handled) >= len(POISON))
            letters = await read_all(stack, topic.dlq.name, len(POISON))
    assert sum(line["records"] for line in lines if line["event"] == "consumer.set_aside") >= len(POISON)
    assert handled == list(range(len(POISON)))
    assert [(r.key, r.value) for r in letters] == [(key, value) for key, value, _ in POISON.values()]
    for letter, (_, _, headers) in zip(letters, POISON.values(), strict=True):
        about = dict(letter.headers[len(headers) :])
        assert list(letter.headers[: len(headers)]) == headers
        assert about["x-original-topic"].decode() == topic.name
        assert about["x-error-message"]


async def test_a_record_larger_than_our_own_is_set_aside_whole_and_what_is_left_of_one_beyond_all_limits(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, topic: Topic
) -> None:
    pool = await make_migrated_pool()
    handled: list[int] = []

    async def handle(records: list[Record[Happened]]) -> None:
        handled.extend(r.message.n for r in records)

    def answer(envelope: Envelope, key: str, dead_letter: str) -> list[Event]:
        return [Event(topic.dlq.name, key, envelope, b"answer")]

    long = ("ce_requestid", b"r" * 950_000)
    whole: list[Any] = [
        (b"a/1", b"x" * 1_040_000, GOOD),
        (b"a/" + b"k" * 600_000, b"x" * 400_000, GOOD),
        (b"a/1", b"{}", [*GOOD, long]),
    ]
    await send(stack, topic, [*whole, good(1)], max_request_size=1_048_576)
    cut: list[Any] = [(b"a/1", b"x" * 5_000_000, GOOD), (b"a/2", b"x", [*GOOD, ("much", b"y" * 3_000_000)])]
    await send(stack, topic, [*cut, good(2)], max_request_size=10_000_000, compression_type="gzip")
    async with consuming(stack, database, pool, topic, handle, answer=answer):
        await eventually(lambda: handled == [1, 2])
        letters = [r for r in await read_all(stack, topic.dlq.name, 9) if r.value != b"answer"]
    assert [(r.key, r.value) for r in letters[:3]] == [(key, value) for key, value, _ in whole]
    assert [set(value) for value in (letters[3].value, letters[4].value)] == [{ord("x")}] * 2
    assert (letters[3].key, len(letters[3].value) > 1_900_000, letters[4].key) == (b"a/1", True, None)
    sizes = [int(dict(letter.headers).get("x-truncated", 0)) for letter in letters]
    assert sizes[:3] == [0, 0, 0]
    assert sizes[3] > 5_000_000
    assert sizes[4] > 3_000_000


async def test_a_record_that_the_client_cannot_decode_stops_nothing_and_takes_along_only_what_its_sender_sent_with_it(
    stack: dict[str, str],
    database: str,
    make_migrated_pool: MakePool,
    topic: Topic,
    send_batch: Callable[[str, Any], Awaitable[None]],
) -> None:
    pool = await make_migrated_pool()
    handled: set[int] = set()

    async def handle(records: list[Record[Happened]]) -> None:
        handled.update(r.message.n for r in records)

    undecodable = (b"a/1", b"{}", [*GOOD, ("not-utf-8", b"")])
    await send(stack, topic, [good(n) for n in range(3)])
    await send(stack, topic, [good(n) for n in range(10, 13)], partition=1)
    await send_batch(topic.name, [good(3), good(4), undecodable, good(5)])
    await send_batch(topic.name, [good(6)])
    async with consuming(stack, database, pool, topic, handle):
        await eventually(lambda: handled >= {6, 12})
        await send_batch(topic.name, [undecodable])
        await send(stack, topic, [good(7)])
        letters = await read_all(stack, topic.dlq.name, 3)
        await eventually(lambda: 7 in handled)
    assert handled == {*range(5), 6, 7, *range(10, 13)}
    about = [dict(letter.headers) for letter in letters]
    assert [int(each["x-original-offset"]) for each in about] == [5, 6, 8]
    assert b"not UTF-8" in about[0]["x-error-message"]
    assert [letter.value for letter in letters] == [None] * 3


async def test_a_dead_letter_is_written_once_and_whoever_asked_is_told_once_however_often_the_record_comes(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, topic: Topic
) -> None:
    pool = await make_migrated_pool()

    async def handle(records: list[Record[Happened]]) -> None:
        raise AssertionError("nothing here can be handled")

    def answer(envelope: Envelope, key: str, dead_letter: str) -> list[Event]:
        return [Event(topic.dlq.name, key, envelope, b"answer")]

    await send(stack, topic, [POISON["a value of another schema"]])
    for group in ("test", "test"):
        async with consuming(stack, database, pool, topic, handle, answer=answer, group=group) as consumer:
            raw = (await read_all(stack, topic.name, 1))[0]

            class Member:
                async def commit(self, positions: Any) -> None: ...

            await consumer([raw], Member())  # type: ignore[arg-type]
            letters = await read_all(stack, topic.dlq.name, 2)
    assert {letter.value for letter in letters} == {b'{"m":1}', b"answer"}, "the relay may publish what it has again"
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 2


async def test_a_command_over_http_that_is_set_aside_has_an_outcome_that_names_the_dead_letter(
    make_migrated_pool: MakePool, topic: Topic
) -> None:
    pool = await make_migrated_pool()
    commands = Commands(pool, "test")
    event = Event(topic.name, "a/1", commands.envelope(type="test.happened.v1", academy="a"), b"{}")
    id_ = await commands.submit(event)
    subscription = Subscription(
        topic=topic, models={}, handle=lambda _: asyncio.sleep(0), outcome=lambda letter: {"letter": letter}
    )
    log = structlog.get_logger()
    consumer = Consumer(subscription, pool, "cluster", "test", log, asyncio.Event(), commands=commands)
    await consumer.set_aside([(Undecodable(topic.name, 0, 0, b"a/1"), Unreadable("bad", event.envelope))])
    letter = await pool.fetchval("SELECT id FROM dead_letter")
    assert await pool.fetchval("SELECT outcome FROM command WHERE id = $1", id_) == {"letter": letter}


async def test_a_record_whose_handling_fails_for_good_is_set_aside_alone(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, topic: Topic
) -> None:
    pool = await make_migrated_pool()
    handled: list[int] = []

    async def handle(records: list[Record[Happened]]) -> None:
        numbers = [r.message.n for r in records]
        if 13 in numbers:
            raise ZeroDivisionError
        handled.extend(numbers)

    await send(stack, topic, [good(n) for n in range(20)])
    async with consuming(stack, database, pool, topic, handle):
        letters = await read_all(stack, topic.dlq.name, 1)
        await eventually(lambda: len(handled) == 19)
    assert handled == [n for n in range(20) if n != 13]
    assert [letter.value for letter in letters] == [b'{"n":13}']


async def test_what_passes_by_itself_is_tried_again_and_never_set_aside(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, topic: Topic
) -> None:
    pool = await make_migrated_pool()
    errors = iter([asyncpg.DeadlockDetectedError(), ConnectionResetError(), TimeoutError(), OSError()])
    handled: list[int] = []

    async def handle(records: list[Record[Happened]]) -> None:
        for error in errors:
            raise error
        handled.extend(r.message.n for r in records)

    await send(stack, topic, [good(n) for n in range(5)])
    async with consuming(stack, database, pool, topic, handle):
        await eventually(lambda: len(handled) == 5)
    assert await pool.fetchval("SELECT count(*) FROM dead_letter") == 0


async def test_offsets_are_committed_after_the_batch_so_a_new_consumer_goes_on_behind_it(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, topic: Topic
) -> None:
    pool = await make_migrated_pool()
    handled: list[int] = []

    async def handle(records: list[Record[Happened]]) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await store_positions(connection, records)
        handled.extend(r.message.n for r in records)

    await send(stack, topic, [good(1), good(2)])
    async with consuming(stack, database, pool, topic, handle):
        await eventually(lambda: len(handled) == 2)

        async def is_committed() -> bool:
            return await committed(stack, f"test.{topic.name}") == {TopicPartition(topic.name, 0): 2}

        await eventually(is_committed)
    await send(stack, topic, [good(3)])
    async with consuming(stack, database, pool, topic, handle):
        await eventually(lambda: len(handled) >= 3)
    assert handled == [1, 2, 3]
    assert await pool.fetchval("SELECT next_offset FROM consumer_position") == 3


async def test_a_batch_that_was_not_finished_when_the_process_stopped_comes_again(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, topic: Topic
) -> None:
    pool = await make_migrated_pool()
    tried = asyncio.Event()
    handled: list[int] = []

    async def never(records: list[Record[Happened]]) -> None:
        tried.set()
        raise ConnectionResetError

    async def handle(records: list[Record[Happened]]) -> None:
        handled.extend(r.message.n for r in records)

    await send(stack, topic, [good(1)])
    async with consuming(stack, database, pool, topic, never):
        await asyncio.wait_for(tried.wait(), 30)
    async with consuming(stack, database, pool, topic, handle):
        await eventually(lambda: handled == [1])


async def committed(stack: dict[str, str], group: str) -> dict[TopicPartition, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack["kafka"])
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    finally:
        await admin.close()
    return {partition: found.offset for partition, found in offsets.items()}


async def members(stack: dict[str, str], group: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack["kafka"])
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([group])
    finally:
        await admin.close()
    ((_, _, _, _, _, found, *_),) = answer.groups
    return len(found)


async def test_a_member_that_handles_one_batch_for_long_stays_in_its_group_and_misses_no_record(
    stack: dict[str, str], topic: Topic
) -> None:
    await send(stack, topic, [good(n) for n in range(30)])

    async def member(group: str) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            topic.name,
            bootstrap_servers=stack["kafka"],
            group_id=f"{group}.{topic.name}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=45_000,
            heartbeat_interval_ms=100,
            max_poll_interval_ms=LONGEST_SILENCE * 1000,
        )
        await consumer.start()
        return consumer

    async def some(consumer: AIOKafkaConsumer) -> list[int]:
        found = await eventually(lambda: consumer.getmany(timeout_ms=200, max_records=10))
        return [record.offset for records in found.values() for record in records]

    silent, staying = await member("silent"), await member("staying")

    async def stay() -> None:
        while True:
            await Membership(staying).stay()
            await asyncio.sleep(0.5)

    async def silent_one_is_out() -> bool:
        return await members(stack, f"silent.{topic.name}") == 0

    try:
        await some(silent)
        offsets, began = await some(staying), time.monotonic()
        handling = asyncio.create_task(stay())
        try:
            await eventually(silent_one_is_out, timeout=90)
            await eventually(lambda: time.monotonic() - began > LONGEST_SILENCE + 1)
            assert await members(stack, f"staying.{topic.name}") == 1
        finally:
            handling.cancel()
            await asyncio.wait({handling})
        with capture_logs() as lines:
            await Membership(staying).commit({(topic.name, 0): 10})
        assert lines == []
        while len(offsets) < 30:
            offsets += await some(staying)
        assert offsets == list(range(30))
    finally:
        await silent.stop()
        await staying.stop()


async def test_a_consumer_that_has_stopped_is_known_by_what_is_left_of_its_partitions(
    stack: dict[str, str], topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "LOOK_TIMEOUT", 60.0)  # a look that ends by it would count as fine
    await send(stack, topic, [good(n) for n in range(30)])
    consumer = AIOKafkaConsumer(
        topic.name, bootstrap_servers=stack["kafka"], group_id=f"watched.{topic.name}", auto_offset_reset="earliest"
    )
    await consumer.start()
    read = 0
    try:
        for expected in (10, 30):
            while read < expected:
                read += sum(map(len, (await consumer.getmany(timeout_ms=200, max_records=10)).values()))
            watch = Watch(topic.name)
            watch._fine, watch.turned = -STUCK_AFTER, True
            await watch.look(consumer)
            assert (watch.why_stuck() is None) == (read == 30)
    finally:
        await consumer.stop()


async def test_a_batch_that_was_handled_is_freed_without_looking_for_cycles(
    stack: dict[str, str], topic: Topic
) -> None:
    handled: list[weakref.ref[Any]] = []

    async def handle(raws: Sequence[RawRecord], membership: Membership) -> None:
        handled.extend(weakref.ref(raw) for raw in raws)

    def freed() -> int:
        return sum(reference() is None for reference in handled)

    broker = Broker(stack["kafka"], client="test", stop_timeout=5)
    broker.subscribe(topic.name, group=f"freed.{topic.name}", max_records=10, handler=handle)
    await broker.start()
    gc.disable()
    try:
        for sent in (1, 2, 3):
            await send(stack, topic, [good(sent)])
            await eventually(lambda sent=sent: len(handled) == sent)  # type: ignore[misc]
        await eventually(lambda: freed() >= 2)  # the framework's loop holds the last one until the next
    finally:
        gc.enable()
        await broker.stop()


async def test_a_start_that_fails_half_way_and_is_tried_again_makes_no_consumer_twice(
    stack: dict[str, str], topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled: list[int] = []

    async def handle(raws: Sequence[RawRecord], membership: Membership) -> None:
        handled.extend(raw.offset for raw in raws)
        await membership.commit({(raw.topic, raw.partition): raw.offset + 1 for raw in raws})

    broker = Broker(stack["kafka"], client="test", stop_timeout=5)
    broker.subscribe(topic.name, group=f"first.{topic.name}", max_records=10, handler=handle)
    broker.subscribe(topic.name, group=f"second.{topic.name}", max_records=10, handler=handle)
    first, second = broker._subscribers

    async def fail(_: Any) -> None:
        raise KafkaConnectionError

    start = type(second).start
    with monkeypatch.context() as broken:
        broken.setattr(type(second), "start", lambda s: (fail if s is second else start)(s))
        with pytest.raises(KafkaConnectionError):
            await broker.start()
    await broker.start()
    try:
        await send(stack, topic, [good(1)])
        await eventually(lambda: handled == [0, 0])
        assert await members(stack, f"first.{topic.name}") == 1
        assert len([task for task in first.tasks if not task.done()]) == 1
    finally:
        await broker.stop()


def test_headers_survive_the_outbox_byte_for_byte() -> None:
    from chassis.records import decode_headers

    headers: list[tuple[str, bytes | None]] = [("a", bytes(range(256))), ("b", None), ("a", b""), ("ü", "ü".encode())]
    assert decode_headers(encode_headers(headers)) == headers
