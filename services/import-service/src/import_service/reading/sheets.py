"""What every format is read into: sheets of rows of cells."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ExcelError:
    """A cell that shows an error of the spreadsheet, such as #N/A."""

    text: str


Cell = str | float | int | bool | dt.date | dt.time | dt.timedelta | ExcelError
Row = list[Cell]


class Sheet(Protocol):
    """One sheet. Rows come from the first one on, blank ones included, and may differ in length; "" is blank."""

    @property
    def name(self) -> str: ...

    @property
    def visible(self) -> bool: ...

    def rows(self) -> Iterator[Row]:
        """All rows, lazily; may be asked for again. Refuses the file when the sheet is beyond the bounds."""

    def most_rows(self) -> int:
        """No more rows than this come out of `rows()`; known without reading them."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a template of ours says about its making."""

    academy: str
    revision: int


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is fit to be read."""

    format: str
    sheets: list[Sheet]
    stamp: Stamp | None = None
    numbered_from_header: bool = False
    """Whether the header is row 1 wherever it stands (csv), not the row that a spreadsheet shows."""
    foreign_without_header: bool = field(default=False)
    """Whether content without a header is none of our formats: text under a name that is not one of text."""
