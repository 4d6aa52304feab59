"""A commit that fails stops nobody, and the log tells a rebalance from a broker that refuses."""

from typing import Any

import pytest
from aiokafka.errors import CommitFailedError, GroupAuthorizationFailedError, IllegalStateError
from structlog.testing import capture_logs

from chassis.broker import Membership


class Refusing:
    def __init__(self, error: Exception) -> None:
        self._error = error

    async def commit(self, offsets: Any) -> None:
        raise self._error

    def assignment(self) -> set[Any]:
        return set()

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    async def getmany(self, timeout_ms: int) -> None:
        raise self._error


@pytest.mark.parametrize(
    ("error", "event", "level"),
    [
        (CommitFailedError("the group has rebalanced"), "consumer.commit_refused", "warning"),
        (IllegalStateError("Partition t/1 is not assigned"), "consumer.commit_refused", "warning"),
        (GroupAuthorizationFailedError("group"), "consumer.commit_failed", "error"),
    ],
)
async def test_a_failed_commit_is_logged_as_what_it_is(error: Exception, event: str, level: str) -> None:
    with capture_logs() as lines:
        await Membership(Refusing(error)).commit({("t", 1): 7})
    (line,) = lines
    assert (line["event"], line["log_level"], line["positions"]) == (event, level, "t/1:7")
    assert ("GroupAuthorizationFailedError" in line.get("error", "")) is (event == "consumer.commit_failed")


async def test_a_broker_that_refuses_while_a_batch_takes_long_says_nothing_of_the_batch() -> None:
    with capture_logs() as lines:
        await Membership(Refusing(GroupAuthorizationFailedError("group"))).stay()
    assert [line["event"] for line in lines] == ["consumer.stay_failed"]


async def test_what_is_no_error_of_the_broker_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await Membership(Refusing(ZeroDivisionError())).commit({("t", 1): 7})
