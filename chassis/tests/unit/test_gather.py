"""A batch that may grow: what came behind it comes with it, and nothing is passed over where that fails."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from chassis import broker
from chassis.broker import gather
from chassis.records import RawRecord, Undecodable

TOPIC = TopicPartition("t", 0)


class Consumer:
    """What `gather` asks of a consumer, with the offsets that come next."""

    def __init__(self, *answers: range | Exception) -> None:
        self.answers = list(answers)
        self.position = 0

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, Sequence[RawRecord]]:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        self.position = answer.start + min(len(answer), max_records)
        return {TOPIC: records(range(answer.start, self.position))}

    def assignment(self) -> set[TopicPartition]:
        return {TOPIC}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        assert partition == TOPIC
        self.position = offset


def records(offsets: range) -> list[RawRecord]:
    return [Undecodable(TOPIC.topic, TOPIC.partition, offset) for offset in offsets]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "GATHER", 0.0)


async def gathered(consumer: Any, most: int) -> list[int]:
    return [record.offset for record in await gather(consumer, records(range(2)), most)]


async def test_what_came_behind_a_batch_comes_with_it_in_order() -> None:
    assert await gathered(Consumer(range(2, 3), range(3, 6)), 100) == [0, 1, 2, 3, 4, 5]


async def test_a_batch_grows_no_further_than_it_may() -> None:
    consumer = Consumer(range(2, 3), range(3, 9))
    assert await gathered(consumer, 4) == [0, 1, 2, 3]
    assert consumer.position == 4


@pytest.mark.parametrize("answers", [(KafkaError(),), (range(2, 3), KafkaError())])
async def test_where_nothing_more_can_be_had_the_batch_comes_again(answers: tuple[range | Exception, ...]) -> None:
    consumer = Consumer(*answers)
    with pytest.raises(KafkaError):
        await gathered(consumer, 100)
    assert consumer.position == 0
