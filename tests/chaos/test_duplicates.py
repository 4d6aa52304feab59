"""Delivering messages twice, late, shuffled or from the start again changes nothing."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from cases import Size
from kafka_outside import Seen
from ledger import Ledger
from people import Workforce

pytestmark = pytest.mark.case(
    "duplicates",
    "records delivered twice, shuffled or from the start again change no person, mail, import or event",
)

DELIVERED_AGAIN = (
    "user.checks",
    "user.verdicts",
    "user.requests",
    "user.requests.bulk",
    "user.events",
    "invitation.events",
)
FACTS = ("user.events", "invitation.events", "import.events")

Order = Callable[[Sequence[Seen], random.Random], list[Seen]]


def in_the_order_of_each_key(records: Sequence[Seen], rng: random.Random) -> list[Seen]:
    """Twice, mixed, but the records of one key follow each other as they did."""
    by_key: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for record in records:
        by_key[record.topic, record.key].append(record)
    placed = [
        (place, record)
        for own in by_key.values()
        for place, record in zip(sorted(rng.random() for _ in range(2 * len(own))), [*own, *own], strict=True)
    ]
    return [record for _, record in sorted(placed, key=lambda pair: pair[0])]


def in_any_order(records: Sequence[Seen], rng: random.Random) -> list[Seen]:
    """Twice, and the records of one key in any order too."""
    return rng.sample([*records, *records], 2 * len(records))


def from_the_start(records: Sequence[Seen], rng: random.Random) -> list[Seen]:
    """Each topic as a whole once more, the old before the new."""
    return list(records)


@pytest.mark.parametrize(
    "order", [pytest.param(in_the_order_of_each_key, marks=pytest.mark.long), in_any_order, from_the_start]
)
def test_records_delivered_again_change_neither_people_nor_mails_nor_imports(
    ledger: Ledger, size: Size, order: Order
) -> None:
    workforce = Workforce(ledger.academy, size.rows(400, 10_000), invite_every=2, special=("bounce-550.a", "p-a"))
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    ledger.until(import_id, "completed")
    ledger.until_mailed(len(workforce.mailed))
    _live_on(ledger)
    ledger.until_quiet()
    before = _all_that_is(ledger, import_id)

    rng = random.Random(ledger.academy)
    again = order(ledger.kafka.read(ledger.academy, *DELIVERED_AGAIN), rng)
    ledger.kafka.publish(again)
    ledger.until_quiet()

    after = _all_that_is(ledger, import_id)
    for what, was in before.items():
        assert after[what] == was, f"{what} changed"
    ledger.close(delivered_again=len(again))


def _live_on(ledger: Ledger) -> None:
    """Later changes of the same people: a request of the import that comes again must not undo them."""
    for n in range(10, 20):
        email = f"changed{n}@{ledger.academy}.example"
        assert ledger.command("PATCH", f"{n:05d}", json={"email": email})["outcome"]["code"] == "updated"
    for n in range(20, 25):
        ledger.command("DELETE", f"{n:05d}")
        ledger.command("POST", f"{n + 10:05d}", "deactivate")
        ledger.command("POST", f"{n + 20:05d}", "resend-invitation")
    for n in (20, 21):
        workplace = {"company": "Bedrijf 1", "department": "Afdeling 1"}
        again = workplace | {"personnel_number": f"{n:05d}", "first_name": "Weer", "last_name": "Terug"}
        email = f"back{n}@{ledger.academy}.example"
        assert ledger.command("POST", json=again | {"email": email})["outcome"]["restored"]
    # What they caused comes after them: it is waited for by its count.
    ledger.until_quiet()
    ledger.until_mailed(1)


def _all_that_is(ledger: Ledger, import_id: str) -> dict[str, Any]:
    said = {
        topic: {(r.header("ce_source"), r.header("ce_id")) for r in ledger.kafka.read(ledger.academy, topic)}
        for topic in FACTS
    }
    return {
        "people": ledger.people(),
        "people's rows in the database": ledger.ask(
            "user",
            "SELECT md5(string_agg(person::text, '|' ORDER BY number_key)) FROM person WHERE academy = $1",
            ledger.academy,
        ),
        "addresses": ledger.ask(
            "user",
            "SELECT md5(string_agg(a::text, '|' ORDER BY email_key)) FROM user_address a WHERE academy = $1",
            ledger.academy,
        ),
        "mails": {id_: len(copies) for id_, copies in ledger.mails().items()},
        "invitations": ledger.invitations(),
        "import": ledger.document(import_id),
        "dead letters": ledger.set_aside(),
        **said,
    }
