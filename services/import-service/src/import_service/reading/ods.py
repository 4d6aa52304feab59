"""OpenDocument sheets, read straight from the stream by expat.

The proof of how far a sheet goes needs a pass over all its cells anyway, repeats counted; a second one gives the rows,
with the errors and tabs that calamine leaves out, in the memory of one piece of the file. Names are compared with the
prefixes that every program writes: to expand them costs twice the time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

from import_service.reading.limits import HOPELESS_ROWS, MAX_COLUMNS, MAX_ROWS, SHEET_ROWS
from import_service.reading.ods_cells import CELLS, CellReader, count
from import_service.reading.package import Package, UnpackedBudget
from import_service.reading.refused import FileRefused, far_cell, not_readable
from import_service.reading.sheets import Row

_ROW: Final = "table:table-row"
_TABLE: Final = "table:table"


@dataclass(slots=True)
class _Table:
    name: str
    visible: bool
    rows: int = 0


class OdsSheet:
    """One table of an OpenDocument spreadsheet."""

    def __init__(self, package: Package, index: int, table: _Table) -> None:
        self.name = table.name
        self.visible = table.visible
        self._package = package
        self._index = index
        self._rows = table.rows

    def rows(self) -> Iterator[Row]:
        """The rows up to the last one with content."""
        return _rows(self._package, self._index, self._rows)

    def most_rows(self) -> int:
        """The number of the last row with content."""
        return self._rows


def open_ods(package: Package, suffix: str) -> list[OdsSheet]:
    """The tables of a file that passed the gate; refuses in the order of `docs/rules.md` 1."""
    if "meta-inf/manifest.xml" in package and b"encryption-data" in package.whole("meta-inf/manifest.xml"):
        raise FileRefused("encrypted_file")
    if any(_is_macro(name) for name in package.names):
        raise FileRefused("unsupported_format", format="macro")
    budget = UnpackedBudget()
    for name in package.names:
        for piece in package.inflate(name):
            budget.spend(len(piece))
    proof = _Proof()
    try:
        for piece in package.inflate("content.xml"):
            proof.parser.Parse(piece, False)
        proof.parser.Parse(b"", True)
    except (expat.ExpatError, ValueError) as error:
        raise not_readable(suffix) from error
    return [OdsSheet(package, index, table) for index, table in enumerate(proof.tables)]


def _is_macro(name: str) -> bool:
    if name.startswith("scripts/"):
        return not name.endswith("/")
    # an empty library has an index and no module
    return name.startswith("basic/") and name.endswith(".xml") and not name.endswith(("script-lc.xml", "script-lb.xml"))


def _rows(package: Package, index: int, last: int) -> Iterator[Row]:
    reader = _RowReader(index)
    number = 0
    for piece in package.inflate("content.xml"):
        reader.parser.Parse(piece, False)
        for row, repeat in reader.finished:
            for _ in range(min(repeat, last - number)):
                number += 1
                yield row
        reader.finished.clear()
        if number >= last:
            return


def _refuse_doctype(*_: object) -> None:
    raise FileRefused("unreadable_file")


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


class _Proof:
    """The tables, how many rows each has, and that no cell with content is too far. A table in a table is no table."""

    def __init__(self) -> None:
        self.tables: list[_Table] = []
        self.parser = _parser()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self._depth = self._number = self._repeat = self._column = 0
        self._filled = False
        self._style = ""
        self._hidden_styles: set[str] = set()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name in CELLS:
            repeat = 1
            if "table:number-columns-repeated" in attributes:
                repeat = count(attributes["table:number-columns-repeated"])
            self._column += repeat
            if "office:value-type" in attributes and self._depth == 1:
                self._filled = True
                if self._column > MAX_COLUMNS:
                    raise far_cell()
        elif name == _ROW:
            self._repeat = count(attributes.get("table:number-rows-repeated", "1"))
            self._column = 0
            self._filled = False
        elif name == _TABLE:
            self._start_table(attributes)
        elif name == "style:style":
            self._style = attributes.get("style:name", "")
        elif name == "style:table-properties" and attributes.get("table:display") == "false":
            self._hidden_styles.add(self._style)

    def _end(self, name: str) -> None:
        if name == _ROW and self._depth == 1:
            self._number += self._repeat
            if self._filled:
                self._count_rows()
        elif name == _TABLE:
            self._depth -= 1

    def _start_table(self, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1:
            visible = attributes.get("table:style-name", "") not in self._hidden_styles
            self.tables.append(_Table(attributes.get("table:name", ""), visible))
            self._number = 0

    def _count_rows(self) -> None:
        if self._number > SHEET_ROWS:
            raise far_cell()
        if self._repeat > HOPELESS_ROWS:
            raise FileRefused("too_many_rows", limit=MAX_ROWS)
        self.tables[-1].rows = self._number


class _RowReader:
    """Tells the rows of one table as (row, how often); holds what one piece of the file gave."""

    def __init__(self, table: int) -> None:
        self.finished: list[tuple[Row, int]] = []
        self.parser = _parser()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self._wanted = table
        self._table = -1
        self._depth = 0
        self._repeat = 1
        self._cells = CellReader(self.parser)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == _TABLE:
            self._depth += 1
            self._table += self._depth == 1
        elif self._depth == 1 and self._table == self._wanted:
            if name == _ROW:
                self._repeat = count(attributes.get("table:number-rows-repeated", "1"))
                self._cells.row = []
                self._cells.column = 0
            else:
                self._cells.start(name, attributes)

    def _end(self, name: str) -> None:
        if name == _TABLE:
            self._depth -= 1
        elif self._depth == 1 and self._table == self._wanted:
            if name == _ROW:
                self.finished.append((self._cells.row, self._repeat))
            else:
                self._cells.end(name)
