"""The adapter to FastStream: raw batches in, explicit commits out. Its other features are not used.

What it must never do here is decided in this file: acknowledge by itself, start at the end, or parse a record (one
header that is not UTF-8 would lose a whole batch).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    CorruptRecordException,
    IllegalStateError,
    KafkaError,
    UnsupportedCodecError,
)
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER

from chassis.database import is_transient
from chassis.positions import Placement
from chassis.records import RawRecord, Undecodable

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LOOK_EVERY: Final = 30.0
LOOK_TIMEOUT: Final = 10.0
WAIT_MS: Final = 500
"""How long an idle consumer waits for a record, which ends the wait, before it waits anew."""
GATHER: Final = 0.05
"""Seconds that a consumer for which nobody waits gives a batch to grow, unless it is full: each one costs a transaction
and a commit, however few records it has."""
STUCK_AFTER: Final = 120.0
"""Seconds that a consumer may be behind without a batch, or its client without an answer, while the broker answers."""

RawHandler = Callable[[Sequence[RawRecord], "Membership"], Awaitable[None]]


class Membership:
    """What a handler may do with its place in the consumer group."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def commit(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Commit the next offsets.

        Where that fails the log says why, and the records come again to whoever has their partitions next, unless a
        later commit passes them.
        """
        try:
            await self._consumer.commit({TopicPartition(*tp): offset for tp, offset in positions.items()})
        except (CommitFailedError, IllegalStateError):  # a rebalance: the partitions went to another member
            _log.warning("consumer.commit_refused", positions=_readable(positions))
        except KafkaError as error:
            _log.error("consumer.commit_failed", positions=_readable(positions), error=repr(error)[:300])

    def give_back(self, records: Sequence[RawRecord]) -> None:
        """Have the records come again: what is committed later must not pass them over."""
        for partition, offset in _first_offsets(records).items():
            if partition in self._consumer.assignment():
                self._consumer.seek(partition, offset)

    async def stay(self) -> None:
        """Tell the group that this member lives although it handles one batch for long."""
        partitions = self._consumer.assignment()
        self._consumer.pause(*partitions)
        try:
            await self._consumer.getmany(timeout_ms=0)
        except KafkaError as error:  # it says nothing of the batch at hand
            _log.warning("consumer.stay_failed", error=repr(error)[:300])
        finally:
            self._consumer.resume(*(partitions & self._consumer.assignment()))


class Watch:
    """Whether a consumer goes on. aiokafka is known to stop without a word (its issues 847 and 1154)."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.busy = False
        """A batch is being handled, or its consumer is halted: however long that takes, it says so itself."""
        self.turned = self.handled = False
        """Since the last look: the client answered, with records or without; a batch was handled."""
        self.begin()

    def begin(self) -> None:
        """Count from now."""
        self._fine = time.monotonic()

    async def look(self, consumer: AIOKafkaConsumer) -> None:
        """Compare with the broker what the consumer did since the last look; where that does not answer nothing is said."""
        turned, handled, self.turned, self.handled = self.turned, self.handled, False, False
        if not (handled or self.busy):
            try:
                async with asyncio.timeout(LOOK_TIMEOUT):
                    partitions = consumer.assignment()
                    asked = partitions or {TopicPartition(self.topic, 0)}
                    ends = await consumer.end_offsets(asked)
                    behind = any([ends[partition] > await consumer.position(partition) for partition in partitions])
            except (KafkaError, TimeoutError):
                behind, turned = False, True
            if behind or not turned:
                return
        self.begin()

    def why_stuck(self) -> str | None:
        """The reason where it does not go on, None where it does."""
        if time.monotonic() - self._fine > STUCK_AFTER:
            return f"{self.topic}: the consumer has stopped without an error"
        return None


class _Together(KafkaBroker):
    """Has its subscribers join their groups at the same time, not each when the one before has its partitions: two of a
    group would wait for each other's next heartbeat."""

    async def start(self) -> None:
        await self.connect()
        started = await asyncio.gather(*(s.start() for s in self.subscribers), return_exceptions=True)
        for error in started:
            if error is not None:
                raise error
        self.running = True


class Broker:
    """The consumers of one service."""

    def __init__(self, bootstrap: str, *, client: str, stop_timeout: float, session_timeout: float = 45.0) -> None:
        self._session_ms = int(session_timeout * 1000)
        self._broker = _Together(
            bootstrap,
            client_id=client,
            logger=None,
            allow_auto_create_topics=False,
            graceful_timeout=stop_timeout,
            apply_types=False,
        )
        self._subscribers: list[Any] = []
        self._watches: list[Watch] = []

    def subscribe(
        self,
        topic: str,
        *,
        group: str,
        max_records: int,
        handler: RawHandler,
        interactive: bool = True,
        placement: Placement | None = None,
    ) -> None:
        """Have `handler` called with each batch; offsets move only by its commits.

        An `interactive` consumer takes what is there at once, another one gives it time to grow.
        """
        subscriber: Any = self._broker.subscriber(
            topic,
            group_id=group,
            batch=True,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            session_timeout_ms=self._session_ms,
            heartbeat_interval_ms=min(3_000, self._session_ms // 3),
            rebalance_timeout_ms=60_000,
            max_poll_interval_ms=600_000,
            max_partition_fetch_bytes=2 * 1024 * 1024,
            # Of all partitions together: aiokafka holds an answer more than once while it takes it in.
            fetch_max_bytes=4 * 1024 * 1024,
            fetch_max_wait_ms=500,
            listener=placement,
            parser=_parse,
            decoder=_decode,
        )

        watch = Watch(topic)

        async def get(consumer: AIOKafkaConsumer) -> Sequence[RawRecord]:
            try:
                # The framework's own would sleep after each look in vain.
                found = await consumer.getmany(timeout_ms=WAIT_MS, max_records=max_records)
                batch: Sequence[RawRecord] = [*chain.from_iterable(found.values())]
                if batch and len(batch) < max_records and not interactive:
                    batch = await gather(consumer, batch, max_records)
                return batch if placement is None else await _settled(placement, consumer, batch)
            except (UnicodeDecodeError, CorruptRecordException, UnsupportedCodecError) as error:
                return await _begin_again(consumer, max_records, error, placement)
            except KafkaError as error:
                _log.warning("consumer.fetch_failed", topic=topic, error=repr(error)[:300])
                raise
            finally:
                watch.turned = True

        subscriber.get_msg = get

        async def handle(message: KafkaMessage) -> None:
            consumer = subscriber.consumer
            if consumer is None:
                return
            records: Sequence[RawRecord] = message.raw_message
            membership = Membership(consumer)
            watch.busy = True
            try:
                await handler(records, membership)
            except Exception:
                # The framework would go on with the next batch, and its commit would pass this one over.
                _log.exception("consumer.handler_escaped", topic=topic)
                membership.give_back(records)
                await asyncio.sleep(1)
            finally:
                watch.busy, watch.handled = False, True
                # The framework's message is part of a cycle: its records would stay until cycles are looked for.
                message.raw_message = ()

        subscriber(handle)
        self._subscribers.append(subscriber)
        self._watches.append(watch)

    async def start(self) -> None:
        """Join the groups and start to consume. Where it raises, none of them does, and it may be called again."""
        try:
            await self._broker.start()
        except BaseException:
            await self._broker.stop()  # else the next start would leave those that run beside new ones
            raise
        for watch in self._watches:
            watch.begin()  # it may have waited long for a broker

    async def stop(self) -> None:
        """Let running batches finish, then leave the groups."""
        await self._broker.stop()

    async def watch(self) -> None:
        """Look at every consumer from time to time, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            for subscriber, watch in zip(self._subscribers, self._watches, strict=True):
                if subscriber.consumer is not None:
                    await watch.look(subscriber.consumer)

    def why_dead(self) -> str | None:
        """The reason where a consumer has no loop any more or does not go on, None where all are well."""
        if not all(any(not task.done() for task in s.tasks) for s in self._subscribers):
            return "a consumer has ended"
        return next((reason for watch in self._watches if (reason := watch.why_stuck())), None)


async def _settled(placement: Placement, consumer: AIOKafkaConsumer, batch: Sequence[RawRecord]) -> Sequence[RawRecord]:
    """What may be handled of the batch; where that cannot be told for now nothing, and all of it comes again."""
    try:
        return await placement.settled(consumer, batch)
    except Exception as error:
        Membership(consumer).give_back(batch)
        if not is_transient(error):
            raise
        _log.warning("consumer.fetch_failed", topics=sorted(consumer.subscription()), error=repr(error)[:300])
        await asyncio.sleep(1)
        return ()


async def gather(consumer: AIOKafkaConsumer, batch: Sequence[RawRecord], max_records: int) -> Sequence[RawRecord]:
    """The batch with what came meanwhile."""
    records = list(batch)
    try:
        await asyncio.sleep(GATHER)
        for _ in range(2):  # what the client fetched right behind the batch, and what the broker got since
            if room := max_records - len(records):
                more = await consumer.getmany(timeout_ms=5, max_records=room)
                records += chain.from_iterable(more.values())
    except BaseException:
        Membership(consumer).give_back(records)
        raise
    return records


async def _begin_again(
    consumer: AIOKafkaConsumer, max_records: int, error: Exception, placement: Placement | None
) -> Sequence[RawRecord]:
    """Read on from what is committed: what the failed call had taken of other partitions is gone with it."""
    while True:
        try:
            for partition in consumer.assignment():
                committed = await consumer.committed(partition)
                if committed is None:
                    await consumer.seek_to_beginning(partition)
                else:
                    consumer.seek(partition, committed)
            if placement is not None:
                placement.again(consumer.assignment())
                await placement.settled(consumer, ())
            if isinstance(error, UnicodeDecodeError):
                return await read_around(consumer, max_records)
        except Exception as again:  # a rebalance, or a broker or database that is away
            if not (isinstance(again, KafkaError) or is_transient(again)):
                raise
            await asyncio.sleep(1)
        else:
            _log.error("consumer.held_up", topics=sorted(consumer.subscription()), error=repr(error)[:300])
            raise error  # the framework asks again


async def read_around(consumer: AIOKafkaConsumer, max_records: int) -> list[RawRecord]:
    """The next records one by one, with an Undecodable for each that cannot be had.

    aiokafka decodes the names of headers as UTF-8 and fails where one is not: at that record and, as it reads a record
    batch from its start, at all that come behind it in the same batch of their sender.
    """
    records: list[RawRecord] = []
    for partition in consumer.assignment():
        while len(records) < max_records:
            try:
                found = (await consumer.getmany(partition, timeout_ms=1_000, max_records=1)).get(partition, [])
            except UnicodeDecodeError:
                offset = await consumer.position(partition)
                records.append(Undecodable(partition.topic, partition.partition, offset))
                consumer.seek(partition, offset + 1)
            else:
                if not found:
                    break
                records += found
    return records


def _readable(positions: Mapping[tuple[str, int], int]) -> str:
    return " ".join(f"{topic}/{partition}:{offset}" for (topic, partition), offset in positions.items())


def _first_offsets(records: Sequence[RawRecord]) -> dict[TopicPartition, int]:
    first: dict[TopicPartition, int] = {}
    for record in records:
        first.setdefault(TopicPartition(record.topic, record.partition), record.offset)
    return first


async def _parse(records: Sequence[RawRecord]) -> KafkaMessage:
    return KafkaMessage(
        body=b"", headers={}, raw_message=tuple(records), message_id="", correlation_id="", consumer=FAKE_CONSUMER
    )


async def _decode(message: KafkaMessage) -> KafkaMessage:
    return message
