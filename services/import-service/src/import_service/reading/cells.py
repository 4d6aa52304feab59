"""From a cell's value to text, or to what is wrong with it (`docs/rules.md` 4). Works on a column of many rows at once."""

import datetime as dt
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from contracts.fields import MAX_LENGTH, clean_text, has_forbidden_characters
from import_service.reading.sheets import Cell, ExcelError

CellCode = Literal["invalid_cell", "invalid_characters", "too_long"]

_NUMBERS: Final = frozenset({"personnel_number", "cost_centre"})
_MAY_LOSE_ZEROS: Final = _NUMBERS | {"company", "department", "functions"}
"""Columns in which a number may be a code that began with zeros; under a flag or a name it is no code."""
_TOO_LARGE: Final = 1e15
"""From here on a spreadsheet has rounded the last digits away."""
_SHOWN: Final = 200
_FLAG_SHOWN: Final = 100
_EXCEL_ERRORS: Final = frozenset(
    [
        "#N/A",
        "#N/B",
        "#NV",
        "#REF!",
        "#VERW!",
        "#BEZUG!",
        "#VALUE!",
        "#WAARDE!",
        "#WERT!",
        "#VALEUR!",
        "#DIV/0!",
        "#DEEL/0!",
        "#NAME?",
        "#NAAM?",
        "#NOM?",
        "#NULL!",
        "#LEEG!",
        "#NUL!",
        "#NUM!",
        "#GETAL!",
        "#ZAHL!",
        "#NOMBRE!",
        "#SPILL!",
        "#CALC!",
        "#GETTING_DATA",
    ]
)
"""The errors of a spreadsheet as text (csv), in the four languages."""


@dataclass(frozen=True, slots=True)
class CellProblem:
    """What is wrong with a cell; `value` is fit to be stored and shown."""

    code: CellCode
    value: str
    params: dict[str, Any]


@dataclass(slots=True)
class ColumnTexts:
    """A column's texts (None: blank or wrong), what is wrong by position, and whether numbers were among them."""

    texts: list[str | None]
    problems: dict[int, CellProblem] = field(default_factory=dict)
    numbers: bool = False


def read_column(name: str, cells: Sequence[Cell]) -> ColumnTexts:
    """The texts of the cells of one column, which is of the field `name`."""
    if set(map(type, cells)) == {str}:
        strings: Sequence[str] = cells  # type: ignore[assignment]
        if _clean_already(name, strings):
            return ColumnTexts([text or None for text in strings])
    column = ColumnTexts([None] * len(cells))
    for position, cell in enumerate(cells):
        if cell == "":
            continue
        read = _read(name, cell)
        if isinstance(read, CellProblem):
            column.problems[position] = read
        else:
            column.texts[position] = read
            column.numbers |= type(cell) in (int, float) and name in _MAY_LOSE_ZEROS
    return column


def as_seen(cell: Cell) -> str:
    """A cell as a person sees it where no field says what it should hold; fit to be stored and shown."""
    if isinstance(cell, str):
        return shown(cell)
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ", "minutes").removesuffix(" 00:00")
    if isinstance(cell, dt.time):
        return cell.isoformat(timespec="minutes")
    read = _read("", cell)
    return read.value if isinstance(read, CellProblem) else read or ""


def _clean_already(name: str, cells: Sequence[str]) -> bool:
    """Whether no cell needs anything done: a handful of passes in C over the whole column instead of one per cell."""
    joined = "|".join(cells)
    return (
        joined.isprintable()
        and "  " not in joined
        and " |" not in joined
        and "| " not in joined
        and not joined.startswith((" ", "#"))
        and not joined.endswith(" ")
        and "|#" not in joined
        and (joined.isascii() or ("\ufffd" not in joined and unicodedata.is_normalized("NFC", joined)))
        and max(map(len, cells)) <= MAX_LENGTH.get(name, _FLAG_SHOWN)
    )


def _read(name: str, cell: Cell) -> str | CellProblem | None:
    if isinstance(cell, str):
        return _read_text(name, cell)
    if isinstance(cell, ExcelError):
        return _invalid("excel_error", cell.text)
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, (int, float)):
        return _read_number(name, cell)
    if name in _NUMBERS:
        return _invalid("date", str(cell))
    return str(cell)


def _read_number(name: str, number: float) -> str | CellProblem:
    whole = number == number and abs(number) != float("inf") and number == int(number)
    if name == "personnel_number":
        if not whole:
            return _invalid("fraction", repr(number))
        if abs(number) >= _TOO_LARGE:
            return _invalid("too_large", str(int(number)))
    return str(int(number)) if whole else repr(number)


def _read_text(name: str, cell: str) -> str | CellProblem | None:
    if has_forbidden_characters(cell):
        return CellProblem("invalid_characters", shown(cell), {})
    if name == "functions":
        # a line break parts one function from the next, as in `contracts.fields.split_functions`
        text = "\n".join(line for line in map(clean_text, cell.splitlines()) if line)
        longest = max(map(len, text.replace(";", "\n").replace(",", "\n").split("\n")))
    else:
        text = clean_text(cell)
        longest = len(text)
    if not text:
        return None
    if text in _EXCEL_ERRORS:
        return _invalid("excel_error", text)
    limit = MAX_LENGTH.get(name)
    if limit is None:
        return text[:_FLAG_SHOWN]
    if longest > limit:
        return CellProblem("too_long", shown(text), {"length": longest, "max": limit})
    return text


def _invalid(kind: str, value: str) -> CellProblem:
    return CellProblem("invalid_cell", shown(value), {"kind": kind})


def shown(text: str) -> str:
    """At most 200 characters, none of which a database, JSON or a screen stumbles over."""
    text = clean_text(text[: 2 * _SHOWN])[:_SHOWN]
    if has_forbidden_characters(text):
        text = "".join("\ufffd" if has_forbidden_characters(c) else c for c in text)
    return text
