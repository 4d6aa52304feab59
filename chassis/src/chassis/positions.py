"""Where each partition goes on by what the database knows: written with what was handled, compared at every assignment.

A position is stored before it is committed to the broker, never after. So one that lies before the committed one says
that the database has forgotten something: it was restored from a dump. What it has forgotten is read again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from prometheus_client import Counter

from chassis.database import Connection, Pool
from chassis.records import RawRecord, Record

_went_back = Counter(
    "instroom_positions_went_back_total",
    "Partitions that were behind what is committed: a restored database",
    ["topic"],
)


async def store(on: Connection | Pool, cluster: str, positions: Mapping[tuple[str, int], int]) -> None:
    """Write down the next offsets by (topic, partition); a lower one than is known changes nothing."""
    ordered = sorted(positions)
    await on.execute(
        """INSERT INTO consumer_position AS p (cluster_id, topic, partition, next_offset)
           SELECT $1, * FROM unnest($2::text[], $3::int[], $4::bigint[])
           ON CONFLICT (cluster_id, topic, partition)
           DO UPDATE SET next_offset = greatest(p.next_offset, excluded.next_offset)""",
        cluster,
        [topic for topic, _ in ordered],
        [partition for _, partition in ordered],
        [positions[key] for key in ordered],
    )


async def load(on: Connection | Pool, cluster: str, topic: str) -> dict[int, int]:
    """The stored next offsets by partition; those of another cluster say nothing of this one."""
    rows = await on.fetch(
        "SELECT partition, next_offset FROM consumer_position WHERE cluster_id = $1 AND topic = $2", cluster, topic
    )
    return {row["partition"]: row["next_offset"] for row in rows}


class Placement(ConsumerRebalanceListener):  # type: ignore[misc]
    """Has a consumer begin at the stored position of each partition, wherever it stands; a committed one that lies before
    it is committed again, and one behind it says that the database was restored.

    `stored` gives the positions by partition and raises what passes by itself where it cannot.
    """

    def __init__(self, topic: str, stored: Callable[[], Awaitable[Mapping[int, int]]]) -> None:
        self._topic, self._stored = topic, stored
        self._new: set[TopicPartition] = set()
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._new = set(assigned)

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._new = set()

    def again(self, partitions: Iterable[TopicPartition]) -> None:
        """Look at these once more: the consumer begins anew at what is committed."""
        self._new.update(partitions)

    async def settled(self, consumer: AIOKafkaConsumer, batch: Sequence[Any]) -> Sequence[Any]:
        """The records of the batch without those of partitions that go elsewhere: they come again in their turn.

        Where it raises, none of the batch may be handled. Where partitions are assigned anew meanwhile none is returned:
        each of them begins at what is committed, and is looked at by whoever has it then.
        """
        new = self._new
        if not new:
            return batch
        looked_at = sorted(new)
        stored = await self._stored()
        committed = await asyncio.gather(*map(consumer.committed, looked_at))
        if self._new is not new:
            return ()
        # Without a position nothing of the partition was ever handled for this database.
        back = {
            partition: stored.get(partition.partition, 0)
            for partition, at in zip(looked_at, committed, strict=True)
            if at is not None and stored.get(partition.partition, 0) < at
        }
        # Where the consumer stands need not be what is committed now: a member may commit what it had under way right
        # after an assignment began at what was committed before.
        first = {TopicPartition(r.topic, r.partition): r.offset for r in reversed(batch)}
        moved = {
            partition: stored.get(partition.partition, 0)
            for partition, at in zip(looked_at, committed, strict=True)
            if not (at is None and partition.partition not in stored)
            and first.get(partition) != stored.get(partition.partition, 0)
            and partition in consumer.assignment()
        }
        for partition, offset in moved.items():
            consumer.seek(partition, offset)
        # A member that stood still may commit what it had under way when it wakes, as a new member: less than others
        # have handled and committed meanwhile. And the first commit of all may have come while partitions were assigned.
        ahead = {
            partition: stored[partition.partition]
            for partition, at in zip(looked_at, committed, strict=True)
            if stored.get(partition.partition, 0) > (at or 0) and partition in consumer.assignment()
        }
        new.difference_update(looked_at)
        if back:
            _went_back.labels(self._topic).inc(len(back))
            self._log.error(
                "consumer.went_back",
                topic=self._topic,
                positions=" ".join(f"{p.partition}:{offset}" for p, offset in back.items()),
                reason="the database is older than what was handled: it was restored",
            )
        if ahead:
            try:
                await consumer.commit(ahead)
            except BaseException:
                new.update(looked_at)  # the batch is given back, and with it where it began
                raise
            if self._new is not new:
                return ()
        return [record for record in batch if TopicPartition(record.topic, record.partition) not in moved]


def ends(records: Sequence[RawRecord | Record[Any]]) -> dict[tuple[str, int], int]:
    """Where each partition goes on behind these records."""
    return {(record.topic, record.partition): record.offset + 1 for record in records}
