"""Rows as a workbook in the columns of the template, with Dutch headers."""

import io
import zipfile
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import xlsxwriter

from contracts.fields import IMPORT_FIELDS
from contracts.sentences import column_name
from instroom.samples.people import ExcelError, Row

HEADERS: Final = {name: column_name(name, "nl") for name in IMPORT_FIELDS}
_WIDTHS: Final = (18, 14, 14, 18, 40, 26, 28, 34, 14, 21, 8, 12)
_MADE: Final = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def write(rows: Iterable[Row], target: Path | io.BytesIO, *, constant_memory: bool = True) -> int:
    """Write `rows` below the header; returns their number. In constant memory each text is written out every time."""
    workbook = xlsxwriter.Workbook(
        str(target) if isinstance(target, Path) else target, {"constant_memory": constant_memory}
    )
    workbook.set_properties({"title": "Gebruikers", "created": _MADE})
    sheet = workbook.add_worksheet("Gebruikers")
    bold = workbook.add_format({"bold": True})
    text = workbook.add_format({"num_format": "@"})
    day = workbook.add_format({"num_format": "dd-mm-yyyy"})
    for column, (name, width) in enumerate(zip(HEADERS.values(), _WIDTHS, strict=True)):
        sheet.set_column(column, column, width, text if column == 0 else None)
        sheet.write_string(0, column, name, bold)
    sheet.freeze_panes(1, 0)
    column_of = {name: column for column, name in enumerate(HEADERS)}
    line = 0
    for line, row in enumerate(rows, start=1):
        for name, cell in row.items():
            column = column_of[name]
            if isinstance(cell, str):
                sheet.write_string(line, column, cell, text if column == 0 else None)
            elif isinstance(cell, ExcelError):
                sheet.write_formula(line, column, "=NA()", None, cell.text)
            elif isinstance(cell, date):
                sheet.write_datetime(line, column, cell, day)
            else:
                sheet.write_number(line, column, cell)
    workbook.close()
    return line


def reproducible(rows: Iterable[Row]) -> bytes:
    """The workbook of `rows`, the same bytes on every machine: stored, as compressors differ, with one fixed time."""
    made, fixed = io.BytesIO(), io.BytesIO()
    write(rows, made, constant_memory=False)
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(fixed, "w", zipfile.ZIP_STORED) as out:
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o600 << 16
            out.writestr(entry, source.read(name))
    return fixed.getvalue()
