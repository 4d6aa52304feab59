"""The order of what is told of a person, through kills of the service that tells it."""

import pytest
from harm import PATIENCE, kill, until_back
from kafka_outside import Seen, user_request
from ledger import Ledger
from people import Workforce

from chassis.relay import CHUNK
from instroom.testing import wait_until

pytestmark = pytest.mark.case(
    "order",
    "versions of a person are told first in order and without gap",
)

PEOPLE = 300
CHANGES = 20
SOURCE = "hr-of-the-test"


def test_versions_come_first_in_order_and_without_gap_though_user_service_is_killed_in_a_burst(ledger: Ledger) -> None:
    workforce = Workforce(ledger.academy, PEOPLE, invite_every=PEOPLE)
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    ledger.until(import_id, "completed")
    ledger.until_quiet()
    people = [person["personnel_number"] for person in workforce.state]

    ledger.send(_changes(ledger.academy, people))
    for part in (0.1, 0.4):
        _until_changed(ledger, len(people), part)
        killed = kill(ledger.platform, "user-service")
    until_back(ledger.platform, "user-service", killed)
    _until_changed(ledger, len(people), 1.0)
    ledger.until_quiet()

    ledger.versions_have_no_gap()
    assert {person["cost_centre"] for person in ledger.people()} == {f"N{CHANGES}"}
    assert {person["version"] for person in ledger.people()} == {1 + CHANGES}
    outcomes = ledger.outcomes(lambda record: record.reference[0] == SOURCE)
    assert len(outcomes) == len(people) * CHANGES
    assert all(len({record.value for record in records}) == 1 for records in outcomes.values())
    again = sum(map(len, outcomes.values())) - len(outcomes)
    assert again <= 2 * CHUNK, "the relay may repeat the chunk that it had not written down"
    ledger.close(kills=2, told_again=again)


def _changes(academy: str, numbers: list[str]) -> list[Seen]:
    """Each person changed many times, one request behind the other."""
    return [
        user_request(academy, SOURCE, "update", {"personnel_number": number, "cost_centre": f"N{change}"})
        for change in range(1, CHANGES + 1)
        for number in numbers
    ]


def _until_changed(ledger: Ledger, people: int, part: float) -> None:
    """Wait until so large a part of all changes is written."""

    def changed() -> bool:
        versions = ledger.ask("user", "SELECT sum(version) FROM person WHERE academy = $1", ledger.academy)
        return bool((versions - people) >= part * people * CHANGES)

    wait_until(changed, timeout=PATIENCE, every=0.01, what=f"{part:.0%} of the changes are written")
