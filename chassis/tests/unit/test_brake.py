"""When everything fails it is not the records: the consumer sets aside a hundred and then waits for somebody to look."""

import asyncio
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from pydantic import BaseModel
from structlog.testing import LogCapture

from chassis.broker import Membership
from chassis.consuming import BRAKE_AFTER, BRAKE_WITHIN, Consumer, Subscription, Unreadable
from chassis.records import REPLAY_OF, RawRecord, Record
from chassis.telemetry import with_trace
from contracts.envelope import Envelope
from contracts.topics import Topic

TOPIC = Topic(
    name="test.brake",
    key="k",
    partitions=1,
    retention_ms=3_600_000,
    owner="test",
    producers=("test",),
    consumers=("test",),
)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Happened(BaseModel):
    n: int


class Raw:
    """A record that can be read."""

    topic, partition, key, timestamp = TOPIC.name, 0, b"a/1", 0

    def __init__(self, n: int, trace: str = "") -> None:
        self.offset, self.value = n, b'{"n":%d}' % n
        envelope = Envelope(id=str(n), type="test.happened.v1", source="test", academy="a", traceparent=trace)
        self.headers: Sequence[tuple[str, bytes | None]] = envelope.headers()


class Member(Membership):
    """A place in a group of nobody else."""

    def __init__(self) -> None:
        self.stayed: list[float] = []

    async def commit(self, positions: Any) -> None: ...

    async def stay(self) -> None:
        self.stayed.append(clock())


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


clock = Clock()


class Hurried(Consumer):
    """A consumer whose pauses take no time but by `clock`, and whose dead letters are a list."""

    def __init__(self, handle: Any) -> None:
        self.capture = LogCapture()
        log: Any = structlog.wrap_logger(None, processors=[with_trace, self.capture], wrapper_class=None)
        subscription = Subscription(topic=TOPIC, models={"test.happened.v1": Happened}, handle=handle)
        super().__init__(subscription, SimpleNamespace(), "cluster", "group", log, asyncio.Event())  # type: ignore[arg-type]
        self.aside: list[float] = []
        self.reasons: set[str | None] = set()

    async def _pause(self, seconds: float) -> None:
        self.reasons.add(self.halted)
        clock.now += seconds

    async def set_aside(self, bad: Sequence[tuple[RawRecord, Unreadable]]) -> None:
        self.aside += [clock()] * len(bad)

    def lines(self, event: str) -> list[Any]:
        return [line for line in self.capture.entries if line["event"] == event]


@pytest.fixture(autouse=True)
def _by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock.now = 1_000.0
    monkeypatch.setattr(
        "chassis.consuming.time",
        SimpleNamespace(monotonic=clock, perf_counter=time.perf_counter, time=time.time),
    )


async def nothing_works(records: list[Record[Happened]]) -> None:
    raise ZeroDivisionError


async def test_a_deploy_that_fails_for_every_record_sets_aside_a_hundred_and_then_halts_until_they_are_old() -> None:
    consumer, member = Hurried(nothing_works), Member()
    await consumer([Raw(n) for n in range(2 * BRAKE_AFTER + 1)], member)
    aside = consumer.aside
    assert len(aside) == 2 * BRAKE_AFTER + 1
    assert aside[BRAKE_AFTER - 1] - aside[0] < BRAKE_WITHIN
    assert all(late - early > BRAKE_WITHIN - 1 for early, late in zip(aside, aside[BRAKE_AFTER:], strict=False))
    (reason,) = consumer.reasons - {None}
    assert reason is not None
    assert reason.startswith(f"{TOPIC.name}: 100 records failed")
    assert consumer.halted is None
    assert consumer.lines("consumer.halted")


async def test_a_halted_consumer_stays_in_its_group() -> None:
    consumer, member = Hurried(nothing_works), Member()
    await consumer([Raw(n) for n in range(BRAKE_AFTER + 1)], member)
    halted = consumer.aside[-1] - consumer.aside[-2]
    assert len(member.stayed) >= halted // 60
    assert member.stayed[0] - consumer.aside[-2] <= 61


async def test_a_few_bad_records_never_halt_the_consumer() -> None:
    async def one_in_ten_fails(records: list[Record[Happened]]) -> None:
        if any(record.message.n % 10 == 0 for record in records):
            raise ZeroDivisionError

    consumer = Hurried(one_in_ten_fails)
    await consumer([Raw(n) for n in range(10 * BRAKE_AFTER)], Member())
    assert len(consumer.aside) == BRAKE_AFTER
    assert consumer.reasons == {None}


async def test_who_waits_long_for_what_passes_by_itself_stays_in_the_group() -> None:
    until = clock() + 600

    async def the_database_is_away(records: list[Record[Happened]]) -> None:
        if clock() < until:
            raise ConnectionResetError

    consumer, member = Hurried(the_database_is_away), Member()
    await consumer([Raw(1)], member)
    assert consumer.aside == []
    gaps = [after - before for before, after in zip(member.stayed, member.stayed[1:], strict=False)]
    assert len(member.stayed) >= 8
    assert max(gaps) < 70


async def test_a_record_that_is_set_aside_is_logged_with_its_trace() -> None:
    async def the_second_fails(records: list[Record[Happened]]) -> None:
        if any(record.message.n == 2 for record in records):
            raise ZeroDivisionError

    consumer = Hurried(the_second_fails)
    await consumer([Raw(1), Raw(2, f"00-{TRACE}-00f067aa0ba902b7-01"), Raw(3)], Member())
    (line,) = consumer.lines("consumer.set_aside")
    assert (line["offset"], line["trace_id"]) == (2, TRACE)


async def test_what_is_logged_has_a_trace_in_a_batch_of_one_none_in_one_of_several_and_none_after_it() -> None:
    async def say(records: list[Record[Happened]]) -> None:
        consumer.log.info("handled", records=len(records))

    consumer, trace = Hurried(say), f"00-{TRACE}-00f067aa0ba902b7-01"
    await consumer([Raw(1, trace)], Member())
    consumer.log.info("between")
    await consumer([Raw(2, trace), Raw(3, trace)], Member())
    assert [(line["event"], line.get("trace_id")) for line in consumer.capture.entries] == [
        ("handled", TRACE),
        ("between", None),
        ("handled", None),
    ]


async def test_replays_that_fail_again_are_set_aside_at_once_and_hold_nobody_up() -> None:
    consumer, member = Hurried(nothing_works), Member()
    replays = [Raw(n) for n in range(2 * BRAKE_AFTER)]
    for raw in replays:
        raw.headers = [*raw.headers, (REPLAY_OF, b"a letter")]
    await consumer(replays, member)
    assert (len(consumer.aside), clock.now, consumer.halted) == (2 * BRAKE_AFTER, 1_000.0, None)
