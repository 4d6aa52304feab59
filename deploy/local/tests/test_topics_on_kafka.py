"""Reading topics of a real broker."""

import asyncio
import time
import uuid
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.record.util import calc_crc32c

from chassis.testing import eventually
from instroom.topics import reading, showing
from instroom.words import words


async def made_topic(kafka: str, partitions: int = 3) -> str:
    name = f"t.{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()

    async def listed() -> bool:
        return name in await admin.list_topics()

    try:
        await admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1)])
        await eventually(listed, what="the topic is listed")
    finally:
        await admin.close()
    return name


async def send(kafka: str, topic: str, values: list[bytes]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for number, value in enumerate(values):
            await producer.send_and_wait(topic, value, key=b"demo/%d" % number, headers=[("ce_academy", b"demo")])


async def read(kafka: str, topic: str, **how: Any) -> list[bytes | None]:
    partitions = (await reading.topics(kafka, words(None), lambda: True))[topic]
    async with reading.records(kafka, partitions, **how) as records:
        return [record.value async for record in records]


async def test_without_following_it_reads_all_partitions_and_ends(stack: dict[str, str]) -> None:
    topic = await made_topic(stack["kafka"])
    assert await read(stack["kafka"], topic, from_start=True, follow=False) == []
    values = [b"%d" % number for number in range(1200)]
    await send(stack["kafka"], topic, values)
    assert sorted(await read(stack["kafka"], topic, from_start=True, follow=False)) == sorted(values)
    assert await read(stack["kafka"], topic, from_start=False, follow=False) == []


async def test_without_following_the_oldest_comes_first_whatever_its_partition(stack: dict[str, str]) -> None:
    topic = await made_topic(stack["kafka"])
    first = time.time_ns() // 1_000_000 - 60_000
    async with AIOKafkaProducer(bootstrap_servers=stack["kafka"]) as producer:
        for number in range(60):  # each partition in the order of time, as a broker writes it
            await producer.send_and_wait(topic, b"%d" % number, key=b"%d" % number, timestamp_ms=first + number)
    values = await read(stack["kafka"], topic, from_start=True, follow=False)
    assert values == [b"%d" % number for number in range(60)]


async def test_following_from_now_sees_only_what_comes(stack: dict[str, str]) -> None:
    kafka = stack["kafka"]
    topic = await made_topic(kafka)
    await send(kafka, topic, [b"before"])
    partitions = (await reading.topics(kafka, words(None), lambda: True))[topic]
    async with reading.records(kafka, partitions, from_start=False, follow=True) as records:
        await send(kafka, topic, [b"after"])
        record = await asyncio.wait_for(anext(aiter(records)), 60)
    assert record.value == b"after"
    assert showing.event(record)["key"] == "demo/0"


async def send_batch(kafka: str, topic: str, values: list[bytes], bad: bytes) -> None:
    """Send them to partition 0 as one batch, in which `bad` has a header whose name is not UTF-8."""
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        batch = producer.create_batch()
        for value in values:
            name = "not-utf-8" if value == bad else "x"
            batch.append(timestamp=None, key=None, value=value, headers=[(name, b"")])
        built = bytearray(batch._build()).replace(b"not-utf-8", b"\xff" * 9)
        built[17:21] = calc_crc32c(built[21:]).to_bytes(4, "big")  # the batch's checksum is over all behind it
        batch._buffer = built
        await (await producer.send_batch(batch, topic, partition=0))


@pytest.mark.parametrize("follow", [False, True])
async def test_a_record_that_cannot_be_had_is_told_by_its_place_and_hides_no_other(
    stack: dict[str, str], follow: bool
) -> None:
    kafka = stack["kafka"]
    topic = await made_topic(kafka)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for partition in (1, 2):
            await producer.send_and_wait(topic, b"elsewhere %d" % partition, partition=partition)
    await send_batch(kafka, topic, [b"before", b"bad", b"behind"], bad=b"bad")
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(topic, b"after", partition=0)
    partitions = (await reading.topics(kafka, words(None), lambda: True))[topic]
    found = []
    async with asyncio.timeout(60), reading.records(kafka, partitions, from_start=True, follow=follow) as records:
        async for record in records:
            found.append(record)
            if follow and len(found) == 6:
                break
    assert {(each.partition, each.offset): each.value for each in found} == {
        (0, 0): b"before",
        (0, 1): None,
        (0, 2): None,
        (0, 3): b"after",
        (1, 0): b"elsewhere 1",
        (2, 0): b"elsewhere 2",
    }
    assert len(found) == 6
    assert [each.offset for each in found if isinstance(each, showing.Unreadable)] == [1, 2]


async def test_no_partitions_have_no_records(stack: dict[str, str]) -> None:
    async with reading.records(stack["kafka"], [], from_start=True, follow=True) as records:
        assert [record async for record in records] == []
