"""A consumer that is much slower than what comes: it takes no more than it can hold, and stays in its group."""

import asyncio
import time

import psutil
import pytest
from cases import Size
from harm import PATIENCE, process
from ledger import Ledger
from people import Workforce

from contracts.topics import USER_REQUESTS_BULK
from instroom.testing import wait_until

MOST_MEMORY = 250
"""MiB that a service may have."""
HOLD = 4.0
"""Seconds that each lock is held: less than a service waits for one (`lock_timeout`)."""
BULK = USER_REQUESTS_BULK.name
GROUP = f"user-service.{BULK}"


@pytest.mark.case(
    "slow-consumer",
    f"while user-service waits for its database nearly all the time it has at most {MOST_MEMORY} MiB, no partition goes"
    " to another member, and all is done in the end",
)
def test_requests_that_come_much_faster_than_they_are_done_wait_on_their_topic(ledger: Ledger, size: Size) -> None:
    workforce = Workforce(ledger.academy, size.rows(4_000, 100_000), invite_every=100)
    service = psutil.Process(process(ledger.platform, "user-service").pid)
    wait_until(lambda: sum(ledger.kafka.members(GROUP).values()) == USER_REQUESTS_BULK.partitions, timeout=PATIENCE)
    members = ledger.kafka.members(GROUP)

    most, most_lag, until = 0, 0, time.monotonic() + size.seconds(8, 300)
    ledger.send(ledger.requests(workforce, USER_REQUESTS_BULK))
    while time.monotonic() < until:
        asyncio.run(_hold_up(ledger))
        most = max(most, service.memory_info().rss)
        most_lag = max(most_lag, ledger.kafka.lags([(GROUP, BULK)]).get(GROUP, 0))
    ledger.until_quiet()
    most = max(most, service.memory_info().rss)

    assert ledger.kafka.members(GROUP) == members, "a rebalance"
    assert most <= MOST_MEMORY * 2**20
    ledger.people_are(workforce)
    ledger.versions_have_no_gap()
    ledger.nothing_is_set_aside()
    ledger.close(most_MiB=most / 2**20, most_behind=most_lag)


async def _hold_up(ledger: Ledger) -> None:
    """Nobody can write a request down for a while."""
    connection = await ledger.connect("user")
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE request_log IN ACCESS EXCLUSIVE MODE")
            await asyncio.sleep(HOLD)
    finally:
        await connection.close()
