"""What every workbook that we write has in common: text that stays text, whatever it looks like."""

import io
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill

from contracts.languages import language_subtag

LANGUAGES: Final = ("nl", "en", "de", "fr")
USERS_SHEET: Final = {"nl": "Gebruikers", "en": "Users", "de": "Users", "fr": "Users"}
TEXT_FORMAT: Final = "@"
KEEPS_ZEROS: Final = ("personnel_number", "cost_centre")
"""The columns that are formatted as text, so that zeros in front stay."""

# The full-width forms count too: a spreadsheet in a Japanese locale takes them for the others.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_LONGEST_CELL: Final = 32_767

HEADER_FONT: Final = Font(bold=True, color="FFFFFF")
REQUIRED_FILL: Final = PatternFill("solid", fgColor="1F4E79")
OPTIONAL_FILL: Final = PatternFill("solid", fgColor="7F8FA3")
WRAPPED: Final = Alignment(wrap_text=True, vertical="top")


def chosen(language: str) -> str:
    """The language of a workbook: one of ours, else English."""
    short = language_subtag(language)
    return short if short in LANGUAGES else "en"


def storable(text: str) -> str:
    """`text` without the characters that no workbook can hold, no longer than a cell."""
    return ILLEGAL_CHARACTERS_RE.sub("", text)[:_LONGEST_CELL]


def looks_like_formula(text: str) -> bool:
    """Whether a spreadsheet program might compute this text instead of showing it."""
    return text.startswith(_FORMULA_STARTS)


def put_text(cell: Any, text: str) -> None:
    """Put `text` into a cell as text: openpyxl takes "=…" for a formula unless it is told otherwise.

    The quote prefix keeps it text when somebody edits the cell.
    """
    cell.value = storable(text)
    cell.data_type = "s"
    if looks_like_formula(text):
        cell.quotePrefix = True


def put_header(cell: Any, text: str, *, required: bool) -> None:
    """Put the header of a column; a required one is marked by a star and by its colour."""
    put_text(cell, f"{text} *" if required else text)
    cell.font = HEADER_FONT
    cell.fill = REQUIRED_FILL if required else OPTIONAL_FILL
    cell.alignment = WRAPPED


def to_bytes(workbook: Workbook) -> bytes:
    """The workbook as a file."""
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()
