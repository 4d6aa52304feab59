"""Kafka as another program sees it: confluent-kafka and nothing of the chassis."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Sent:
    """A record, as it is or shall be on the wire."""

    topic: str
    key: bytes | None
    headers: Headers
    value: bytes | None
    partition: int = -1
    offset: int = -1

    @property
    def place(self) -> tuple[str, int, int]:
        return self.topic, self.partition, self.offset

    def header(self, name: str) -> str:
        return next(((value or b"").decode(errors="replace") for key, value in self.headers if key == name), "")

    @property
    def type(self) -> str:
        return self.header("ce_type")

    @property
    def reference(self) -> tuple[str, str]:
        """Of whoever asked."""
        return self.header("ce_requestsource"), self.header("ce_requestid")

    @property
    def trace_id(self) -> str:
        return self.header("traceparent")[3:35]

    def json(self) -> Any:
        return json.loads(self.value or b"null")

    def with_headers(self, **headers: bytes | None) -> Sent:
        """The same with these headers in place of theirs."""
        kept: Headers = [(name, value) for name, value in self.headers if name not in headers]
        return replace(self, headers=[*kept, *headers.items()])

    def without_header(self, name: str) -> Sent:
        return replace(self, headers=[header for header in self.headers if header[0] != name])


def event(topic: str, key: str, type_: str, value: Any, **headers: str) -> Sent:
    """A record of a program that nobody here knows."""
    attributes = {
        "ce_specversion": "1.0",
        "content-type": "application/json",
        "ce_id": str(uuid.uuid4()),
        "ce_type": type_,
        "ce_source": "test.example.com",
        "ce_academy": key.partition("/")[0],
    } | headers
    body = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    return Sent(topic, key.encode(), [(name, text.encode()) for name, text in attributes.items()], body)


def publish(bootstrap: str, records: Iterable[Sent]) -> list[Sent]:
    """Send them in order; returned with the places that the broker gave them."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "acks": "all"})
    placed: dict[int, Sent] = {}
    failures: list[str] = []

    def told(number: int, record: Sent) -> Callable[[Any, Message], None]:
        def done(error: Any, message: Message) -> None:
            if error is not None:
                failures.append(f"{record.topic}: {error}")
            else:
                placed[number] = replace(record, partition=message.partition(), offset=message.offset())

        return done

    for number, record in enumerate(records):
        producer.produce(
            record.topic, key=record.key, value=record.value, headers=record.headers, on_delivery=told(number, record)
        )
    assert producer.flush(30) == 0
    assert not failures, failures
    return [placed[number] for number in sorted(placed)]


def read(bootstrap: str, topics: Sequence[str], wanted: Callable[[Sent], bool] = lambda _: True) -> list[Sent]:
    """All records that lie in the topics now, per partition in order."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "test-reader",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 50,
        }
    )
    try:
        left: dict[tuple[str, int], int] = {}
        for topic in topics:
            for partition in consumer.list_topics(topic, timeout=20).topics[topic].partitions:
                low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)
                if low < high:
                    left[topic, partition] = high
        consumer.assign([TopicPartition(topic, partition, 0) for topic, partition in left])
        found = []
        deadline = time.monotonic() + 60
        while left:
            assert time.monotonic() < deadline, f"not read in time: {left}"
            message = consumer.poll(1)
            if message is None or message.error():
                left = _unfinished(consumer, left)
                continue
            place = (str(message.topic()), int(message.partition() or 0))
            record = _sent(message)
            if place in left and record.offset < left[place] and wanted(record):
                found.append(record)
            if place in left and record.offset + 1 >= left[place]:
                del left[place]
        return found
    finally:
        consumer.close()


def _unfinished(consumer: Consumer, left: dict[tuple[str, int], int]) -> dict[tuple[str, int], int]:
    """Compaction and transactions leave gaps at the end: a position is past records that are not there."""
    positions = consumer.position([TopicPartition(*place) for place in left])
    return {place: left[place] for place, at in zip(left, positions, strict=True) if at.offset < left[place]}


def _sent(message: Message) -> Sent:
    headers: Headers = [(name, value) for name, value in message.headers() or []]  # type: ignore[misc]
    return Sent(
        str(message.topic()),
        message.key(),  # type: ignore[arg-type]
        headers,
        message.value(),  # type: ignore[arg-type]
        int(message.partition() or 0),
        int(message.offset() or 0),
    )


def topics(bootstrap: str) -> list[str]:
    """All there are, but for the broker's own."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test-reader"})
    try:
        return sorted(name for name in consumer.list_topics(timeout=20).topics if not name.startswith("__"))
    finally:
        consumer.close()


def once(records: Iterable[Sent]) -> list[Sent]:
    """The records without those that were published again, which are the same byte for byte."""
    return list({(r.topic, r.key, (*r.headers,), r.value): r for r in reversed(list(records))}.values())[::-1]


def until(bootstrap: str, topics: Sequence[str], wanted: Callable[[Sent], bool], count: int) -> list[Sent]:
    """The wanted records once there are `count` of them, not counting what was published again."""
    deadline = time.monotonic() + 90
    while len(found := once(read(bootstrap, topics, wanted))) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} on {topics}: {[r.type for r in found]}"
        time.sleep(0.2)
    return found
