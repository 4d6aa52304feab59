"""The rules of intake by number, end to end, each as one small file; every number is named by a test in the tree."""

import re
from pathlib import Path

import pytest
from outside import books
from outside.academy import Academy
from outside.documents import by_number, codes, outcomes, places

REPOSITORY = Path(__file__).parents[2]


def test_rule_01_what_is_wrong_with_a_file_is_told_in_order(acme: Academy) -> None:
    assert [e["code"] for e in acme.check(b"", "x.pdf")["errors"]] == ["empty_file"]
    assert [e["code"] for e in acme.check(b"%PDF-1.7 \0\0", "x.pdf")["errors"]] == ["unsupported_format"]
    assert [e["code"] for e in acme.check(b"%PDF-1.7 \0\0", "x.csv")["errors"]] == ["unreadable_file"]
    twice = [["Voornaam", "Voornaam", "Achternaam"], ["a", "b", "c"]]
    assert [e["code"] for e in acme.check(books.sheets({"x": twice}))["errors"]] == ["missing_columns"]


def test_rule_02_the_sheet_of_users_is_read_wherever_it_stands(acme: Academy) -> None:
    other, users = books.table([acme.person(9)]), books.table([acme.person(1001)])
    document = acme.check(books.sheets({"Oud": other, "Gebruikers": users}))
    assert [r["personnel_number"] for r in document["results"]] == ["1001"]


def test_rule_03_a_record_of_text_is_counted_with_the_header_as_1(acme: Academy) -> None:
    rows = books.table([acme.person(1001, last_name="op\ntwee regels"), acme.person(1002)])
    assert outcomes(acme.check(books.text(rows), "x.csv")) == [(2, "created"), (3, "created")]


def test_rule_04_a_fraction_is_no_personnel_number(acme: Academy) -> None:
    document = acme.check(
        books.workbook([acme.person() | {"personnel_number": 1001.5}, acme.person() | {"personnel_number": 7.0}])
    )
    assert (places(document)[0], document["results"][1]["personnel_number"]) == ((2, "invalid_cell", "A2"), "7")


@pytest.mark.parametrize(("text", "active"), [("WAAR", True), ("oui", True), ("onwaar", False), (True, True)])
def test_rule_05_flags_are_read_in_any_of_their_languages(acme: Academy, text: object, active: bool) -> None:
    acme.take_in(acme.person(active=text))
    assert acme.show()["active"] is active


def test_rule_06_blank_leaves_and_a_hyphen_clears(acme: Academy) -> None:
    acme.take_in(acme.person(cost_centre="KP1"))
    assert acme.take_in(acme.person(infix="", cost_centre=""))["unchanged"] == 1
    assert codes(acme.take_in(acme.person(last_name="-"))) == {2: ["required"]}
    acme.take_in(acme.person(infix="-"))
    assert (acme.show()["infix"], acme.show()["cost_centre"]) == (None, "KP1")


def test_rule_07_a_function_with_a_comma_in_its_name_is_one_function(acme: Academy) -> None:
    acme.take_in(acme.person(1001, functions="Manager, verkoop"), acme.person(1002, functions="adv, Inkoper\nadviseur"))
    assert (acme.show(1001)["functions"], acme.show(1002)["functions"]) == (
        ["Manager, verkoop"],
        ["Adviseur", "Inkoper"],
    )


def test_rule_08_the_first_of_duplicates_stands_even_when_it_is_rejected_and_a_duplicate_claims_nothing(
    acme: Academy,
) -> None:
    people = [
        acme.person(1001, company="Nergens"),
        acme.person(1001, email=acme.address(1002)),
        acme.person(1002),
        acme.person(1003, email=acme.address(1001)),
    ]
    document = acme.take_in(*people)
    assert [r["outcome"] for r in document["results"]] == ["rejected", "rejected", "created", "rejected"]
    assert {codes(document)[row][0] for row in (3, 5)} == {"duplicate_in_file"}
    assert "2" in document["results"][1]["errors"][0]["message"]


def test_rule_09_zeros_of_a_number_count_and_case_and_width_do_not(acme: Academy) -> None:
    acme.take_in(acme.person("a7"))
    document = acme.take_in(acme.person("Ａ7", email=acme.address("a7")), acme.person("a07"))
    assert [r["outcome"] for r in document["results"]] == ["unchanged", "created"]


def test_rule_10_everything_that_a_new_person_needs_is_told_at_once(acme: Academy) -> None:
    document = acme.check(books.workbook([{"personnel_number": "1001"}]))
    assert sorted(error["cell"] for error in document["results"][0]["errors"]) == ["B2", "D2", "E2", "F2", "G2"]
    assert set(codes(document)[2]) == {"required"}


def test_rule_11_an_address_is_the_same_in_any_case_and_in_both_forms_of_its_domain(acme: Academy) -> None:
    acme.take_in(acme.person(1001, email="Jan@Bäckerei.example"))
    same = acme.person(1001, email="jan@xn--bckerei-5wa.EXAMPLE")
    taken = acme.person(1002, email="JAN@BÄCKEREI.example")
    assert acme.take_in(same)["unchanged"] == 1
    assert codes(acme.take_in(taken)) == {2: ["personnel_number_conflict"]}


def test_rule_12_units_are_matched_by_name_code_and_without_accents_and_never_guessed(acme: Academy) -> None:
    good = [
        acme.person(1001, company="bakkerij  zoe", department="winkel"),
        acme.person(1002, company="acme", department="vk"),
    ]
    document = acme.take_in(*good, acme.person(1003, company="Acme B.V."))
    assert [r["outcome"] for r in document["results"]] == ["created", "created", "rejected"]
    assert document["results"][2]["errors"][0]["suggestion"] == "Acme BV"


def test_rule_13_a_language_is_a_code_or_a_name_and_must_be_on(acme: Academy) -> None:
    names = ["en-GB", "Engels", "English", "Englisch", "Nederlands", "fr", "Klingon"]
    document = acme.take_in(*(acme.person(n, language=name) for n, name in enumerate(names, 1001)))
    assert codes(document) == {7: ["language_not_enabled"], 8: ["unknown_language"]}
    assert [user["language"] for user in acme.users()] == ["en", "en", "en", "en", "nl"]


def test_rule_14_an_import_upserts_and_a_form_creates(acme: Academy) -> None:
    acme.add(1001)
    assert acme.take_in(acme.person(1001, cost_centre="KP1"), acme.person(1002))["updated"] == 1
    (error,) = acme.add(1001, cost_centre="KP2", email=acme.address("x"))["errors"]
    assert (error["code"], acme.show(1001)["cost_centre"]) == ("personnel_number_conflict", "KP1")


def test_rule_15_a_bad_cell_keeps_its_whole_row_out_and_no_other(acme: Academy) -> None:
    acme.take_in(acme.person(1001))
    document = acme.take_in(acme.person(1001, cost_centre="KP1", language="Elfs"), acme.person(1002))
    assert (document["rejected"], document["created"], acme.show(1001)["cost_centre"]) == (1, 1, None)


def test_rule_16_terms_can_be_set_for_nobody_who_had_not_accepted_them(acme: Academy) -> None:
    acme.add(1001)
    acme.delete(1001)
    (error,) = acme.add(1001, terms_accepted="x")["errors"]
    assert error["code"] == "terms_not_allowed"
    assert acme.add(1001)["user"]["terms_accepted"] is False


def test_rule_17_one_invitation_is_open_at_a_time(acme: Academy) -> None:
    invited = acme.person(invite="x", active="x")
    found = [acme.take_in(invited)["results"][0]["invitation"] for _ in range(3)]
    assert found == ["queued", "already_invited", "already_invited"]
    acme.mail()


def test_rule_18_learning_activities_are_those_of_the_functions(acme: Academy) -> None:
    acme.take_in(acme.person(functions="Inkoper"))
    assert acme.show()["learning_activities"] == ["Onderhandelen"]
    acme.take_in(acme.person(functions="-"))
    assert acme.show()["learning_activities"] == []


def test_rule_19_people_who_are_not_in_the_file_are_left_as_they_are(acme: Academy) -> None:
    acme.take_in(acme.person(1001, active="x"), acme.person(1002, active="x"))
    before = acme.show(1001)
    document = acme.take_in(acme.person(1002, cost_centre="KP1"), acme.person(1003))
    assert {n: r["outcome"] for n, r in by_number(document).items()} == {"1002": "updated", "1003": "created"}
    assert acme.show(1001) == before


def test_every_rule_is_named_by_a_test() -> None:
    named: set[int] = set()
    for folder in ("contracts", "chassis", "services", "deploy", "tests"):
        for path in (REPOSITORY / folder).rglob("test_*.py"):
            named |= {int(number) for number in re.findall(r"def test_rule_(\d+)_", path.read_text("utf-8"))}
    assert named == set(range(1, 20))
