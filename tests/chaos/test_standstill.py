"""An instance that stands still for longer than its session: others do its batch again, and it works on when it wakes."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cases import Size
from harm import PATIENCE, second_instance
from health import consumed
from kafka_outside import user_request
from ledger import Ledger, in_time
from people import Workforce

from contracts.topics import USER_REQUESTS_BULK
from instroom.testing import wait_until

pytestmark = pytest.mark.case(
    "standstill",
    "0 rows lost, 0 users twice, though an event loop stands still in an import for longer than its session: the import"
    " completes meanwhile, and who wakes takes its share again",
)

BULK = USER_REQUESTS_BULK.name
GROUP = f"user-service.{BULK}"
MEMBERS = 2
"""Of the group in each instance."""


@in_time
def test_an_instance_that_stands_still_amidst_its_batch_holds_nothing_up_and_takes_part_again(
    ledger: Ledger, size: Size
) -> None:
    with second_instance(ledger.platform, "user") as other:
        for number in range(size.times(1, 4)):
            if number:
                ledger.begin_again()
            workforce = Workforce(ledger.academy, size.rows(3_000, 20_000), invite_every=10)
            _until_instances(ledger, 2)
            import_id = ledger.upload(workforce)
            ledger.until(import_id, "checked")
            ledger.start(import_id)
            ledger.in_the_middle(import_id, "running")
            with _standing_still(other.process):
                _until_instances(ledger, 1)
                ledger.until(import_id, "completed")
            _until_instances(ledger, 2)
            ledger.balance(workforce, import_id)

            before = consumed(other.url, BULK)
            fields = (
                {"personnel_number": person["personnel_number"], "cost_centre": "Z"} for person in workforce.state
            )
            ledger.send(
                [user_request(ledger.academy, "hr", "update", each, topic=USER_REQUESTS_BULK) for each in fields]
            )
            ledger.until_quiet()
            share = consumed(other.url, BULK) - before
            assert share > 0, "who woke has nothing to do"
            ledger.close(done_by_who_woke=share)


@contextmanager
def _standing_still(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def _until_instances(ledger: Ledger, count: int) -> None:
    """Wait until so many instances share the requests of imports, each with some partitions."""
    wait_until(
        lambda: len(shares := ledger.kafka.members(GROUP).values()) == count * MEMBERS and all(shares),
        timeout=PATIENCE,
        what=f"{count} share the partitions",
    )
