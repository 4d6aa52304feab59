"""Records that nobody can read, by the hundred among good ones at full speed: each ends alone, the others go through."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import cycle

import pytest
from cases import Size
from harm import PATIENCE
from kafka_outside import Seen
from ledger import Ledger
from people import Workforce

from contracts.topics import USER_REQUESTS_BULK
from instroom.testing import wait_until

BULK = USER_REQUESTS_BULK.name
PERSONAL = "GeheimeNaam"
"""In every poisonous value; no log may hold it."""
MEGABYTE = 1_000_000


def _with_header(name: str, *values: bytes | None) -> Callable[[Seen], Seen]:
    """These values of a header in place of its own."""

    def spoilt(record: Seen) -> Seen:
        others = [header for header in record.headers if header[0] != name]
        return replace(record, headers=(*others, *((name, value) for value in values)))

    return spoilt


def _with_member(text: str) -> Callable[[Seen], Seen]:
    """One more member of the value's JSON."""
    return lambda record: replace(record, value=b"%s, %s}" % ((record.value or b"")[:-1], text.encode()))


READABLE: dict[str, Callable[[Seen], Seen]] = {
    "no value": lambda record: replace(record, value=None),
    "no JSON": lambda record: replace(record, value=(record.value or b"")[:-1]),
    "another schema": _with_member('"person": {"first_name": 1001}'),
    "an unknown type": _with_header("ce_type", b"instroom.user.cloned.v1"),
    "a megabyte": lambda record: replace(record, value=PERSONAL.encode() * (MEGABYTE // len(PERSONAL))),
    "not a number": _with_member('"min_org_revision": NaN'),
    "a number without end": _with_member(f'"min_org_revision": {"9" * 5_000}'),
    "nested without end": _with_member(f'"more": {"[" * 100_000}'),
}
"""The envelope can be read, so that whoever asked is told."""
KINDS = READABLE | {
    "a header that is not UTF-8": _with_header("ce_source", b"\xff\xfe"),
    "a header without value": _with_header("ce_source", None),
    "no headers": lambda record: replace(record, headers=()),
    "another academy": _with_header("ce_academy", b"somebody-else"),
    "a header twice": _with_header("ce_id", b"one", b"other"),
}


@pytest.mark.case(
    "poison",
    "each poisonous record of the twelve kinds is one dead letter, byte for byte; whoever asked is told; all others are"
    " handled; no log holds what was in it",
)
def test_each_poisonous_record_is_one_dead_letter_and_all_others_are_handled(ledger: Ledger, size: Size) -> None:
    rows = size.rows(1_000, 20_000)
    clean = _take_in(ledger, rows)
    ledger.close(rows_a_second=clean)
    for percent in (1, 10):
        ledger.begin_again()
        poison = _poison(ledger, rows * percent // 100)
        rate = _take_in(ledger, rows, poison)

        letters = ledger.set_aside()
        assert Counter(map(_as_it_came, letters)) == Counter((p.key, p.value, p.headers) for p in poison)
        assert len({letter.header("x-dead-letter-id") for letter in letters}) == len(poison)
        for log in (ledger.platform.home / "logs").iterdir():
            assert PERSONAL not in log.read_text("utf-8", errors="replace"), f"{log} holds what was in a record"
        ledger.close(percent_poison=percent, rows_a_second=rate, percent_of_clean=100 * rate / clean)


def _take_in(ledger: Ledger, rows: int, poison: Sequence[Seen] = ()) -> float:
    """Have so many people taken in with the poison among them; how many were a second."""
    workforce = Workforce(ledger.academy, rows, invite_every=50)
    good = ledger.requests(workforce, USER_REQUESTS_BULK)
    records = list(good)
    for number, record in enumerate(poison):
        records.insert(number * (1 + rows // len(poison)), record)
    ledger.expect(good)
    there = "SELECT count(*) FROM person WHERE academy = $1"

    began = time.monotonic()
    ledger.kafka.publish(records)
    wait_until(
        lambda: ledger.ask("user", there, ledger.academy) == len(workforce.state),
        timeout=PATIENCE,
        every=0.05,
        what="all who can be taken in are there",
    )
    rate = rows / (time.monotonic() - began)
    ledger.until_quiet()
    ledger.people_are(workforce)
    ledger.versions_have_no_gap()
    return rate


def _poison(ledger: Ledger, count: int) -> list[Seen]:
    """So many records of all kinds by turns; those that can be answered are expected to be."""
    good = ledger.requests(Workforce(ledger.academy, count), USER_REQUESTS_BULK)
    personal = [
        replace(each, value=(each.value or b"").replace(b'"last_name": "', b'"last_name": "' + PERSONAL.encode()))
        for each in good
    ]
    made = [(kind, spoil(record)) for (kind, spoil), record in zip(cycle(KINDS.items()), personal)]
    ledger.expect(record for kind, record in made if kind in READABLE)
    return [record for _, record in made]


def _as_it_came(letter: Seen) -> tuple[str, bytes | None, tuple[tuple[str, bytes | None], ...]]:
    return letter.key, letter.value, tuple(header for header in letter.headers if not header[0].startswith("x-"))
