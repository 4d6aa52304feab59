"""Kafka as another program sees it: read whole topics, publish records as they are, look at the groups' positions."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from chassis.publishing import partition_of
from contracts.envelope import Envelope
from contracts.events.users import UserRequested
from contracts.fields import number_key
from contracts.topics import RECORD_BYTES, TOPICS, USER_REQUESTS, Topic

SERVICES = ("org-service", "user-service", "import-service", "notify-service")
GROUPS = [
    (f"{service}.{topic.name}", topic.name)
    for topic in TOPICS
    for service in topic.consumers
    if service in SERVICES and topic.cleanup != "compact"
]
"""Every consumer group of the system with its topic; replicas read without a group."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One record as it lies in the topic."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    published: int = 0
    """Milliseconds since 1970, by the clock of its producer."""

    def header(self, name: str) -> str:
        return next(((value or b"").decode() for key, value in self.headers if key == name), "")

    @property
    def type(self) -> str:
        return self.header("ce_type")

    @property
    def reference(self) -> tuple[str, str]:
        """Of whoever asked; a request without one is its own."""
        source, id_ = self.header("ce_requestsource"), self.header("ce_requestid")
        return source or self.header("ce_source"), id_ or self.header("ce_id")


def once(records: Iterable[Seen]) -> list[Seen]:
    """The records without those that were published again, which are the same byte for byte."""
    return list({(r.topic, r.key, r.headers, r.value): r for r in reversed(list(records))}.values())[::-1]


def user_request(
    academy: str,
    source: str,
    mode: str,
    person: Mapping[str, object],
    *,
    topic: Topic = USER_REQUESTS,
    revision: int = 0,
) -> Seen:
    """A request about a person as another program would send it, which knows of this revision of the organisation."""
    number = str(person["personnel_number"])
    key = f"{academy}/{number_key(number)}"
    envelope = Envelope(
        id=str(uuid.uuid4()),
        type=UserRequested.TYPE,
        source=source,
        academy=academy,
        time=datetime.now(UTC).isoformat(),
        subject=number,
    )
    value = json.dumps({"mode": mode, "person": person, "min_org_revision": revision}).encode()
    partition = partition_of(key.encode(), topic.partitions)
    return Seen(topic.name, partition, 0, key, value, tuple(envelope.headers()))


class Kafka:
    """A client of the broker that is no part of the system."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._consumers: dict[str, Consumer] = {}

    def _consumer(self, group: str = "outside") -> Consumer:
        """A consumer that only looks: it never joins its group."""
        if group not in self._consumers:
            self._consumers[group] = Consumer(
                {
                    "bootstrap.servers": self._bootstrap,
                    "group.id": group,
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "fetch.wait.max.ms": 50,
                }
            )
        return self._consumers[group]

    def read(self, academy: str, *topics: str) -> list[Seen]:
        """What an academy has in topics up to their present ends, in order per partition."""
        consumer = self._consumer()
        ends = {(t, p): range_ for t in topics for p, range_ in _ends(consumer, t).items()}
        left = {partition for partition, (first, end) in ends.items() if first < end}
        consumer.assign([TopicPartition(t, p, ends[t, p][0]) for t, p in left])
        found: list[Seen] = []
        prefix = f"{academy}/".encode()
        while left:
            for message in consumer.consume(5_000, 0.1):
                if message.error():
                    raise KafkaException(message.error())
                if (message.key() or b"").startswith(prefix):
                    found.append(_seen(message))
            for position in consumer.position([TopicPartition(t, p) for t, p in left]):
                if position.offset >= ends[position.topic, position.partition][1]:
                    left.discard((position.topic, position.partition))
        consumer.unassign()
        return sorted(found, key=lambda record: (topics.index(record.topic), record.partition, record.offset))

    def publish(self, records: Iterable[Seen]) -> None:
        """Publish the records as they are, in this order; each key goes where it was."""
        producer = Producer(
            {
                "bootstrap.servers": self._bootstrap,
                "acks": "all",
                "enable.idempotence": True,
                "message.max.bytes": RECORD_BYTES,
            }
        )
        for record in records:
            while True:
                try:
                    producer.produce(
                        record.topic,
                        key=record.key.encode(),
                        value=record.value,
                        headers=list(record.headers),
                        partition=record.partition,
                    )
                    break
                except BufferError:
                    producer.poll(0.5)
        assert producer.flush(60) == 0, "the broker did not take every record"

    def positions(self, group: str, topic: str) -> dict[int, tuple[int, int]]:
        """Per partition where the group goes on, and the end."""
        consumer = self._consumer(group)
        ends = _ends(consumer, topic)
        committed = consumer.committed([TopicPartition(topic, p) for p in ends], timeout=20)
        return {c.partition: (max(c.offset, ends[c.partition][0]), ends[c.partition][1]) for c in committed}

    def lags(self, groups: Sequence[tuple[str, str]] = GROUPS) -> dict[str, int]:
        """How many records each group has yet to commit, of those that have any."""
        lags = {group: sum(end - at for at, end in self.positions(group, topic).values()) for group, topic in groups}
        return {group: lag for group, lag in lags.items() if lag}

    def members(self, group: str) -> dict[str, int]:
        """The members of a group, and how many partitions each has."""
        (described,) = self._admin.describe_consumer_groups([group]).values()
        return {m.member_id: len(m.assignment.topic_partitions) for m in described.result(20).members}

    def move(self, group: str, topic: str, offsets: dict[int, int]) -> bool:
        """Commit other positions for a group that has no members; False while it has some."""
        moved = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
        try:
            self._consumer(group).commit(offsets=moved, asynchronous=False)
        except KafkaException:
            return False
        return True


def _ends(consumer: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=20) for p in partitions}


def _seen(message: Message) -> Seen:
    return Seen(
        message.topic(),
        message.partition(),
        message.offset(),
        (message.key() or b"").decode(),
        message.value(),
        tuple(message.headers() or ()),
        message.timestamp()[1],
    )
