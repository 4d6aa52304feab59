"""Files of every format, made on the spot, and what our reader makes of them."""

import io
import struct
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
import xlsxwriter

from contracts.fields import IMPORT_FIELDS
from import_service.reading.source import open_source
from import_service.reading.table import frames

HEADERS = ["Personeelsnummer", "Voornaam", "Tussenvoegsel", "Achternaam", "Emailadres", "Bedrijf", "Afdeling"]
HEADERS += ["Functie(s)", "Kostenplaats", "Uitnodiging versturen", "Actief", "Taal"]
PERSON = ["007", "Jan", "de", "Vries", "jan@voorbeeld.nl", "Acme", "Verkoop", "Adviseur", "KP01", "x", "x", "nl"]


@dataclass
class Result:
    """What came out of a file: rows by number, each as the fields that are not blank."""

    header: dict[str, Any] = field(default_factory=dict)
    rows: dict[int, dict[str, str]] = field(default_factory=dict)
    faults: dict[int, list[tuple[str, str, str, dict[str, Any]]]] = field(default_factory=dict)
    warnings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def codes(self) -> set[tuple[int, str, str]]:
        """(row, field, code) of every cell that is wrong."""
        return {(row, fault[1], fault[0]) for row, faults in self.faults.items() for fault in faults}


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Result]:
    """Reads bytes under a name, in this process; refusals are raised."""

    def read(data: bytes, filename: str = "people.xlsx") -> Result:
        path = tmp_path / "upload"
        path.write_bytes(data)
        result = Result()
        suffix = Path(filename).suffix.lower()
        for frame in frames(open_source(path, suffix), suffix):
            if frame["kind"] == "header":
                result.header = frame
            elif frame["kind"] == "rows":
                for number, values in zip(frame["numbers"], zip(*frame["columns"], strict=True), strict=True):
                    result.rows[number] = {f: v for f, v in zip(IMPORT_FIELDS, values, strict=True) if v is not None}
                result.faults |= {number: [tuple(fault) for fault in faults] for number, faults in frame["problems"]}
            else:
                result.warnings = result.header["warnings"] + frame["warnings"]
        assert frame["kind"] == "end"
        assert frame["rows"] == len(result.rows)
        return result

    return read


Rows = Iterable[Sequence[Any]]


@pytest.fixture
def xlsx() -> Callable[..., bytes]:
    """An .xlsx: sheets by name, or the rows of one sheet; `touch(workbook)` may add to it before it is closed."""

    def xlsx(
        rows: Rows | None = None,
        *,
        sheets: dict[str, Rows] | None = None,
        hidden: Iterable[str] = (),
        touch: Callable[[Any], None] | None = None,
        **options: Any,
    ) -> bytes:
        buffer = io.BytesIO()
        workbook = xlsxwriter.Workbook(buffer, {"strings_to_formulas": False, "strings_to_urls": False, **options})
        for name, content in (sheets or {"Gebruikers": rows or []}).items():
            sheet = workbook.add_worksheet(name)
            if name in hidden:
                sheet.hide()
            for number, row in enumerate(content):
                sheet.write_row(number, 0, row)
        if touch:
            touch(workbook)
        workbook.close()
        return buffer.getvalue()

    return xlsx


@pytest.fixture
def repack() -> Callable[..., bytes]:
    """A zip made anew with parts replaced, added or (None) left out."""

    def repack(data: bytes, parts: dict[str, bytes | str | None]) -> bytes:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            content: dict[str, Any] = {name: archive.read(name) for name in archive.namelist()}
        content |= parts
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, part in content.items():
                if part is not None:
                    archive.writestr(name, part)
        return buffer.getvalue()

    return repack


@pytest.fixture
def sheet_xml() -> Callable[[str], str]:
    """The XML of a worksheet around the XML of its rows."""

    def sheet_xml(rows: str) -> str:
        main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
        )

    return sheet_xml


_ODS_NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (("office", "office"), ("table", "table"), ("text", "text"), ("style", "style"))
) + (
    ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
)


@pytest.fixture
def ods() -> Callable[..., bytes]:
    """An .ods: rows of texts and of ready cells (XML that begins with "<"), or the XML of whole tables."""

    def cell(value: str) -> str:
        if value.startswith("<"):
            return value
        if value == "":
            return "<table:table-cell/>"
        return f'<table:table-cell office:value-type="string"><text:p>{escape(value)}</text:p></table:table-cell>'

    def ods(rows: Rows = (), *, tables: str = "", styles: str = "", before: str = "", parts: Any = None) -> bytes:
        body = "".join(
            row if isinstance(row, str) else f"<table:table-row>{''.join(map(cell, row))}</table:table-row>"
            for row in rows
        )
        tables = tables or f'<table:table table:name="Gebruikers">{body}</table:table>'
        content = (
            f'<?xml version="1.0" encoding="UTF-8"?>{before}<office:document-content {_ODS_NAMESPACES}>'
            f"<office:automatic-styles>{styles}</office:automatic-styles>"
            f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"
        )
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
            archive.writestr("content.xml", content)
            archive.writestr("META-INF/manifest.xml", "<manifest/>")
            for name, part in (parts or {}).items():
                archive.writestr(name, part)
        return buffer.getvalue()

    return ods


@pytest.fixture
def ole() -> Callable[[dict[str, bytes]], bytes]:
    """An OLE container with streams; those below 4,096 bytes go into the small sectors, as the format wants."""
    return _ole


def _ole(streams: dict[str, bytes]) -> bytes:
    sectors: list[bytes] = []
    fat: list[int] = []
    end, none, fat_sector = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD

    def add(data: bytes) -> int:
        pieces = [data[i : i + 512].ljust(512, b"\0") for i in range(0, len(data), 512)] or [b"\0" * 512]
        first = len(sectors)
        fat.extend([first + i + 1 for i in range(len(pieces) - 1)] + [end])
        sectors.extend(pieces)
        return first

    small, small_fat, starts = b"", [], {}
    for name, data in streams.items():
        if len(data) >= 4096:
            starts[name] = add(data)
            continue
        first, count = len(small) // 64, max(1, -(-len(data) // 64))
        starts[name] = first
        small_fat += [first + i + 1 for i in range(count - 1)] + [end]
        small += data.ljust(count * 64, b"\0")
    small_start = add(small) if small else end
    small_fat_start = add(struct.pack(f"<{len(small_fat)}I", *small_fat).ljust(512, b"\xff")) if small else end

    def entry(name: str, kind: int, start: int, size: int, *, right: int = none, child: int = none) -> bytes:
        text = name.encode("utf-16-le") + b"\0\0"
        return struct.pack(
            "<64sHBBIII16sI8s8sIQ", text, len(text), kind, 1, none, right, child, b"", 0, b"", b"", start, size
        )

    directory = entry("Root Entry", 5, small_start, len(small), child=1)
    for number, (name, data) in enumerate(streams.items(), 1):
        right = number + 1 if number < len(streams) else none
        directory += entry(name, 2, starts[name], len(data), right=right)
    directory_start = add(directory)
    fat_start = len(sectors)
    fat_count = -(-(len(fat) + 1) // 127)
    fat += [fat_sector] * fat_count
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(fat_count * 512, b"\xff")
    sectors += [table[i : i + 512] for i in range(0, len(table), 512)]
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"",
        0x3E,
        3,
        0xFFFE,
        9,
        6,
        b"",
        0,
        fat_count,
        directory_start,
        0,
        4096,
        small_fat_start,
        1 if small else 0,
        end,
        0,
    )
    header += struct.pack("<109I", *([fat_start + i for i in range(fat_count)] + [none] * (109 - fat_count)))
    return header + b"".join(sectors)


@dataclass(frozen=True)
class BiffError:
    """An error cell of an .xls by its code."""

    code: int


@pytest.fixture
def xls() -> Callable[..., bytes]:
    """An .xls (BIFF8) of one sheet; a cell is a text, a number or an error; `at` puts a text anywhere."""

    def record(kind: int, data: bytes) -> bytes:
        return struct.pack("<HH", kind, len(data)) + data

    def cell(row: int, column: int, value: Any) -> bytes:
        place = struct.pack("<HHH", row, column, 0)
        if isinstance(value, BiffError):
            return record(0x205, place + struct.pack("<BB", value.code, 1))
        if isinstance(value, (int, float)):
            return record(0x203, place + struct.pack("<d", value))
        return record(0x204, place + struct.pack("<HB", len(value), 1) + value.encode("utf-16-le"))

    def xls(
        rows: Rows, *, at: dict[tuple[int, int], str] | None = None, password: bool = False, macros: bool = False
    ) -> bytes:
        cells = {(r, c): v for r, row in enumerate(rows) for c, v in enumerate(row) if v != ""} | (at or {})
        sheet = record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 1997, 0, 6))
        last_row, last_column = max(r for r, _ in cells) + 1, max(c for _, c in cells) + 1
        sheet += record(0x200, struct.pack("<IIHHH", 0, last_row, 0, last_column, 0))
        sheet += b"".join(cell(r, c, v) for (r, c), v in sorted(cells.items())) + record(0x0A, b"")
        globals_ = record(0x809, struct.pack("<HHHHII", 0x600, 0x05, 0, 1997, 0, 6))
        globals_ += record(0x2F, b"\1\0" + b"\0" * 52) if password else b""
        globals_ += record(0x42, struct.pack("<H", 1200))
        name = b"Gebruikers"
        bound = len(globals_) + 4 + 8 + len(name) + 4
        globals_ += record(0x85, struct.pack("<IBBBB", bound, 0, 0, len(name), 0) + name) + record(0x0A, b"")
        return _ole({"Workbook": globals_ + sheet} | ({"_VBA_PROJECT_CUR": b"x"} if macros else {}))

    return xls


@pytest.fixture
def biff_error() -> type[BiffError]:
    """The error cells of `xls`."""
    return BiffError


@pytest.fixture
def headers() -> list[str]:
    """The twelve headers of the Dutch template."""
    return list(HEADERS)


@pytest.fixture
def person() -> list[str]:
    """A row that has nothing wrong with it."""
    return list(PERSON)
