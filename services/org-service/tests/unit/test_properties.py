"""What holds for every structure and every command."""

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.events import org
from contracts.fields import name_key
from org_service.domain import Changes, apply
from org_service.units import Structure

NAMES = st.sampled_from(["A", "a", "B", "C", "D", "É"])
CODES = st.sampled_from(["1", "2", "3"])


def entries(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    entry = st.fixed_dictionaries(
        {"name": NAMES}, optional={"code": CODES | st.none(), "was": NAMES, "remove": st.booleans(), **more}
    )
    return st.lists(entry, max_size=3)


STRUCTURES = st.fixed_dictionaries(
    {"academy": st.just({"name": "Demo"})},
    optional={"companies": entries(departments=entries(was_in=NAMES)), "functions": entries()},
).map(org.ApplyStructure.model_validate)
KINDS = st.sampled_from(["company", "department", "function"])
COMMANDS = st.one_of(
    STRUCTURES,
    st.builds(org.RenameUnit, kind=KINDS, unit=NAMES | CODES, name=NAMES),
    st.builds(org.RemoveUnit, kind=KINDS, unit=NAMES | CODES),
    st.builds(org.MoveDepartment, department=NAMES | CODES, company=st.none() | NAMES, to=NAMES | CODES),
    st.builds(org.DefineDepartment, company=NAMES | CODES, name=NAMES, code=st.none() | CODES),
)


def after(structure: Structure, command: Any, numbers: "itertools.count[int]") -> tuple[Structure, Any]:
    decision = apply(structure, command, lambda: f"{next(numbers):04}")
    if isinstance(decision, Changes):
        structure = structure.changed(decision.academy, decision.units, left=decision.left)
    return structure, decision


def built(history: list[Any]) -> tuple[Structure, "itertools.count[int]"]:
    structure, numbers = Structure("demo"), itertools.count(1)
    structure, _ = after(structure, org.DefineAcademy(name="Demo"), numbers)
    for command in history:
        structure, _ = after(structure, command, numbers)
    return structure, numbers


@settings(max_examples=200, deadline=None)
@given(st.lists(COMMANDS, max_size=6), STRUCTURES)
def test_applying_a_structure_twice_changes_nothing_the_second_time(history: list[Any], command: Any) -> None:
    structure, numbers = built(history)
    once, first = after(structure, command, numbers)
    _, second = after(once, command, numbers)
    if isinstance(first, Changes):
        assert second == Changes()
    else:
        assert second == first


@settings(max_examples=100, deadline=None)
@given(st.lists(COMMANDS, max_size=8))
def test_names_and_codes_are_unique_among_siblings_that_are_not_removed(history: list[Any]) -> None:
    structure, _ = built(history)
    for siblings in structure.places.values():
        live = [unit for unit in siblings.values() if not unit.removed]
        names = [name_key(unit.name) for unit in live]
        codes = [name_key(unit.code) for unit in live if unit.code]
        assert len(set(names)) == len(names)
        assert len(set(codes)) == len(codes)


@settings(max_examples=100, deadline=None)
@given(st.lists(COMMANDS, max_size=6), COMMANDS)
def test_nothing_disappears_nothing_is_in_two_places_and_only_departments_move(
    history: list[Any], command: Any
) -> None:
    structure, numbers = built(history)
    changed, decision = after(structure, command, numbers)
    units = list(changed.units())
    after_ids = {unit.id for unit in units}
    assert len(after_ids) == len(units)
    assert all(unit.id in changed.siblings(unit.place) for unit in units)
    left = {id_ for _, id_ in decision.left} if isinstance(decision, Changes) else set()
    for unit in structure.units():
        assert unit.id in after_ids
        assert (unit.id in changed.siblings(unit.place)) is (unit.id not in left)
    assert all(unit.kind == "department" for unit in structure.units() if unit.id in left)


@settings(max_examples=100, deadline=None)
@given(st.lists(COMMANDS, max_size=8))
def test_a_department_that_is_not_removed_has_a_company_that_is_not_removed(history: list[Any]) -> None:
    structure, _ = built(history)
    companies = structure.siblings(("company", ""))
    for unit in structure.units("department"):
        assert unit.removed or not companies[unit.company_id].removed


@settings(max_examples=100, deadline=None)
@given(st.lists(COMMANDS, max_size=6), STRUCTURES)
def test_what_a_file_defines_is_there_afterwards(history: list[Any], command: Any) -> None:
    structure, numbers = built(history)
    changed, decision = after(structure, command, numbers)
    if isinstance(decision, Changes):
        live = {name_key(unit.name) for unit in changed.units("company") if not unit.removed}
        assert {name_key(each.name) for each in command.companies if not each.remove} <= live
