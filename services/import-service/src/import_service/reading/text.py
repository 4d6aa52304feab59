"""Tables as text: csv, tsv, txt. Encoding and delimiter follow rules, not guesses of a library."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from import_service.reading.limits import CSV_FIELD_CHARACTERS, HEADER_WITHIN_ROWS, MAX_COLUMNS, MIB
from import_service.reading.refused import READABLE_SUFFIXES, FileRefused, far_cell, not_readable
from import_service.reading.sheets import Row, Source

_DELIMITERS: Final = (";", "\t", ",", "|")
_TEXT_SUFFIXES: Final = frozenset({".csv", ".tsv", ".txt"})
_SAMPLE_CHARACTERS: Final = 128 * 1024
_SEPARATOR_LINE: Final = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)


class CsvSheet:
    """The one sheet of a text file."""

    name = ""
    visible = True

    def __init__(self, path: Path, encoding: str, delimiter: str, suffix: str) -> None:
        self._path = path
        self._encoding = encoding
        self._delimiter = delimiter
        self._rows = self._prove(suffix)

    def rows(self) -> Iterator[Row]:
        """The records, blank lines included."""
        with self._path.open(encoding=self._encoding, newline="") as file:
            yield from csv.reader(file, delimiter=self._delimiter, strict=True)

    def most_rows(self) -> int:
        """The number of the last record that is not blank."""
        return self._rows

    def _prove(self, suffix: str) -> int:
        """One pass before anything is told: quotes that close, and no cell beyond the last column."""
        last = number = line = 0
        with self._path.open(encoding=self._encoding, newline="") as file:
            records = csv.reader(file, delimiter=self._delimiter, strict=True)
            try:
                for number, record in enumerate(records, 1):
                    if len(record) > MAX_COLUMNS and any(cell.strip() for cell in record[MAX_COLUMNS:]):
                        raise far_cell()
                    if record:
                        last = number
                    line = records.line_num
            except csv.Error as error:
                refusal = not_readable(suffix)
                # a line that is too long by itself needs no quote for that
                if suffix in _TEXT_SUFFIXES and (records.line_num > line + 1 or "limit" not in str(error)):
                    # a quote that is never closed is found at its end: the line that helps is where the record begins
                    refusal.params |= {"reason": "quote", "line": line + 1}
                raise refusal from error
        return last


def open_text(path: Path, suffix: str, known_headers: Callable[[Row], int]) -> Source:
    """A text file as a table; `known_headers` counts the known headers in a record."""
    csv.field_size_limit(CSV_FIELD_CHARACTERS)
    encoding = _encoding(path, suffix)
    with path.open(encoding=encoding, newline="") as file:
        sample = file.read(_SAMPLE_CHARACTERS)
    if not sample.strip():
        raise FileRefused("empty_file")
    delimiter = _delimiter(sample, known_headers)
    foreign = suffix not in _TEXT_SUFFIXES
    sheet = CsvSheet(path, encoding, delimiter, suffix)
    return Source("csv", [sheet], numbered_from_header=True, foreign_without_header=foreign)


def _encoding(path: Path, suffix: str) -> str:
    """A byte order mark decides; else what is valid UTF-8 is; else it is what Excel for Windows writes here."""
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decodable(path, ("utf-16",), suffix)
    return _decodable(path, ("utf-8-sig", "cp1252"), suffix)


def _decodable(path: Path, encodings: tuple[str, ...], suffix: str) -> str:
    for encoding in encodings:
        decoder = codecs.getincrementaldecoder(encoding)()
        nul = False
        try:
            with path.open("rb") as file:
                while piece := file.read(MIB):
                    nul |= "\x00" in decoder.decode(piece)
                decoder.decode(b"", True)
        except UnicodeError:
            continue
        if nul:
            raise not_readable(suffix)
        return encoding
    refusal = not_readable(suffix)
    if refusal.code == "unreadable_file" and suffix in READABLE_SUFFIXES & _TEXT_SUFFIXES:
        refusal.params["reason"] = "encoding"
    raise refusal


def _delimiter(sample: str, known_headers: Callable[[Row], int]) -> str:
    if said := _SEPARATOR_LINE.match(sample):
        return said[1]
    return max(_DELIMITERS, key=lambda delimiter: _best_header(sample, delimiter, known_headers))


def _best_header(sample: str, delimiter: str, known_headers: Callable[[Row], int]) -> int:
    best = 0
    records = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    try:
        for _, record in zip(range(HEADER_WITHIN_ROWS), records, strict=False):
            best = max(best, known_headers(record[:MAX_COLUMNS]))  # type: ignore[arg-type]
    except csv.Error:
        pass
    return best
