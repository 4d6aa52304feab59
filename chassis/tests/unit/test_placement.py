"""Where a consumer goes back to is not lost where partitions are assigned anew in the same moment."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from chassis.positions import Placement
from chassis.records import Undecodable

TOPIC = "test.placement"
BOTH = {TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)}
FIRST = {TopicPartition(TOPIC, 0)}
BATCH = [Undecodable(TOPIC, 0, 7), Undecodable(TOPIC, 1, 7)]


class Consumer:
    """All of its partitions are committed up to 7; an assignment begins there."""

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._assignment: set[TopicPartition] = set()
        self.at: dict[int, int] = {}
        self.at_commit: Callable[[], None] = lambda: None
        self.commits: list[dict[int, int]] = []
        self.nothing_committed = False

    def assign(self, partitions: set[TopicPartition]) -> None:
        self._placement.on_partitions_revoked(self._assignment)
        self._assignment, self.at = partitions, {each.partition: 7 for each in partitions}
        self._placement.on_partitions_assigned(partitions)

    def assignment(self) -> set[TopicPartition]:
        return self._assignment

    async def committed(self, partition: TopicPartition) -> int | None:
        return None if self.nothing_committed else 7

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.at[partition.partition] = offset

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.at_commit()
        self.commits.append({partition.partition: offset for partition, offset in offsets.items()})


def placed(stored: Mapping[int, int], meanwhile: Callable[[], None] = lambda: None) -> tuple[Placement, Any]:
    async def load() -> Mapping[int, int]:
        meanwhile()
        return stored

    placement = Placement(TOPIC, load)
    consumer = Consumer(placement)
    consumer.assign(BOTH)
    return placement, consumer


async def test_a_batch_that_came_before_partitions_were_assigned_anew_is_not_handled_and_both_go_back() -> None:
    def assign_anew() -> None:
        if times.pop():
            consumer.assign(FIRST)

    times = [False, True]
    placement, consumer = placed({0: 3, 1: 3}, assign_anew)
    assert await placement.settled(consumer, BATCH) == ()
    assert consumer.at == {0: 7}
    assert await placement.settled(consumer, BATCH[:1]) == []
    assert consumer.at == {0: 3}


async def test_partitions_that_are_assigned_anew_while_others_are_committed_are_looked_at_again() -> None:
    placement, consumer = placed({0: 3, 1: 9})
    consumer.at_commit = lambda: consumer.assign(FIRST)
    assert await placement.settled(consumer, BATCH) == ()
    assert await placement.settled(consumer, BATCH[:1]) == []
    assert consumer.at == {0: 3}


async def test_where_a_commit_fails_and_the_batch_is_given_back_all_of_it_is_done_again() -> None:
    def fail() -> None:
        raise CommitFailedError

    placement, consumer = placed({0: 9, 1: 3})
    consumer.at_commit = fail
    with pytest.raises(CommitFailedError):
        await placement.settled(consumer, BATCH)
    consumer.at = {0: 7, 1: 7}  # given back
    committed: list[bool] = []
    consumer.at_commit = lambda: committed.append(True)
    assert await placement.settled(consumer, BATCH) == []
    assert (consumer.at, committed) == ({0: 9, 1: 3}, [True])


async def test_a_partition_that_stands_elsewhere_than_what_is_committed_now_begins_at_what_is_stored() -> None:
    placement, consumer = placed({0: 7, 1: 7})
    consumer.at = {0: 12, 1: 7}  # it began at what was committed before a commit that was under way
    assert await placement.settled(consumer, []) == []
    assert consumer.at == {0: 7, 1: 7}


async def test_what_begins_at_the_stored_position_is_handled_at_once_and_what_was_never_handled_too() -> None:
    placement, consumer = placed({0: 7, 1: 7})
    assert await placement.settled(consumer, BATCH) == BATCH
    placement, consumer = placed({})
    consumer.nothing_committed = True
    assert await placement.settled(consumer, BATCH) == BATCH


async def test_what_was_handled_but_never_committed_is_committed_so_that_no_lag_stays() -> None:
    placement, consumer = placed({0: 7})
    consumer.nothing_committed = True
    assert await placement.settled(consumer, []) == []
    assert (consumer.at, consumer.commits) == ({0: 7, 1: 7}, [{0: 7}])
