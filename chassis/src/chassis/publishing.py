"""The one place that publishes: an idempotent producer that sends whole record batches and awaits every acknowledgement."""

import asyncio
import struct
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, ProducerClosed, RecordListTooLargeError, RecordTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder

from chassis.records import RawEvent

ACKNOWLEDGE_TIMEOUT = 60.0
"""Seconds. An idempotent producer retries for ever; after this it is replaced and the caller sends again."""
STOP_TIMEOUT = 1.0
"""Seconds that a producer has to end in good order before it is replaced."""
BATCH_BYTES = 512 * 1024
TOO_LARGE: Final = (MessageSizeTooLargeError, RecordTooLargeError, RecordListTooLargeError)
"""What the broker says of the events themselves: to send them again changes nothing."""

_MASK = 0xFFFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key as Kafka's Java client has it (murmur2), so that every client agrees."""
    length = len(key)
    words = length >> 2
    h = 0x9747B28C ^ length
    for k in _words(words).unpack_from(key):
        k = (k * 0x5BD1E995) & _MASK
        k = ((k ^ (k >> 24)) * 0x5BD1E995) & _MASK
        h = ((h * 0x5BD1E995) & _MASK) ^ k
    tail = key[words << 2 :]
    if tail:
        h = ((h ^ int.from_bytes(tail, "little")) * 0x5BD1E995) & _MASK
    h = ((h ^ (h >> 13)) * 0x5BD1E995) & _MASK
    return ((h ^ (h >> 15)) & 0x7FFFFFFF) % partitions


@lru_cache(maxsize=512)
def _words(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}I")


class Publisher:
    """Publishes in order per key.

    After an error nothing is known of the batch: the producer is replaced, and whoever called sends all of it again.
    """

    def __init__(self, bootstrap: str, name: str) -> None:
        self._bootstrap = bootstrap
        self._name = name
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> AIOKafkaProducer:
        """Connect; raises a KafkaError where there is no broker."""
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    client_id=self._name,
                    acks="all",
                    enable_idempotence=True,
                    max_batch_size=BATCH_BYTES,
                    request_timeout_ms=30_000,
                    retry_backoff_ms=50,
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def stop(self) -> None:
        """Send what is pending and disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            async with asyncio.timeout(10):
                await producer.stop()

    async def publish(self, events: Iterable[RawEvent]) -> None:
        """Return when the broker has acknowledged every event."""
        producer = await self.start()
        try:
            async with asyncio.timeout(ACKNOWLEDGE_TIMEOUT):
                await self._send(producer, events)
        except BaseException:
            await self._discard(producer)
            raise

    async def _send(self, producer: AIOKafkaProducer, events: Iterable[RawEvent]) -> None:
        now = time.time_ns() // 1_000_000
        partitions: dict[str, int] = {}
        batches: dict[tuple[str, int], list[BatchBuilder]] = {}
        for count, event in enumerate(events):
            topic = event.topic
            if topic not in partitions:
                partitions[topic] = len(await producer.partitions_for(topic))
            number = partition_of(event.key, partitions[topic]) if event.key is not None else 0
            builders = batches.get((topic, number))
            if builders is None:
                builders = batches[topic, number] = [producer.create_batch()]
            if builders[-1].append(timestamp=now, key=event.key, value=event.value, headers=event.headers) is None:
                builders.append(producer.create_batch())
                if builders[-1].append(timestamp=now, key=event.key, value=event.value, headers=event.headers) is None:
                    raise ValueError(f"an event for {topic} does not fit into a record batch")
            if count % 500 == 499:
                await asyncio.sleep(0)
        await asyncio.gather(*(self._send_all(producer, tp, builders) for tp, builders in batches.items()))

    @staticmethod
    async def _send_all(producer: AIOKafkaProducer, tp: tuple[str, int], builders: Sequence[BatchBuilder]) -> None:
        for builder in builders:
            builder.close()
            await (await producer.send_batch(builder, tp[0], partition=tp[1]))

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        """Replace the producer, and see to it that it sends nothing any more."""
        if self._producer is producer:  # else somebody who published with it at the same time was first
            self._producer = None
        # Not awaited to the end: stop() would wait for the very acknowledgements that do not come.
        stopping = asyncio.ensure_future(producer.stop())
        await asyncio.wait({stopping}, timeout=STOP_TIMEOUT)
        stopping.cancel()
        # Nothing public ends the sender, which retries for ever: what it had would come late, behind newer records of the
        # same keys. The first cancel ends its loop, a second the request that it then still waits for.
        sender = producer._sender.sender_task
        while sender is not None and not sender.done():
            sender.cancel()
            await asyncio.wait({sender}, timeout=0.1)
        producer._message_accumulator.fail_all(ProducerClosed("the producer was replaced"))
        closing = asyncio.ensure_future(producer.client.close())
        await asyncio.wait({closing}, timeout=STOP_TIMEOUT)
        for task in (stopping, closing):
            if task.done() and not task.cancelled():
                task.exception()
