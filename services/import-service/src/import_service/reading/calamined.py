"""Sheets that calamine reads, once a gate has proven that it may."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from import_service.reading import biff, xlsx
from import_service.reading.limits import MAX_COLUMNS
from import_service.reading.ole import Container
from import_service.reading.package import Package
from import_service.reading.refused import FileRefused, far_cell, not_readable
from import_service.reading.sheets import ExcelError, Row, Sheet, Source

Errors = dict[int, list[tuple[int, str]]]


class _Shelf:
    """Holds one loaded sheet at a time: a workbook of many large sheets costs no more than its largest."""

    def __init__(self, book: CalamineWorkbook) -> None:
        self.book = book
        self.held: tuple[str, CalamineSheet, Errors] | None = None


class _CalamineSheet:
    """A sheet that is loaded when it is first asked for."""

    def __init__(self, shelf: _Shelf, name: str, visible: bool, prove: Callable[[], Errors]) -> None:
        self.name = name
        self.visible = visible
        self._shelf = shelf
        self._prove = prove

    def rows(self) -> Iterator[Row]:
        sheet, errors = self._load()
        start = sheet.start
        if start is None:
            return iter(())
        rows = cast(Iterator[Row], sheet.iter_rows())
        if start[1]:
            # calamine keeps blank rows above the table, but not blank columns before it
            margin = [""] * start[1]
            rows = (margin + row for row in rows)
        return _with_errors(rows, errors) if errors else rows

    def most_rows(self) -> int:
        return self._load()[0].total_height + 1

    def _load(self) -> tuple[CalamineSheet, Errors]:
        held = self._shelf.held
        if held is None or held[0] != self.name:
            errors = self._prove()
            self._shelf.held = held = None
            try:
                sheet = self._shelf.book.get_sheet_by_name(self.name)
            except CalamineError as error:
                raise FileRefused("unreadable_file") from error
            if sheet.end is not None and sheet.end[1] >= MAX_COLUMNS:
                raise far_cell()
            self._shelf.held = held = (self.name, sheet, errors)
        return held[1], held[2]


def _with_errors(rows: Iterator[Row], errors: Errors) -> Iterator[Row]:
    """calamine gives a cell with an error as blank, which would mean "leave as it is"."""
    for number, row in enumerate(rows, 1):
        for column, text in errors.get(number, ()):
            row.extend([""] * (column + 1 - len(row)))
            row[column] = ExcelError(text)
        yield row


def open_xlsx(path: Path, package: Package, suffix: str) -> Source:
    """An .xlsx behind its gate."""
    gate = xlsx.pass_gate(package, suffix)
    shelf = _Shelf(_open(path, suffix))
    sheets: list[Sheet] = [
        _CalamineSheet(shelf, meta.name, meta.visible == SheetVisibleEnum.Visible, lambda n=meta.name: gate.prove(n))  # type: ignore[misc]
        for meta in shelf.book.sheets_metadata
        if meta.typ == SheetTypeEnum.WorkSheet
    ]
    return Source("xlsx", sheets, stamp=gate.stamp)


def open_xls(path: Path, suffix: str) -> Source:
    """An .xls behind its gate."""
    proofs = biff.pass_gate(Container(path, suffix), suffix)
    shelf = _Shelf(_open(path, suffix))
    if len(proofs) != len(shelf.book.sheets_metadata):
        raise not_readable(suffix)
    sheets: list[Sheet] = [
        _CalamineSheet(shelf, meta.name, meta.visible == SheetVisibleEnum.Visible, lambda p=proof: _proven(p))  # type: ignore[misc]
        for meta, proof in zip(shelf.book.sheets_metadata, proofs, strict=True)
        if meta.typ == SheetTypeEnum.WorkSheet
    ]
    return Source("xls", sheets)


def _proven(sheet: biff.XlsSheet) -> Errors:
    sheet.prove()
    return sheet.errors


def _open(path: Path, suffix: str) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(str(path))
    except PasswordError as error:
        raise FileRefused("encrypted_file") from error
    except (CalamineError, OSError, ValueError) as error:
        raise not_readable(suffix) from error
