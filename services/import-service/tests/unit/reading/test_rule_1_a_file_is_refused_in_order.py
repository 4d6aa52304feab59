import io
import zipfile

import pytest

from contracts.errors import ErrorCode, Problem
from contracts.sentences import render
from import_service.reading import limits, package, table, text
from import_service.reading import sniff as sniffing
from import_service.reading.refused import FileRefused


def refusal(read, data, filename="people.xlsx"):
    with pytest.raises(FileRefused) as refused:
        read(data, filename)
    return refused.value


def told(refused, language):
    return render(Problem(code=ErrorCode(refused.code), params=refused.params), language)


def test_rule_1_a_file_of_no_bytes_is_empty(read):
    assert refusal(read, b"").code == "empty_file"


def test_rule_1_a_file_over_the_limit_is_too_large_whatever_it_is(read, monkeypatch):
    monkeypatch.setattr(sniffing, "MAX_FILE_BYTES", 10)
    refused = refusal(read, b"no workbook at all", "x.exe")
    assert refused.code == "file_too_large"
    assert refused.params == {"limit": 10}


def test_rule_1_the_limit_of_a_file_is_50_mb_and_of_its_rows_250_000():
    assert (limits.MAX_FILE_BYTES, limits.MAX_ROWS, limits.MAX_COLUMNS) == (50 * 1024 * 1024, 250_000, 64)
    assert limits.MAX_UNPACKED_BYTES == 600 * 1024 * 1024
    assert limits.MAX_PART_BYTES == 512 * 1024 * 1024
    assert limits.MAX_SHARED_STRINGS_BYTES == 64 * 1024 * 1024


def test_rule_1_an_encrypted_workbook_is_told_apart_from_an_old_one(read, ole):
    encrypted = ole({"EncryptionInfo": b"\4\0\4\0" + b"x" * 200, "EncryptedPackage": b"\0" * 9000})
    assert refusal(read, encrypted).code == "encrypted_file"


def test_rule_1_an_old_workbook_with_a_password_is_encrypted(read, xls, headers, person):
    assert refusal(read, xls([headers, person], password=True), "people.xls").code == "encrypted_file"
    assert refusal(read, xls([headers, person], password=True, macros=True), "people.xls").code == "encrypted_file"


def test_rule_1_an_opendocument_file_with_a_password_is_encrypted(read, ods, repack):
    data = repack(
        ods([["x"]]), {"META-INF/manifest.xml": "<manifest><encryption-data/></manifest>", "content.xml": b"\x8f\x12"}
    )
    assert refusal(read, data, "people.ods").code == "encrypted_file"


def test_rule_1_a_zip_with_a_password_is_encrypted(read, xlsx, headers):
    data = bytearray(xlsx([headers]))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        directory = archive.start_dir
    data[directory + 8] |= 1
    assert refusal(read, bytes(data)).code == "encrypted_file"


@pytest.mark.parametrize("content", ["xlsx", "xls", "ods", "csv"])
@pytest.mark.parametrize("filename", ["people.xlsx", "people.xls", "people.ods", "people.csv", "people.exe", "people"])
def test_rule_1_the_format_is_known_by_content_whatever_the_name(
    read, xlsx, xls, ods, headers, person, content, filename
):
    rows = [headers, person]
    data = {
        "xlsx": lambda: xlsx(rows),
        "xls": lambda: xls(rows),
        "ods": lambda: ods(rows),
        "csv": lambda: "\r\n".join(";".join(row) for row in rows).encode(),
    }[content]()
    result = read(data, filename)
    assert result.header["format"] == content
    assert next(iter(result.rows.values()))["email"] == "jan@voorbeeld.nl"


PROGRAM = b"MZ\x90\x00\x03\x00\x00\x00" + bytes(range(256)) * 8
FOREIGN = {
    "program": PROGRAM,
    "program without a magic": b"\x01\x02\x00\x81\x8d\x8f" * 50,
    "pdf": b"%PDF-1.7\n1 0 obj\n",
    "html": b"<html><table><tr><td>Personeelsnummer</td></tr></table>",
    "broken zip": b"PK\x03\x04" + b"\0" * 100,
    "old word document": None,
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_rule_1_what_cannot_be_read_is_broken_under_a_name_of_ours_and_foreign_under_another(read, ole, kind):
    data = FOREIGN[kind] or ole({"WordDocument": b"\0" * 5000})
    for suffix in ("xlsx", "xls", "ods", "csv", "tsv", "txt", "XLSX"):
        assert refusal(read, data, f"people.{suffix}").code == "unreadable_file"
    for name in ("people.exe", "people.pdf", "people", "people.xlsx.exe"):
        assert refusal(read, data, name).code == "unsupported_format"


def test_rule_1_a_truncated_workbook_is_unreadable(read, xlsx, headers, person):
    data = xlsx([headers, *[person] * 500])
    for cut in (10, 100, len(data) // 2, len(data) - 30):
        assert refusal(read, data[:cut]).code == "unreadable_file"


def test_rule_1_a_damaged_workbook_is_unreadable(read, xlsx, headers, person):
    data = bytearray(xlsx([headers, *[person] * 500]))
    data[200:260] = b"\xff" * 60
    assert refusal(read, bytes(data)).code == "unreadable_file"


def test_rule_1_a_zip_that_is_no_workbook_is_foreign(read, repack):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("word/document.xml", "<w/>")
    assert refusal(read, archive.getvalue(), "people.docx").code == "unsupported_format"
    assert refusal(read, archive.getvalue(), "people.xlsx").code == "unreadable_file"


def test_rule_1_macros_are_unsupported_and_the_message_can_say_how_to_save_without(
    read, xlsx, xls, ods, repack, headers, person
):
    plain = xlsx([headers, person])
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        types = archive.read("[Content_Types].xml").decode()
    with_project = repack(plain, {"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0"})
    named_so = repack(
        plain, {"[Content_Types].xml": types.replace("spreadsheetml.sheet.main", "sheet.macroEnabled.main")}
    )
    old_style = repack(plain, {"xl/macrosheets/sheet1.xml": "<x/>"})
    basic = ods([headers, person], parts={"Basic/Standard/Module1.xml": "<x/>"})
    for data in (with_project, named_so, old_style, basic, xls([headers, person], macros=True)):
        refused = refusal(read, data, "people.xlsx")
        assert (refused.code, refused.params) == ("unsupported_format", {"format": "macro"})


def test_rule_1_an_empty_basic_library_is_no_macro(read, ods, headers, person):
    assert read(
        ods([headers, person], parts={"Basic/script-lc.xml": "<x/>", "Basic/Standard/script-lb.xml": "<x/>"})
    ).rows


def test_rule_1_macros_are_told_before_the_size(read, xlsx, repack, headers, monkeypatch):
    monkeypatch.setattr(package, "MAX_PART_BYTES", 100)
    assert refusal(read, repack(xlsx([headers]), {"xl/vbaProject.bin": b"x"})).code == "unsupported_format"


@pytest.mark.parametrize("limit", ["MAX_PART_BYTES", "MAX_UNPACKED_BYTES", "MAX_SHARED_STRINGS_BYTES"])
def test_rule_1_more_than_may_be_unpacked_is_too_large(read, xlsx, headers, person, monkeypatch, limit):
    monkeypatch.setattr(package, limit, 1000)
    data = xlsx([headers, *([n, *person[1:]] for n in map(str, range(100)))])
    refused = refusal(read, data)
    assert (refused.code, refused.params) == ("file_too_large", {"limit": 1000})


def test_rule_1_a_doctype_is_unreadable_in_any_part(read, xlsx, ods, repack, headers, person):
    plain = xlsx([headers, person])
    doctype = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x/>'
    for part in (
        "xl/styles.xml",
        "xl/theme/theme1.xml",
        "xl/worksheets/sheet1.xml",
        "docProps/app.xml",
        "xl/other.xml",
    ):
        assert refusal(read, repack(plain, {part: doctype})).code == "unreadable_file"
        # whatever the name
        assert refusal(read, repack(plain, {part: doctype}), "people.exe").code == "unreadable_file"
    assert refusal(read, ods([headers, person], before="<!DOCTYPE x>"), "people.ods").code == "unreadable_file"


def test_rule_1_a_doctype_on_the_border_of_two_pieces_is_seen(read, xlsx, repack, headers, person):
    plain = xlsx([headers, person])
    for shift in range(0, 12, 3):
        padding = " " * (1024 * 1024 - len("<x>") - shift)
        assert refusal(read, repack(plain, {"xl/o.xml": f"<x>{padding}<!DOCTYPE x><y/></x>"})).code == "unreadable_file"


def test_rule_1_a_cell_beyond_column_64_is_unreadable(read, xlsx, xls, ods, headers, person):
    def touch(workbook):
        workbook.worksheets()[0].write(5, 64, "far")

    csv = ";".join(headers) + "\n" + ";".join(person) + ";" * 60 + "far\n"
    files = {
        "x.xlsx": xlsx([headers, person], touch=touch),
        "x.xls": xls([headers, person], at={(5, 64): "far"}),
        "x.ods": ods([headers, [*person, *[""] * 52, "far"]]),
        "x.csv": csv.encode(),
    }
    for name, data in files.items():
        refused = refusal(read, data, name)
        assert (name, refused.code, refused.params) == (name, "unreadable_file", {"reason": "dimension"})


def test_rule_1_a_cell_in_column_64_and_formats_without_content_beyond_it_are_fine(read, xlsx, ods, headers, person):
    def touch(workbook):
        sheet, bold = workbook.worksheets()[0], workbook.add_format({"bold": True})
        sheet.write(5, 63, "near")
        sheet.write_blank(5, 200, None, bold)
        sheet.write_blank(1_000_000, 3, None, bold)

    assert list(read(xlsx([headers, person], touch=touch)).rows) == [2]
    rest = '<table:table-row table:number-rows-repeated="1048550"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    assert list(read(ods([headers, [*person, *[""] * 51, "near"], rest])).rows) == [2]


def test_rule_1_wide_sheets_that_need_not_be_read_do_not_matter(read, xlsx, headers, person):
    wide = [[str(n) for n in range(100)]]
    assert read(xlsx(sheets={"Pivot": wide, "Gebruikers": [headers, person]})).rows


def test_rule_1_missing_columns_are_told_all_at_once(read, xlsx):
    refused = refusal(read, xlsx([["Voornaam", "Achternaam", "Taal"], ["Jan", "Vries", "nl"]]))
    assert refused.code == "missing_columns"
    assert refused.params == {"fields": ["personnel_number", "email", "company", "department"]}


def test_rule_1_a_file_without_a_header_misses_all_columns(read, xlsx):
    refused = refusal(read, xlsx([["a", "b"], ["c", "d"]]))
    assert refused.code == "missing_columns"
    assert len(refused.params["fields"]) == 6
    assert "within the first 20 rows" in told(refused, "en")
    assert "binnen de eerste 20 regels" in told(refused, "nl")


def test_rule_1_a_column_that_stands_alone_is_not_told_as_missing(read, xlsx):
    needed = ["personnel_number", "first_name", "last_name", "email", "company", "department"]
    assert refusal(read, b"Lijst\nPersoneelsnummer;Foo\n1;x\n", "x.csv").params["fields"] == needed[1:]
    assert refusal(read, xlsx([["Taal"], ["nl"]])).params["fields"] == needed
    later = {"Uitleg": [["Vul dit in"]], "Gebruikers": [["Emailadres", "Foo"], ["a@b.nl"]]}
    refused = refusal(read, xlsx(sheets=later))
    assert refused.params["fields"] == [field for field in needed if field != "email"]
    assert "Email address" not in told(refused, "en")


def test_rule_1_where_the_header_stands_is_not_told_when_it_was_found(read, xlsx):
    assert "20" not in told(refusal(read, xlsx([["Voornaam", "Taal"], ["Jan", "nl"]])), "en")


def test_rule_1_text_without_a_header_is_only_a_table_under_a_name_of_text(read):
    prose = b"Beste collega,\nhierbij de lijst.\n"
    assert refusal(read, prose, "people.csv").code == "missing_columns"
    assert refusal(read, prose, "people.xlsx").code == "unreadable_file"
    assert refusal(read, prose, "people.json").code == "unsupported_format"


def test_rule_1_a_column_that_is_there_twice_is_refused_with_both_headers(read, xlsx, headers, person):
    refused = refusal(read, xlsx([[*headers, "E-mail"], [*person, "x"]]))
    assert refused.code == "duplicate_columns"
    assert refused.params == {"fields": ["email"], "columns": ["Emailadres", "E-mail"]}


def test_rule_1_missing_columns_come_before_duplicate_ones(read, xlsx):
    assert refusal(read, xlsx([["Voornaam", "Voornaam", "Taal"]])).code == "missing_columns"


@pytest.mark.parametrize("rows", [[], [[" ", ""]] * 3], ids=["below", "blank rows"])
def test_rule_1_a_header_without_a_row_of_data_is_empty(read, xlsx, headers, rows):
    assert refusal(read, xlsx([headers, *rows])).code == "empty_file"


def test_rule_1_a_workbook_or_text_of_nothing_is_empty(read, xlsx, ods):
    assert refusal(read, xlsx([])).code == "empty_file"
    assert refusal(read, ods([]), "x.ods").code == "empty_file"
    assert refusal(read, b" \r\n\r\n", "x.csv").code == "empty_file"


@pytest.mark.parametrize("kind", ["xlsx", "csv", "ods", "xls"])
def test_rule_1_too_many_rows_are_refused_before_any_is_told(read, xlsx, xls, ods, headers, person, monkeypatch, kind):
    monkeypatch.setattr(table, "MAX_ROWS", 5)

    def made(count):
        rows = [["Lijst"], headers, *[person] * 3, [""], *[person] * (count - 3)]
        csv = "\n".join(";".join(row) for row in rows).encode()
        return {"xlsx": xlsx, "xls": xls, "ods": ods}[kind](rows) if kind != "csv" else csv

    assert len(read(made(5), f"x.{kind}").rows) == 5
    refused = refusal(read, made(6), f"x.{kind}")
    assert (refused.code, refused.params) == ("too_many_rows", {"limit": 5})


def test_rule_1_external_links_and_data_connections_are_ignored(read, xlsx, repack, headers, person):
    parts = {"xl/externalLinks/externalLink1.xml": "<externalLink/>", "xl/connections.xml": "<connections/>"}
    assert read(repack(xlsx([headers, person]), parts)).rows


def test_the_longest_field_of_text_is_bounded():
    assert text.CSV_FIELD_CHARACTERS == 131_072
