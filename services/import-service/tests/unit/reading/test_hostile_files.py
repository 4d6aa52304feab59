"""Invariant 10: a clear refusal in bounded time and memory, through the process that the service uses."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from import_service.reading.reader import open_file
from import_service.reading.refused import FileRefused

SECONDS = 60.0


async def consume(path: Path, filename: str) -> None:
    async with open_file(path, filename, wall_seconds=SECONDS) as reading:
        async for _ in reading:
            pass


@pytest.fixture
def refusal(tmp_path: Path):
    """The refusal of bytes that are given to the process."""

    async def refusal(data: bytes, filename: str = "people.xlsx") -> FileRefused:
        path = tmp_path / "upload"
        path.write_bytes(data)
        with pytest.raises(FileRefused) as refused:
            await consume(path, filename)
        return refused.value

    return refusal


def bomb(plain: bytes, name: str, megabytes: int) -> bytes:
    """`plain` with a part of so many megabytes of spaces, whatever the directory says of its size."""
    buffer = io.BytesIO(plain)
    with (
        zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as part,
    ):
        for _ in range(megabytes):
            part.write(b" " * 1024 * 1024)
    return buffer.getvalue()


async def test_a_part_that_unpacks_to_more_than_512_mb_is_too_large(refusal, xlsx, headers):
    assert (await refusal(bomb(xlsx([headers]), "xl/media/a.xml", 520))).code == "file_too_large"


async def test_shared_strings_of_more_than_64_mb_are_too_large(refusal, xlsx, repack, headers):
    data = bomb(repack(xlsx([headers]), {"xl/sharedStrings.xml": None}), "xl/sharedStrings.xml", 70)
    assert (await refusal(data)).code == "file_too_large"


async def test_a_directory_that_lies_about_a_size_is_unreadable(refusal, xlsx, headers, person):
    data = bytearray(xlsx([headers, *[person] * 100]))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        at = archive.start_dir
    struct.pack_into("<I", data, at + 24, 5)
    assert (await refusal(bytes(data))).code == "unreadable_file"


async def test_a_directory_of_thousands_of_parts_is_unreadable(refusal, xlsx, repack, headers):
    assert (await refusal(repack(xlsx([headers]), {f"x/{n}": b"" for n in range(5000)}))).code == "unreadable_file"


async def test_parts_of_the_same_name_are_unreadable(refusal, xlsx, headers):
    buffer = io.BytesIO(xlsx([headers]))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("XL/Workbook.xml", "<x/>")
    assert (await refusal(buffer.getvalue())).code == "unreadable_file"


async def test_a_part_that_leaves_its_folder_is_unreadable(refusal, xlsx, repack, headers):
    assert (await refusal(repack(xlsx([headers]), {"xl/../../evil.xml": "<x/>"}))).code == "unreadable_file"


FAR = {
    "the last cell of all": '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
    "a column nobody has": '<row r="1"><c r="A1"><v>1</v></c><c r="ZZZ1"><v>1</v></c></row>',
    "the last row of the last column we read": (
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="BL1048576"><v>1</v></c></row>'
    ),
    "a row beyond all rows": '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048577"><c r="A1048577"><v>1</v></c></row>',
    "a row of ten digits": '<row r="4000000000"><c><v>1</v></c></row>',
    "a cell far from its row": '<row r="1"><c r="A1"><v>1</v></c><c r="BL1048576"><v>1</v></c></row>',
    "attributes in single quotes": "<row r='1'><c r='A1'><v>1</v></c><c r='XFD1048576'><v>1</v></c></row>",
    "another attribute first": '<row r="1"><c r="A1"><v>1</v></c><c s="0" r="XFD1048576"><v>1</v></c></row>',
    "white space in the tag": '<row r="1"><c r="A1"><v>1</v></c><c\n r = "XFD1048576"><v>1</v></c></row>',
    "tags with a prefix": (
        '<x:row xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" r="1"><x:c r="A1"><x:v>1</x:v></x:c>'
        '<x:c r="XFD1048576"><x:v>1</x:v></x:c></x:row>'
    ),
    "letters in lower case": '<row r="1"><c r="A1"><v>1</v></c><c r="xfd1048576"><v>1</v></c></row>',
    "a reference of a character reference": '<row r="1"><c r="A1"><v>1</v></c><c r="&#88;FD1048576"><v>1</v></c></row>',
}


@pytest.mark.parametrize("kind", FAR)
async def test_a_far_away_cell_is_unreadable_however_it_is_written(refusal, xlsx, repack, sheet_xml, headers, kind):
    data = repack(xlsx([headers]), {"xl/worksheets/sheet1.xml": sheet_xml(FAR[kind])})
    assert len(data) < 10_000
    refused = await refusal(data)
    assert (refused.code, refused.params) == ("unreadable_file", {"reason": "dimension"})


async def test_entities_are_unreadable_and_read_nothing(refusal, xlsx, repack, sheet_xml, headers):
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    for doctype in (
        f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>',
        '<!DOCTYPE x [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
        '<!doctype x [<!ENTITY l9 "x">]>',
    ):
        cell = '<row r="1"><c r="A1" t="inlineStr"><is><t>&l9;</t></is></c></row>'
        sheet = sheet_xml(cell).replace("?>", f"?>{doctype}", 1)
        assert (await refusal(repack(xlsx([headers]), {"xl/worksheets/sheet1.xml": sheet}))).code == "unreadable_file"
        assert (await refusal(repack(xlsx([headers]), {"xl/workbook.xml": sheet}))).code == "unreadable_file"


async def test_a_part_in_utf_16_hides_no_doctype(refusal, xlsx, repack, headers):
    hidden = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x><x/>'.encode("utf-16")
    assert (await refusal(repack(xlsx([headers]), {"xl/styles.xml": hidden}))).code == "unreadable_file"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
async def test_a_data_connection_in_utf_16_is_ignored_and_hides_no_doctype(
    read, refusal, xlsx, repack, headers, person, encoding
):
    xml = '<?xml version="1.0" encoding="utf-16"?>{}<DataMashup xmlns="http://schemas.microsoft.com/DataMashup">UEsD</DataMashup>'
    plain = xlsx([headers, person])

    def with_part(doctype: str) -> bytes:
        return repack(plain, {"customXml/item1.xml": xml.format(doctype).encode(encoding)})

    assert len(read(with_part("")).rows) == 1
    for doctype in ("<!DOCTYPE x>", "<!ENTITY x 'y'>"):
        assert (await refusal(with_part(doctype))).code == "unreadable_file"


async def test_a_sheet_kept_among_the_data_connections_in_utf_16_is_not_taken_for_near(
    refusal, xlsx, repack, sheet_xml, headers
):
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Target="/customXml/item1.xml"'
        ' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"/></Relationships>'
    )
    sheet = sheet_xml(FAR["the last cell of all"]).replace("UTF-8", "utf-16").encode("utf-16")
    moved = {"xl/_rels/workbook.xml.rels": relations, "customXml/item1.xml": sheet}
    refused = await refusal(repack(xlsx([headers]), moved))
    assert (refused.code, refused.params) == ("unreadable_file", {"reason": "dimension"})


async def test_rows_without_end_are_too_many_and_stop_early(refusal, xlsx, repack, sheet_xml, headers):
    def rows():
        yield '<row><c t="inlineStr"><is><t>Personeelsnummer</t></is></c><c t="inlineStr"><is><t>Taal</t></is></c></row>'
        yield "<row><c><v>1</v></c></row>" * 1_000_000

    data = repack(xlsx([headers]), {"xl/worksheets/sheet1.xml": sheet_xml("".join(rows()))})
    assert (await refusal(data)).code == "too_many_rows"


async def test_what_grows_in_memory_beyond_the_limit_is_too_large(refusal, xlsx, repack, sheet_xml, headers):
    text = "x" * 32_000
    strings = f'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>{text}</t></si></sst>'
    cells = "".join(
        f'<row r="{row}">' + "".join(f'<c r="{column}{row}" t="s"><v>0</v></c>' for column in "ABCDEFGHIJ") + "</row>"
        for row in range(1, 5000)
    )
    data = repack(xlsx([headers]), {"xl/sharedStrings.xml": strings, "xl/worksheets/sheet1.xml": sheet_xml(cells)})
    assert (await refusal(data)).code == "file_too_large"


async def test_sheets_that_share_a_name_or_have_no_part_are_unreadable(refusal, xlsx, repack, headers):
    plain = xlsx(sheets={"Gebruikers": [headers], "Blad2": [headers]})
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        book = archive.read("xl/workbook.xml").decode()
    assert (
        await refusal(repack(plain, {"xl/workbook.xml": book.replace("Blad2", "Gebruikers")}))
    ).code == "unreadable_file"
    assert (await refusal(repack(plain, {"xl/worksheets/sheet1.xml": None}))).code == "unreadable_file"


async def test_a_stream_that_is_no_deflate_is_unreadable(refusal, xlsx, headers):
    data = xlsx([headers])
    stream = zlib.compress(b"x" * 1000)
    at = data.index(b"PK\x03\x04") + 60
    assert (await refusal(data[:at] + stream + data[at + len(stream) :])).code == "unreadable_file"
