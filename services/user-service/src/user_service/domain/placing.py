"""Where a person belongs: company and department as a pair, and functions (`docs/rules.md` 7, 12)."""

from collections.abc import Iterator, Sequence
from typing import Final

from contracts.errors import ErrorCode, Problem
from contracts.fields import MAX_LENGTH, clean_text, split_functions
from user_service.domain.organisation import Hit, Organisation, Unit
from user_service.domain.person import User
from user_service.domain.reading import told

Place = tuple[str, str]
"""Company id and department id."""

_MAX_FUNCTION_PROBLEMS: Final = 20
_MAX_OTHERS: Final = 10
_MAX_SUGGESTED: Final = 5
"""Unknown functions of one cell for which a close name is looked for: that costs a hundred times what a good row does."""
"""Units named in one sentence."""
_MAX_REMEMBERED: Final = 10_000
"""Pairs and cells whose meaning an organisation remembers: a file repeats few of them very often."""
_NO_PROBLEMS: Final[tuple[Problem, ...]] = ()
_NO_UNITS: Final[tuple[Unit, ...]] = ()


def find_place(
    company_text: str | None, department_text: str | None, user: User | None, organisation: Organisation
) -> tuple[Place | None, Sequence[Problem]]:
    """The pair that is asked for, a missing half taken from the person, and what is wrong with it.

    None without a problem: nothing is asked, or a half is missing and there is no person to take it from.
    """
    if company_text is None and department_text is None:
        return None, _NO_PROBLEMS
    own_company, own_department = _own_place(user, organisation) if organisation.has_removed else (_NO_UNITS, _NO_UNITS)
    pair = (company_text, department_text)
    plain = user is None or not (own_company or own_department)
    if plain and pair in organisation.places:
        return organisation.places[pair], _NO_PROBLEMS
    company: Unit | None
    if company_text is None:
        company = organisation.companies.get(user.company_id) if user is not None else None
    else:
        hit = organisation.company(company_text, own_company)
        if len(hit) != 1:
            problem = _unknown_company(company_text, hit, organisation)
            return None, [problem, *_nowhere(department_text, company_text, organisation)]
        company = hit[0]
    if company is None:
        if user is None:
            return None, _nowhere(department_text, None, organisation)
        # the structure does not know the person's own company
        return None, [Problem(code=ErrorCode.UNKNOWN_COMPANY, field="company")]
    name = department_text
    if name is None:
        if user is None:
            return None, _NO_PROBLEMS
        if company.id == user.company_id:
            return (user.company_id, user.department_id), _NO_PROBLEMS
        name = organisation.department_name(user.department_id)
    own_department = tuple(unit for unit in own_department if unit.company_id == company.id)
    hit = organisation.department(name, company.id, own_department)
    if len(hit) == 1:
        place = (company.id, hit[0].id)
        if plain and None not in pair and len(organisation.places) < _MAX_REMEMBERED:
            organisation.places[pair] = place
        return place, _NO_PROBLEMS
    if department_text is None and company_text is not None:
        return None, [_own_department_elsewhere(company_text, name, company, organisation)]
    return None, [_unknown_department(name, hit, company, organisation)]


def find_functions(
    cells: tuple[str, ...], user: User | None, organisation: Organisation
) -> tuple[tuple[str, ...], Sequence[Problem]]:
    """The functions that the cells name, each once, in their order, and the names that are none."""
    own = _NO_UNITS
    if user is not None and organisation.has_removed:
        held = (organisation.functions.get(id_) for id_ in user.function_ids)
        own = tuple(unit for unit in held if unit is not None and unit.removed)
    if not own and cells in organisation.function_cells:
        return organisation.function_cells[cells], _NO_PROBLEMS
    found: dict[str, None] = {}
    problems: list[Problem] = []
    for cell in cells:
        for text, hit in _functions_of(cell, own, organisation):
            if len(hit) == 1:
                found[hit[0].id] = None
            elif len(problems) < _MAX_FUNCTION_PROBLEMS:
                suggest = len(problems) < _MAX_SUGGESTED
                problems.append(_unknown_function(text, hit, organisation, suggest=suggest))
    ids = tuple(found)
    if not own and not problems and len(organisation.function_cells) < _MAX_REMEMBERED:
        organisation.function_cells[cells] = ids
    return ids, problems


def _functions_of(cell: str, own: Sequence[Unit], organisation: Organisation) -> Iterator[tuple[str, Hit]]:
    """What a cell names: the whole of it, else its parts on `;` and line break, else those of a part on comma."""
    hit = _function(cell, own, organisation)
    if hit:
        yield cell, hit
        return
    for part in split_functions(cell):
        hit = _function(part, own, organisation)
        pieces = [piece for piece in map(clean_text, part.split(",")) if piece]
        if hit or len(pieces) < 2:
            yield part, hit
            continue
        hits = [(piece, _function(piece, own, organisation)) for piece in pieces]
        if not any(hit for _, hit in hits) and organisation.close_function(part) is not None:
            # one name with a comma in it, misspelled
            yield part, ()
        else:
            yield from hits


def _function(text: str, own: Sequence[Unit], organisation: Organisation) -> Hit:
    # A longer text is no name, and is to stay out of the cache of keys.
    return organisation.function(text, own) if len(text) <= MAX_LENGTH["functions"] else ()


def _own_place(user: User | None, organisation: Organisation) -> tuple[tuple[Unit, ...], tuple[Unit, ...]]:
    """The person's company and department where they were removed: those count for this person only."""
    if user is None:
        return _NO_UNITS, _NO_UNITS
    company = organisation.companies.get(user.company_id)
    department = organisation.departments.get(user.department_id)
    return (
        (company,) if company is not None and company.removed else _NO_UNITS,
        (department,) if department is not None and department.removed else _NO_UNITS,
    )


def _nowhere(text: str | None, company: str | None, organisation: Organisation) -> list[Problem]:
    """The problem of a department that no company has: all that can be said while the company is not known."""
    if text is None or organisation.companies_with_department(text):
        return []
    params = {} if company is None else {"company": told(company)}
    return [Problem(code=ErrorCode.UNKNOWN_DEPARTMENT, field="department", value=told(text), params=params)]


def _unknown_company(text: str, hit: Hit, organisation: Organisation) -> Problem:
    return Problem(
        code=ErrorCode.UNKNOWN_COMPANY,
        field="company",
        value=told(text),
        suggestion=None if hit else organisation.close_company(text),
        params=_matches(hit),
    )


def _unknown_department(text: str, hit: Hit, company: Unit, organisation: Organisation) -> Problem:
    others = [] if hit else organisation.companies_with_department(text)
    if others:
        return Problem(
            code=ErrorCode.DEPARTMENT_NOT_IN_COMPANY,
            field="department",
            value=told(text),
            params={"company": company.name, "others": [other.name for other in others[:_MAX_OTHERS]]},
        )
    return Problem(
        code=ErrorCode.UNKNOWN_DEPARTMENT,
        field="department",
        value=told(text),
        suggestion=None if hit else organisation.close_department(text, company.id),
        params={"company": company.name, **_matches(hit)},
    )


def _own_department_elsewhere(text: str, department: str, company: Unit, organisation: Organisation) -> Problem:
    """The problem of a company that was asked for without a department: nobody asked for the person's present one."""
    others = organisation.companies_with_department(department)
    return Problem(
        code=ErrorCode.DEPARTMENT_NOT_IN_COMPANY,
        field="company",
        value=told(text),
        params={
            "company": company.name,
            "others": [other.name for other in others[:_MAX_OTHERS]],
            "department": department,
        },
    )


def _unknown_function(text: str, hit: Hit, organisation: Organisation, *, suggest: bool) -> Problem:
    if len(text) > MAX_LENGTH["functions"]:
        return Problem(
            code=ErrorCode.TOO_LONG,
            field="functions",
            value=told(text),
            params={"max": MAX_LENGTH["functions"], "length": len(text)},
        )
    return Problem(
        code=ErrorCode.UNKNOWN_FUNCTION,
        field="functions",
        value=told(text),
        suggestion=organisation.close_function(text) if suggest and not hit else None,
        params=_matches(hit),
    )


def _matches(hit: Hit) -> dict[str, list[str]]:
    return {"matches": [unit.name for unit in hit[:_MAX_OTHERS]]} if hit else {}
