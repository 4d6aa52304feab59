"""From a source to frames: the header first, then rows in chunks, at the end what is worth a look."""

from collections.abc import Iterator
from itertools import chain, islice, zip_longest
from typing import Any, Final

from contracts.fields import IMPORT_FIELDS
from import_service.reading.cells import read_column
from import_service.reading.headers import NEEDED_BY_NEW_PEOPLE, Column, Header, check_columns, find_header, letters_of
from import_service.reading.limits import CHUNK_ROWS, HEADER_WITHIN_ROWS, MAX_ROWS
from import_service.reading.refused import FileRefused, not_readable
from import_service.reading.sheets import Cell, Row, Sheet, Source

Frame = dict[str, Any]

_PREFERRED: Final = frozenset({"gebruikers", "users"})


def frames(source: Source, suffix: str) -> Iterator[Frame]:
    """The frames of a file; a refusal comes before the first of them."""
    sheet, header = _choose(source, suffix)
    check_columns(header)
    if sheet.most_rows() > MAX_ROWS:
        _count(sheet, header)
    numbers: set[str] = set()
    rows = _chunks(source, sheet, header, numbers)
    first = next(rows, None)
    if first is None:
        raise FileRefused("empty_file")
    yield _header_frame(source, sheet, header)
    total = 0
    for frame in chain([first], rows):
        total += len(frame["numbers"])
        yield frame
    lost: list[Frame] = [
        {"code": "leading_zeros", "field": name, "params": {}} for name in IMPORT_FIELDS if name in numbers
    ]
    yield {"kind": "end", "rows": total, "warnings": lost}


def _choose(source: Source, suffix: str) -> tuple[Sheet, Header]:
    """The sheet named for its purpose if it has a header, else the first visible one that has."""
    preferred = [sheet for sheet in source.sheets if sheet.name.strip().casefold() in _PREFERRED]
    others = [sheet for sheet in source.sheets if sheet.visible and sheet not in preferred]
    blank = True
    nearly: Header | None = None
    for sheet in (*preferred, *others):
        top = list(islice(sheet.rows(), HEADER_WITHIN_ROWS))
        if header := find_header(top):
            return sheet, header
        nearly = nearly or find_header(top, at_least=1)
        blank &= all(_is_blank(cell) for row in top for cell in row)
    if blank:
        raise FileRefused("empty_file")
    if source.foreign_without_header:
        raise not_readable(suffix)
    missing = nearly.missing if nearly else list(NEEDED_BY_NEW_PEOPLE)
    raise FileRefused("missing_columns", fields=missing, within=HEADER_WITHIN_ROWS)


def _is_blank(cell: Cell) -> bool:
    """Whether nothing is left of a cell once it is trimmed."""
    return cell == "" or (isinstance(cell, str) and cell.isspace())


def _count(sheet: Sheet, header: Header) -> None:
    """Refuse more rows than an import may have, before any of them is told."""
    indexes = [column.index for column in header.columns]
    left = MAX_ROWS
    for row in islice(sheet.rows(), header.row + 1, None):
        if not all(index >= len(row) or _is_blank(row[index]) for index in indexes):
            left -= 1
            if left < 0:
                raise FileRefused("too_many_rows", limit=MAX_ROWS)


def _header_frame(source: Source, sheet: Sheet, header: Header) -> Frame:
    warnings: list[dict[str, Any]] = []
    if header.missing:
        warnings.append({"code": "only_updates", "field": None, "params": {"fields": header.missing}})
    warnings += [
        {"code": "ignored_column", "field": None, "params": {"header": text, "letter": letters_of(index)}}
        for index, text in header.ignored
    ]
    return {
        "kind": "header",
        "format": source.format,
        "sheet": sheet.name,
        "row": 1 if source.numbered_from_header else header.row + 1,
        "columns": [[column.field, letters_of(column.index), column.header] for column in header.columns],
        "ignored": [[letters_of(index), text] for index, text in header.ignored],
        "stamp": [source.stamp.academy, source.stamp.revision] if source.stamp else None,
        "warnings": warnings,
    }


def _chunks(source: Source, sheet: Sheet, header: Header, numbers: set[str]) -> Iterator[Frame]:
    """Chunks of rows that are not blank in the known columns; `numbers` gathers the columns that hold numbers."""
    by_field = {column.field: column for column in header.columns}
    columns = [by_field.get(name) for name in IMPORT_FIELDS]
    rows = islice(sheet.rows(), header.row + 1, None)
    number = 2 if source.numbered_from_header else header.row + 2
    while chunk := list(islice(rows, CHUNK_ROWS)):
        frame = _chunk(chunk, number, columns, numbers)
        number += len(chunk)
        if frame["numbers"]:
            yield frame


def _chunk(rows: list[Row], first: int, columns: list[Column | None], numbers: set[str]) -> Frame:
    cells = list(zip_longest(*rows, fillvalue=""))
    texts: list[list[str | None]] = []
    problems: dict[int, list[list[Any]]] = {}
    for column in columns:
        if column is None or column.index >= len(cells):
            texts.append([None] * len(rows))
            continue
        read = read_column(column.field, cells[column.index])
        texts.append(read.texts)
        if read.numbers:
            numbers.add(column.field)
        for at, problem in read.problems.items():
            problems.setdefault(at, []).append([problem.code, column.field, problem.value, problem.params])
    kept: list[int] | range = range(len(rows))
    if None in texts[0]:
        kept = [at for at, values in enumerate(zip(*texts, strict=True)) if at in problems or any(values)]
        if len(kept) < len(rows):
            texts = [[column_texts[at] for at in kept] for column_texts in texts]
    return {
        "kind": "rows",
        "numbers": [first + at for at in kept],
        "columns": texts,
        "problems": [[first + at, told] for at, told in sorted(problems.items())],
    }
