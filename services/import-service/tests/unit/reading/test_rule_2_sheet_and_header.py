import pytest

from contracts.fields import IMPORT_FIELDS
from contracts.sentences import column_name
from import_service.reading.headers import _SPELLINGS, field_of, letters_of, normal
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


NUMBERS = """Personnel nr|Personnel no|Employee nr|Employee no|Employee ID|Staff ID|Staff no|Staff number|Pers.nummer
Pers.nr|Personeelsnr|Mitarbeiter-Nr.|Mitarbeiternummer|Personal-Nr.|Personalnummer|Kundennr|Kundennummer|Kunden-Nr.
Numéro de matricule|Matricule|N° employé|Nº employé|No employé|N° de personnel|Nº de personnel|№ client|Klant ID|Klantnr
Relatie-ID|Relatienr|Customer no.|Medewerkersnr.|N° matricule (obligatoire)"""
OTHERS = {
    "infix": ["Tussenv.", "Voorv.", "Präfix"],
    "department": ["Afd.", "Dept.", "Abt.", "Dépt."],
    "functions": ["Function name", "Funktionsname", "Nom de la fonction"],
    "cost_centre": [
        "Kostenplaats nr",
        "Cost centre no.",
        "Cost center number",
        "Kostenstellen-Nr.",
        "N° centre de coûts",
    ],
    "active": ["Actief (x)", "Active (yes/no)", "Aktiv (ja/nein)", "Actif ( oui/non )", "Actief (X) *"],
    "invite": [
        "Uitnodiging (x)",
        "Send invitation (x)",
        "Einladung (x)",
        "Envoyer l'invitation (x)",
        "Uitnodiging (x/-)",
    ],
    "language": ["Preferred language", "Sprachcode", "Code langue", "Langue préférée"],
}


@pytest.mark.parametrize(
    ("field", "spelling"),
    [("personnel_number", spelling) for spelling in NUMBERS.replace("\n", "|").split("|")]
    + [(field, spelling) for field, spellings in OTHERS.items() for spelling in spellings],
)
def test_rule_2_short_forms_are_known_whatever_their_dots_degrees_and_hints(field, spelling):
    assert field_of(spelling) == field


def test_rule_2_no_spelling_means_two_fields_or_nothing():
    meanings = {}
    for field, spellings in _SPELLINGS.items():
        for spelling in spellings.split(", "):
            meanings.setdefault(normal(spelling), set()).add(field)
    assert "" not in meanings
    assert {spelling: fields for spelling, fields in meanings.items() if len(fields) > 1} == {}
    assert set(_SPELLINGS) == set(IMPORT_FIELDS)


@pytest.mark.parametrize("language", ["nl", "en", "de", "fr"])
def test_rule_2_the_fields_that_no_workbook_has_are_taken_for_no_other(language):
    assert [field_of(column_name(field, language)) for field in ("manager", "terms_accepted")] == [None, None]


def test_rule_2_other_words_in_brackets_tell_columns_apart(read, xlsx, person):
    result = read(xlsx([["Personeelsnummer", "E-mail", "E-mail (privé)"], ["1", "a@b.nl", "c@d.nl"]]))
    assert result.rows[2]["email"] == "a@b.nl"
    assert result.header["ignored"] == [["C", "E-mail (privé)"]]


@pytest.mark.parametrize("header", ["", "Naam", "Reden", "Reason", "Nummer", 12, None, "x" * 32_767])
def test_rule_2_other_headers_are_not_guessed(header):
    assert field_of(header) is None


def test_rule_2_further_columns_are_ignored_and_named(read, xlsx, headers, person):
    result = read(xlsx([["Kleur", *headers, "Reden"], ["rood", *person, "te laat"]]))
    assert result.header["ignored"] == [["A", "Kleur"], ["N", "Reden"]]
    told = [w["params"] for w in result.warnings if w["code"] == "ignored_column"]
    assert told == [{"header": "Kleur", "letter": "A"}, {"header": "Reden", "letter": "N"}]
    assert result.rows[2]["language"] == "nl"


def test_rule_2_every_further_column_is_named_however_many_there_are(read, xlsx):
    further = [f"Extra {n}" for n in range(62)]
    result = read(xlsx([["Personeelsnummer", "Taal", *further], ["1", "nl"]]))
    assert [w["params"]["header"] for w in result.warnings if w["code"] == "ignored_column"] == further


def test_rule_2_a_further_column_is_named_as_the_spreadsheet_shows_it(read, xlsx, xls, ods, biff_error):
    def touch(workbook):
        sheet = workbook.worksheets()[0]
        for column, (code, value) in enumerate(
            (("yyyy-mm-dd", 45413), ("yyyy-mm-dd hh:mm", 45413.375), ("hh:mm", 0.375)), 2
        ):
            sheet.write_number(0, column, value, workbook.add_format({"num_format": code}))
        sheet.write_formula(0, 5, "=NA()", None, "#N/A")
        sheet.write_row(0, 6, [2024, 12.5, True, "a\u00a0 b"])

    def named(data, name):
        return [text for _, text in read(data, name).header["ignored"]]

    known = ["Personeelsnummer", "Taal"]
    shown = ["2024-05-01", "2024-05-01 09:00", "09:00", "#N/A", "2024", "12.5", "TRUE", "a b"]
    assert named(xlsx([known, ["1"]], touch=touch), "x.xlsx") == shown
    assert named(xls([[*known, biff_error(0x2A), 2024], ["1"]]), "x.xls") == ["#N/A", "2024"]
    number = '<table:table-cell office:value-type="float" office:value="2024"><text:p>2024</text:p></table:table-cell>'
    date = '<table:table-cell office:value-type="date" office:date-value="2024-05-01T00:00:00"/>'
    assert named(ods([[*known, number, date], ["1"]]), "x.ods") == ["2024", "2024-05-01"]


def test_rule_2_a_header_is_told_without_characters_that_no_database_takes(read):
    result = read("Personeelsnummer;Taal\x01;Kleur\x02\u202e\n1;nl\n".encode(), "x.csv")
    assert result.header["columns"][1] == ["language", "B", "Taal\ufffd"]
    assert result.header["ignored"] == [["C", "Kleur\ufffd\ufffd"]]


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
