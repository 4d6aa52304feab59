"""A file that cannot be taken as a whole is refused with its code, in bounded time and memory; every process stays."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from outside import books
from outside.academy import Academy
from outside.documents import documented

from instroom.testing import Platform

HEAD = [*books.DUTCH]
CONTENT_TYPES = "[Content_Types].xml"
BOUND = 100.0
"""Seconds for any hostile file on a machine that does other things too; the reader's own limit is below it."""
MEGABYTES = 64
"""What import-service may take for a hostile file: the file in pieces and what the reader tells, never its content."""


def ole(stream: str) -> bytes:
    """An OLE container with one stream: what Excel makes of a workbook with a password."""
    none, end, fat_sector = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    u32 = lambda *numbers: b"".join(n.to_bytes(4, "little") for n in numbers)  # noqa: E731
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header += b"".join(n.to_bytes(2, "little") for n in (0x3E, 3, 0xFFFE, 9, 6)) + bytes(6)
    header += u32(0, 1, 1, 0, 4096, end, 0, end, 0, 0) + u32(*[none] * 108)
    fat = u32(fat_sector, end, 3, 4, 5, 6, 7, 8, 9, end) + u32(*[none] * 118)

    def entry(name: str, kind: int, start: int, size: int, child: int = none) -> bytes:
        text = name.encode("utf-16-le") + b"\0\0"
        made = text.ljust(64, b"\0") + len(text).to_bytes(2, "little") + bytes([kind, 1]) + u32(none, none, child)
        return made + bytes(36) + u32(start, size, 0)

    directory = entry("Root Entry", 5, end, 0, child=1) + entry(stream, 2, 2, 4096) + bytes(256)
    return header + fat + directory + bytes(4096)


def with_macro() -> bytes:
    data = books.workbook([])
    types = (
        '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/xl/workbook.xml" '
        'ContentType="application/vnd.ms-excel.sheet.macroEnabled.main+xml"/></Types>'
    )
    return books.repacked(data, {"xl/vbaProject.bin": b"macro", CONTENT_TYPES: types})


def with_sheet(xml: str) -> bytes:
    return books.repacked(books.workbook([]), {"xl/worksheets/sheet1.xml": xml})


def header_cells() -> str:
    cells = "".join(
        f'<c r="{letter}1" t="inlineStr"><is><t>{header}</t></is></c>'
        for letter, header in zip("ABCDEFGHIJKL", HEAD, strict=True)
    )
    return f'<row r="1">{cells}</row>'


def far_away() -> bytes:
    cell = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'
    return with_sheet(books.sheet_xml(header_cells() + cell))


def laughs() -> bytes:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return with_sheet(books.sheet_xml(header_cells(), f'<!DOCTYPE lolz [<!ENTITY a0 "lol">{entities}]>'))


REFUSED: list[tuple[str, Callable[[], bytes], str, str]] = [
    ("a file of no bytes", lambda: b"", "leeg.xlsx", "empty_file"),
    ("a header without a row", lambda: books.workbook([]), "mensen.xlsx", "empty_file"),
    ("a renamed program", lambda: b"MZ\x90\0" + bytes(range(256)) * 40, "mensen.xlsx", "unreadable_file"),
    ("a program", lambda: b"MZ\x90\0" + bytes(range(256)) * 40, "setup.exe", "unsupported_format"),
    ("a workbook with a password", lambda: ole("EncryptedPackage"), "mensen.xlsx", "encrypted_file"),
    ("a workbook with a macro", with_macro, "mensen.xlsm", "unsupported_format"),
    ("a zip bomb", books.bomb, "mensen.xlsx", "file_too_large"),
    ("a cell far away", far_away, "mensen.xlsx", "unreadable_file"),
    ("entities", laughs, "mensen.xlsx", "unreadable_file"),
    ("half a workbook", lambda: books.workbook([{"first_name": "Jan"}])[:3000], "mensen.xlsx", "unreadable_file"),
    ("a letter", lambda: b"Beste collega,\r\n\r\ngroet, Jan\r\n", "brief.txt", "missing_columns"),
]


def lives(platform: Platform) -> dict[str, tuple[int, int]]:
    """(pid, restarts) of every process: a crash shows, however soon the process is there again."""
    return {process["name"]: (process["pid"], process["restarts"]) for process in platform.status()["processes"]}


class Memory:
    """The memory of a process since now; 0 MB where the system does not tell (no /proc)."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")
        if self._folder.exists():
            (self._folder / "clear_refs").write_text("5")  # the peak so far is of other tests (proc(5))
        self._before = self._megabytes("VmRSS")

    def taken(self) -> int:
        """How many MB its peak is above where it began."""
        return self._megabytes("VmHWM") - self._before

    def _megabytes(self, name: str) -> int:
        if not self._folder.exists():
            return 0
        found = re.search(rf"^{name}:\s+(\d+) kB$", (self._folder / "status").read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1]) // 1024


@pytest.mark.parametrize(("make", "name", "code"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_file_is_refused_in_bounded_time_and_memory(
    acme: Academy, make: Callable[[], bytes], name: str, code: str
) -> None:
    data = make()
    before = lives(acme.platform)
    memory = Memory(acme.platform.pid("import-service"))
    began = time.monotonic()
    document = documented(acme.import_file(data, name=name, code=1))
    assert time.monotonic() - began < BOUND
    assert (document["state"], document["rows"], document["results"]) == ("refused", 0, [])
    assert [error["code"] for error in document["errors"]] == [code]
    assert document["errors"][0]["message"]
    assert memory.taken() < MEGABYTES
    assert acme.take_in(acme.person())["created"] == 1, "who comes next is served"
    assert lives(acme.platform) == before


def test_all_missing_columns_are_named_at_once(acme: Academy) -> None:
    document = documented(acme.import_file(books.sheets({"Blad1": [["Voornaam", "Taal"], ["Jan", "nl"]]}), code=1))
    (error,) = document["errors"]
    assert error["code"] == "missing_columns"
    assert set(error["columns"]) >= {"personnel_number", "last_name", "email"}


def test_a_column_that_is_there_twice_is_named(acme: Academy) -> None:
    rows = [["Personeelsnummer", "E-mail", "Emailadres"], ["1", "a@b.nl", "c@d.nl"]]
    (error,) = documented(acme.import_file(books.sheets({"Blad1": rows}), code=1))["errors"]
    assert (error["code"], error["columns"]) == ("duplicate_columns", ["email"])
    assert "E-mail" in error["message"]
    assert "Emailadres" in error["message"]


def test_without_a_needed_column_only_existing_people_can_be_updated_and_the_check_says_so(acme: Academy) -> None:
    acme.take_in(acme.person(1001))
    fields = ("personnel_number", "cost_centre")
    people = [{"personnel_number": "1001", "cost_centre": "KP9"}, {"personnel_number": "1002", "cost_centre": "KP9"}]
    document = documented(acme.import_file(books.workbook(people, fields), code=1))
    assert [w["code"] for w in document["warnings"]] == ["only_updates"]
    assert (document["updated"], document["rejected"]) == (1, 1)
    assert {error["code"] for error in document["results"][1]["errors"]} == {"required"}
