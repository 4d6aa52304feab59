"""The broker's data are lost, and an empty broker takes its place: while everything runs, or between two starts."""

import json
import os
import shutil
import signal
from collections.abc import Iterator

import pytest
from cases import OpenLedger, Size
from harm import process, until_back
from kafka_outside import Kafka
from ledger import Ledger, in_time
from people import COMPANIES, FUNCTIONS, Workforce

from instroom.home import addresses
from instroom.stack.supervisor import Running
from instroom.testing import Platform, new_home, running

SERVICES = ("org-service", "user-service", "import-service", "notify-service")
RUNNING, STOPPED = "while everything runs", "between two starts"


@pytest.fixture(scope="module")
def bereft() -> Iterator[Platform]:
    """A platform whose broker loses everything, again and again."""
    # A row without an answer is asked again after so long that no test would see it: it must happen at once.
    settings = {"INSTROOM_SESSION_TIMEOUT": "4", "INSTROOM_STALL_AFTER": "600"}
    with running(Platform(new_home("instroom-chaos-", on_disk=True), settings)) as platform:
        yield platform


@pytest.fixture
def ledger(bereft: Platform, open_ledger: OpenLedger) -> Ledger:
    return open_ledger(bereft)


def replace_while_running(platform: Platform) -> None:
    """Kill the broker, delete its data; each service ends by itself and is started again."""
    running = Running.read(platform.home)
    assert running is not None
    before = {name: process(platform, name).pid for name in ("kafka", *SERVICES)}
    os.kill(running.supervisor.pid, signal.SIGSTOP)
    try:
        os.kill(before["kafka"] or 0, signal.SIGKILL)
        shutil.rmtree(platform.home / "kafka" / "data")
    finally:
        os.kill(running.supervisor.pid, signal.SIGCONT)
    for name, pid in before.items():
        until_back(platform, name, pid or 0)


def replace_between_starts(platform: Platform) -> None:
    platform.down()
    shutil.rmtree(platform.home / "kafka" / "data")
    platform.up()


@pytest.mark.parametrize("phase", [pytest.param("checking", marks=pytest.mark.long), "running"])
@pytest.mark.parametrize("when", [RUNNING, pytest.param(STOPPED, marks=pytest.mark.long)])
@pytest.mark.case(
    "replaced-broker",
    "imports complete by themselves, nobody is twice or mailed twice, and what is kept is told again, the oldest first",
)
@in_time
def test_an_empty_broker_is_filled_again_and_the_work_goes_on(
    ledger: Ledger, open_ledger: OpenLedger, size: Size, when: str, phase: str
) -> None:
    platform = ledger.platform
    workforce = Workforce(ledger.academy, size.rows(3_000, 20_000), invite_every=5)
    quiet = open_ledger(platform)  # an academy that has nothing under way
    seen = told_of_structure(quiet)
    import_id = ledger.upload(workforce)
    if phase == "running":
        ledger.until(import_id, "checked")
        ledger.start(import_id)
    ledger.in_the_middle(import_id, phase, at_least=0.01, at_most=0.95)

    (replace_while_running if when == RUNNING else replace_between_starts)(platform)

    ledger.kafka = quiet.kafka = Kafka(addresses(platform.home).kafka)
    if phase == "checking":
        ledger.until(import_id, "checked")
        ledger.start(import_id)
    ledger.until(import_id, "completed")
    ledger.until_mailed(len(workforce.mailed))
    ledger.until_quiet()
    ledger.people_are(workforce)
    ledger.versions_have_no_gap()
    ledger.nothing_is_set_aside()
    ledger.each_is_mailed_once(workforce.mailed)
    assert told_of_structure(quiet) == seen

    # Whoever comes new to the broker has all that it takes.
    platform.define(ledger.academy, COMPANIES | {"Newest": ["Verkoop"]}, FUNCTIONS)
    number = workforce.state[0]["personnel_number"]
    moved = ledger.command("PATCH", number, json={"company": "Newest", "department": "Verkoop"})
    assert moved["outcome"]["code"] == "updated", moved
    ledger.until_quiet()
    ledger.close()


def told_of_structure(ledger: Ledger) -> dict[str, str]:
    """The state of each unit as the newest record of its key tells it."""
    found = {}
    for record in ledger.kafka.read(ledger.academy, "org.structure"):
        document = json.loads(record.value or b"{}")
        found[record.key] = document.get("name", "")
    return found
