"""The cells of an OpenDocument row: their values, and their text as it is shown."""

import datetime as dt
from typing import Final
from xml.parsers import expat

from import_service.reading.limits import MAX_COLUMNS, SHEET_ROWS
from import_service.reading.refused import FileRefused, far_cell
from import_service.reading.sheets import Cell, ExcelError, Row

CELLS: Final = frozenset({"table:table-cell", "table:covered-table-cell"})

_BESIDE_THE_TEXT: Final = frozenset({"office:annotation", "text:note", "text:ruby-text"})
_NUMBERS: Final = frozenset({"float", "percentage", "currency"})
_LONGEST_CELL: Final = 1_000_000


class CellReader:
    """Fills `row` with the cells of the row that begins with `column` 0."""

    def __init__(self, parser: expat.XMLParserType) -> None:
        self.row: Row = []
        self.column = 0
        self._parser = parser
        self._attributes: dict[str, str] | None = None
        self._text: list[str] = []
        self._paragraphs = self._beside = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if name in CELLS:
            self._attributes = attributes
            self._paragraphs = 0
            if self._text:
                self._text = []
        elif name == "text:p":
            if self._attributes is not None and not self._beside:
                if self._paragraphs:
                    self._text.append("\n")
                self._paragraphs += 1
                self._parser.CharacterDataHandler = self._text.append
        elif name in _BESIDE_THE_TEXT:
            self._beside += 1
            self._parser.CharacterDataHandler = None
        elif self._parser.CharacterDataHandler is not None:
            self._text.append(_white_space(name, attributes))

    def end(self, name: str) -> None:
        """An element ends."""
        if name in CELLS:
            attributes, self._attributes = self._attributes, None
            if attributes is not None:
                self._end_cell(attributes)
        elif name == "text:p":
            self._parser.CharacterDataHandler = None
        elif name in _BESIDE_THE_TEXT:
            self._beside -= 1

    def _end_cell(self, attributes: dict[str, str]) -> None:
        repeat = 1
        if "table:number-columns-repeated" in attributes:
            repeat = count(attributes["table:number-columns-repeated"])
        value = _value(attributes, "".join(self._text))
        if value != "":
            if self.column + repeat > MAX_COLUMNS:
                raise far_cell()
            if self.column > len(self.row):
                self.row.extend([""] * (self.column - len(self.row)))
            self.row.extend([value] * repeat)
        self.column += repeat


def count(text: str) -> int:
    """A number of repeats; one of more digits than any sheet has rows is as good as too many."""
    return int(text) if text.isdecimal() and len(text) <= 9 else SHEET_ROWS + 1


def _white_space(name: str, attributes: dict[str, str]) -> str:
    if name == "text:s":
        return " " * min(count(attributes.get("text:c", "1")), 100)
    return {"text:tab": "\t", "text:line-break": "\n"}.get(name, "")


def _value(attributes: dict[str, str], text: str) -> Cell:
    kind = attributes.get("office:value-type")
    if len(text) > _LONGEST_CELL:
        raise FileRefused("unreadable_file")
    if attributes.get("calcext:value-type") == "error":
        return ExcelError(text or "#N/A")
    if kind == "string":
        return text or attributes.get("office:string-value", "")
    if kind is None:
        return ""
    if kind in _NUMBERS:
        return float(attributes.get("office:value", "0"))
    if kind == "date":
        return _date(attributes.get("office:date-value", ""), text)
    if kind == "time":
        return dt.time() if attributes.get("office:time-value") else text
    if kind == "boolean":
        return attributes.get("office:boolean-value") == "true"
    return text


def _date(value: str, text: str) -> Cell:
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        return text
    return moment if "T" in value else moment.date()
