"""Two instances of each service and both lanes at the same people: no twin, no address twice, one outcome for each."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from cases import Size
from harm import PATIENCE, second_instance
from health import consumed
from kafka_outside import Seen, user_request
from ledger import Document, Ledger
from people import Workforce

from instroom.testing import wait_until

pytestmark = pytest.mark.case(
    "two-instances",
    "no twin, no address twice, one outcome for each request",
)

SOURCE = "hr-of-the-test"
ANYBODY = "SELECT EXISTS (SELECT FROM person WHERE academy = $1)"
WORK = {
    "user": ("user.requests", "user.requests.bulk"),
    "import": ("user.events",),
    "notify": ("user.events",),
}
"""What the two instances of a service share."""


def test_crossed_numbers_and_addresses_on_both_lanes_make_no_twin(ledger: Ledger, size: Size) -> None:
    rows = size.rows(2_000, 20_000)
    workforce = Workforce(ledger.academy, rows, invite_every=3)
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    with ThreadPoolExecutor(8) as pool, ExitStack() as stack:
        started = pool.map(lambda name: stack.enter_context(second_instance(ledger.platform, name)), WORK)
        both = {name: (ledger.services[name], other.url) for name, other in zip(WORK, started, strict=True)}
        before = {name: [_share(url, name) for url in urls] for name, urls in both.items()}

        requests = _requests(ledger.academy, rows)
        ledger.send(requests[: len(requests) // 4])
        wait_until(lambda: ledger.ask("user", ANYBODY, ledger.academy), timeout=PATIENCE, every=0.005)
        ledger.start(import_id)
        ledger.send(requests[len(requests) // 4 :])
        answers = list(
            pool.map(
                lambda numbered: _command(ledger, both["user"][numbered[0] % 2], *numbered[1]),
                enumerate(_crossed(ledger.academy, rows, 60)),
            )
        )
        completed = ledger.until(import_id, "completed")
        ledger.until_quiet()
        ledger.until_mailed(1)
        after = {name: [_share(url, name) for url in urls] for name, urls in both.items()}

    for name in WORK:
        shares = [now - was for now, was in zip(after[name], before[name], strict=True)]
        assert all(shares), f"only one {name}-service had anything to do: {shares}"
    assert sum(completed[name] for name in ("created", "updated", "unchanged", "rejected")) == rows
    ledger.no_twins()
    ledger.versions_have_no_gap()
    ledger.nothing_is_set_aside()
    ledger.each_request_has_one_outcome(import_id, set(workforce.outcomes), rejected=completed["plan"]["rejected"])
    commands = ledger.outcomes(lambda record: record.reference[0] == "command")
    assert {id_ for _, id_ in commands} == {answer["id"] for answer in answers}
    answered = ledger.outcomes(lambda record: record.reference[0] == SOURCE)
    assert len(answered) == len(requests)
    for records in [*commands.values(), *answered.values()]:
        assert len({(record.type, record.value) for record in records}) == 1, "several outcomes"
    assert all(len(copies) == 1 for copies in ledger.mails().values()), "a mail went out from both"
    ledger.close()


def _crossed(academy: str, rows: int, every: int) -> list[tuple[str, dict[str, str]]]:
    """What others ask about the people of the workbook: the same numbers with other addresses, the same addresses with
    other numbers, the addresses of two exchanged, and the very same person."""
    asked = []
    person = {"first_name": "Kees", "last_name": "Kruis", "company": "Bedrijf 1", "department": "Afdeling 1"}
    for n in range(rows - 1, 0, -every):  # from the end, so that they and the import meet in the middle
        one, other = f"{n:05d}", f"{n + 1:05d}"
        address_of_one, address_of_other = f"p{n}@{academy}.example", f"p{n + 1}@{academy}.example"
        asked += [
            ("upsert", person | {"personnel_number": one, "email": address_of_other}),
            ("create", person | {"personnel_number": f"X{n}", "email": address_of_one}),
            ("upsert", person | {"personnel_number": f"{n + 2:05d}", "email": f"p{n + 2}@{academy}.example"}),
            ("update", {"personnel_number": other, "email": f"free{n}@{academy}.example"}),
            ("update", {"personnel_number": one, "email": address_of_other}),
            ("create", person | {"personnel_number": other, "email": address_of_one}),
            ("update", {"personnel_number": other, "email": address_of_one}),
        ]
    return asked


def _requests(academy: str, rows: int) -> list[Seen]:
    return [user_request(academy, SOURCE, mode, person) for mode, person in _crossed(academy, rows, 4)]


def _command(ledger: Ledger, url: str, mode: str, person: dict[str, str]) -> Document:
    if mode == "update":
        fields = {name: value for name, value in person.items() if name != "personnel_number"}
        return ledger.command("PATCH", person["personnel_number"], url=url, json=fields)
    return ledger.command("POST", url=url, json=person)


def _share(url: str, service: str) -> float:
    """How much of the shared work an instance has done."""
    return sum(consumed(url, topic) for topic in WORK[service])
