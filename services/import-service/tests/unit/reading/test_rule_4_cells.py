import datetime as dt
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.fields import IMPORT_FIELDS, MAX_LENGTH, clean_text
from import_service.reading import xlsx as reading_xlsx
from import_service.reading.cells import CellProblem, _read, read_column
from import_service.reading.refused import FileRefused
from import_service.reading.sheets import ExcelError


def one(field, cell):
    """The text of one cell, or the (code, kind) of what is wrong with it."""
    column = read_column(field, [cell])
    if column.problems:
        problem = column.problems[0]
        assert column.texts == [None]
        return problem.code, problem.params.get("kind")
    return column.texts[0]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("  Jan  ", "Jan"),
        ("Jan\u00a0de\tVries", "Jan de Vries"),
        ("Jan\r\n  Piet", "Jan Piet"),
        ("Jan   Piet", "Jan Piet"),
        ("Jose\u0301", "José"),
        ("\u2003\u3000", None),
        ("", None),
        (" ", None),
        ("=1+1", "=1+1"),
        ("-", "-"),
        ("#hashtag", "#hashtag"),
    ],
)
def test_rule_4_text_is_composed_trimmed_and_its_white_space_made_one_space(cell, text):
    assert one("last_name", cell) == text


def test_rule_4_a_line_break_between_functions_stays_for_rule_7():
    assert one("functions", " Adviseur \r\n\n\tVerkoper  B ") == "Adviseur\nVerkoper B"


@pytest.mark.parametrize(
    ("cell", "text"),
    [(1001.0, "1001"), (1001, "1001"), (0.0, "0"), (-5.0, "-5"), (999_999_999_999_999.0, "999999999999999")],
)
def test_rule_4_a_whole_number_is_its_digits(cell, text):
    assert one("personnel_number", cell) == text
    assert one("cost_centre", cell) == text


def test_rule_4_there_is_one_warning_per_column_that_leading_zeros_may_be_lost(read, xlsx, headers, person):
    def row(number, centre):
        return [number, *person[1:8], centre, *person[9:]]

    result = read(xlsx([headers, row(1001, 7), row(1002, "07"), row("1003", 8), *[row(n, "x") for n in range(2000)]]))
    zeros = [(w["code"], w["field"]) for w in result.warnings if w["code"] == "leading_zeros"]
    assert zeros == [("leading_zeros", "personnel_number"), ("leading_zeros", "cost_centre")]


def test_rule_4_a_number_that_stands_for_a_flag_is_no_lost_zero(read, xlsx):
    result = read(xlsx([["Personeelsnummer", "Actief"], ["a", 1]]))
    assert result.rows[2]["active"] == "1"
    assert not [w for w in result.warnings if w["code"] == "leading_zeros"]


@pytest.mark.parametrize(
    "moment", [dt.date(2024, 5, 1), dt.datetime(2024, 5, 1, 12), dt.time(9), dt.timedelta(hours=30)]
)
def test_rule_4_a_date_is_wrong_as_personnel_number_and_as_cost_centre_and_text_elsewhere(moment):
    assert one("personnel_number", moment) == ("invalid_cell", "date")
    assert one("cost_centre", moment) == ("invalid_cell", "date")
    assert one("functions", moment) == str(moment)


def test_rule_4_a_fraction_or_a_number_too_large_is_wrong_as_personnel_number_only():
    assert one("personnel_number", 12.5) == ("invalid_cell", "fraction")
    assert one("cost_centre", 12.5) == "12.5"
    assert one("personnel_number", 1e15) == ("invalid_cell", "too_large")
    assert one("personnel_number", -1e15) == ("invalid_cell", "too_large")
    assert one("cost_centre", 1e15) == "1000000000000000"
    assert one("personnel_number", float("inf")) == ("invalid_cell", "fraction")
    assert one("personnel_number", float("nan")) == ("invalid_cell", "fraction")


@pytest.mark.parametrize("field", IMPORT_FIELDS)
def test_rule_4_an_excel_error_is_wrong_anywhere(field):
    assert one(field, ExcelError("#N/A")) == ("invalid_cell", "excel_error")
    assert one(field, "#N/B") == ("invalid_cell", "excel_error")
    assert one(field, " #VERW! ") == ("invalid_cell", "excel_error")


def test_rule_4_excel_errors_of_every_format_are_seen_and_told_as_shown(read, xlsx, xls, ods, biff_error):
    def touch(workbook):
        sheet = workbook.worksheets()[0]
        sheet.write_formula(1, 1, "=NA()", None, "#N/A")
        sheet.write_formula(3, 0, "=1/0", None, "#DIV/0!")

    rows = [["Personeelsnummer", "Voornaam"], ["1"], ["2", "Jan"], ["", "Piet"]]
    error = '<table:table-cell table:formula="of:=NA()" office:value-type="string" office:string-value="" '
    error += 'calcext:value-type="error"><text:p>{}</text:p></table:table-cell>'
    files = {
        "x.xlsx": xlsx(rows, touch=touch),
        "x.xls": xls([rows[0], ["1", biff_error(0x2A)], rows[2], [biff_error(7), "Piet"]]),
        "x.ods": ods([rows[0], ["1", error.format("#N/A")], rows[2], [error.format("#DIV/0!"), "Piet"]]),
    }
    for name, data in files.items():
        result = read(data, name)
        told = {(row, f[1], f[2]) for row, faults in result.faults.items() for f in faults}
        assert told == {(2, "first_name", "#N/A"), (4, "personnel_number", "#DIV/0!")}, name
        assert result.rows[4] == {"first_name": "Piet"}


_TEXT = '<c t="inlineStr"><is><t>{}</t></is></c>'
_HEADER = f"<row>{_TEXT.format('Personeelsnummer')}{_TEXT.format('Voornaam')}{_TEXT.format('Achternaam')}</row>"


@pytest.mark.parametrize(
    "row",
    [
        f'<row>{_TEXT.format(1)}<c t="e"><v>#N/A</v></c><c><v>5</v></c></row>',
        f'<row>{_TEXT.format(1)}<c s="0" t="e"><f>NA()</f><v>#N/A</v></c><c><v>5</v></c></row>',
        f'<row>{_TEXT.format(1)}<c t = "e"><f>NA()</f><v xml:space="preserve">#N/A</v></c><c><v>5</v></c></row>',
        f"<row>{_TEXT.format(1)}<c t='e'><v>#N/A</v></c><c><v>5</v></c></row>",
        '<row r="2"><c r="C2"><v>5</v></c><c r="A2"><v>1</v></c><c t="e"><v>#N/A</v></c></row>',
        "<row><c r='A2'><v>1</v></c><c t='e' r='B2'><v>#N/A</v></c><c r='C2'><v>5</v></c></row>",
    ],
    ids=["alone", "formula", "white space", "single quotes", "out of order", "another attribute first"],
)
def test_rule_4_an_excel_error_is_seen_in_a_cell_that_does_not_say_where_it_is(read, xlsx, repack, sheet_xml, row):
    after = f'<row><c/><c t="e"/><c><v>6</v></c></row><row r="7"><c t="e"><v>#REF!</v></c>{_TEXT.format("Piet")}</row>'
    data = repack(xlsx([["x"]]), {"xl/worksheets/sheet1.xml": sheet_xml(_HEADER + row + after)})
    result = read(data)
    assert result.faults == {
        2: [("invalid_cell", "first_name", "#N/A", {"kind": "excel_error"})],
        7: [("invalid_cell", "personnel_number", "#REF!", {"kind": "excel_error"})],
    }
    assert result.rows == {
        2: {"personnel_number": "1", "last_name": "5"},
        3: {"last_name": "6"},
        7: {"first_name": "Piet"},
    }


def test_rule_4_excel_errors_without_end_are_too_many_wherever_they_say_they_are(
    read, xlsx, repack, sheet_xml, monkeypatch
):
    monkeypatch.setattr(reading_xlsx, "MAX_ERROR_CELLS", 2)

    def errors(count):
        rows = "".join(f'<row>{_TEXT.format(n)}<c t="e"><v>#N/A</v></c></row>' for n in range(count))
        return repack(xlsx([["x"]]), {"xl/worksheets/sheet1.xml": sheet_xml(_HEADER + rows)})

    assert len(read(errors(2)).faults) == 2
    with pytest.raises(FileRefused, match="file_too_large"):
        read(errors(3))


def test_rule_4_a_formula_is_its_cached_value(read, xlsx):
    def touch(workbook):
        sheet = workbook.worksheets()[0]
        for column, value in enumerate(("A7", "Jan", 1001, True, "")):
            sheet.write_formula(1, column, "=X1", None, value)

    header = ["Personeelsnummer", "Voornaam", "Kostenplaats", "Actief", "Taal"]
    assert read(xlsx([header], touch=touch)).rows[2] == {
        "personnel_number": "A7",
        "first_name": "Jan",
        "cost_centre": "1001",
        "active": "TRUE",
    }


def test_rule_4_cells_are_read_by_value_whatever_their_format(read, xlsx):
    def touch(workbook):
        sheet = workbook.worksheets()[0]
        formats = ["00000", "0%", "€ #,##0.00", "@"]
        for column, (code, value) in enumerate(zip(formats, (42, 12, 7, 5), strict=True)):
            sheet.write_number(1, column, value, workbook.add_format({"num_format": code}))
        sheet.write_datetime(2, 0, dt.datetime(2024, 5, 1), workbook.add_format({"num_format": "dd-mm-yyyy"}))
        sheet.write_datetime(2, 1, dt.datetime(2024, 5, 1), workbook.add_format({"num_format": "dd-mm-yyyy"}))

    result = read(xlsx([["Personeelsnummer", "Kostenplaats", "Bedrijf", "Afdeling"]], touch=touch))
    assert result.rows[2] == {"personnel_number": "42", "cost_centre": "12", "company": "7", "department": "5"}
    assert result.codes == {(3, "personnel_number", "invalid_cell"), (3, "cost_centre", "invalid_cell")}
    assert result.faults[3][0][2:] == ("2024-05-01", {"kind": "date"})


def test_rule_4_merged_rich_and_inline_cells_are_read(read, xlsx, headers, person):
    def touch(workbook):
        sheet = workbook.worksheets()[0]
        sheet.merge_range(1, 0, 1, 2, "M1")
        sheet.write_rich_string(2, 0, workbook.add_format({"bold": True}), "R", "1")

    result = read(xlsx([headers, [], [], person], touch=touch))
    assert [row["personnel_number"] for row in result.rows.values()] == ["M1", "R1", "007"]
    assert read(xlsx([headers, person], constant_memory=True)).rows[2]["personnel_number"] == "007"


@pytest.mark.parametrize("character", ["\x01", "\x07", "\x7f", "\x9f", "\u202e", "\u2066", "\ufffd"])
def test_rule_4_control_characters_bidi_overrides_and_replacement_are_wrong(character):
    column = read_column("first_name", [f"Ja{character}n"])
    problem = column.problems[0]
    assert problem.code == "invalid_characters"
    assert problem.value == "Ja\ufffdn"


@pytest.mark.parametrize(("field", "most"), [(f, n) for f, n in MAX_LENGTH.items() if f in IMPORT_FIELDS])
def test_rule_4_too_long_is_told_with_how_long_it_may_be(field, most):
    assert one(field, "a" * most) == "a" * most
    problem = read_column(field, ["a" * (most + 1)]).problems[0]
    assert (problem.code, problem.params) == ("too_long", {"length": most + 1, "max": most})
    assert len(problem.value) <= 200


def test_rule_4_lengths_are_those_of_the_rules():
    told = {"personnel_number": 64, "first_name": 100, "infix": 30, "last_name": 100, "email": 254, "cost_centre": 100}
    assert told.items() <= MAX_LENGTH.items()
    assert all(MAX_LENGTH[unit] == 200 for unit in ("company", "department", "functions"))


def test_rule_4_the_length_of_functions_is_that_of_each_name():
    assert one("functions", "; ".join(["a" * 190] * 20)) == "; ".join(["a" * 190] * 20)
    assert one("functions", "a; " + "b" * 201)[0] == "too_long"


def test_rule_4_one_wrong_cell_does_not_touch_its_neighbours(read, xlsx, headers, person):
    bad = ["\x01", *person[1:]]
    result = read(xlsx([headers, person, bad, person]))
    assert result.codes == {(3, "personnel_number", "invalid_characters")}
    assert result.rows[3] == {k: v for k, v in result.rows[2].items() if k != "personnel_number"}


_CELLS = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="aé |#\u0301\u00a0\t\n-=N/A;", max_size=6),
    st.sampled_from(["#N/A", "", " ", "x" * 101, "\ufffd"]),
)


@given(field=st.sampled_from(IMPORT_FIELDS), cells=st.lists(_CELLS, min_size=1, max_size=5))
def test_rule_4_a_column_read_at_once_gives_what_its_cells_give_one_by_one(field, cells):
    column = read_column(field, cells)
    for position, cell in enumerate(cells):
        alone = _read(field, cell)
        if isinstance(alone, CellProblem):
            assert column.problems[position] == alone
            assert column.texts[position] is None
        else:
            assert column.texts[position] == (alone or None)


@given(st.text(max_size=30))
def test_rule_4_a_text_that_is_read_stays_as_it_is_when_read_again(text):
    read = one("last_name", text)
    if isinstance(read, str):
        assert read == clean_text(read) == unicodedata.normalize("NFC", read)
        assert one("last_name", read) == read


def test_rule_4_characters_that_excel_writes_by_number_are_those_characters(read, xlsx):
    result = read(xlsx([["Personeelsnummer", "Voornaam", "Achternaam"], ["1", "a\r\nb", "_x0041_"], ["2", "\x07"]]))
    assert result.rows[2] == {"personnel_number": "1", "first_name": "a b", "last_name": "_x0041_"}
    assert result.codes == {(3, "first_name", "invalid_characters")}
