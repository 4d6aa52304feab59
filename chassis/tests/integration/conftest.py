"""What only a client without manners sends."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

SendBatch = Callable[[str, Sequence[tuple[bytes, bytes, Any]]], Awaitable[None]]

NAME = "not-utf-8"
"""The header's name that becomes one that is not UTF-8 on its way."""


@pytest.fixture
def send_batch(stack: dict[str, str]) -> SendBatch:
    """Sends records as one record batch to partition 0."""

    async def send(topic: str, records: Sequence[tuple[bytes, bytes, Any]]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=stack["kafka"], acks="all")
        await producer.start()
        try:
            batch = producer.create_batch()
            for key, value, headers in records:
                batch.append(timestamp=None, key=key, value=value, headers=headers)
            built = bytearray(batch._build()).replace(NAME.encode(), b"\xff" * len(NAME))
            built[17:21] = calc_crc32c(built[21:]).to_bytes(4, "big")  # the batch's checksum is over all behind it
            batch._buffer = built
            await (await producer.send_batch(batch, topic, partition=0))
        finally:
            await producer.stop()

    return send
