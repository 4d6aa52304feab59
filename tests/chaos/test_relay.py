"""The order of what is told of a person, through kills and a standstill of the process that tells it."""

import os
import signal
import time

import httpx
import pytest
from cases import Size
from harm import PATIENCE, Instance, kill, process, second_instance, until_back
from kafka_outside import Seen, user_request
from ledger import Ledger
from people import Workforce

from chassis.relay import CHUNK
from instroom.testing import wait_until

CHANGES = 20
SOURCE = "hr-of-the-test"


@pytest.mark.case(
    "relay",
    "relay killed again and again, and frozen while that of another instance takes over: 0 events lost, versions of "
    "each person first told in order and without gap, at most one chunk told again per harm",
)
def test_versions_come_first_in_order_and_without_gap_though_the_relay_is_killed_and_frozen_in_a_burst(
    ledger: Ledger, size: Size
) -> None:
    count = size.rows(300, 1_000)
    workforce = Workforce(ledger.academy, count, invite_every=count)
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    ledger.until(import_id, "completed")
    people = [person["personnel_number"] for person in workforce.state]
    kills, freezes = size.times(2, 10), size.times(1, 3)

    done = 0
    for _ in range(kills):
        done = _change(ledger, people, done)
        killed = kill(ledger.platform, "user-service")
    until_back(ledger.platform, "user-service", killed)
    with second_instance(ledger.platform, "user") as other:
        took_over = 0.0
        for _ in range(freezes):
            done = _change(ledger, people, done)
            took_over = max(took_over, _freeze_the_leader(ledger, other, size.seconds(0, 60)))
        _until_changed(ledger, len(people), done)
        ledger.until_quiet()

    ledger.versions_have_no_gap()
    assert {person["cost_centre"] for person in ledger.people()} == {f"N{done}"}
    assert {person["version"] for person in ledger.people()} == {1 + done}
    outcomes = ledger.outcomes(lambda record: record.reference[0] == SOURCE)
    assert len(outcomes) == len(people) * done
    again = sum(map(len, outcomes.values())) - len(outcomes)
    assert again <= (kills + freezes) * CHUNK, "the relay may repeat the chunk that it had not written down"
    ledger.close(kills=kills, freezes=freezes, told_again=again, seconds_until_another_led=took_over)


def _change(ledger: Ledger, people: list[str], done: int) -> int:
    """Have each person changed many times, one request behind the other, and wait until some of it is written; how
    often each will have been changed."""
    ledger.send(_changes(ledger.academy, people, range(done + 1, done + CHANGES + 1)))
    _until_changed(ledger, len(people), done + CHANGES / 5)
    return done + CHANGES


def _changes(academy: str, numbers: list[str], changes: range) -> list[Seen]:
    return [
        user_request(academy, SOURCE, "update", {"personnel_number": number, "cost_centre": f"N{change}"})
        for change in changes
        for number in numbers
    ]


def _until_changed(ledger: Ledger, people: int, changes: float) -> None:
    """Wait until so many changes of each, taken together, are written."""

    def changed() -> bool:
        versions = ledger.ask("user", "SELECT sum(version) FROM person WHERE academy = $1", ledger.academy)
        return bool(versions - people >= changes * people)

    wait_until(changed, timeout=PATIENCE, every=0.01, what=f"{changes:g} changes of each are written")


def _freeze_the_leader(ledger: Ledger, other: Instance, least: float) -> float:
    """Stop the process whose relay leads until the other one leads, at least so long, and have it go on; how many
    seconds nobody led."""
    own = process(ledger.platform, "user-service").pid
    assert own is not None
    pids = {ledger.services["user"]: own, other.url: other.process.pid}
    leader = wait_until(lambda: next(filter(_leads, pids), None), timeout=PATIENCE, every=0.02, what="a relay leads")
    (follower,) = pids.keys() - {leader}
    os.kill(pids[leader], signal.SIGSTOP)
    began = time.monotonic()
    try:
        wait_until(lambda: _leads(follower), timeout=PATIENCE, every=0.02, what="the other relay leads")
        took = time.monotonic() - began
        time.sleep(max(0.0, least - took))  # the harm itself
    finally:
        os.kill(pids[leader], signal.SIGCONT)
    wait_until(lambda: not _leads(leader), timeout=PATIENCE, every=0.02, what="the one that was frozen knows")
    return took


def _leads(url: str) -> bool:
    return "\ninstroom_outbox_leader 1.0" in httpx.get(f"{url}/metrics", timeout=PATIENCE).text
