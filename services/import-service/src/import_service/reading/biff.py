"""The gate before calamine for .xls: one pass over the records of the workbook stream."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from import_service.reading.limits import MAX_COLUMNS, MAX_GRID_CELLS
from import_service.reading.ole import Container
from import_service.reading.refused import FileRefused, far_cell, not_readable

_FILEPASS: Final = 0x2F
_BOUNDSHEET: Final = 0x85
_BOF: Final = frozenset({0x809, 0x409, 0x209, 0x009})
_MULRK: Final = 0xBD
_BOOLERR: Final = 0x205
_FORMULA: Final = frozenset({0x006, 0x206, 0x406})
# NUMBER, LABEL, LABELSST, RSTRING, RK: one cell with content each, its row and column in front
_CELL: Final = frozenset({0x203, 0x204, 0xFD, 0xD6, 0x27E, _MULRK, _BOOLERR, *_FORMULA})
_ERROR_TEXTS: Final = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
}


@dataclass(slots=True)
class XlsSheet:
    """What the pass found in one sheet."""

    rows: int = 0
    columns: int = 0
    errors: dict[int, list[tuple[int, str]]] = field(default_factory=dict)

    def prove(self) -> None:
        """Refuse the file if this sheet goes beyond the columns that anybody can mean."""
        if self.columns > MAX_COLUMNS:
            raise far_cell()


def pass_gate(container: Container, suffix: str) -> list[XlsSheet]:
    """The sheets in the order of the workbook; refuses in the order of `docs/rules.md` 1."""
    if "encryptedpackage" in container.names:
        raise FileRefused("encrypted_file")
    try:
        stream = container.stream("workbook") or container.stream("book")
        if not stream:
            raise not_readable(suffix)
        sheets = _scan(stream)
    except (struct.error, IndexError, ValueError) as error:
        raise not_readable(suffix) from error
    if "_vba_project_cur" in container.names:
        raise FileRefused("unsupported_format", format="macro")
    if sum(sheet.rows * sheet.columns for sheet in sheets) > MAX_GRID_CELLS:
        # calamine lays out all sheets of an .xls at once
        raise far_cell()
    return sheets


def _scan(stream: bytes) -> list[XlsSheet]:
    by_offset: dict[int, XlsSheet] = {}
    sheets: list[XlsSheet] = []
    current: XlsSheet | None = None
    for offset, kind, at, length in _records(stream):
        if kind in _CELL:
            if current is not None and length >= 6:
                _note(current, kind, stream, at, length)
        elif kind in _BOF:
            current = by_offset.get(offset, current)
        elif kind == _FILEPASS:
            raise FileRefused("encrypted_file")
        elif kind == _BOUNDSHEET:
            sheet = XlsSheet()
            sheets.append(sheet)
            by_offset[struct.unpack_from("<I", stream, at)[0]] = sheet
    return sheets


def _records(stream: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Offset, kind, where the data begins, its length."""
    header = struct.Struct("<HH").unpack_from
    offset, end = 0, len(stream)
    while offset + 4 <= end:
        kind, length = header(stream, offset)
        yield offset, kind, offset + 4, length
        offset += 4 + length


def _note(sheet: XlsSheet, kind: int, stream: bytes, at: int, length: int) -> None:
    row, column = struct.unpack_from("<HH", stream, at)
    last = struct.unpack_from("<H", stream, at + length - 2)[0] if kind == _MULRK else column
    sheet.rows = max(sheet.rows, row + 1)
    sheet.columns = max(sheet.columns, last + 1)
    code = None
    if kind == _BOOLERR and stream[at + 7]:
        code = stream[at + 6]
    elif kind in _FORMULA and stream[at + 12 : at + 14] == b"\xff\xff" and stream[at + 6] == 2:
        code = stream[at + 8]
    if code is not None:
        sheet.errors.setdefault(row + 1, []).append((column, _ERROR_TEXTS.get(code, "#N/A")))
