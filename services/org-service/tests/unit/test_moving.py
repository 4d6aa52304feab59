"""A department moves to another company and stays the department that it was; a code is taken off."""

from typing import Any

import pytest

from contracts.events import org
from org_service.domain import Changes, Refused


@pytest.fixture
def two(acme: Any) -> Any:
    """A second company beside Acme."""
    acme.apply(companies=[{"name": "Beta", "code": "B", "departments": [{"name": "Magazijn"}]}])
    return acme


def reasons(decision: Any) -> list[tuple[str, str]]:
    assert isinstance(decision, Refused)
    return [(problem.reason.value, problem.path) for problem in decision.problems]


def place(two: Any, name: str) -> str:
    unit = two.unit(name)
    company: str = next(each.name for each in two.structure.units("company") if each.id == unit.company_id)
    assert unit.id in two.structure.siblings(unit.place)
    return company


def test_a_department_moves_with_its_id_name_code_and_former_names(two: Any) -> None:
    two.give(org.RenameUnit(kind="department", unit="INK", name="Aankoop"))
    before = two.unit("Aankoop")
    decision = two.give(org.MoveDepartment(department=before.id, to="b"))
    after = two.unit("Aankoop")
    assert place(two, "Aankoop") == "Beta"
    assert (after.id, after.code, after.former_names) == (before.id, "INK", ("Inkoop",))
    assert decision.units == (after,)
    assert before.id not in two.structure.siblings(before.place)


@pytest.mark.parametrize("company", [None, "Acme BV"])
def test_a_department_that_has_moved_stays_where_it_is_when_it_is_moved_again(two: Any, company: str | None) -> None:
    command = org.MoveDepartment(department="Verkoop", company=company, to="Beta")
    assert two.give(command) != Changes()
    assert two.give(command) == Changes()
    assert place(two, "Verkoop") == "Beta"


def test_a_department_comes_back_where_it_was(two: Any) -> None:
    before = two.structure
    two.give(org.MoveDepartment(department="Verkoop", to="Beta"))
    two.give(org.MoveDepartment(department="Verkoop", to="ACME"))
    assert {each.id: each for each in two.structure.units()} == {each.id: each for each in before.units()}


def test_a_name_or_code_that_the_company_has_already_keeps_a_department_out(two: Any) -> None:
    two.apply(companies=[{"name": "Beta", "departments": [{"name": "Verkoop"}, {"name": "Post", "code": "ink"}]}])
    verkoop = org.MoveDepartment(department="Verkoop", company="ACME", to="Beta")
    assert reasons(two.give(verkoop)) == [("duplicate_name", "department.name")]
    assert reasons(two.give(org.MoveDepartment(department="Inkoop", to="Beta"))) == [
        ("duplicate_code", "department.code")
    ]


def test_a_removed_department_of_the_name_does_not_keep_a_department_out(two: Any) -> None:
    two.apply(companies=[{"name": "Beta", "departments": [{"name": "Verkoop"}]}])
    two.apply(companies=[{"name": "Beta", "departments": [{"name": "Verkoop", "remove": True}]}])
    assert isinstance(two.give(org.MoveDepartment(department="Verkoop", to="Beta")), Changes)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ({"department": "Verkoop", "to": "Nergens"}, [("unknown_unit", "to")]),
        ({"department": "Nergens", "to": "Beta"}, [("unknown_unit", "department")]),
        ({"department": "Verkoop", "company": "Nergens", "to": "Beta"}, [("unknown_unit", "company")]),
        ({"department": "Magazijn", "company": "Acme BV", "to": "Acme BV"}, [("unknown_unit", "department")]),
    ],
)
def test_a_department_or_company_that_is_not_there_is_refused(
    two: Any, command: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    assert reasons(two.give(org.MoveDepartment.model_validate(command))) == expected


def test_nothing_moves_to_a_removed_company_or_from_one(two: Any) -> None:
    two.give(org.RemoveUnit(kind="company", unit="Beta"))
    assert reasons(two.give(org.MoveDepartment(department="Verkoop", to="Beta"))) == [("unknown_unit", "to")]
    assert reasons(two.give(org.MoveDepartment(department="Magazijn", to="Acme BV"))) == [
        ("unknown_unit", "department")
    ]


def test_a_department_of_two_companies_needs_the_one_that_it_leaves(two: Any) -> None:
    two.apply(companies=[{"name": "Gamma"}, {"name": "Beta", "departments": [{"name": "Verkoop"}]}])
    assert reasons(two.give(org.MoveDepartment(department="Verkoop", to="Gamma"))) == [("ambiguous_unit", "department")]
    two.give(org.MoveDepartment(department="Verkoop", company="Beta", to="Gamma"))
    companies = {each.id: each.name for each in two.structure.units("company")}
    places = [companies[each.company_id] for each in two.structure.units("department") if each.name == "Verkoop"]
    assert sorted(places) == ["Acme BV", "Gamma"]


MOVED = {"name": "Beta", "departments": [{"name": "Verkoop", "was_in": "Acme BV"}]}


def test_a_file_moves_a_department_once(two: Any) -> None:
    before = two.unit("Verkoop")
    two.apply(companies=[MOVED])
    assert (place(two, "Verkoop"), two.unit("Verkoop").id) == ("Beta", before.id)
    assert two.apply(companies=[MOVED]) == Changes()


def test_a_file_moves_and_renames_a_department_at_once(two: Any) -> None:
    before = two.unit("Verkoop")
    file = [{"name": "Beta", "departments": [{"name": "Sales", "was": "Verkoop", "was_in": "ACME"}]}]
    two.apply(companies=file)
    after = two.unit("Sales")
    assert (after.id, after.former_names, place(two, "Sales")) == (before.id, ("Verkoop",), "Beta")
    assert two.apply(companies=file) == Changes()


def test_a_file_moves_the_departments_of_a_company_that_it_removes(two: Any) -> None:
    file = [{"name": "Acme BV", "remove": True}, MOVED]
    two.apply(companies=file)
    assert two.live("company") == ["Beta"]
    assert two.live("department") == ["Magazijn", "Verkoop"]
    assert two.apply(companies=file) == Changes()


def test_the_company_that_a_department_leaves_may_get_a_new_one_of_the_name(two: Any) -> None:
    before = two.unit("Verkoop")
    file = [{"name": "Acme BV", "departments": [{"name": "Verkoop"}]}, MOVED]
    two.apply(companies=file)
    companies = {each.id: each.name for each in two.structure.units("company")}
    places = {
        companies[each.company_id]: each.id for each in two.structure.units("department") if each.name == "Verkoop"
    }
    assert places["Beta"] == before.id
    assert places["Acme BV"] != before.id
    assert two.apply(companies=file) == Changes()


def test_a_department_that_is_nowhere_is_made_and_one_of_an_unknown_company_is_refused(two: Any) -> None:
    two.apply(companies=[{"name": "Beta", "departments": [{"name": "Nieuw", "was_in": "Acme BV"}]}])
    assert place(two, "Nieuw") == "Beta"
    decision = two.apply(companies=[{"name": "Beta", "departments": [{"name": "Ander", "was_in": "Nergens"}]}])
    assert reasons(decision) == [("unknown_unit", "companies[0].departments[0].was_in")]


def test_one_department_moves_to_one_company(two: Any) -> None:
    before = two.unit("Verkoop")
    file = [MOVED, {"name": "Gamma", "departments": [{"name": "Verkoop", "was_in": "Acme BV"}]}]
    two.apply(companies=file)
    ids = [each.id for each in two.structure.units("department") if each.name == "Verkoop"]
    assert len(ids) == 2
    assert before.id in ids
    assert two.apply(companies=file) == Changes()


def test_no_code_takes_the_code_off_and_an_absent_or_blank_one_leaves_it(two: Any) -> None:
    for code in ({}, {"code": ""}):
        two.apply(companies=[{"name": "Acme BV", "departments": [{"name": "Inkoop", **code}]}])
        assert two.unit("Inkoop").code == "INK"
    file = [{"name": "Acme BV", "code": None, "departments": [{"name": "Inkoop", "code": None}]}]
    two.apply(companies=file)
    assert (two.unit("Acme BV").code, two.unit("Inkoop").code) == (None, None)
    assert two.apply(companies=file) == Changes()
    two.give(org.DefineDepartment(company="Beta", name="Post", code="INK"))
    assert isinstance(two.give(org.MoveDepartment(department="Post", to="Acme BV")), Changes)
