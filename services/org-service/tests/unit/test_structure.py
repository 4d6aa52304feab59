"""What `org apply` and the commands to units do."""

from typing import Any

import pytest

from contracts.events import org
from org_service.domain import Changes, Refused


def reasons(decision: Changes | Refused) -> list[tuple[str, str]]:
    assert isinstance(decision, Refused), decision
    return [(problem.reason.value, problem.path) for problem in decision.problems]


def test_applying_the_same_file_again_changes_nothing(acme: Any) -> None:
    same = {
        "academy": {"name": "Demo Academy", "default_language": "nl", "languages": ["nl", "en"]},
        "companies": [
            {"name": "Acme BV", "code": "ACME", "departments": [{"name": "Verkoop"}, {"name": "Inkoop", "code": "INK"}]}
        ],
        "functions": [{"name": "Adviseur", "learning_activities": ["Privacy basis", "Veilig werken"]}],
    }
    assert acme.apply(**same) == Changes()


def test_what_a_file_does_not_name_stays(acme: Any) -> None:
    acme.apply(companies=[{"name": "Acme BV", "departments": [{"name": "Logistiek"}]}])
    assert acme.live("department") == ["Inkoop", "Logistiek", "Verkoop"]
    assert acme.unit("Acme BV").code == "ACME"
    assert acme.unit("Adviseur").learning_activities == ("Privacy basis", "Veilig werken")


def test_a_known_code_with_another_name_is_a_rename(acme: Any) -> None:
    before = acme.unit("Acme BV")
    acme.apply(companies=[{"name": "Acme Groep", "code": "acme"}])
    after = acme.unit("Acme Groep")
    assert (after.id, after.former_names) == (before.id, ("Acme BV",))


def test_was_is_a_rename(acme: Any) -> None:
    before = acme.unit("Verkoop")
    acme.apply(companies=[{"name": "Acme BV", "departments": [{"name": "Sales", "was": "verkoop"}]}])
    after = acme.unit("Sales")
    assert (after.id, after.former_names) == (before.id, ("Verkoop",))


def test_was_finds_a_former_name_too(acme: Any) -> None:
    before = acme.unit("Verkoop")
    acme.apply(companies=[{"name": "Acme BV", "departments": [{"name": "Sales", "was": "Verkoop"}]}])
    acme.apply(companies=[{"name": "Acme BV", "departments": [{"name": "Commercie", "was": "Verkoop"}]}])
    after = acme.unit("Commercie")
    assert (after.id, after.former_names) == (before.id, ("Verkoop", "Sales"))


def test_a_known_name_takes_another_code(acme: Any) -> None:
    before = acme.unit("Inkoop")
    acme.apply(companies=[{"name": "Acme BV", "departments": [{"name": "Inkoop", "code": "INK2"}]}])
    assert (acme.unit("Inkoop").id, acme.unit("Inkoop").code) == (before.id, "INK2")


def test_another_case_of_a_name_is_shown_but_leaves_no_former_name(acme: Any) -> None:
    acme.apply(companies=[{"name": "ACME bv"}])
    assert acme.unit("ACME bv").former_names == ()


def test_a_unit_that_takes_back_its_old_name_loses_it_as_a_former_name(acme: Any) -> None:
    acme.give(org.RenameUnit(kind="department", unit="Verkoop", name="Sales"))
    acme.give(org.RenameUnit(kind="department", unit="Sales", name="Verkoop"))
    assert acme.unit("Verkoop").former_names == ("Sales",)


def test_two_units_can_swap_names_in_one_file(acme: Any) -> None:
    acme.apply(companies=[{"name": "Beta", "code": "B"}])
    a, b = acme.unit("Acme BV"), acme.unit("Beta")
    acme.apply(companies=[{"name": "Beta", "code": "ACME"}, {"name": "Acme BV", "code": "B"}])
    assert (acme.unit("Beta").id, acme.unit("Acme BV").id) == (a.id, b.id)


def test_the_old_name_of_a_unit_can_be_given_to_a_new_one(acme: Any) -> None:
    acme.apply(
        companies=[{"name": "Acme BV", "departments": [{"name": "Verkoop"}, {"name": "Sales", "was": "Verkoop"}]}]
    )
    assert acme.unit("Verkoop").former_names == ()
    acme.apply(companies=[{"name": "Acme Groep", "code": "ACME"}, {"name": "Acme BV"}])
    assert acme.unit("Acme BV").id != acme.unit("Acme Groep").id


def test_departments_of_two_companies_may_share_name_and_code(acme: Any) -> None:
    acme.apply(companies=[{"name": "Beta", "departments": [{"name": "Inkoop", "code": "INK"}]}])
    assert acme.live("department") == ["Inkoop", "Inkoop", "Verkoop"]


def test_a_company_is_removed_with_its_departments(acme: Any) -> None:
    acme.apply(companies=[{"name": "Acme BV", "remove": True}])
    assert acme.live("company") == acme.live("department") == []
    assert acme.live("function") == ["Adviseur"]


def test_removing_what_is_not_there_changes_nothing(acme: Any) -> None:
    assert acme.apply(functions=[{"name": "Piloot", "remove": True}]) == Changes()
    acme.apply(functions=[{"name": "Adviseur", "remove": True}])
    assert acme.apply(functions=[{"name": "Adviseur", "remove": True}]) == Changes()


def test_a_removed_unit_comes_back_as_itself_when_it_is_defined_again(acme: Any) -> None:
    before = acme.unit("Inkoop")
    acme.give(org.RemoveUnit(kind="company", unit="ACME"))
    acme.apply(companies=[{"name": "Acme BV"}])
    assert acme.live("department") == []
    acme.apply(companies=[{"name": "Acme BV", "departments": [{"name": "Inkoop"}]}])
    assert acme.unit("Inkoop") == before


def test_absent_learning_activities_stay_and_an_empty_list_clears_them(acme: Any) -> None:
    acme.apply(functions=[{"name": "Adviseur"}])
    assert len(acme.unit("Adviseur").learning_activities) == 2
    acme.apply(functions=[{"name": "Adviseur", "learning_activities": []}])
    assert acme.unit("Adviseur").learning_activities == ()


def test_learning_activities_keep_their_order_and_count_once(acme: Any) -> None:
    acme.give(org.DefineFunction(name="Piloot", learning_activities=[" Vliegen ", "Landen", "vliegen"]))
    assert acme.unit("Piloot").learning_activities == ("Vliegen", "Landen")


def test_names_are_cleaned(acme: Any) -> None:
    acme.give(org.DefineCompany(name=" Cafe\u0301 \u00a0 Noir "))
    assert "Café Noir" in acme.live("company")


def test_names_that_differ_in_case_accents_or_space_are_the_same(acme: Any) -> None:
    acme.give(org.DefineCompany(name="Café Noir"))
    assert acme.give(org.DefineCompany(name="Cafe noir", code="CN")) != Changes()
    decision = acme.give(org.RenameUnit(kind="company", unit="Acme BV", name="CAFE  NOIR"))
    assert reasons(decision) == [("duplicate_name", "name")]


def test_the_same_name_or_code_twice_in_one_file_is_refused_with_its_place(acme: Any) -> None:
    decision = acme.apply(
        companies=[
            {"name": "Beta"},
            {"name": "beta"},
            {"name": "Acme BV", "departments": [{"name": "A", "code": "1"}, {"name": "B", "code": "1"}]},
        ]
    )
    assert reasons(decision) == [
        ("duplicate_name", "companies[1].name"),
        ("duplicate_code", "companies[2].departments[1].code"),
    ]


def test_what_clears_a_field_of_a_person_is_no_name_and_no_code(acme: Any) -> None:
    decision = acme.apply(
        companies=[{"name": " - ", "departments": [{"name": "A"}]}, {"name": "Beta", "code": "-"}],
        functions=[{"name": "-", "remove": True}, {"name": "F", "was": "-"}],
    )
    assert reasons(decision) == [("reserved", "companies[0].name"), ("reserved", "companies[1].code")]
    assert reasons(acme.give(org.RenameUnit(kind="company", unit="Acme BV", name="-"))) == [("reserved", "name")]


def test_a_name_or_code_of_a_sibling_is_refused(acme: Any) -> None:
    acme.apply(companies=[{"name": "Beta", "code": "B"}])
    assert reasons(acme.apply(companies=[{"name": "Beta", "code": "ACME"}])) == [
        ("duplicate_name", "companies[0].name")
    ]
    decision = acme.give(org.RenameUnit(kind="company", unit="Beta", name="acme bv"))
    assert reasons(decision) == [("duplicate_name", "name")]


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_done(acme: Any) -> None:
    before = acme.structure
    decision = acme.apply(
        academy={"name": " ", "languages": ["klingon"]},
        companies=[{"name": "Fine"}, {"name": "x" * 201}, {"name": "Acme BV", "departments": [{"name": "a\u202eb"}]}],
        functions=[{"name": "\u00a0"}, {"name": "F", "learning_activities": ["ok", ""]}],
    )
    assert reasons(decision) == [
        ("required", "academy.name"),
        ("unknown_language", "academy.languages[0]"),
        ("too_long", "companies[1].name"),
        ("invalid_characters", "companies[2].departments[0].name"),
        ("required", "functions[0].name"),
        ("required", "functions[1].learning_activities[1]"),
    ]
    assert acme.structure is before


def test_more_learning_activities_than_fit_an_event_are_refused(acme: Any) -> None:
    decision = acme.give(org.DefineFunction(name="F", learning_activities=[f"L{n}" for n in range(501)]))
    assert reasons(decision) == [("too_many", "learning_activities")]


def test_a_file_of_more_units_than_one_transaction_takes_is_refused(acme: Any) -> None:
    departments = [{"name": f"D{n}"} for n in range(20_000)]
    assert reasons(acme.apply(companies=[{"name": "Acme BV", "departments": departments}])) == [("too_many", "")]


@pytest.mark.parametrize("company", ["Acme BV", "acme", "ACME", "id-0001"])
def test_a_department_is_defined_under_a_company_by_name_code_or_id(acme: Any, company: str) -> None:
    acme.give(org.DefineDepartment(company=company, name="Logistiek"))
    assert acme.unit("Logistiek").company_id == acme.unit("Acme BV").id


def test_a_department_of_an_unknown_or_removed_company_is_refused(acme: Any) -> None:
    assert reasons(acme.give(org.DefineDepartment(company="Beta", name="X"))) == [("unknown_unit", "company")]
    acme.give(org.RemoveUnit(kind="company", unit="Acme BV"))
    assert reasons(acme.give(org.DefineDepartment(company="Acme BV", name="X"))) == [("unknown_unit", "company")]


def test_a_unit_is_renamed_by_id_code_name_or_former_name(acme: Any) -> None:
    inkoop = acme.unit("Inkoop")
    for unit, name in ((inkoop.id, "Een"), ("ink", "Twee"), ("twee", "Drie"), ("Inkoop", "Vier")):
        acme.give(org.RenameUnit(kind="department", unit=unit, name=name))
        assert acme.unit(name).id == inkoop.id
    assert acme.unit("Vier").former_names == ("Inkoop", "Een", "Twee", "Drie")


def test_a_refused_value_is_told_as_a_database_can_store_it(acme: Any) -> None:
    for command in (
        org.RenameUnit(kind="company", unit="a\0b", name="X"),
        org.DefineDepartment(company="a\0b", name="X"),
        org.EnableLanguage(language="n\0l"),
    ):
        (problem,) = acme.give(command).problems
        assert problem.params["value"] in ("a\ufffdb", "n\ufffdl")


def test_renaming_an_unknown_unit_is_refused(acme: Any) -> None:
    assert reasons(acme.give(org.RenameUnit(kind="function", unit="Piloot", name="X"))) == [("unknown_unit", "unit")]


def test_a_department_that_two_companies_have_needs_its_company(acme: Any) -> None:
    acme.apply(companies=[{"name": "Beta", "departments": [{"name": "Verkoop"}]}])
    assert reasons(acme.give(org.RenameUnit(kind="department", unit="Verkoop", name="X"))) == [
        ("ambiguous_unit", "unit")
    ]
    acme.give(org.RenameUnit(kind="department", unit="Verkoop", company="Beta", name="X"))
    assert acme.unit("X").company_id == acme.unit("Beta").id


def test_a_former_name_of_two_units_is_refused_as_ambiguous(acme: Any) -> None:
    acme.give(org.RenameUnit(kind="function", unit="Adviseur", name="A"))
    acme.give(org.DefineFunction(name="Adviseur"))
    acme.give(org.RenameUnit(kind="function", unit="Adviseur", name="B"))
    assert reasons(acme.give(org.DefineFunction(name="C", was="Adviseur"))) == [("ambiguous_unit", "was")]


def test_removing_twice_is_removing_once_and_an_unknown_unit_is_refused(acme: Any) -> None:
    assert acme.give(org.RemoveUnit(kind="department", unit="Verkoop"))
    assert acme.give(org.RemoveUnit(kind="department", unit="Verkoop", company="ACME")) == Changes()
    assert reasons(acme.give(org.RemoveUnit(kind="department", unit="Zolder"))) == [("unknown_unit", "unit")]


def test_republishing_changes_nothing(acme: Any) -> None:
    assert acme.give(org.RepublishStructure()) == Changes(republish=True)


def test_every_refusal_has_a_sentence_in_english_and_in_dutch(acme: Any) -> None:
    from org_service.refusals import Problem, Reason

    params = {"kind": "department", "value": "{x}", "length": "1", "max": "2", "count": "3"}
    for reason in Reason:
        english, dutch = Problem(reason, "", params).sentences()
        assert english.endswith(".")
        assert dutch.endswith(".")
        assert english != dutch
        assert "department" not in dutch
