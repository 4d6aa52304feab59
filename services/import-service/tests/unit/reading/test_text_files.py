import codecs

import pytest

from contracts.errors import ErrorCode, Problem
from contracts.sentences import render
from import_service.reading.refused import FileRefused

ROWS = [["Personeelsnummer", "Voornaam", "Achternaam"], ["007", "Zoë", "d’Été"], ["008", "José", "Œuvre"]]


def lines(delimiter=";", rows=ROWS, end="\r\n"):
    return "".join(delimiter.join(row) + end for row in rows)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_text_is_read_in_the_encodings_and_with_the_delimiters_of_spreadsheets(read, encoding, delimiter):
    result = read(lines(delimiter).encode(encoding), "people.csv")
    assert result.header["columns"][0] == ["personnel_number", "A", "Personeelsnummer"]
    assert result.rows[2] == {"personnel_number": "007", "first_name": "Zoë", "last_name": "d’Été"}
    assert result.rows[3]["last_name"] == "Œuvre"


def test_big_endian_utf_16_with_its_mark_is_read(read):
    assert read(codecs.BOM_UTF16_BE + lines().encode("utf-16-be"), "people.csv").rows[2]["first_name"] == "Zoë"


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_lines_may_end_in_any_way(read, end):
    assert list(read(lines(end=end).encode(), "people.csv").rows) == [2, 3]


def test_a_last_line_without_an_end_is_read(read):
    assert list(read(lines().rstrip().encode(), "people.csv").rows) == [2, 3]


@pytest.mark.parametrize(
    "data",
    [
        lines().encode() + b"\x00",
        lines().encode("utf-16-le"),
        codecs.BOM_UTF16_LE + lines().encode("utf-16-le") + b"\x00\x00",
    ],
    ids=["NUL in utf-8", "utf-16 without its mark", "NUL in utf-16"],
)
def test_nul_is_refused(read, data):
    with pytest.raises(FileRefused) as refused:
        read(data, "people.csv")
    assert refused.value.code == "unreadable_file"


def test_bytes_of_no_encoding_are_told_as_such(read):
    with pytest.raises(FileRefused) as refused:
        read(lines().encode() + b"\x81\x8d\x8f", "people.csv")
    assert (refused.value.code, refused.value.params) == ("unreadable_file", {"reason": "encoding"})


def test_a_bad_byte_far_into_the_file_makes_all_of_it_windows_text(read):
    many = [ROWS[0], *[["1", "Zoë", "x"]] * 100_000]
    data = lines(rows=many).encode("cp1252")
    result = read(data, "people.csv")
    assert result.rows[100_001]["first_name"] == "Zoë"


def test_quoted_line_breaks_delimiters_and_quotes_are_part_of_the_cell(read):
    data = 'Personeelsnummer;Functie;Bedrijf\r\n1;"Adviseur\r\nVerkoper";"Jansen; ""De Hoek"" BV"\r\n2;B;C\r\n'
    result = read(data.encode(), "people.csv")
    assert result.rows[2]["functions"] == "Adviseur\nVerkoper"
    assert result.rows[2]["company"] == 'Jansen; "De Hoek" BV'
    assert result.rows[3]["functions"] == "B"


def test_a_quote_in_the_middle_of_a_cell_is_a_quote(read):
    assert read(b'Personeelsnummer;Bedrijf\n1;Buis 5" BV\n', "x.csv").rows[2]["company"] == 'Buis 5" BV'


def test_a_quote_that_is_never_closed_is_refused_and_swallows_no_row(read):
    for rest in ("2;Piet\n3;Kees\n", "2;Piet\n" * 50_000):
        with pytest.raises(FileRefused) as refused:
            read(f'Personeelsnummer;Voornaam\n1;"Jan\n{rest}'.encode(), "people.csv")
        assert (refused.value.code, refused.value.params) == ("unreadable_file", {"reason": "quote", "line": 2})


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ('1;"Jan" Piet\n2;Kees\n', 3),
        ('1;"Jan\n2;"Piet"\n', 3),
        ('1;"a\nb"\n\n2;"Jan" Piet\n', 6),
        ('1;Jan\n2;"Piet\n3;Kees\n', 4),
    ],
    ids=["amidst a value", "closed by the next", "below a record of two lines", "never closed"],
)
def test_a_quote_that_cannot_be_meant_is_told_with_the_line_where_its_row_begins(read, rows, line):
    with pytest.raises(FileRefused) as refused:
        read(f"Lijst\nPersoneelsnummer;Voornaam\n{rows}".encode(), "people.csv")
    problem = Problem(code=ErrorCode(refused.value.code), params=refused.value.params)
    assert f"op regel {line} van dit tekstbestand staat een aanhalingsteken" in render(problem, "nl")
    assert f"on line {line} of this text file has a quotation mark" in render(problem, "en")


def test_nothing_is_said_of_quotes_where_none_is_to_blame(read):
    for data, name in ((b"x" * 200_000, "x.csv"), (b'1;"Jan" Piet\n', "x.xlsx"), (b'1;"Jan" Piet\n', "x.exe")):
        with pytest.raises(FileRefused) as refused:
            read(data, name)
        assert refused.value.params == {}


def test_the_delimiter_is_the_one_that_makes_a_header_not_the_most_frequent(read):
    data = "Lijst, gemaakt, op, 1, mei\nPersoneelsnummer;Bedrijf\n1;Jansen, Smit, Bakker, De Vries en Zonen\n"
    assert read(data.encode(), "people.csv").rows[2]["company"] == "Jansen, Smit, Bakker, De Vries en Zonen"


def test_a_line_that_names_the_delimiter_decides(read):
    result = read(b"sep=,\r\nPersoneelsnummer,Bedrijf\r\n1,A;B\r\n", "people.csv")
    assert result.header["row"] == 1
    assert result.rows[2] == {"personnel_number": "1", "company": "A;B"}


def test_numbers_in_text_keep_their_zeros_and_are_no_numbers(read):
    result = read(b"Personeelsnummer;Kostenplaats\n00012;1001.0\n", "people.csv")
    assert result.rows[2] == {"personnel_number": "00012", "cost_centre": "1001.0"}
    assert not [w for w in result.warnings if w["code"] == "leading_zeros"]


def test_a_control_character_spoils_its_cell_and_not_the_file(read):
    result = read(b"Personeelsnummer;Voornaam\n1;Ja\x02n\n2;Piet\n", "people.csv")
    assert result.codes == {(2, "first_name", "invalid_characters")}
    assert result.rows[3]["first_name"] == "Piet"


def test_formula_like_text_is_kept(read):
    assert (
        read(b'Personeelsnummer;Achternaam\n1;"=HYPERLINK(""x"")"\n', "x.csv").rows[2]["last_name"] == '=HYPERLINK("x")'
    )


def test_tabs_and_names_of_text_do_not_matter(read):
    for name in ("people.tsv", "people.txt", "people.xlsx", "people"):
        assert read(lines("\t").encode(), name).rows[2]["personnel_number"] == "007"
