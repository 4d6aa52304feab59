"""What a row costs in things that can be counted, however slow the machine. What they cost in time: `make bench`."""

from pathlib import Path
from typing import Final

import pytest
from outside.academy import Academy

from instroom.samples import large
from load.bench import counts, workbooks
from load.bench.product import Imports

pytestmark = pytest.mark.slow

ROWS: Final = 2_000
GROWN: Final = 8_000
"""Rows that come between the first and the last of ROWS."""

BUDGET: Final = {
    "create, check": {},
    "create, apply": {},
    "update, check": {},
    "update, apply": {},
    "unchanged, check": {},
    "unchanged, apply": {},
}
"""Per row at most."""


def test_a_row_costs_no_more_than_its_budget(make_academy, tmp_path: Path) -> None:
    costs = {}
    academy = _large(make_academy)
    for kind, changed in (("create", False), ("update", True), ("unchanged", True)):
        costs |= _cost(academy, workbooks.write(tmp_path / "rows.xlsx", ROWS, changed=changed), kind)
    over = {
        f"{phase}: {name}": (cost, BUDGET[phase][name])
        for phase, counted in costs.items()
        for name, cost in counted.items()
        if cost > BUDGET[phase][name]
    }
    assert not over, over


def test_a_row_costs_the_same_where_there_are_five_times_as_many(make_academy, tmp_path: Path) -> None:
    academy = _large(make_academy)
    first = _cost(academy, workbooks.write(tmp_path / "rows.xlsx", ROWS), "create")
    _cost(academy, workbooks.write(tmp_path / "rows.xlsx", GROWN, prefix="g"), "create")
    last = _cost(academy, workbooks.write(tmp_path / "rows.xlsx", ROWS, prefix="l"), "create")
    for phase in first:
        assert last[phase]["blocks"] < 1.5 * first[phase]["blocks"], (phase, first[phase], last[phase])
        assert last[phase]["rows"] < 1.1 * first[phase]["rows"], (phase, first[phase], last[phase])


def _large(make_academy) -> Academy:
    structure = large.organisation("large")
    return make_academy(companies=structure["companies"], functions=structure["functions"])


def _cost(academy: Academy, book: Path, kind: str) -> dict[str, dict[str, float]]:
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
    return {f"{kind}, check": between.since(before, rows), f"{kind}, apply": after.since(between, rows)}
