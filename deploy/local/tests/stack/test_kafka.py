"""The real broker."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from instroom.stack import java as javas
from instroom.stack import kafka, kafka_jars

pytestmark = pytest.mark.slow


async def make_topic(address: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    await admin.close()


async def produce(address: str, topic: str, count: int) -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    producer = AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True, acks="all")
    await producer.start()
    for number in range(count):
        await producer.send(topic, str(number).encode())
    await producer.stop()


async def consume(address: str, topic: str, count: int) -> list[int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0)])
    values: list[int] = []
    while len(values) < count:
        batches = await consumer.getmany(timeout_ms=20_000)
        assert batches, f"only {len(values)} of {count} records within 20 s"
        values += [int(record.value) for records in batches.values() for record in records]
    await consumer.stop()
    return values


def uses_cache(pid: int) -> bool:
    """Whether the broker works with the cache; true where nobody can tell (no /proc, a Java without one)."""
    cache, maps = kafka.aot_cache(kafka_jars.installation(), javas.find()), Path(f"/proc/{pid}/maps")
    return cache is None or not maps.exists() or str(cache) in maps.read_text()


async def test_acknowledged_records_survive_the_kill_of_everything(
    start_stack: Callable[..., Any], tmp_path: Path
) -> None:
    stack = start_stack(tmp_path / "home", "kafka")
    await make_topic(stack.at["kafka"], "kept")
    await produce(stack.at["kafka"], "kept", 2000)
    stack.kill_everything()

    again = start_stack(tmp_path / "home", "kafka")
    assert again.at == stack.at
    assert await consume(again.at["kafka"], "kept", 2000) == list(range(2000))


async def test_the_second_start_uses_the_ahead_of_time_cache_and_a_mistyped_topic_is_no_topic(
    start_stack: Callable[..., Any], tmp_path: Path
) -> None:
    stack = start_stack(tmp_path / "home", "kafka")
    assert uses_cache(stack.states()["kafka"].pid)
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.at["kafka"])
    await admin.start()
    answer = await admin.describe_topics(["mistyped"])
    await admin.close()
    assert answer[0]["error_code"] == 3  # unknown topic or partition
    assert "SLF4J" not in (tmp_path / "home" / "logs" / "kafka.log").read_text()
