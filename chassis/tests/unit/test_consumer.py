"""What a consumer does with a batch: what passes by itself is waited for, and what is unfinished is not passed over."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import structlog
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError, NotEnoughReplicasError
from pydantic import BaseModel

from chassis.broker import Membership
from chassis.consuming import Consumer, Subscription, Unreadable
from chassis.dispatch import Dispatcher
from chassis.records import Event, RawEvent, RawRecord, Record
from contracts.envelope import Envelope
from contracts.topics import Topic

TOPIC = Topic(
    name="test.consumer",
    key="k",
    partitions=1,
    retention_ms=3_600_000,
    owner="test",
    producers=("test",),
    consumers=("test",),
)
KNOWN = frozenset({"test.happened.v1", "test.other.v1"})
ENVELOPE = Envelope(id="1", type="test.happened.v1", source="test", academy="a")


class Happened(BaseModel):
    n: int


class Raw:
    """A record that can be read."""

    topic, partition, key, timestamp = TOPIC.name, 0, b"a/1", 0

    def __init__(self, n: int) -> None:
        self.offset, self.value = n, b'{"n":%d}' % n
        self.headers: Sequence[tuple[str, bytes | None]] = ENVELOPE.headers()


class Member(Membership):
    """A place in a group of nobody else."""

    def __init__(self) -> None:
        self.committed: list[int] = []
        self.given_back: list[int] = []

    async def commit(self, positions: Any) -> None:
        self.committed += positions.values()

    def give_back(self, records: Sequence[RawRecord]) -> None:
        self.given_back += [record.offset for record in records]


class Aside(Consumer):
    """A consumer whose dead letters are a list."""

    def __init__(self, handle: Any) -> None:
        subscription = Subscription(topic=TOPIC, models={ENVELOPE.type: Happened}, known=KNOWN, handle=handle)
        super().__init__(subscription, SimpleNamespace(), "cluster", "group", structlog.get_logger(), asyncio.Event())  # type: ignore[arg-type]
        self.aside: list[int] = []

    async def set_aside(self, bad: Sequence[tuple[RawRecord, Unreadable]]) -> None:
        self.aside += [raw.offset for raw, _ in bad]


async def test_a_batch_that_is_unfinished_at_the_stop_comes_again_and_nothing_behind_it_is_handled() -> None:
    handled: list[int] = []

    async def the_first_fails_at_the_stop(records: list[Record[Happened]]) -> None:
        if records[0].message.n == 1:
            consumer.stopping.set()
            raise ConnectionResetError
        handled.extend(record.message.n for record in records)

    consumer, member = Aside(the_first_fails_at_the_stop), Member()
    await consumer([Raw(1), Raw(2)], member)
    await consumer([Raw(3), Raw(4)], member)
    assert (handled, member.committed, member.given_back) == ([], [], [1, 2])


class Sender:
    """A publisher that fails with each of the errors first."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.sent = list(errors), 0

    async def publish(self, events: Sequence[RawEvent]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.sent += len(events)


def replying(sender: Sender) -> Aside:
    dispatcher = Dispatcher(sender)  # type: ignore[arg-type]

    async def reply(records: list[Record[Happened]]) -> None:
        await dispatcher.send([Event(TOPIC.name, record.key, record.envelope, b"{}") for record in records])

    return Aside(reply)


async def test_an_answer_that_a_broker_cannot_take_for_the_moment_sets_nothing_aside() -> None:
    sender = Sender(KafkaConnectionError(), NotEnoughReplicasError(), KafkaConnectionError(), KafkaConnectionError())
    consumer, member = replying(sender), Member()
    await consumer([Raw(1), Raw(2)], member)
    assert (sender.sent, consumer.aside, member.committed) == (2, [], [3])


async def test_an_answer_that_is_too_large_for_the_broker_is_not_sent_for_ever() -> None:
    consumer, member = replying(Sender(*[MessageSizeTooLargeError() for _ in range(3)])), Member()
    await consumer([Raw(1)], member)
    assert (consumer.aside, member.committed) == ([1], [2])


async def test_what_is_of_a_type_that_the_service_does_not_read_is_passed_over_whatever_is_in_it() -> None:
    handled: list[int] = []

    async def handle(records: list[Record[Happened]]) -> None:
        handled.extend(record.offset for record in records)

    others, unheard = Raw(2), Raw(3)
    others.headers, others.value = [("ce_type", b"test.other.v1"), ("ce_id", b"\xff")], b"{"
    unheard.headers = [*Raw(3).headers[:2], ("ce_type", b"test.unheard.v1")]
    consumer, member = Aside(handle), Member()
    consumer.subscription.keeps_positions = False
    await consumer([Raw(1), others, unheard, Raw(4)], member)
    assert (handled, consumer.aside, member.committed) == ([1, 4], [3], [5])
