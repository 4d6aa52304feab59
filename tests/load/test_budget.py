"""What a row costs in things that can be counted, however slow the machine. What they cost in time: `make bench`."""

from pathlib import Path
from typing import Any, Final

import pytest
from outside.academy import Academy, NewAcademy

from instroom.samples import large
from load.bench import counts, workbooks
from load.bench.product import Imports

pytestmark = pytest.mark.slow

ROWS: Final = 2_000
GROWN: Final = 6_000
"""Rows that come between the first and the last of ROWS."""

CHECK: Final = {
    "commits": 0.05,
    "rows": 7,
    "blocks": 30,
    "wal_records": 5,
    "records": 2.3,
    "record_bytes": 2_000,
}
WRITING: Final = {
    "commits": 0.05,
    "rows": 13,
    "blocks": 90,
    "wal_records": 18,
    "records": 2.3,
    "record_bytes": 2_800,
}
KNOWING: Final = WRITING | {"rows": 10, "blocks": 55, "wal_records": 7, "record_bytes": 2_000}
BUDGET: Final = {
    ("create", "check"): CHECK,
    ("create", "apply"): WRITING,
    ("update", "check"): CHECK,
    ("update", "apply"): WRITING,
    ("unchanged", "check"): CHECK,
    ("unchanged", "apply"): KNOWING,
}
"""Of one row at most, some half more than it was. Statements are held per batch by the services' own tests: here those
that look for news are among them, and a slow machine has more of these. Bytes of PostgreSQL's log are not held: whoever
touches a page first after a checkpoint writes all of it."""


def test_a_row_costs_no_more_than_its_budget(make_academy: NewAcademy, tmp_path: Path) -> None:
    academy = _large(make_academy)
    costs = {}
    for kind, changed in (("create", False), ("update", True), ("unchanged", True)):
        costs |= _cost(academy, _book(tmp_path, ROWS, changed=changed), kind)
    over = [(*phase, name) for phase, most in BUDGET.items() for name in most if costs[phase][name] > most[name]]
    assert not over, (over, costs)


def test_a_row_costs_the_same_where_there_are_five_times_as_many(make_academy: NewAcademy, tmp_path: Path) -> None:
    academy = _large(make_academy)
    first = _cost(academy, _book(tmp_path, ROWS), "create")
    _cost(academy, _book(tmp_path, GROWN, prefix="g"), "create")
    last = _cost(academy, _book(tmp_path, ROWS, prefix="l"), "create")
    for phase, counted in first.items():
        assert last[phase]["blocks"] < 1.5 * counted["blocks"] + 5, (phase, counted, last[phase])
        assert last[phase]["rows"] < 1.2 * counted["rows"] + 3, (phase, counted, last[phase])


def _book(folder: Path, rows: int, **which: Any) -> Path:
    """People without invitations: their mails would be counted whenever they go out."""
    return workbooks.write(folder / "rows.xlsx", rows, invited=False, **which)


def _large(make_academy: NewAcademy) -> Academy:
    structure = large.organisation("large")
    return make_academy(companies=structure["companies"], functions=structure["functions"])


def _cost(academy: Academy, book: Path, kind: str) -> dict[tuple[str, str], dict[str, float]]:
    """Of check and apply of one workbook, per row."""
    platform = academy.platform
    broker = platform.address("broker")

    def counted() -> counts.Counts:
        return counts.count(platform.database(), broker, platform.home)

    with platform.http() as http:
        imports = Imports(platform.address("import"), academy.id, http)
        before = counted()
        checked = imports.check(book)
        between = counted()
        imports.start(checked)
        after, document = counted(), imports.document(checked)
    rows = document["rows"]
    assert document["rejected"] == 0
    return {(kind, "check"): between.since(before, rows), (kind, "apply"): after.since(between, rows)}
