"""Files as people make them: workbooks and text, whole or spoiled. Pure."""

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import xlsxwriter

from contracts.fields import IMPORT_FIELDS

DUTCH = (
    "Personeelsnummer",
    "Voornaam",
    "Tussenvoegsel",
    "Achternaam",
    "Emailadres",
    "Bedrijf",
    "Afdeling",
    "Functie(s)",
    "Kostenplaats",
    "Uitnodiging versturen",
    "Actief",
    "Taal",
)
HEADERS = dict(zip(IMPORT_FIELDS, DUTCH, strict=True))

Person = Mapping[str, Any]
Cells = Sequence[Sequence[Any]]


def letter(field: str, fields: Sequence[str] = IMPORT_FIELDS) -> str:
    """The column of a field in a table of these fields."""
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[fields.index(field)]


def table(
    people: Iterable[Person], fields: Sequence[str] = IMPORT_FIELDS, headers: Sequence[str] | None = None
) -> list[list[Any]]:
    """A header row and a row per person."""
    head = list(headers) if headers is not None else [HEADERS[field] for field in fields]
    return [head, *([person.get(field, "") for field in fields] for person in people)]


def sheets(content: Mapping[str, Cells], touch: Callable[[Any], None] | None = None) -> bytes:
    """An .xlsx of these sheets; `touch(workbook)` may add to it."""
    buffer = io.BytesIO()
    workbook = xlsxwriter.Workbook(buffer, {"strings_to_formulas": False, "strings_to_urls": False})
    for name, rows in content.items():
        sheet = workbook.add_worksheet(name)
        for number, cells in enumerate(rows):
            sheet.write_row(number, 0, cells)
    if touch is not None:
        touch(workbook)
    workbook.close()
    return buffer.getvalue()


def workbook(people: Iterable[Person], fields: Sequence[str] = IMPORT_FIELDS) -> bytes:
    """The usual .xlsx: one sheet, Dutch headers in row 1."""
    return sheets({"Gebruikers": table(people, fields)})


def text(rows: Cells, encoding: str = "utf-8", delimiter: str = ";") -> bytes:
    """The rows as delimited text."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue().encode(encoding)


def repacked(data: bytes, parts: Mapping[str, bytes | str]) -> bytes:
    """A zip made anew with parts replaced or added."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        content: dict[str, bytes | str] = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in (content | dict(parts)).items():
            archive.writestr(name, part)
    return buffer.getvalue()


def sheet_xml(rows: str, before: str = "") -> str:
    """The XML of a worksheet around the XML of its rows."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    head = f'<?xml version="1.0" encoding="UTF-8"?>{before}'
    return f'{head}<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'


def bomb(megabytes: int = 700) -> bytes:
    """A workbook of a few MB that unpacks to more than it may."""
    whole = workbook([])
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(whole)) as archive,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bombed,
    ):
        for name in archive.namelist():
            if name != "xl/worksheets/sheet1.xml":
                bombed.writestr(name, archive.read(name))
        with bombed.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            part.write(sheet_xml("").removesuffix("</sheetData></worksheet>").encode())
            blanks = b" " * 1024 * 1024
            for _ in range(megabytes):
                part.write(blanks)
            part.write(b"</sheetData></worksheet>")
    return buffer.getvalue()
