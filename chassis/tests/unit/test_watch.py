"""A consumer that stops without a word is found out by comparing it with the broker; one that has a reason is not."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from chassis import broker
from chassis.broker import LOOK_EVERY, STUCK_AFTER, Watch

PARTITION = TopicPartition("t", 0)


class Client:
    """A consumer at offset 3 of a partition."""

    def __init__(self, end: int | Exception, assigned: bool = True) -> None:
        self._end, self._assigned = end, assigned

    def assignment(self) -> set[TopicPartition]:
        return {PARTITION} if self._assigned else set()

    async def end_offsets(self, partitions: set[TopicPartition]) -> dict[TopicPartition, int]:
        if isinstance(self._end, Exception):
            raise self._end
        return dict.fromkeys(partitions, self._end)

    async def position(self, _: TopicPartition) -> int:
        return 3


async def after_a_while(monkeypatch: pytest.MonkeyPatch, client: Any, **each_time: bool) -> str | None:
    """What is said of a consumer that went on like this for somewhat longer than is allowed."""
    now = 1_000.0
    monkeypatch.setattr(broker, "time", SimpleNamespace(monotonic=lambda: now))
    watch = Watch("t")
    while now < 1_000 + STUCK_AFTER + LOOK_EVERY:
        now += LOOK_EVERY
        for name, value in each_time.items():
            setattr(watch, name, value)
        await watch.look(client)
    return watch.why_stuck()


async def test_a_consumer_that_stays_behind_without_a_batch_is_not_live(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await after_a_while(monkeypatch, Client(end=5), turned=True)


async def test_a_consumer_whose_client_does_not_answer_is_not_live(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await after_a_while(monkeypatch, Client(end=3))
    assert await after_a_while(monkeypatch, Client(end=3, assigned=False))


@pytest.mark.parametrize(
    ("client", "each_time"),
    [
        pytest.param(Client(end=3), {"turned": True}, id="nothing to do"),
        pytest.param(Client(end=3, assigned=False), {"turned": True}, id="no partition"),
        pytest.param(Client(end=5), {"turned": True, "handled": True}, id="a long way to go"),
        pytest.param(Client(end=5), {"busy": True}, id="a long batch"),
        pytest.param(Client(KafkaConnectionError()), {}, id="no broker"),
    ],
)
async def test_a_consumer_with_a_reason_is_live(
    monkeypatch: pytest.MonkeyPatch, client: Client, each_time: dict[str, bool]
) -> None:
    assert await after_a_while(monkeypatch, client, **each_time) is None
