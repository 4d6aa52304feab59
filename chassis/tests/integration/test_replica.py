"""A replica of a compacted topic: whole states, gated by revision, kept when the topic forgets."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import BaseModel

from chassis.database import Pool
from chassis.publishing import Publisher
from chassis.records import Event, RawEvent, new_id
from chassis.replica import StateReplica
from chassis.testing import MakePool, eventually
from chassis.topics import ensure_topics
from contracts.envelope import Envelope
from contracts.topics import Topic

SendBatch = Callable[[str, Any], Awaitable[None]]


class Changed(BaseModel):
    name: str
    entries: int | None = None


TYPE = "test.changed.v1"


def a_topic() -> Topic:
    return Topic(
        name=f"test.replica.{os.getpid()}.{time.time_ns()}",
        key="k",
        partitions=1,
        cleanup="compact",
        retention_ms=None,
        owner="test",
        producers=("test",),
        consumers=("test",),
    )


def state(topic: Topic, key: str, revision: int, name: str | None, entries: int | None = None) -> RawEvent:
    type_ = TYPE if name is not None else "test.removed.v1"
    envelope = Envelope(id=new_id(), type=type_, source="test", academy="a", org_revision=revision)
    value = None if name is None else Changed(name=name, entries=entries).model_dump_json().encode()
    return Event(topic.name, key, envelope, value).raw()


async def publish(stack: dict[str, str], *events: RawEvent) -> None:
    publisher = Publisher(stack["kafka"], "test")
    await publisher.publish(events)
    await publisher.stop()


@contextlib.asynccontextmanager
async def replicating(stack: dict[str, str], pool: Pool, topic: Topic) -> AsyncIterator[StateReplica]:
    replica = StateReplica(topic, {TYPE: Changed})
    task = asyncio.create_task(
        replica.run(bootstrap=stack["kafka"], pool=pool, cluster="c", group="g", log=structlog.get_logger())
    )
    try:
        await eventually(lambda: replica.caught_up.is_set() or task.done())
        yield replica
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def names(replica: StateReplica) -> dict[str, tuple[str | None, bool]]:
    return {key: (e.message and e.message.name, e.removed) for key, e in replica.entries("a").items()}


async def test_it_is_caught_up_only_with_all_that_was_there_at_its_start_and_old_revisions_change_nothing(
    stack: dict[str, str], make_migrated_pool: MakePool
) -> None:
    pool, topic = await make_migrated_pool(), a_topic()
    await ensure_topics(stack["kafka"], [topic, topic.dlq])
    await publish(
        stack,
        state(topic, "a/unit/1", 2, "new"),
        state(topic, "a/unit/1", 1, "old"),
        state(topic, "a/unit/2", 2, "two"),
        state(topic, "a/academy/a", 2, "A"),
    )
    async with replicating(stack, pool, topic) as replica:
        assert names(replica) == {
            "a/unit/1": ("new", False),
            "a/unit/2": ("two", False),
            "a/academy/a": ("A", False),
        }
        academy = replica.academy("a")
        assert academy is not None
        assert (academy.message, academy.revision, replica.revision("a")) == (Changed(name="A"), 2, 2)
        assert (replica.academy("b"), replica.revision("b")) == (None, 0)
        assert not await replica.wait_for("a", 3, timeout=0.1)
        waiting = asyncio.ensure_future(replica.wait_for("a", 3, timeout=60))
        await publish(stack, state(topic, "a/unit/2", 3, None), state(topic, "a/academy/a", 3, "A"))
        assert await waiting
        assert names(replica)["a/unit/2"] == ("two", True)
        async with pool.acquire() as connection:
            assert await replica.stored_revision(connection, ["a", "b"]) == {"a": 3}


async def test_what_the_topic_no_longer_has_was_removed_while_nobody_looked(
    stack: dict[str, str], make_migrated_pool: MakePool
) -> None:
    pool, topic = await make_migrated_pool(), a_topic()
    await ensure_topics(stack["kafka"], [topic, topic.dlq])
    await publish(stack, state(topic, "a/unit/1", 1, "one"), state(topic, "a/academy/a", 1, "A"))
    async with replicating(stack, pool, topic):
        pass
    compacted = a_topic()
    await ensure_topics(stack["kafka"], [compacted, compacted.dlq])
    await publish(stack, state(compacted, "a/academy/a", 5, "A", entries=0))
    await pool.execute("UPDATE replica_state SET topic = $1", compacted.name)
    async with replicating(stack, pool, compacted) as replica:
        assert names(replica)["a/unit/1"] == ("one", True)


async def test_a_unit_whose_last_state_cannot_be_read_is_not_taken_for_removed(
    stack: dict[str, str], make_migrated_pool: MakePool
) -> None:
    pool, topic = await make_migrated_pool(), a_topic()
    await ensure_topics(stack["kafka"], [topic, topic.dlq])
    await publish(stack, state(topic, "a/unit/1", 1, "one"), state(topic, "a/academy/a", 1, "A"))
    async with replicating(stack, pool, topic):
        pass
    compacted = a_topic()
    await ensure_topics(stack["kafka"], [compacted, compacted.dlq])
    unreadable = replace(state(compacted, "a/unit/1", 2, "one"), value=b"{")
    await publish(stack, unreadable, state(compacted, "a/academy/a", 5, "A", entries=1))
    await pool.execute("UPDATE replica_state SET topic = $1", compacted.name)
    async with replicating(stack, pool, compacted) as replica:
        assert names(replica)["a/unit/1"] == ("one", False)


async def test_a_record_that_the_client_cannot_decode_neither_stops_it_nor_removes_what_it_may_have_been_about(
    stack: dict[str, str], make_migrated_pool: MakePool, send_batch: SendBatch
) -> None:
    pool, topic = await make_migrated_pool(), a_topic()
    await ensure_topics(stack["kafka"], [topic, topic.dlq])
    await publish(stack, state(topic, "a/unit/1", 1, "one"), state(topic, "a/academy/a", 1, "A"))
    async with replicating(stack, pool, topic):
        pass
    other = a_topic()
    await ensure_topics(stack["kafka"], [other, other.dlq])
    await send_batch(other.name, [(b"a/unit/1", b"{}", [("not-utf-8", b"")])])
    await publish(stack, state(other, "a/academy/a", 5, "A"))
    await pool.execute("UPDATE replica_state SET topic = $1", other.name)
    async with replicating(stack, pool, other) as replica:
        assert replica.revision("a") == 5
        assert names(replica)["a/unit/1"] == ("one", False)


async def test_a_topic_that_does_not_have_the_whole_of_an_academy_yet_removes_nothing(
    stack: dict[str, str], make_migrated_pool: MakePool
) -> None:
    pool, topic = await make_migrated_pool(), a_topic()
    await ensure_topics(stack["kafka"], [topic, topic.dlq])
    units = [state(topic, f"a/unit/{n}", n, str(n)) for n in (1, 2)]
    await publish(stack, *units, state(topic, "a/academy/a", 2, "A", entries=2))
    async with replicating(stack, pool, topic):
        pass
    made_anew = a_topic()
    await ensure_topics(stack["kafka"], [made_anew, made_anew.dlq])
    await publish(stack, replace(units[0], topic=made_anew.name), state(made_anew, "a/academy/a", 2, "A", entries=2))
    await pool.execute("UPDATE replica_state SET topic = $1", made_anew.name)
    async with replicating(stack, pool, made_anew) as replica:
        assert names(replica)["a/unit/2"] == ("2", False)


async def test_a_topic_that_was_made_anew_removes_nothing(stack: dict[str, str], make_migrated_pool: MakePool) -> None:
    pool, topic = await make_migrated_pool(), a_topic()
    await ensure_topics(stack["kafka"], [topic, topic.dlq])
    await publish(stack, state(topic, "a/unit/1", 1, "one"), state(topic, "a/academy/a", 1, "A"))
    async with replicating(stack, pool, topic):
        pass
    empty = a_topic()
    await ensure_topics(stack["kafka"], [empty, empty.dlq])
    await pool.execute("UPDATE replica_state SET topic = $1", empty.name)
    async with replicating(stack, pool, empty) as replica:
        assert names(replica)["a/unit/1"] == ("one", False)
        assert replica.revision("a") == 1


async def test_poison_does_not_stop_it_and_becomes_a_dead_letter(
    stack: dict[str, str], make_migrated_pool: MakePool
) -> None:
    pool, topic = await make_migrated_pool(), a_topic()
    await ensure_topics(stack["kafka"], [topic, topic.dlq])
    poison = RawEvent(topic.name, b"a/unit/1", [("ce_id", b"\xff")], b"{")
    await publish(stack, poison, state(topic, "a/academy/a", 1, "A"))
    async with replicating(stack, pool, topic) as replica:
        assert replica.revision("a") == 1
    assert await pool.fetchval("SELECT count(*) FROM dead_letter") == 1
    consumer = AIOKafkaConsumer(bootstrap_servers=stack["kafka"])
    await consumer.start()
    partition = TopicPartition(topic.name, 0)
    assert (await consumer.end_offsets([partition]))[partition] == 2
    await consumer.stop()
