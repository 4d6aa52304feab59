"""The workbooks that everybody imports: distinct people in an organisation of 50 companies of 20 departments."""

from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from contracts.fields import IMPORT_FIELDS
from instroom.samples import large

Cells = list[str]
NUMBER, EMAIL, DEPARTMENT, FUNCTIONS, COST_CENTRE = map(
    IMPORT_FIELDS.index, ("personnel_number", "email", "department", "functions", "cost_centre")
)
_NEXT: Final = {
    kind: dict(zip(names, islice(cycle(names), 1, None), strict=False))
    for kind, names in ((DEPARTMENT, large.DEPARTMENTS), (FUNCTIONS, large.FUNCTIONS))
}


def people(
    rows: int, *, changed: bool = False, seed: int = 1, prefix: str = "", invited: bool | None = None
) -> Iterator[Cells]:
    """`rows` people of twelve cells; `changed`: each in another department, with another function and cost centre.

    With another `prefix` they are other people: it stands before their numbers and addresses. All are active and
    `invited` or not, if it is told.
    """
    for serial, row in enumerate(large.rows(rows, seed=seed)):
        if invited is not None:
            row |= {"active": "x", "invite": "x" if invited else ""}
        cells = [str(row.get(name) or "") for name in IMPORT_FIELDS]
        if changed:
            cells[DEPARTMENT] = _NEXT[DEPARTMENT][cells[DEPARTMENT]]
            cells[FUNCTIONS] = _NEXT[FUNCTIONS].get(cells[FUNCTIONS].partition(";")[0], large.FUNCTIONS[0])
            cells[COST_CENTRE] = f"N{serial % 1000:03d}"
        for column in (NUMBER, EMAIL):
            cells[column] = prefix + cells[column]
        yield cells


def write(path: Path, rows: int, **which: Any) -> Path:
    """The workbook of these people."""
    workbook = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_urls": False})
    sheet = workbook.add_worksheet("Gebruikers")
    sheet.write_row(0, 0, IMPORT_FIELDS)
    for number, cells in enumerate(people(rows, **which), start=1):
        for column, cell in enumerate(cells):
            if cell:
                sheet.write_string(number, column, cell)
    workbook.close()
    return path
