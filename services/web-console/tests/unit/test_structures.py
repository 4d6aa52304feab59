"""The commands that forms about the structure stand for."""

from typing import Any

from contracts.events import org
from web_console.pages.structures import Filled, Found, change, clash, find, restoration


def unit(id_: str, name: str, code: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": id_, "name": name, "code": code, "former_names": [], "removed": False} | more


SALES, STOCK = unit("d1", "Sales", "S"), unit("d2", "Stock", removed=True)
NORTH = unit("c1", "North", departments=[SALES, STOCK])
COOK = unit("f1", "Cook", learning_activities=["Knives"])
STRUCTURE = {"companies": [NORTH], "functions": [COOK]}


def test_a_department_is_found_with_its_company() -> None:
    assert find(STRUCTURE, "department", "d1") == Found("department", SALES, [SALES, STOCK], NORTH)
    assert find(STRUCTURE, "company", "d1") is None


def test_a_name_or_code_of_another_unit_is_a_clash_and_the_own_one_is_not() -> None:
    assert clash(Filled(" sales "), [SALES, STOCK]) == {"name": "Sales"}
    assert clash(Filled("New", "s"), [SALES, STOCK]) == {"code": "Sales"}
    assert clash(Filled("Sales", "S"), [SALES, STOCK], but="d1") == {}
    assert clash(Filled("Stock"), [SALES, STOCK]) == {}


def test_only_a_new_name_goes_by_the_id() -> None:
    found = Found("department", SALES, [SALES], NORTH)
    assert change(found, Filled("Shop", "S")) == org.RenameUnit(kind="department", unit="d1", name="Shop")
    assert change(found, Filled("Sales", "S")) is None


def test_a_new_code_defines_the_unit_by_what_it_was_called() -> None:
    found = Found("department", SALES, [SALES], NORTH)
    expected = org.DefineDepartment(company="c1", name="Shop", code="T", was="Sales")
    assert change(found, Filled("Shop", "T")) == expected


def test_a_code_that_is_emptied_is_taken_off_and_one_that_never_was_is_not_spoken_of() -> None:
    command = change(Found("department", SALES, [SALES], NORTH), Filled("Sales", ""))
    assert command is not None
    assert command.model_dump(exclude_unset=True) == {"company": "c1", "name": "Sales", "was": "Sales", "code": None}
    named = change(Found("function", COOK, [COOK]), Filled("Cook", "", ("Fire",)))
    assert named is not None
    assert "code" not in named.model_dump(exclude_unset=True)


def test_learning_activities_are_sent_when_they_differ() -> None:
    found = Found("function", COOK, [COOK])
    assert change(found, Filled("Cook", "", ("Knives",))) is None
    taught = org.DefineFunction(name="Cook", was="Cook", learning_activities=["Fire"])
    assert change(found, Filled("Cook", "", ("Fire",))) == taught


def test_a_company_comes_back_alone_or_with_its_departments() -> None:
    found = Found("company", NORTH, [NORTH])
    assert restoration(found) == org.DefineCompany(name="North")
    both = restoration(found, with_departments=True)
    assert isinstance(both, org.ApplyStructure)
    assert [each.name for each in both.companies[0].departments] == ["Sales", "Stock"]
