"""Reading a topic once, from a place to its present end, without a group."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.broker import read_around
from chassis.records import RawRecord
from contracts.topics import Topic

MOST: Final = 5_000
"""Records in one batch."""


async def read_to_end(
    bootstrap: str, topic: Topic, begin: Mapping[int, int] | None = None
) -> AsyncIterator[Sequence[RawRecord]]:
    """What the topic holds now, in order per partition, from the offsets in `begin` or from its start."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        consumer.assign(partitions)
        first = await consumer.beginning_offsets(partitions)
        left = await consumer.end_offsets(partitions)
        at = {p: max(first[p], (begin or {}).get(p.partition, 0)) for p in partitions}
        for partition, offset in at.items():
            consumer.seek(partition, offset)
        while True:
            for partition in [p for p, end in left.items() if at[p] >= end]:
                del left[partition]
                consumer.pause(partition)
            if not left:
                return
            try:
                found = await consumer.getmany(*left, timeout_ms=200, max_records=MOST)
                batch = [record for records in found.values() for record in records]
            except UnicodeDecodeError:
                for partition in left:
                    consumer.seek(partition, at[partition])  # what the failed call had taken is gone with it
                batch = await read_around(consumer, MOST)
            if batch:
                yield batch
            for partition in left:
                at[partition] = await consumer.position(partition)
    finally:
        await consumer.stop()
