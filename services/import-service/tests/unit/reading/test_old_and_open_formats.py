import pytest

from import_service.reading.refused import FileRefused


def cell(kind, value, text="shown", attribute="value"):
    return (
        f'<table:table-cell office:value-type="{kind}" office:{attribute}="{value}">'
        f"<text:p>{text}</text:p></table:table-cell>"
    )


def test_opendocument_cells_are_read_by_value(read, ods):
    header = ["Personeelsnummer", "Voornaam", "Achternaam", "Bedrijf", "Actief"]
    rows = [
        header,
        [
            cell("float", "1001"),
            cell("percentage", "0.5"),
            cell("currency", "12"),
            "x",
            cell("boolean", "true", "WAAR", "boolean-value"),
        ],
        [cell("date", "2024-05-01", "1 mei", "date-value"), cell("time", "PT09H00M00S", "9:00", "time-value")],
        [cell("float", "12.5"), cell("date", "gisteren", "gisteren", "date-value")],
    ]
    result = read(ods(rows), "x.ods")
    assert result.rows[2] == {
        "personnel_number": "1001",
        "first_name": "0.5",
        "last_name": "12",
        "company": "x",
        "active": "TRUE",
    }
    assert (3, "personnel_number", "invalid_cell") in result.codes
    assert (4, "personnel_number", "invalid_cell") in result.codes
    assert result.rows[4] == {"first_name": "gisteren"}


def test_opendocument_text_has_its_spaces_tabs_and_lines_and_no_notes(read, ods):
    rich = (
        '<table:table-cell office:value-type="string"><office:annotation><dc:date>2024</dc:date><text:p>let op</text:p>'
        "</office:annotation><text:p>Jan<text:s text:c='3'/><text:span>de<text:tab/>Vries</text:span></text:p></table:table-cell>"
    )
    two = '<table:table-cell office:value-type="string"><text:p>Adviseur</text:p><text:p>Verkoper</text:p></table:table-cell>'
    broken = '<table:table-cell office:value-type="string"><text:p>A<text:line-break/>B</text:p></table:table-cell>'
    result = read(ods([["Personeelsnummer", "Voornaam", "Functie"], ["1", rich, two], ["2", "", broken]]), "x.ods")
    assert result.rows[2]["first_name"] == "Jan de Vries"
    assert result.rows[2]["functions"] == "Adviseur\nVerkoper"
    assert result.rows[3]["functions"] == "A\nB"


def test_opendocument_cells_that_are_covered_or_repeated_keep_their_columns(read, ods):
    row = (
        "<table:table-row>"
        '<table:table-cell office:value-type="string" table:number-columns-spanned="2"><text:p>1</text:p></table:table-cell>'
        "<table:covered-table-cell/>"
        '<table:table-cell office:value-type="string" table:number-columns-repeated="2"><text:p>v</text:p></table:table-cell>'
        '<table:table-cell table:number-columns-repeated="16380"/></table:table-row>'
    )
    result = read(ods([["Personeelsnummer", "Voornaam", "Achternaam", "Bedrijf"], row]), "x.ods")
    assert result.rows[2] == {"personnel_number": "1", "last_name": "v", "company": "v"}


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ('<table:table-row table:number-rows-repeated="999999999">{}</table:table-row>', "unreadable_file"),
        ('<table:table-row table:number-rows-repeated="9999999999999999999">{}</table:table-row>', "unreadable_file"),
        ('<table:table-row table:number-rows-repeated="1000000">{}</table:table-row>', "too_many_rows"),
    ],
)
def test_opendocument_rows_that_repeat_without_end_are_refused(read, ods, headers, rows, code):
    one = '<table:table-cell office:value-type="string"><text:p>1</text:p></table:table-cell>'
    with pytest.raises(FileRefused) as refused:
        read(ods([headers, rows.format(one)]), "x.ods")
    assert refused.value.code == code


def test_opendocument_cells_that_repeat_beyond_the_last_column_are_refused(read, ods, headers):
    wide = '<table:table-cell office:value-type="string" table:number-columns-repeated="16384"><text:p>1</text:p></table:table-cell>'
    with pytest.raises(FileRefused) as refused:
        read(ods([headers, [wide]]), "x.ods")
    assert refused.value.params == {"reason": "dimension"}


def test_opendocument_cells_have_an_end(read, ods, headers):
    with pytest.raises(FileRefused):
        read(ods([headers, ["x" * 1_100_000]]), "x.ods")


def test_opendocument_that_is_cut_off_is_unreadable(read, ods, repack, headers):
    with pytest.raises(FileRefused) as refused:
        read(repack(ods([headers]), {"content.xml": "<office:document-content"}), "x.ods")
    assert refused.value.code == "unreadable_file"


def test_an_old_workbook_is_read_whether_small_or_large(read, xls, headers, person):
    small = read(xls([["Personeelsnummer", "Taal"], ["7", "nl"]]), "x.xls")
    assert small.rows == {2: {"personnel_number": "7", "language": "nl"}}
    large = read(xls([headers, *([str(n), *person[1:]] for n in range(2000))]), "x.xls")
    assert len(large.rows) == 2000
    assert large.rows[2001]["personnel_number"] == "1999"


def test_an_old_workbook_whose_chains_turn_in_circles_is_unreadable(read, xls, headers, person):
    data = bytearray(xls([headers, *[person] * 100]))
    table = 512 + 512 * (int.from_bytes(data[76:80], "little"))
    data[table : table + 4] = (0).to_bytes(4, "little")
    with pytest.raises(FileRefused) as refused:
        read(bytes(data), "x.xls")
    assert refused.value.code == "unreadable_file"


def test_an_old_workbook_cut_off_anywhere_is_refused_or_read_but_never_fails_otherwise(read, xls, headers, person):
    data = xls([headers, *[person] * 60])
    for cut in range(8, len(data), 997):
        with pytest.raises(FileRefused):
            read(data[:cut], "x.xls")
