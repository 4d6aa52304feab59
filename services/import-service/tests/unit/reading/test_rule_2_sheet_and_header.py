import pytest

from contracts.fields import IMPORT_FIELDS
from contracts.sentences import column_name
from import_service.reading.headers import field_of, letters_of
from import_service.reading.xlsx import column_index


def test_rule_2_the_sheet_named_gebruikers_is_read_wherever_it_stands(read, xlsx, headers, person):
    other = [headers, ["999", *person[1:]]]
    for name in ("Gebruikers", "Users", " gebruikers"):
        result = read(xlsx(sheets={"Oud": other, name: [headers, person]}))
        assert result.header["sheet"] == name
        assert result.rows[2]["personnel_number"] == "007"


def test_rule_2_a_sheet_named_gebruikers_without_a_header_is_passed_over(read, xlsx, headers, person):
    result = read(xlsx(sheets={"Gebruikers": [["notities"]], "Blad2": [headers, person]}))
    assert result.header["sheet"] == "Blad2"


def test_rule_2_else_it_is_the_first_visible_sheet_with_a_header(read, xlsx, headers, person):
    sheets = {
        "Voorblad": [["Welkom"]],
        "Verborgen": [headers, ["1", *person[1:]]],
        "Blad3": [headers, person],
        "Blad4": [headers, ["4", *person[1:]]],
    }
    result = read(xlsx(sheets=sheets, hidden=["Verborgen"]))
    assert result.header["sheet"] == "Blad3"


def test_rule_2_hidden_tables_of_opendocument_are_passed_over(read, ods):
    def table(name, style, number):
        cells = "".join(
            f'<table:table-cell office:value-type="string"><text:p>{t}</text:p></table:table-cell>'
            for t in ("Personeelsnummer", "Taal")
        )
        data = cells.replace("Personeelsnummer", number).replace("Taal", "nl")
        rows = f"<table:table-row>{cells}</table:table-row><table:table-row>{data}</table:table-row>"
        return f'<table:table table:name="{name}" table:style-name="{style}">{rows}</table:table>'

    styles = '<style:style style:name="ta2" style:family="table"><style:table-properties table:display="false"/></style:style>'
    result = read(ods(tables=table("A", "ta2", "1") + table("B", "ta1", "2"), styles=styles), "x.ods")
    assert result.header["sheet"] == "B"
    assert result.rows[2]["personnel_number"] == "2"


def test_rule_2_the_header_is_the_row_of_the_first_twenty_with_the_most_known_headers(read, xlsx, headers, person):
    top = [["Export van 1 mei"], ["Afdeling", "Taal"], [], headers]
    result = read(xlsx([*top, person]))
    assert result.header["row"] == 4
    assert list(result.rows) == [5]


def test_rule_2_a_header_in_row_20_is_found_and_in_row_21_it_is_not(read, xlsx, headers, person):
    assert read(xlsx([*[["x"]] * 19, headers, person])).header["row"] == 20
    with pytest.raises(Exception, match="missing_columns"):
        read(xlsx([*[["x"]] * 20, headers, person]))


def test_rule_2_one_known_word_is_no_header(read, xlsx):
    with pytest.raises(Exception, match="missing_columns"):
        read(xlsx([["Personeelsnummer", "kleur"], ["1", "rood"]]))
    assert read(xlsx([["Personeelsnummer", "Voornaam"], ["1", "Jan"]])).rows[2]["first_name"] == "Jan"


@pytest.mark.parametrize("language", ["nl", "en", "de", "fr"])
def test_rule_2_the_headers_of_the_template_are_known_in_all_its_languages(read, xlsx, person, language):
    names = [column_name(field, language) for field in IMPORT_FIELDS]
    result = read(xlsx([[f"{name} *" for name in names], person]))
    assert [column[0] for column in result.header["columns"]] == list(IMPORT_FIELDS)
    assert result.rows[2]["department"] == "Verkoop"


def test_rule_2_languages_may_be_mixed_and_columns_stand_in_any_order(read, xlsx):
    result = read(xlsx([["Langue", "E-Mail", "Employee number", "Prénom"], ["fr", "a@b.nl", "12", "Zoé"]]))
    assert result.rows[2] == {"language": "fr", "email": "a@b.nl", "personnel_number": "12", "first_name": "Zoé"}


@pytest.mark.parametrize(
    ("field", "spellings"),
    [
        (
            "email",
            ["E-mail", "Emailadres", "E-mailadres", "e mail adres", "EMAIL", "E‑mail", "e-mailadres (verplicht)"],
        ),
        (
            "personnel_number",
            ["Relatienummer", "Klantnummer", "Medewerkernummer", "PERSONEELSNUMMER *", "personnel_number"],
        ),
        ("infix", ["Voorvoegsel", "Voorvoegsels", "Voorvoegsel(s)", "Prefix", "Tussen-voegsel", "tussenvoegsels"]),
        ("functions", ["Functie(s)", "Functie", "functies", "Function(s)"]),
        (
            "first_name",
            ["Voor naam", "voornaam*", "* Voornaam (verplicht)", "Pre\u0301nom", "First\u00a0name", "First\nname"],
        ),
        ("cost_centre", ["Kosten-plaats", "Cost center", "Centre de couts"]),
        ("invite", ["Uitnodiging versturen", "Uitnodiging", "Envoyer l’invitation"]),
    ],
)
def test_rule_2_common_spellings_are_known_without_case_space_hyphen_star_and_verplicht(field, spellings):
    assert {spelling: field_of(spelling) for spelling in spellings} == dict.fromkeys(spellings, field)


@pytest.mark.parametrize("header", ["", "Naam", "Reden", "Reason", "Nummer", 12, None, "x" * 32_767])
def test_rule_2_other_headers_are_not_guessed(header):
    assert field_of(header) is None


def test_rule_2_further_columns_are_ignored_and_named(read, xlsx, headers, person):
    result = read(xlsx([["Kleur", *headers, "Reden"], ["rood", *person, "te laat"]]))
    assert result.header["ignored"] == [["A", "Kleur"], ["N", "Reden"]]
    told = [w["params"] for w in result.warnings if w["code"] == "ignored_column"]
    assert told == [{"header": "Kleur", "letter": "A"}, {"header": "Reden", "letter": "N"}]
    assert result.rows[2]["language"] == "nl"


def test_rule_2_columns_are_told_by_letter_and_by_the_header_of_the_file(read, xlsx, person):
    result = read(xlsx([["", "Relatienr. *", "Voornaam"], ["", "7", "Jan"]]))
    assert result.header["columns"] == [["personnel_number", "B", "Relatienr. *"], ["first_name", "C", "Voornaam"]]


def test_rule_2_a_file_that_can_only_update_is_warned_about_once(read, xlsx):
    result = read(xlsx([["Personeelsnummer", "Taal"], ["1", "nl"], ["2", "nl"]]))
    assert [w for w in result.warnings if w["code"] == "only_updates"] == [
        {
            "code": "only_updates",
            "field": None,
            "params": {"fields": ["first_name", "last_name", "email", "company", "department"]},
        }
    ]


def test_column_letters_and_indexes_are_each_others_inverse():
    assert [letters_of(n) for n in (0, 25, 26, 51, 52, 63)] == ["A", "Z", "AA", "AZ", "BA", "BL"]
    assert all(column_index(letters_of(n)) == n for n in range(16_384))
