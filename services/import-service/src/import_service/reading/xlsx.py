"""The gate before calamine for .xlsx: every part counted, no DOCTYPE, no macro, and each sheet proven near.

calamine lays out the rectangle around all cells at once and aborts the process when it cannot: two cells in a file of
2 kB are enough (A1 and XFD1048576). A streaming pass over the bytes of each sheet proves before that how far it goes.
The fast proof is one that an ordinary sheet passes; a sheet that does not is gone through cell by cell.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from import_service.reading.limits import (
    FAR_ROW,
    HOPELESS_ROWS,
    MAX_COLUMNS,
    MAX_ERROR_CELLS,
    MAX_GRID_CELLS,
    MAX_ROWS,
    SHEET_ROWS,
)
from import_service.reading.package import Package, UnpackedBudget
from import_service.reading.refused import FileRefused, far_cell, not_readable
from import_service.reading.sheets import Stamp

# In UTF-8 as in UTF-16 of either order.
_DOCTYPE: Final = re.compile(rb"<\x00?!\x00?(?:[Dd]\x00?[Oo]\x00?[Cc]|[Ee]\x00?[Nn]\x00?[Tt])")
# Any opening of a cell or row that is not the ordinary one within column BL and row 299,999.
_ODD_CELL: Final = re.compile(rb'<c(?! r="(?:[A-Z]|A[A-Z]|B[A-L])[12]?[0-9]{1,5}"|[a-zA-Z])')
_ODD_ROW: Final = re.compile(rb'<row(?! r="[12]?[0-9]{1,5}"|[a-zA-Z])')
# In an ordinary cell; those of a sheet with any other are told by the slow proof.
_ERROR_CELL: Final = re.compile(
    rb"""<c r="([A-Z]+)([0-9]+)"[^>]*?\bt=["']e["'][^>]*>(?:<f(?:\s[^>]*)?(?:/>|>[^<]*</f>))?\s*<v>([^<]{0,40})"""
)
_LONGEST_ERROR: Final = 40
_LOOK_BACK: Final = 64 * 1024
_NAMESPACE_END: Final = "}"

Errors = dict[int, list[tuple[int, str]]]
"""Row number to the columns (from 0) that hold an Excel error, with its text."""


@dataclass(slots=True)
class SheetPart:
    """What the pass over the bytes of one sheet found."""

    near: bool = True
    errors: Errors = field(default_factory=dict)


@dataclass(slots=True)
class XlsxGate:
    """A package that may be given to calamine, once the sheet in question has passed `prove`."""

    package: Package
    parts: dict[str, SheetPart]
    part_of_sheet: dict[str, str]
    stamp: Stamp | None

    def prove(self, sheet: str) -> Errors:
        """Refuse the file if the sheet goes too far for calamine; return its error cells."""
        name = self.part_of_sheet.get(sheet, "")
        part = self.parts.get(name)
        if part is None:
            raise FileRefused("unreadable_file")
        return part.errors if part.near else _prove_cell_by_cell(self.package.inflate(name))


def pass_gate(package: Package, suffix: str) -> XlsxGate:
    """Go once over every byte of the package; refuses in the order of `docs/rules.md` 1."""
    _refuse_macros(package)
    budget = UnpackedBudget()
    parts: dict[str, SheetPart] = {}
    hostile = False
    for name in package.names:
        part = SheetPart()
        if name.endswith((".xml", ".rels", ".vml")):
            # Excel keeps its data connections there, in UTF-16; nothing here reads them.
            hostile |= _scan(package.inflate(name), budget, part, may_be_utf_16=name.startswith("customxml/"))
        else:
            for piece in package.inflate(name):
                budget.spend(len(piece))
        parts[name] = part
    if hostile:
        raise FileRefused("unreadable_file")
    try:
        return XlsxGate(package, parts, _sheet_parts(package), _stamp(package))
    except expat.ExpatError as error:
        raise not_readable(suffix) from error


def _refuse_macros(package: Package) -> None:
    if any(name.endswith("vbaproject.bin") or name.startswith("xl/macrosheets/") for name in package.names):
        raise FileRefused("unsupported_format", format="macro")
    if "[content_types].xml" in package and b"macroEnabled" in package.whole("[content_types].xml"):
        raise FileRefused("unsupported_format", format="macro")


def _scan(pieces: Iterator[bytes], budget: UnpackedBudget, part: SheetPart, *, may_be_utf_16: bool) -> bool:
    """Fill in `part`; return whether the part has a DOCTYPE or is in UTF-16 where it may not be."""
    hostile = False
    first = True
    tail = b""
    error_cells = 0
    for piece in pieces:
        budget.spend(len(piece))
        data = tail + piece
        if first and data:
            if b"\x00" in data[:4] or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
                hostile |= not may_be_utf_16
                part.near = False  # the fast proof reads UTF-8
            first = False
        cut = _whole_cells(data)
        data, tail = data[:cut], data[cut:]
        hostile |= _look(data, part)
        error_cells += _note_errors(data, part)
        if error_cells > MAX_ERROR_CELLS:
            raise FileRefused("file_too_large")
    hostile |= _look(tail, part)
    _note_errors(tail, part)
    return hostile


def _whole_cells(data: bytes) -> int:
    """Where to cut so that no tag, and as a rule no cell, is in two pieces."""
    since = max(0, len(data) - _LOOK_BACK)
    cut = data.rfind(b"<c ", since)
    if cut < 0:
        cut = data.rfind(b"<", since)
    return cut if cut >= 0 else len(data)


def _look(data: bytes, part: SheetPart) -> bool:
    if part.near and (
        _ODD_CELL.search(data) or _ODD_ROW.search(data) or data.find(b":c ") >= 0 or data.find(b":row") >= 0
    ):
        part.near = False
        part.errors.clear()
    return (data.find(b"<!") >= 0 or data.find(b"\x00!") >= 0) and _DOCTYPE.search(data) is not None


def _note_errors(data: bytes, part: SheetPart) -> int:
    if not part.near or (data.find(b't="e"') < 0 and data.find(b"t='e'") < 0):
        return 0
    found = 0
    for letters, row, text in _ERROR_CELL.findall(data):
        part.errors.setdefault(int(row), []).append((column_index(letters.decode()), text.decode("utf-8", "replace")))
        found += 1
    return found


def column_index(letters: str) -> int:
    """The index from 0 of a column's letters."""
    index = 0
    for letter in letters.upper():
        index = index * 26 + ord(letter) - 64
    return index - 1


class _Extent:
    """How far the cells with content go, and which of them hold an error, told by expat: the slow proof."""

    def __init__(self) -> None:
        self.last_row = self.last_column = self.rows = 0
        self.errors: Errors = {}
        self.parser = expat.ParserCreate(namespace_separator=_NAMESPACE_END)
        self.parser.StartElementHandler = self._start
        self._row = self._column = self._counted = self._error_cells = 0
        self._cell: tuple[int, int] | None = None
        self._is_error = False

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(_NAMESPACE_END)[2]
        if tag == "row":
            number = attributes.get("r")
            self._row = _row_number(number) if number else self._row + 1
            self._column = 0
        elif tag == "c":
            reference = attributes.get("r")
            row, self._column = _position(reference) if reference else (self._row, self._column + 1)
            self._cell = (row, self._column)
            self._is_error = attributes.get("t") == "e"
        elif tag in ("v", "is") and self._cell is not None:
            if self._is_error:
                self._hear_error(*self._cell)
            self._count(*self._cell)

    def _count(self, row: int, column: int) -> None:
        self._cell = None
        self.last_row = max(self.last_row, row)
        self.last_column = max(self.last_column, column)
        if row != self._counted:
            self._counted = row
            self.rows += 1
        if self.last_column > MAX_COLUMNS:
            raise far_cell()
        if self.rows > HOPELESS_ROWS:
            raise FileRefused("too_many_rows", limit=MAX_ROWS)

    def _hear_error(self, row: int, column: int) -> None:
        self._error_cells += 1
        if self._error_cells > MAX_ERROR_CELLS:
            raise FileRefused("file_too_large")
        heard = ""

        def text(data: str) -> None:
            nonlocal heard
            heard = (heard + data)[:_LONGEST_ERROR]

        def end(_: str) -> None:
            self.parser.CharacterDataHandler = self.parser.EndElementHandler = None
            self.errors.setdefault(row, []).append((column - 1, heard))

        self.parser.CharacterDataHandler = text
        self.parser.EndElementHandler = end


def _prove_cell_by_cell(pieces: Iterator[bytes]) -> Errors:
    """Refuse what goes too far; return the errors by position, also of cells that do not say where they are."""
    extent = _Extent()
    try:
        for piece in pieces:
            extent.parser.Parse(piece, False)
        extent.parser.Parse(b"", True)
    except (expat.ExpatError, ValueError) as error:
        raise FileRefused("unreadable_file") from error
    if extent.last_row > FAR_ROW and extent.last_row * extent.last_column > MAX_GRID_CELLS:
        raise far_cell()
    return extent.errors


def _row_number(text: str) -> int:
    row = int(text)
    if not 1 <= row <= SHEET_ROWS:
        raise far_cell()
    return row


def _position(reference: str) -> tuple[int, int]:
    letters = reference.rstrip("0123456789")
    if not letters.isalpha() or not letters.isascii() or len(letters) > 3:
        raise far_cell()
    return _row_number(reference[len(letters) :]), column_index(letters) + 1


def _sheet_parts(package: Package) -> dict[str, str]:
    """Sheet names to the names of their parts."""
    targets: dict[str, str] = {}
    for name, attributes in _elements(package, "xl/_rels/workbook.xml.rels"):
        if name == "Relationship":
            target = attributes.get("Target", "")
            path = target if target.startswith("/") else posixpath.join("xl", target)
            targets[attributes.get("Id", "")] = posixpath.normpath(path).lstrip("/").lower()
    sheets: dict[str, str] = {}
    for name, attributes in _elements(package, "xl/workbook.xml"):
        if name == "sheet":
            relation = next((v for k, v in attributes.items() if k.rpartition(_NAMESPACE_END)[2] == "id"), "")
            sheet = attributes.get("name", "")
            if sheet in sheets:
                # which of the two calamine takes is its own affair: the proof would be of another sheet
                raise FileRefused("unreadable_file")
            sheets[sheet] = targets.get(relation, "")
    return sheets


def _stamp(package: Package) -> Stamp | None:
    """The stamp of our template in the document properties, if there is one."""
    if "docprops/custom.xml" not in package:
        return None
    values: dict[str, str] = {}
    current = ""

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal current
        current = attributes.get("name", current) if name.endswith("property") else current

    def text(data: str) -> None:
        values[current] = values.get(current, "") + data

    parser = expat.ParserCreate(namespace_separator=_NAMESPACE_END)
    parser.StartElementHandler = start
    parser.CharacterDataHandler = text
    parser.Parse(package.whole("docprops/custom.xml"), True)
    academy, revision = values.get("instroom_academy", "").strip(), values.get("instroom_revision", "").strip()
    return Stamp(academy, int(revision)) if academy and revision.isdecimal() and len(revision) < 16 else None


def _elements(package: Package, name: str) -> list[tuple[str, dict[str, str]]]:
    if name not in package:
        return []
    found: list[tuple[str, dict[str, str]]] = []
    parser = expat.ParserCreate(namespace_separator=_NAMESPACE_END)
    parser.StartElementHandler = lambda tag, attributes: found.append((tag.rpartition(_NAMESPACE_END)[2], attributes))
    parser.Parse(package.whole(name), True)
    return found
