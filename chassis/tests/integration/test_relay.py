"""The way out: what is committed is published, once or more, in order per key, and nothing else is."""

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any

import pytest
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, RequestTimedOutError

from chassis import publishing
from chassis import relay as relay_module
from chassis.database import Pool, connect
from chassis.outbox import enqueue
from chassis.publishing import Publisher
from chassis.records import Event, RawEvent, new_id
from chassis.relay import KEEP, Relay
from chassis.testing import MakePool, eventually
from chassis.topics import ensure_topics
from contracts.envelope import Envelope
from contracts.topics import Topic

_count = itertools.count()


@pytest.fixture
async def topic(stack: dict[str, str]) -> Topic:
    topic = Topic(
        name=f"test.relay.{os.getpid()}.{next(_count)}.{time.time_ns() % 1_000_000}",
        key="k",
        partitions=3,
        retention_ms=3_600_000,
        owner="test",
        producers=("test",),
        consumers=("test",),
    )
    await ensure_topics(stack["kafka"], [topic])
    return topic


def event(topic: Topic, key: str, n: int) -> Event:
    envelope = Envelope(id=new_id(), type="test.happened.v1", source="test", academy="a")
    return Event(topic.name, f"a/{key}", envelope, str(n).encode())


async def everything(stack: dict[str, str], topic: Topic, expected: int) -> list[tuple[str, int]]:
    """Read the topic from its start until it has `expected` different records, repeats included."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stack["kafka"], auto_offset_reset="earliest")
    await consumer.start()
    found: list[tuple[str, int]] = []
    try:
        consumer.assign([TopicPartition(topic.name, n) for n in range(topic.partitions)])
        async with asyncio.timeout(60):
            while len(set(found)) < expected:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [((r.key or b"").decode(), int(r.value or b"0")) for r in records]
    finally:
        await consumer.stop()
    return found


@contextlib.asynccontextmanager
async def relay_running(stack: dict[str, str], database: str) -> AsyncIterator[Relay]:
    relay = Relay(database, Publisher(stack["kafka"], "test"), log=structlog.get_logger())
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await relay._publisher.stop()


async def write(pool: Pool, topic: Topic, key: str, numbers: list[int], *, roll_back: bool = False) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await enqueue(connection, [event(topic, key, n) for n in numbers])
        await (transaction.rollback() if roll_back else transaction.commit())


async def test_what_is_committed_is_published_and_what_is_rolled_back_is_not(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, topic: Topic
) -> None:
    pool = await make_migrated_pool()
    async with relay_running(stack, database):
        await write(pool, topic, "one", [1, 2])
        await write(pool, topic, "two", [99], roll_back=True)
        await write(pool, topic, "one", [3])
        found = await everything(stack, topic, 3)
    assert found == [("a/one", 1), ("a/one", 2), ("a/one", 3)]


async def test_a_transaction_that_commits_late_is_not_passed_over(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, topic: Topic
) -> None:
    pool = await make_migrated_pool()
    async with relay_running(stack, database), pool.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute("SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL transaction_timeout = 0")
        await enqueue(slow, [event(topic, "slow", 1)])
        await write(pool, topic, "fast", [2])
        assert await everything(stack, topic, 1) == [("a/fast", 2)]
        await transaction.commit()
        assert sorted(await everything(stack, topic, 2)) == [("a/fast", 2), ("a/slow", 1)]


async def test_a_second_relay_takes_over_and_nothing_is_lost_or_out_of_order_per_key(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, topic: Topic
) -> None:
    pool = await make_migrated_pool()
    numbers = range(300)

    async def writer(key: str) -> None:
        for n in numbers:
            await write(pool, topic, key, [n])

    writers = asyncio.gather(*(writer(f"k{i}") for i in range(5)))
    for _ in range(3):
        async with relay_running(stack, database) as relay:
            await eventually(lambda relay=relay: relay.leading, what="the relay leads")
            await asyncio.wait({writers}, timeout=0.4)
    async with relay_running(stack, database):
        await writers
        found = await everything(stack, topic, 5 * len(numbers))
    for i in range(5):
        firsts = list(dict.fromkeys(n for key, n in found if key == f"a/k{i}"))
        assert firsts == list(numbers)


async def test_large_events_go_out_in_several_steps_and_in_order(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = await make_migrated_pool()
    await write(pool, topic, "1", list(range(40)))
    size = await pool.fetchval("SELECT max(octet_length(headers) + octet_length(value)) FROM outbox")
    monkeypatch.setattr(relay_module, "CHUNK_BYTES", 3 * size)
    chunks: list[int] = []
    publish = Publisher.publish

    async def counting(self: Publisher, events: Iterable[RawEvent]) -> None:
        chunk = list(events)
        chunks.append(len(chunk))
        await publish(self, chunk)

    monkeypatch.setattr(Publisher, "publish", counting)
    async with relay_running(stack, database):
        found = await everything(stack, topic, 40)
    assert list(dict.fromkeys(n for _, n in found)) == list(range(40))
    assert max(chunks) in (3, 4)


async def test_only_one_of_two_relays_leads(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "LEASE", 60.0)
    await make_migrated_pool()
    asked: list[tuple[Relay, bool]] = []
    acquire = Relay._acquire

    async def noting(self: Relay, connection: Any) -> Any:
        position = await acquire(self, connection)
        asked.append((self, position is not None))
        return position

    monkeypatch.setattr(Relay, "_acquire", noting)
    async with relay_running(stack, database) as first:
        await eventually(lambda: first.leading)
        async with relay_running(stack, database) as second:
            await eventually(lambda: len(asked) > 1, what="the second has asked")
            assert asked[:2] == [(first, True), (second, False)]
            assert (first.leading, second.leading) == (True, False)


async def test_whoever_renews_a_lease_ends_when_told_to_though_its_renewal_comes_at_that_moment(
    database: str, make_migrated_pool: MakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_migrated_pool()
    renewing, renewed = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def renew(self: Relay, connection: Any) -> None:
        renewing.set()
        await renewed

    monkeypatch.setattr(Relay, "_renew", renew)
    keeping = asyncio.create_task(Relay(database, Publisher("", "test"), log=structlog.get_logger())._keep())
    await renewing.wait()
    renewed.set_result(None)
    keeping.cancel()
    await asyncio.wait({keeping}, timeout=30)
    assert keeping.cancelled()


async def test_published_events_keep_their_key_headers_and_bytes(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, topic: Topic
) -> None:
    pool = await make_migrated_pool()
    async with relay_running(stack, database):
        await write(pool, topic, "zoë", [7])
        consumer = AIOKafkaConsumer(topic.name, bootstrap_servers=stack["kafka"], auto_offset_reset="earliest")
        await consumer.start()
        try:
            record = await asyncio.wait_for(consumer.getone(), 30)
        finally:
            await consumer.stop()
    assert record.key == "a/zoë".encode()
    assert record.value == b"7"
    assert Envelope.from_headers(record.headers).type == "test.happened.v1"


async def test_a_leader_whose_broker_is_slow_goes_on_leading_and_what_it_sent_is_not_sent_again(
    database: str, make_migrated_pool: MakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "LEASE", 30.0)
    monkeypatch.setattr(relay_module, "RENEW_EVERY", 0.1)
    pool = await make_migrated_pool()
    answered, sent = asyncio.Event(), 0

    class Slow:
        async def publish(self, events: Iterable[RawEvent]) -> None:
            nonlocal sent
            sent += len(list(events))
            await answered.wait()

    def relay() -> Relay:
        return Relay(database, Slow(), log=structlog.get_logger())  # type: ignore[arg-type]

    first, second = relay(), relay()
    async with pool.acquire() as connection, connection.transaction():
        await enqueue(connection, [Event("t", "a/1", Envelope(id="1", type="t", source="s", academy="a"), b"")])
    leading = asyncio.create_task(first.run())
    try:
        await eventually(lambda: sent == 1)
        before = await pool.fetchrow("SELECT snap::text, epoch FROM outbox_cursor")
        for _ in range(2):
            until, deadline = await pool.fetchval("SELECT lease_until FROM outbox_cursor"), first._deadline
            await eventually(
                lambda until=until: pool.fetchval("SELECT lease_until > $1 FROM outbox_cursor", until),
                what="the lease is renewed",
            )
            await eventually(lambda deadline=deadline: first._deadline > deadline, what="the leader knows of it")
        async with pool.acquire() as connection:
            assert await second._acquire(connection) is None  # type: ignore[arg-type]
        answered.set()
        await eventually(lambda: pool.fetchval("SELECT snap::text <> $1 FROM outbox_cursor", before["snap"]))
        assert (sent, first.leading, second.leading) == (1, True, False)
        assert await pool.fetchval("SELECT epoch FROM outbox_cursor") == before["epoch"]
    finally:
        leading.cancel()
        await asyncio.wait({leading})


async def test_who_is_woken_before_the_commit_looks_again_soon(
    stack: dict[str, str],
    database: str,
    make_migrated_pool: MakePool,
    topic: Topic,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay_module, "POLL", 600.0)
    monkeypatch.setattr(relay_module, "LEASE", 60.0)
    pool = await make_migrated_pool()
    async with relay_running(stack, database) as relay:
        await eventually(lambda: relay.leading)
        for n in range(3):
            await write(pool, topic, "one", [n])
            assert (await everything(stack, topic, n + 1))[-1] == ("a/one", n)


async def test_the_purge_reads_what_it_deletes_and_not_what_stays(database: str, make_migrated_pool: MakePool) -> None:
    pool = await make_migrated_pool()
    insert = "INSERT INTO outbox (topic, headers, created_at) SELECT 't', '', now() - $2::interval FROM generate_series(1, $1)"
    for _ in range(3):
        await pool.execute(insert, 20, KEEP)
    await pool.execute(insert, 20_000, timedelta())
    await pool.execute("UPDATE outbox_cursor SET snap = pg_current_snapshot()")
    await pool.execute(insert, 20, 2 * KEEP)
    connection = await connect(database, **relay_module.CONNECTION)
    try:
        relay = Relay(database, Publisher("", "test"), log=structlog.get_logger())

        async def touched() -> int:
            await connection.execute("SELECT pg_stat_force_next_flush()")
            return int(
                await connection.fetchval(
                    "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'outbox'"
                )
            )

        for left, reads in ((20_020, 3 * 60), (20_020, 60)):
            before = await touched()
            await relay._purge(connection)
            assert await touched() - before <= reads
            assert await connection.fetchval("SELECT count(*) FROM outbox") == left
    finally:
        await connection.close()


async def test_a_producer_that_was_replaced_sends_nothing_any_more(
    stack: dict[str, str], topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = Publisher(stack["kafka"], "test")
    old = await publisher.start()
    tried = 0

    async def refuse(*_: Any, **__: Any) -> None:
        nonlocal tried
        tried += 1
        raise RequestTimedOutError

    with monkeypatch.context() as refusing:
        refusing.setattr(publishing, "ACKNOWLEDGE_TIMEOUT", 2.0)
        refusing.setattr(old.client, "send", refuse)
        together = [publisher.publish([event(topic, "one", n).raw()]) for n in (1, 2)]
        failed = await asyncio.gather(*together, return_exceptions=True)
        assert all(isinstance(error, TimeoutError | KafkaError) for error in failed)
        assert tried > 1
    try:
        assert old._sender.sender_task.done()
        await publisher.publish([event(topic, "one", 3).raw()])
        new = publisher._producer
        await publisher.publish([event(topic, "one", 4).raw()])
        assert publisher._producer is new
        assert await everything(stack, topic, 2) == [("a/one", 3), ("a/one", 4)]
    finally:
        await publisher.stop()
