"""`instroom import FILE --json` gives the documented document, whatever a good file looks like."""

import unicodedata
from typing import Any

import pytest
from outside import books
from outside.academy import Academy
from outside.documents import by_number, codes, documented, outcomes, places

from contracts.fields import IMPORT_FIELDS


def test_a_plain_workbook_takes_its_people_in(acme: Academy) -> None:
    people = [acme.person(1001, invite="x", active="x"), acme.person(1002, invite="x"), acme.person(1003)]
    document = documented(acme.import_file(books.workbook(people)))
    assert (document["academy"], document["state"]) == (acme.id, "completed")
    assert outcomes(document) == [(2, "created"), (3, "created"), (4, "created")]
    assert (document["invited"], document["waiting"]) == (1, 1)
    first = document["results"][0]
    assert (first["personnel_number"], first["name"], first["invitation"]) == ("1001", "Jan de Vries", "queued")
    assert (first["planned"], first["drifted"], first["restored"]) == ("created", False, False)
    assert first["changes"] == {}
    assert {user["personnel_number"] for user in acme.users()} == {"1001", "1002", "1003"}


def test_a_bad_cell_is_told_with_its_cell_header_value_and_what_to_do(acme: Academy) -> None:
    people = [acme.person(1001, email="geen adres"), acme.person(1002, company="Acmee BV"), acme.person(1003)]
    document = documented(acme.import_file(books.workbook(people), code=1))
    assert outcomes(document) == [(2, "rejected"), (3, "rejected"), (4, "created")]
    (email,) = document["results"][0]["errors"]
    assert (email["code"], email["column"], email["header"]) == ("invalid_email", "email", "Emailadres")
    assert (email["cell"], email["value"]) == ("E2", "geen adres")
    company = document["results"][1]["errors"][0]
    assert (company["code"], company["cell"], company["suggestion"]) == ("unknown_company", "F3", "Acme BV")


def test_check_only_gives_the_planned_outcomes_and_writes_nothing(acme: Academy) -> None:
    document = documented(acme.import_file(books.workbook([acme.person()]), "--check-only"))
    assert (document["state"], document["created"], acme.users()) == ("checked", 1, [])


HEADERS = {
    "nl": ("Medewerkernummer *", "voornaam", "Voorvoegsel(s)", "ACHTERNAAM", "E-mail", "Bedrijf (verplicht)"),
    "en": ("Employee number", "First name", "Prefix", "Surname", "E-mail address", "Company"),
    "de": ("Personalnummer", "Vorname", "Namenszusatz", "Nachname", "E-Mail-Adresse", "Unternehmen"),
    "fr": ("Matricule", "Prénom", "Particule", "Nom", "Adresse e-mail", "Entreprise"),
}
REST = {"nl": "Afdeling", "en": "Department", "de": "Abteilung", "fr": "Département"}


@pytest.mark.parametrize("language", ["nl", "en", "de", "fr"])
def test_headers_may_stand_in_another_order_and_language(acme: Academy, language: str) -> None:
    fields = IMPORT_FIELDS[:7]
    rows = books.table(
        [acme.person(1001), acme.person(1002, email="fout")], fields, (*HEADERS[language], REST[language])
    )
    backwards = books.sheets({"Blad1": [row[::-1] for row in rows]})
    document = documented(acme.import_file(backwards, code=1))
    assert outcomes(document) == [(2, "created"), (3, "rejected")]
    assert places(document) == [(3, "invalid_email", "C3")]
    assert acme.show(1001)["infix"] == "de"


def test_further_columns_are_ignored_and_named(acme: Academy) -> None:
    rows = books.table([acme.person() | {"shoe": "43"}], (*IMPORT_FIELDS, "shoe"), (*books.DUTCH, "Schoenmaat"))
    document = documented(acme.import_file(books.sheets({"Gebruikers": rows})))
    assert document["created"] == 1
    (warning,) = document["warnings"]
    assert (warning["code"], warning["column"]) == ("ignored_column", "Schoenmaat")
    assert "Schoenmaat" in warning["message"]


def test_blank_rows_in_between_are_in_no_count_and_rows_keep_their_numbers(acme: Academy) -> None:
    head, first, second = books.table([acme.person(1001), acme.person(1002, email="fout")])
    blank: list[Any] = [""] * 12
    document = documented(
        acme.import_file(books.sheets({"Gebruikers": [head, blank, first, [" "] * 12, blank, second]}), code=1)
    )
    assert (document["rows"], outcomes(document)) == (2, [(3, "created"), (6, "rejected")])
    assert places(document) == [(6, "invalid_email", "E6")]


def test_a_table_may_start_in_row_4(acme: Academy) -> None:
    rows = [["Medewerkers van Acme"], [], ["versie 3"], *books.table([acme.person(1001, email="fout")])]
    document = documented(acme.import_file(books.sheets({"Blad1": rows}), code=1))
    assert places(document) == [(5, "invalid_email", "E5")]


def test_another_sheet_may_come_first(acme: Academy) -> None:
    notes = [["Lees dit eerst"], ["Vul alle kolommen in"]]
    data = books.sheets({"Uitleg": notes, "Gebruikers": books.table([acme.person()])})
    assert documented(acme.import_file(data))["created"] == 1


def test_numbers_typed_as_numbers_are_their_digits_with_one_warning(acme: Academy) -> None:
    data = books.workbook(
        [
            acme.person() | {"personnel_number": 1001.0, "cost_centre": 42},
            acme.person(1002) | {"personnel_number": 1002},
        ]
    )
    document = documented(acme.import_file(data))
    assert set(by_number(document)) == {"1001", "1002"}
    zeros = [w["column"] for w in document["warnings"] if w["code"] == "leading_zeros"]
    assert sorted(zeros) == ["cost_centre", "personnel_number"]
    assert acme.show(1001)["cost_centre"] == "42"


def test_decomposed_accents_and_no_break_spaces_are_the_usual_ones(acme: Academy) -> None:
    zoe = unicodedata.normalize("NFD", "Zoë")
    person = acme.person(
        first_name=f" {zoe}\u00a0", last_name="van\u00a0 \tDam", company=f"Bakkerij\u00a0{zoe}", department="Winkel"
    )
    documented(acme.import_file(books.workbook([person])))
    user = acme.show()
    assert (user["first_name"], user["last_name"], user["company"]) == ("Zoë", "van Dam", "Bakkerij Zoë")
    again = documented(
        acme.import_file(
            books.workbook(
                [
                    acme.person()
                    | {
                        "first_name": "Zoë",
                        "last_name": "van Dam",
                        "company": "Bakkerij Zoë",
                        "department": "Winkel",
                    }
                ]
            )
        )
    )
    assert again["unchanged"] == 1


@pytest.mark.parametrize(("encoding", "delimiter"), [("cp1252", ";"), ("utf-16", "\t"), ("utf-8-sig", ",")])
def test_text_of_any_usual_encoding_is_read(acme: Academy, encoding: str, delimiter: str) -> None:
    person = acme.person(first_name="Zoë", last_name="Müller", company="Bakkerij Zoë", department="Winkel")
    data = books.text(books.table([person, acme.person(1002, email="fout")]), encoding, delimiter)
    document = documented(acme.import_file(data, name="mensen.csv", code=1))
    assert outcomes(document) == [(2, "created"), (3, "rejected")]
    assert places(document) == [(3, "invalid_email", "E3")]
    assert (acme.show()["first_name"], acme.show()["last_name"]) == ("Zoë", "Müller")


def test_names_that_look_like_formulas_are_kept_as_text(acme: Academy) -> None:
    names = {"1001": "=1+1", "1002": "+Piet", "1003": "@SUM(A1)", "1004": "-Jan"}
    people = [acme.person(number, last_name=name) for number, name in names.items()]
    documented(acme.import_file(books.workbook(people)))
    assert {user["personnel_number"]: user["last_name"] for user in acme.users()} == names


def test_the_first_of_duplicates_stands_and_the_later_ones_name_it(acme: Academy) -> None:
    people = [
        acme.person(1001),
        acme.person(1002, email=acme.address(1001).upper()),
        acme.person(1001, email=acme.address(1003)),
        acme.person(1004),
    ]
    document = documented(acme.import_file(books.workbook(people), code=1))
    assert places(document) == [(3, "duplicate_in_file", "E3"), (4, "duplicate_in_file", "A4")]
    assert all("2" in r["errors"][0]["message"] for r in document["results"] if r["errors"])
    assert {user["personnel_number"] for user in acme.users()} == {"1001", "1004"}


def test_a_hyphen_clears_on_an_update(acme: Academy) -> None:
    acme.take_in(acme.person(cost_centre="KP1", active="x", language="en"))
    cleared = acme.person(infix="-", functions="-", cost_centre="-", active="-", language="-")
    document = documented(acme.import_file(books.workbook([cleared])))
    assert document["results"][0]["changes"] == {
        "infix": ["de", None],
        "functions": [["Adviseur"], []],
        "cost_centre": ["KP1", None],
        "active": [True, False],
        "language": ["en", "nl"],
    }


def test_somebody_deleted_comes_back_with_their_history(acme: Academy) -> None:
    acme.take_in(acme.person(cost_centre="KP1", active="x"))
    user_id = acme.show()["user_id"]
    assert acme.delete(1001)["code"] == "deleted"
    assert acme.users() == []
    document = documented(acme.import_file(books.workbook([acme.person(cost_centre="")])))
    (result,) = document["results"]
    assert (result["outcome"], result["restored"]) == ("updated", True)
    user = acme.show()
    assert (user["user_id"], user["deleted"], user["cost_centre"], user["active"]) == (user_id, False, "KP1", False)


def test_all_errors_of_a_row_are_told_at_once_and_the_rows_beside_it_go_in(acme: Academy) -> None:
    bad = acme.person(1002, email="fout", company="Nergens", department="Niets", functions="Piloot", active="misschien")
    document = documented(acme.import_file(books.workbook([acme.person(1001), bad, acme.person(1003)]), code=1))
    assert set(codes(document)[3]) >= {"invalid_email", "unknown_company", "unknown_function", "invalid_flag"}
    assert len(acme.users()) == 2
