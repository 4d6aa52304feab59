"""Where a consumer goes on: at the database's own position where that lies before what is committed."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pydantic import BaseModel
from structlog.testing import capture_logs

from chassis import positions
from chassis.broker import Broker
from chassis.consuming import Consumer, Subscription, store_positions
from chassis.database import Pool
from chassis.positions import Placement
from chassis.records import Record, new_id
from chassis.testing import MakePool, eventually
from chassis.topics import ensure_topics
from contracts.envelope import Envelope
from contracts.topics import Topic

PARTITIONS = 2


class Happened(BaseModel):
    n: int


@pytest.fixture
async def topic(stack: dict[str, str]) -> Topic:
    topic = Topic(
        name=f"test.positions.{os.getpid()}.{time.time_ns()}",
        key="k",
        partitions=PARTITIONS,
        retention_ms=3_600_000,
        owner="test",
        producers=("test",),
        consumers=("test",),
    )
    await ensure_topics(stack["kafka"], [topic, topic.dlq])
    return topic


async def send(stack: dict[str, str], topic: Topic, partition: int, *numbers: int, type_: str = "happened") -> None:
    async with AIOKafkaProducer(bootstrap_servers=stack["kafka"], acks="all") as producer:
        for n in numbers:
            headers = Envelope(id=new_id(), type=f"test.{type_}.v1", source="test", academy="a").headers()
            value = b'{"n":%d}' % n if n >= 0 else b"{"
            await producer.send_and_wait(topic.name, value, key=b"a/1", partition=partition, headers=headers)


class Service:
    """One consumer that can be started again and again; what it handled, and what its database knows of it."""

    def __init__(self, stack: dict[str, str], pool: Pool, topic: Topic) -> None:
        self._stack, self._pool, self._topic = stack, pool, topic
        self.handled: list[int] = []
        self.stored: Callable[[], Awaitable[dict[int, int]]] = self.load

    async def load(self, cluster: str = "cluster") -> dict[int, int]:
        return await positions.load(self._pool, cluster, self._topic.name)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async def handle(records: list[Record[Happened]]) -> None:
            async with self._pool.acquire() as connection, connection.transaction():
                await store_positions(connection, records)
            self.handled += [record.message.n for record in records]

        subscription = Subscription(
            topic=self._topic,
            models={"test.happened.v1": Happened},
            known=frozenset({"test.happened.v1", "test.other.v1"}),
            handle=handle,
        )
        stopping = asyncio.Event()
        consumer = Consumer(subscription, self._pool, "cluster", "test", structlog.get_logger(), stopping)
        broker = Broker(self._stack["kafka"], client="test", stop_timeout=5)
        placement = Placement(self._topic.name, lambda: self.stored())
        broker.subscribe(
            self._topic.name,
            group=f"test.{self._topic.name}",
            max_records=500,
            handler=consumer,
            placement=placement,
        )
        await broker.start()
        try:
            yield
        finally:
            stopping.set()
            await broker.stop()

    async def until(self, ends: dict[int, int]) -> None:
        async def there() -> bool:
            return await self.load() == ends

        await eventually(there, what=f"the positions are {ends}")


@pytest.fixture
async def service(stack: dict[str, str], make_migrated_pool: MakePool, topic: Topic) -> Service:
    return Service(stack, await make_migrated_pool(), topic)


async def test_what_a_restored_database_has_forgotten_is_read_again_and_told_of(
    stack: dict[str, str], database: str, service: Service, topic: Topic
) -> None:
    await send(stack, topic, 0, 1, 2, 3)
    await send(stack, topic, 1, 11, 12)
    async with service.running():
        await service.until({0: 3, 1: 2})
    connection = await asyncpg.connect(database)  # as a dump has it that was taken after the first record
    await connection.execute("UPDATE consumer_position SET next_offset = 1 WHERE partition = 0")
    await connection.execute("DELETE FROM consumer_position WHERE partition = 1")
    await connection.close()
    service.handled.clear()
    with capture_logs() as lines:
        async with service.running():
            await service.until({0: 3, 1: 2})
    assert [n for n in service.handled if n < 10] == [2, 3]
    assert [n for n in service.handled if n > 10] == [11, 12]
    (alarm,) = [line for line in lines if line["event"] == "consumer.went_back"]
    assert alarm["positions"] == "0:1 1:0"

    service.handled.clear()
    with capture_logs() as lines:
        async with service.running():
            await send(stack, topic, 0, 4)
            await service.until({0: 4, 1: 2})
    assert service.handled == [4]
    assert not [line for line in lines if line["event"] == "consumer.went_back"]


async def test_records_that_were_passed_over_or_set_aside_count_as_handled(
    stack: dict[str, str], service: Service, topic: Topic
) -> None:
    await send(stack, topic, 0, 1)
    await send(stack, topic, 0, 2, 3, type_="other")
    await send(stack, topic, 1, -1)
    async with service.running():
        await service.until({0: 3, 1: 1})
    with capture_logs() as lines:
        async with service.running():
            await send(stack, topic, 0, 4)
            await service.until({0: 4, 1: 1})
    assert service.handled == [1, 4]
    assert not [line for line in lines if line["event"] == "consumer.went_back"]


async def test_what_was_handled_is_committed_again_where_somebody_committed_less(
    stack: dict[str, str], service: Service, topic: Topic
) -> None:
    await send(stack, topic, 0, 1, 2, 3)
    async with service.running():
        await service.until({0: 3})
    partition = TopicPartition(topic.name, 0)
    async with AIOKafkaConsumer(
        bootstrap_servers=stack["kafka"], group_id=f"test.{topic.name}", enable_auto_commit=False
    ) as late:
        late.assign([partition])
        await late.commit({partition: 1})

        async with service.running():

            async def is_mended() -> bool:
                return await late.committed(partition) == 3

            await eventually(is_mended, what="all that was handled is committed")


async def test_positions_of_another_cluster_say_nothing(
    stack: dict[str, str], database: str, service: Service, topic: Topic
) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute(
        "INSERT INTO consumer_position VALUES ('another', $1, 0, 700), ('another', $1, 1, 700)", topic.name
    )
    await connection.close()
    await send(stack, topic, 0, 1)
    async with service.running():
        await service.until({0: 1})
    assert service.handled == [1]
    assert await service.load("another") == {0: 700, 1: 700}


async def test_nothing_is_handled_as_long_as_the_database_cannot_tell_its_positions(
    stack: dict[str, str], service: Service, topic: Topic
) -> None:
    asked = asyncio.Event()
    answers = asyncio.Event()

    async def stored() -> dict[int, int]:
        asked.set()
        if not answers.is_set():
            raise ConnectionError("the database is away")
        return await service.load()

    service.stored = stored
    await send(stack, topic, 0, 1, 2)
    async with service.running():
        await asyncio.wait_for(asked.wait(), 30)
        assert service.handled == []
        answers.set()
        await service.until({0: 2})
    assert service.handled == [1, 2]
