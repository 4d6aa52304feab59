"""Every error code that a decision about a person can give, with what its sentence needs."""

from typing import Any

import pytest

from contracts.errors import ErrorCode, Problem
from contracts.events.users import ActivateUser, PersonFields, UserRequested
from contracts.sentences import render
from user_service.domain.decide import decide
from user_service.domain.organisation import build_organisation
from user_service.domain.person import AddressHolder
from user_service.domain.reading import read, requested

DECIDED = [
    ErrorCode.REQUIRED,
    ErrorCode.INVALID_EMAIL,
    ErrorCode.INVALID_FLAG,
    ErrorCode.TOO_LONG,
    ErrorCode.INVALID_CHARACTERS,
    ErrorCode.UNKNOWN_COMPANY,
    ErrorCode.UNKNOWN_DEPARTMENT,
    ErrorCode.DEPARTMENT_NOT_IN_COMPANY,
    ErrorCode.UNKNOWN_FUNCTION,
    ErrorCode.UNKNOWN_LANGUAGE,
    ErrorCode.LANGUAGE_NOT_ENABLED,
    ErrorCode.EMAIL_IN_USE,
    ErrorCode.PERSONNEL_NUMBER_CONFLICT,
    ErrorCode.TERMS_NOT_ALLOWED,
    ErrorCode.NOT_FOUND,
    ErrorCode.LAST_ADMINISTRATOR,
]
OF_A_CELL_OR_FILE = [
    ErrorCode.INVALID_CELL,
    ErrorCode.DUPLICATE_IN_FILE,
    ErrorCode.UNREADABLE_FILE,
    ErrorCode.UNSUPPORTED_FORMAT,
    ErrorCode.ENCRYPTED_FILE,
    ErrorCode.FILE_TOO_LARGE,
    ErrorCode.TOO_MANY_ROWS,
    ErrorCode.MISSING_COLUMNS,
    ErrorCode.DUPLICATE_COLUMNS,
    ErrorCode.EMPTY_FILE,
]
OF_DEAD_LETTERS = [ErrorCode.NOT_PROCESSED]
OF_NO_PERSON = [ErrorCode.UNKNOWN_ACADEMY]

OTHER = AddressHolder("2002", "2002", "Els Bakker")


def only(decision: Any) -> Problem:
    (problem,) = decision.errors
    assert decision.outcome == "rejected"
    assert decision.invitation.status == "none"
    assert not decision.changes
    for language in ("nl", "en"):
        assert "{" not in render(problem, language)
    return problem


def case(world: Any, code: ErrorCode) -> tuple[Any, Problem]:
    """A decision with that code alone, and the problem as it must be."""
    jan = world.jan()
    new: dict[str, Any] = {
        "personnel_number": "7",
        "first_name": "Piet",
        "last_name": "Jansen",
        "email": "piet@acme.example",
        "company": "Acme BV",
        "department": "Verkoop",
    }
    who = {"who": "Els Bakker (2002)", "personnel_number": "2002"}
    match code:
        case ErrorCode.REQUIRED:
            return world.ask(None, **(new | {"email": ""})), Problem(code=code, field="email")
        case ErrorCode.INVALID_EMAIL:
            return world.ask(jan, email="jan@acme"), Problem(code=code, field="email", value="jan@acme")
        case ErrorCode.INVALID_FLAG:
            return world.ask(jan, active="soms"), Problem(code=code, field="active", value="soms")
        case ErrorCode.TOO_LONG:
            params = {"max": 30, "length": 31}
            return world.ask(jan, infix="i" * 31), Problem(code=code, field="infix", value="i" * 31, params=params)
        case ErrorCode.INVALID_CHARACTERS:
            return world.ask(jan, last_name="V\u202eries"), Problem(code=code, field="last_name", value="V\ufffdries")
        case ErrorCode.UNKNOWN_COMPANY:
            problem = Problem(code=code, field="company", value="Acme NV", suggestion="Acme BV")
            return world.ask(jan, company="Acme NV"), problem
        case ErrorCode.UNKNOWN_DEPARTMENT:
            problem = Problem(code=code, field="department", value="Lab", params={"company": "Acme BV"})
            return world.ask(jan, department="Lab"), problem
        case ErrorCode.DEPARTMENT_NOT_IN_COMPANY:
            params = {"company": "Acme BV", "others": ["Bakkerij Zoë"]}
            return world.ask(jan, department="winkel"), Problem(
                code=code, field="department", value="winkel", params=params
            )
        case ErrorCode.UNKNOWN_FUNCTION:
            problem = Problem(code=code, field="functions", value="Piloot")
            return world.ask(jan, functions=["Adviseur, Piloot"]), problem
        case ErrorCode.UNKNOWN_LANGUAGE:
            return world.ask(jan, language="xx"), Problem(code=code, field="language", value="xx")
        case ErrorCode.LANGUAGE_NOT_ENABLED:
            problem = Problem(code=code, field="language", value="Frans", params={"language": "fr"})
            return world.ask(jan, language="Frans"), problem
        case ErrorCode.EMAIL_IN_USE:
            problem = Problem(code=code, field="email", value="els@acme.example", params=who)
            return world.ask(jan, OTHER, email="els@acme.example"), problem
        case ErrorCode.PERSONNEL_NUMBER_CONFLICT:
            return world.ask(None, OTHER, **new), Problem(code=code, field="personnel_number", value="7", params=who)
        case ErrorCode.TERMS_NOT_ALLOWED:
            return world.ask(jan, terms_accepted="x"), Problem(code=code, field="terms_accepted")
        case ErrorCode.NOT_FOUND:
            return world.ask(None, mode="update", **new), Problem(code=code, field="personnel_number", value="7")
        case ErrorCode.LAST_ADMINISTRATOR:
            chief = world.jan(active="x")._replace(administrator=True)
            asked = read(requested(UserRequested(person=PersonFields(personnel_number="1001", active="-"))))
            return decide(asked, chief, world.organisation, None, world.now, last_administrator=True), Problem(
                code=code, field="active"
            )
        case _:
            raise AssertionError(code)


def test_each_code_of_the_closed_list_is_tried_here_or_given_elsewhere() -> None:
    assert sorted([*DECIDED, *OF_A_CELL_OR_FILE, *OF_DEAD_LETTERS, *OF_NO_PERSON]) == sorted(ErrorCode)


@pytest.mark.parametrize("code", DECIDED)
def test_the_code_is_told_with_its_field_value_and_parameters(world: Any, code: ErrorCode) -> None:
    decision, expected = case(world, code)
    assert only(decision) == expected


def test_an_academy_that_nobody_defined_is_unknown(world: Any) -> None:
    empty = type(world)(build_organisation(()))
    assert empty.told(None, personnel_number="1")[0] == ("unknown_academy", None)


def test_a_command_for_nobody_or_somebody_deleted_is_not_found(world: Any) -> None:
    for user in (None, world.jan()._replace(deleted=True)):
        problem = only(world.command(ActivateUser(personnel_number="1001"), user))
        assert (problem.code, problem.value) == (ErrorCode.NOT_FOUND, "1001")


def test_a_name_is_told_with_a_rejection(world: Any) -> None:
    assert world.ask(None, first_name="Piet", infix="van", last_name="Dam").name == "Piet van Dam"
    assert world.ask(world.jan(), email="x").name == "Jan de Vries"
    assert world.ask(None).name is None


def test_a_value_that_no_database_takes_is_told_in_a_form_that_it_takes(world: Any) -> None:
    problem = only(world.ask(world.jan(), first_name="\x00" * 5000))
    assert problem.value is not None
    assert len(problem.value) <= 300
    assert "\x00" not in problem.value


def test_a_function_name_that_is_too_long_is_said_to_be(world: Any) -> None:
    problem = only(world.ask(world.jan(), functions=["Adviseur; " + "f" * 201]))
    assert (problem.code, problem.params) == (ErrorCode.TOO_LONG, {"max": 200, "length": 201})
    assert only(world.ask(world.jan(), functions=["f"] * 40_000)).code is ErrorCode.TOO_LONG


def test_a_thousand_unknown_functions_make_no_thousand_problems(world: Any) -> None:
    names = [f"Functie {n}" for n in range(1000)]
    assert len(world.ask(world.jan(), functions=names).errors) == 20
