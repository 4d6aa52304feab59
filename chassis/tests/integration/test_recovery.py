"""What a start finds changed: a database restored from a dump, a broker replaced by an empty one."""

import asyncio
import contextlib
import os
import time
from typing import Any

import asyncpg
import pytest
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.database import Connection, Pool
from chassis.outbox import enqueue
from chassis.publishing import Publisher
from chassis.records import Event, new_id
from chassis.recovery import StartAgain, Stock, Told, take_stock
from chassis.relay import Relay
from chassis.streaming import find_place
from chassis.testing import MakePool, eventually
from chassis.topics import cluster_id, ensure_topics
from contracts.envelope import Envelope
from contracts.topics import ORG_STRUCTURE, Topic

CLUSTER = "cluster-1"


@pytest.fixture
async def topic(stack: dict[str, str]) -> Topic:
    topic = Topic(
        name=f"test.recovery.{os.getpid()}.{time.time_ns()}",
        key="k",
        partitions=1,
        retention_ms=3_600_000,
        owner="test",
        producers=("test",),
        consumers=("test",),
    )
    await ensure_topics(stack["kafka"], [topic, ORG_STRUCTURE])
    return topic


class Starts:
    """Starts of a service on one database."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.restored: list[int] = []
        self.replaced = 0

    async def __call__(self, *, cluster: str = CLUSTER, told: int = 0, failing: bool = False) -> Stock:
        async def restored(connection: Connection, incarnation: int) -> None:
            self.restored.append(incarnation)
            await connection.execute(
                "INSERT INTO replica_state VALUES ('t', $1::int::text, 'a', 't', $1, false)", incarnation
            )
            if failing:
                raise ZeroDivisionError

        async def replaced(connection: Connection) -> None:
            self.replaced += 1

        log = structlog.get_logger()
        return await take_stock(self._dsn, cluster=cluster, told=told, log=log, restored=restored, replaced=replaced)


async def write(pool: Pool, topic: Topic, *numbers: int) -> None:
    for n in numbers:
        async with pool.acquire() as connection, connection.transaction():
            envelope = Envelope(id=new_id(), type="test.happened.v1", source="test", academy="a")
            await enqueue(connection, [Event(topic.name, "a/1", envelope, str(n).encode())])


@contextlib.asynccontextmanager
async def publishing(stack: dict[str, str], database: str, told: Told | None = None, incarnation: int = 0) -> Any:
    relay = Relay(
        database,
        Publisher(stack["kafka"], "test"),
        log=structlog.get_logger(),
        incarnation=incarnation,
        told=told.note if told is not None else lambda _: None,
    )
    task = asyncio.create_task(relay.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
        await relay._publisher.stop()


async def read(stack: dict[str, str], topic: Topic, count: int) -> list[int]:
    """The first `count` records of the topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stack["kafka"], auto_offset_reset="earliest")
    await consumer.start()
    found: list[int] = []
    try:
        consumer.assign([TopicPartition(topic.name, 0)])
        async with asyncio.timeout(60):
            while len(found) < count:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [int(record.value or b"") for record in records]
    finally:
        await consumer.stop()
    return found


async def test_an_ordinary_start_changes_nothing(database: str, make_migrated_pool: MakePool) -> None:
    await make_migrated_pool()
    start = Starts(database)
    assert await start() == Stock(0)
    assert await start(told=1) == Stock(0)
    assert (start.restored, start.replaced) == ([], 0)


@pytest.mark.parametrize("sign", ["another server", "later transactions", "told of more"])
async def test_a_restored_database_begins_an_incarnation_once_and_publishes_what_it_keeps_the_oldest_first(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, topic: Topic, sign: str
) -> None:
    pool, start = await make_migrated_pool(), Starts(database)
    await start()
    await write(pool, topic, 1, 2, 3)
    async with publishing(stack, database):
        assert await read(stack, topic, 3) == [1, 2, 3]
    await write(pool, topic, 4)
    if sign == "another server":
        await pool.execute("UPDATE outbox_cursor SET system_id = '1'")
    elif sign == "later transactions":
        # As a younger server sees it: whatever is kept is of transactions to come, those of later numbers first.
        await pool.execute("UPDATE outbox SET txid = (1000000000000 - seq)::text::xid8")
        await pool.execute("UPDATE outbox_cursor SET snap = '2000000000000:2000000000000:'")

    stock = await start(told=1_000 if sign == "told of more" else 0)

    assert stock.incarnation == 1
    assert "the database was restored" in stock.warnings[0]
    assert (await start(told=1_000)).incarnation == 1 + (sign != "told of more"), (
        "what was told is above all from now on"
    )
    assert start.restored == [1, 2][: len(start.restored)]
    incarnation = await pool.fetchval("SELECT incarnation FROM outbox_cursor")
    await write(pool, topic, 5)
    assert await pool.fetchval("SELECT max(seq) FROM outbox") > 1_000
    async with publishing(stack, database, incarnation=incarnation):
        assert await read(stack, topic, 8) == [1, 2, 3, 1, 2, 3, 4, 5]


async def test_what_a_service_does_in_a_new_incarnation_is_done_together_with_it_or_again(
    database: str, make_migrated_pool: MakePool
) -> None:
    pool, start = await make_migrated_pool(), Starts(database)
    await start()
    with pytest.raises(ZeroDivisionError):
        await start(told=50, failing=True)
    assert await pool.fetchval("SELECT incarnation FROM outbox_cursor") == 0
    assert (await start(told=50)).incarnation == 1
    assert await pool.fetchval("SELECT array_agg(revision) FROM replica_state") == [1]


async def test_two_instances_that_start_on_a_restored_database_begin_one_incarnation(
    database: str, make_migrated_pool: MakePool
) -> None:
    await make_migrated_pool()
    start = Starts(database)
    await start()
    found = await asyncio.gather(start(told=50), start(told=50))
    assert [stock.incarnation for stock in found] == [1, 1]
    assert start.restored == [1]


async def test_another_broker_gets_what_is_kept_the_oldest_first_in_the_same_incarnation(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, topic: Topic
) -> None:
    pool, start = await make_migrated_pool(), Starts(database)
    await start()
    await write(pool, topic, 1, 2)
    async with publishing(stack, database):
        await read(stack, topic, 2)
    stock = await start(cluster="cluster-2")
    assert (stock.incarnation, len(stock.warnings), start.replaced) == (0, 1, 1)
    assert await start(cluster="cluster-2") == Stock(0)
    await write(pool, topic, 3)
    async with publishing(stack, database):
        assert await read(stack, topic, 5) == [1, 2, 1, 2, 3]


async def test_the_broker_is_told_how_far_the_outbox_is_published_and_never_of_less(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, topic: Topic
) -> None:
    pool = await make_migrated_pool()
    name = topic.name
    told = Told(stack["kafka"], name)
    assert await told.read() == 0
    telling = asyncio.create_task(told.run())
    async with publishing(stack, database, told):
        await write(pool, topic, *range(5))
        highest = 5

        async def is_told() -> bool:
            return await Told(stack["kafka"], name).read() == highest

        await eventually(is_told, what="the broker knows of five events")
    telling.cancel()
    await asyncio.wait({telling})
    later = Told(stack["kafka"], name)  # an instance that knows of little
    later.note(2)
    telling = asyncio.create_task(later.run())
    await eventually(lambda: later._highest == 5, what="it has read what was told")
    telling.cancel()
    await asyncio.wait({telling})
    assert await is_told()


async def test_a_leader_whose_database_goes_back_under_it_ends(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool
) -> None:
    pool = await make_migrated_pool()
    await Starts(database)()
    await pool.execute("UPDATE outbox_cursor SET epoch = 20")
    async with publishing(stack, database) as running:

        async def leads() -> bool:
            return bool(await pool.fetchval("SELECT epoch = 21 FROM outbox_cursor"))

        await eventually(leads)
        await pool.execute("UPDATE outbox_cursor SET epoch = 3, lease_until = '-infinity'")
        with pytest.raises(StartAgain):
            await asyncio.wait_for(asyncio.shield(running), 30)


async def test_a_process_of_an_earlier_incarnation_does_not_publish(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool
) -> None:
    await make_migrated_pool()
    start = Starts(database)
    await start()
    await start(told=9)
    async with publishing(stack, database, incarnation=0) as running:
        with pytest.raises(StartAgain):
            await asyncio.wait_for(asyncio.shield(running), 30)


async def test_who_followed_a_stream_beyond_what_the_database_knows_is_told_to_begin_anew(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool
) -> None:
    pool = await make_migrated_pool()
    place = await find_place(pool, None)
    ahead = str(place).replace(place.since, "9000000000000:9000000000000:", 1)
    with pytest.raises(Exception, match="begin anew") as refused:
        await find_place(pool, ahead)
    assert refused.value.status == 410  # type: ignore[attr-defined]


async def test_the_id_of_the_cluster_is_the_one_that_the_topics_were_made_in(stack: dict[str, str]) -> None:
    assert await cluster_id(stack["kafka"]) == await ensure_topics(stack["kafka"], [])


async def test_a_restored_database_has_the_role_of_its_service_do_all_this(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool
) -> None:
    await make_migrated_pool()
    role = f"r_{os.getpid()}_{time.time_ns() % 1_000_000}"
    admin = await asyncpg.connect(database)
    try:
        name = await admin.fetchval("SELECT current_database()")
        await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
        await admin.execute(f"ALTER DATABASE {name} OWNER TO {role}")
        for kind, thing in (("TABLE", "outbox"), ("TABLE", "outbox_cursor"), ("TABLE", "replica_state")):
            await admin.execute(f"ALTER {kind} {thing} OWNER TO {role}")
        start = Starts(database.replace(database.split("//")[1].split("@")[0], f"{role}:x"))
        await start()
        assert (await start(told=9)).incarnation == 1
    finally:
        await admin.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER")
        await admin.execute(f"DROP ROLE {role}")
        await admin.close()
