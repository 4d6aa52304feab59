"""Results that could not be written hold up new claims until all of them are: the leases of their mails may have ended."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import pytest
import structlog

from notify_service import use_cases
from notify_service.delivery import GROUP, Recorder
from notify_service.domain import Result


class Pool:
    """Connections on which nothing is written."""

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator["Pool"]:
        yield self

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield


async def test_nothing_new_is_claimed_while_any_result_of_an_outage_is_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = Recorder(Pool(), structlog.get_logger())  # type: ignore[arg-type]
    healthy: list[bool] = []
    outage = [True]

    async def record(transaction: Any, group: Sequence[Result]) -> None:
        if outage:
            outage.pop()
            raise ConnectionResetError
        await asyncio.sleep(0)
        healthy.append(recorder.healthy.is_set())

    monkeypatch.setattr(use_cases, "record", record)
    for number in range(2 * GROUP + 1):
        recorder.add(Result(("a", UUID(int=number), 1), UUID(int=0), "sent", 0.0, f"<{number}>", None))
    await recorder.flush()
    assert healthy == [False, False, False]
    assert recorder.healthy.is_set()
