"""No room for the broker, then none for the database: nothing that was acknowledged is lost, and all goes on by itself."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.leaving_out import leave_out
from cases import SETTINGS, OpenLedger, Size
from disk import disk_of_its_own, full, why_impossible
from harm import PATIENCE
from health import starts, watched
from ledger import Ledger, in_time
from people import Workforce

from instroom.testing import Platform, new_home, wait_until

NO_ROOM = b"No space left on device"


@pytest.fixture
def ledger(open_ledger: OpenLedger) -> Iterator[Ledger]:
    """The books of a platform whose broker and database have disks of their own."""
    if reason := why_impossible():
        leave_out(reason)
    platform = Platform(new_home("instroom-chaos-", on_disk=True), dict(SETTINGS))
    try:
        platform.up()
        platform.ok("down", timeout=120)
        with disk_of_its_own(platform.home / "kafka"), disk_of_its_own(platform.home / "postgres"):
            try:
                platform.up()
                yield open_ledger(platform)
            finally:
                platform.down()
    finally:
        shutil.rmtree(platform.home.parent, ignore_errors=True)


@pytest.mark.case(
    "disk-full",
    "the disk of the broker, then that of the database full for 60 s in an import: no service ends, /livez stays 200, "
    "0 dead letters, 0 rows lost, 0 users and 0 mails twice, it goes on by itself once there is room",
)
@in_time
def test_an_import_goes_on_by_itself_once_the_full_disk_of_broker_or_database_has_room(
    ledger: Ledger, size: Size
) -> None:
    workforce = Workforce(ledger.academy, size.rows(4_000, 50_000))
    home = ledger.platform.home
    before = starts(ledger.platform)
    import_id = ledger.upload(workforce)
    ledger.in_the_middle(import_id, "checking")
    _fill(ledger, home / "kafka", home / "logs" / "kafka.log", size.seconds(3, 60))
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    ledger.in_the_middle(import_id, "running")
    _fill(ledger, home / "postgres", home / "logs" / "postgres.log", size.seconds(3, 60))
    began = time.monotonic()
    ledger.until(import_id, "completed")
    completed = time.monotonic() - began

    assert starts(ledger.platform) == before
    ledger.balance(workforce, import_id)
    ledger.close(seconds_full=size.seconds(3, 60), seconds_until_completed=completed)


def _fill(ledger: Ledger, folder: Path, log: Path, seconds: float) -> None:
    """Take away all room until who needs it has said so, and so long more."""
    told = log.stat().st_size
    with full(folder):
        wait_until(lambda: NO_ROOM in log.read_bytes()[told:], timeout=PATIENCE, what=f"{folder.name} has no room")
        health = watched(ledger.services, seconds)
    assert set().union(*health.live.values()) == {200}
