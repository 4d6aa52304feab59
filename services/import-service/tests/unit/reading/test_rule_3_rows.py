import pytest

from import_service.reading import table
from import_service.reading.limits import CHUNK_ROWS
from import_service.reading.refused import FileRefused


def test_rule_3_rows_keep_the_number_that_the_spreadsheet_shows(read, xlsx, ods, xls, headers, person):
    rows = [[""], ["Lijst"], [""], headers, person, [""], [""], person]
    for make, name in ((xlsx, "x.xlsx"), (ods, "x.ods"), (xls, "x.xls")):
        assert list(read(make(rows), name).rows) == [5, 8], name


def test_rule_3_hidden_rows_are_counted_and_read(read, xlsx, headers, person):
    def touch(workbook):
        workbook.worksheets()[0].set_row(2, None, None, {"hidden": True})

    assert list(read(xlsx([headers, person, person, person], touch=touch)).rows) == [2, 3, 4]


def test_rule_3_repeated_rows_of_opendocument_are_counted(read, ods, headers):
    cell = '<table:table-cell office:value-type="string"><text:p>7</text:p></table:table-cell>'
    gap = '<table:table-row table:number-rows-repeated="3"><table:table-cell/></table:table-row>'
    thrice = f'<table:table-row table:number-rows-repeated="3">{cell}</table:table-row>'
    assert list(read(ods([headers, gap, thrice, gap, thrice]), "x.ods").rows) == [5, 6, 7, 11, 12, 13]


def test_rule_3_rows_of_text_are_numbered_with_the_header_as_1(read, headers, person):
    lines = ["Lijst van mei", "", ";".join(headers), ";".join(person), "", ";".join(person)]
    result = read("\n".join(lines).encode(), "x.csv")
    assert result.header["row"] == 1
    assert list(result.rows) == [2, 4]


def test_rule_3_a_record_over_several_lines_is_one_row(read):
    result = read(b'Personeelsnummer;Functie\n1;"A\nB"\n2;C\n', "x.csv")
    assert list(result.rows) == [2, 3]


def test_rule_3_a_row_that_is_blank_in_all_known_columns_is_in_no_count_and_no_result(read, xlsx, headers, person):
    blank = [" ", "\u00a0", "\n", *[""] * 9]
    result = read(xlsx([[*headers, "Kleur"], person, [*blank, "rood"], person]))
    assert list(result.rows) == [2, 4]


@pytest.mark.parametrize("kind", ["xlsx", "csv", "ods", "xls"])
def test_rule_3_blank_rows_do_not_count_towards_the_most_rows(read, xlsx, xls, ods, headers, person, monkeypatch, kind):
    monkeypatch.setattr(table, "MAX_ROWS", 3)
    blank = [[" ", "", "\u00a0"], ["\t \u2003"], [*[""] * 12, "rood"]]
    rows = [[*headers, "Kleur"], *[person] * 2, *blank * 2, person]
    csv = "\n".join(";".join(row) for row in rows).encode()
    data = {"xlsx": xlsx, "xls": xls, "ods": ods}[kind](rows) if kind != "csv" else csv
    assert list(read(data, f"x.{kind}").rows) == [2, 3, 10]
    with pytest.raises(FileRefused, match="too_many_rows"):
        read(xlsx([*rows, ["", "Jan"]]))


def test_rule_3_a_sheet_of_white_space_is_an_empty_file(read, xlsx):
    with pytest.raises(FileRefused, match="empty_file"):
        read(xlsx([[" ", "\u00a0"], ["\n"]]))


def test_rule_3_a_row_without_a_number_or_with_only_a_wrong_cell_is_not_blank(read, xlsx, headers):
    result = read(xlsx([headers, ["", "Jan"], ["\x01"]]))
    assert list(result.rows) == [2, 3]
    assert result.codes == {(3, "personnel_number", "invalid_characters")}


@pytest.mark.parametrize("gap", [CHUNK_ROWS - 2, CHUNK_ROWS, 3 * CHUNK_ROWS + 1])
def test_rule_3_numbers_are_right_over_the_borders_of_chunks(read, xlsx, headers, person, gap):
    result = read(xlsx([headers, *[person] * 3, *[[""]] * gap, *[person] * 2]))
    assert list(result.rows) == [2, 3, 4, gap + 5, gap + 6]


def test_rule_3_no_chunk_holds_more_rows_than_one_statement_takes(read, xlsx, headers, person, monkeypatch):
    sizes = []
    whole = table._chunk
    monkeypatch.setattr(table, "_chunk", lambda rows, *rest: sizes.append(len(rows)) or whole(rows, *rest))
    read(xlsx([headers, *[person] * 2500]))
    assert sizes == [1000, 1000, 500]


def test_rule_3_short_rows_have_blank_cells_at_their_end(read):
    result = read(b"Personeelsnummer;Voornaam;Taal\n1\n2;Jan\n3;Piet;nl\n", "x.csv")
    assert result.rows == {
        2: {"personnel_number": "1"},
        3: {"personnel_number": "2", "first_name": "Jan"},
        4: {"personnel_number": "3", "first_name": "Piet", "language": "nl"},
    }
