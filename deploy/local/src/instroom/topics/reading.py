"""Read records from topics without a group: looking changes nothing."""

import asyncio
import heapq
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from instroom.client import READY_SECONDS
from instroom.failure import Exit, Failure
from instroom.topics.showing import Record, Unreadable
from instroom.words import Words

_BATCH: Final = 500
_WAIT_MS: Final = 500
_REQUEST_MS: Final = 10_000
_PAUSE_SECONDS: Final = 0.5


Partitions = Mapping[str, Sequence[TopicPartition]]
Records = AsyncIterator[Record]


async def topics(bootstrap: str, say: Words, running: Callable[[], bool]) -> Partitions:
    """Every topic that there is, with its partitions.

    A Failure if the broker cannot be reached within 30 s, at once if the platform is not `running`.
    """
    deadline = asyncio.get_running_loop().time() + READY_SECONDS
    while True:
        try:
            return await _topics(bootstrap)
        except (KafkaError, OSError) as error:
            if not running():
                raise Failure("no_platform", say("no_platform"), Exit.UNAVAILABLE) from None
            if asyncio.get_running_loop().time() >= deadline:
                reason = say("no_broker", reason=type(error).__name__)
                raise Failure("unreachable", reason, Exit.UNAVAILABLE) from None
            await asyncio.sleep(_PAUSE_SECONDS)


async def _topics(bootstrap: str) -> Partitions:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=_REQUEST_MS)
    try:
        await admin.start()
        return {
            topic["topic"]: [TopicPartition(topic["topic"], each["partition"]) for each in topic["partitions"]]
            for topic in await admin.describe_topics()
        }
    finally:
        await admin.close()


@asynccontextmanager
async def records(
    bootstrap: str, partitions: Sequence[TopicPartition], *, from_start: bool, follow: bool
) -> AsyncIterator[Records]:
    """The records from the start or from now on; without `follow` up to the ends as they are now, by time."""
    if not partitions:
        yield _none()
        return
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False, request_timeout_ms=_REQUEST_MS
    )
    await consumer.start()
    try:
        consumer.assign(partitions)
        begin = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            consumer.seek(partition, begin[partition] if from_start else ends[partition])
        left = [p for p in partitions if begin[p] < ends[p]] if from_start else []
        async with aclosing(_endless(consumer) if follow else _by_time(consumer, left, ends)) as read:
            yield read
    finally:
        await consumer.stop()


async def _endless(consumer: AIOKafkaConsumer) -> AsyncGenerator[Record, None]:
    positions = {partition: await consumer.position(partition) for partition in consumer.assignment()}
    while True:
        try:
            batches = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=_BATCH)
        except UnicodeDecodeError:
            for partition, position in positions.items():
                consumer.seek(partition, position)  # what was taken of other partitions is gone with the error
            ends = await consumer.end_offsets(positions)
            batches = {p: await _next(consumer, p) for p, position in positions.items() if position < ends[p]}
        for partition, batch in batches.items():
            for record in batch:
                positions[partition] = record.offset + 1
                yield record


async def _next(consumer: AIOKafkaConsumer, partition: TopicPartition) -> Sequence[Record]:
    """The next records of a partition, or the one that cannot be had.

    aiokafka decodes the names of headers as UTF-8 and fails where one is not: at that record and, as it reads a batch
    of a sender from its start, at all that come behind it in the same batch. Those before it are had one by one.
    """
    for most in (_BATCH, 1):
        with suppress(UnicodeDecodeError):
            batches = await consumer.getmany(partition, timeout_ms=_WAIT_MS, max_records=most)
            found: Sequence[Record] = batches.get(partition, ())
            return found
    offset = await consumer.position(partition)
    consumer.seek(partition, offset + 1)
    return [Unreadable(partition.topic, partition.partition, offset)]


async def _by_time(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], ends: Mapping[TopicPartition, int]
) -> AsyncGenerator[Record, None]:
    """Records up to the ends, merged by their time; a batch of each partition is in memory."""
    waiting: dict[TopicPartition, deque[Record]] = {p: deque() for p in partitions}
    heads: list[tuple[int, str, int]] = []
    unread = list(partitions)
    while unread or heads:
        for partition in unread:
            if await _fill(consumer, partition, ends[partition], waiting[partition]):
                heapq.heappush(heads, (waiting[partition][0].timestamp, *partition))
        if not heads:
            return
        _, topic, number = heapq.heappop(heads)
        oldest = TopicPartition(topic, number)
        yield waiting[oldest].popleft()
        unread = [oldest]


async def _fill(consumer: AIOKafkaConsumer, partition: TopicPartition, end: int, waiting: deque[Record]) -> bool:
    """Read on where nothing is waiting; returns whether anything is then."""
    # A position can be past records that are no longer there, or past a transaction's marker.
    while not waiting and await consumer.position(partition) < end:
        waiting += (record for record in await _next(consumer, partition) if record.offset < end)
    return bool(waiting)


async def _none() -> Records:
    nothing: Sequence[Record] = ()
    for record in nothing:
        yield record
