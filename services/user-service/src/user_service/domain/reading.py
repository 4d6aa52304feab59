"""What a request asks, in normal form, without any knowledge of people or units (`docs/rules.md` 4 to 7, 10, 11)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from contracts.errors import ErrorCode, Problem
from contracts.events.users import Outcome, UserCheckRequested, UserRequested
from contracts.fields import (
    CLEAR,
    MAX_LENGTH,
    REQUIRED_TO_CREATE,
    clean_text,
    email_key,
    has_forbidden_characters,
    number_key,
    parse_flag,
)

Mode = Literal["create", "update", "upsert"]

MAX_FUNCTIONS_TEXT: Final = 32_767
"""Longest text of all functions together: that of a spreadsheet's cell. It bounds the work of splitting."""

_REQUIRED: Final = frozenset(("personnel_number", *REQUIRED_TO_CREATE))
_FLAGS: Final[dict[str, bool | None]] = {"x": True, "X": True, CLEAR: False, "": None}
_SHORT: Final = min(MAX_LENGTH.values())
"""No field refuses a text of this length for it."""
_ONE_CELL: Final = MAX_LENGTH["functions"]
_NO_NAME: Final = " -;,"
_BLANK_CELL: Final = re.compile(r"[\s;,]*")
"""Of functions: separators without a name between them."""
_MAX_VALUE_TOLD: Final = 300
_Given = Mapping[str, Any]


class Plan(NamedTuple):
    """The decision of the check that a request carries out: contracts' Planned."""

    outcome: Outcome
    user_version: int
    org_revision: int


@dataclass(slots=True)
class Requested:
    """A UserRequested or UserCheckRequested; `person` has only what is given, None included."""

    mode: Mode
    person: Mapping[str, Any]
    min_org_revision: int = 0
    planned: Plan | None = None
    round: int = 1


def requested(message: UserRequested | UserCheckRequested) -> Requested:
    """The same request as `read` takes it."""
    person = message.person.model_dump(exclude_unset=True)
    if isinstance(message, UserCheckRequested):
        return Requested(message.mode, person, message.min_org_revision, round=message.round)
    told = message.planned
    planned = None if told is None else Plan(told.outcome, told.user_version, told.org_revision)
    return Requested(message.mode, person, message.min_org_revision, planned)


class Asked(NamedTuple):
    """What is asked of one person. None leaves a value as it is, an empty text (or `()`) clears it.

    `problems` are those of single fields; a field with a problem is None here. `functions` are cells, not yet split.
    """

    mode: Mode
    planned: Plan | None
    number: str
    number_key: str
    first_name: str | None
    infix: str | None
    last_name: str | None
    email: str | None
    email_key: str | None
    company: str | None
    department: str | None
    functions: tuple[str, ...] | None
    cost_centre: str | None
    invite: bool
    active: bool | None
    language: str | None
    manager: bool | None
    terms_accepted: bool | None
    problems: list[Problem]


def read(request: Requested) -> Asked:
    """Read any request; never raises. `number_key` is empty where there is no usable number."""
    person = request.person
    problems: list[Problem] = []
    number, key = _number(problems, person)
    first_name = _text(problems, person, "first_name")
    infix = _text(problems, person, "infix")
    last_name = _text(problems, person, "last_name")
    email, address = _email(problems, person)
    return Asked(
        request.mode,
        request.planned,
        number,
        key,
        first_name,
        infix,
        last_name,
        email,
        address,
        _text(problems, person, "company"),
        _text(problems, person, "department"),
        _functions(problems, person),
        _text(problems, person, "cost_centre"),
        _flag(problems, person, "invite") or False,
        _flag(problems, person, "active"),
        _text(problems, person, "language"),
        _flag(problems, person, "manager"),
        _flag(problems, person, "terms_accepted"),
        problems,
    )


def told(value: str) -> str:
    """A refused value as it is told: of bounded length and storable (no NUL, no lone surrogate)."""
    shown = value if len(value) <= _MAX_VALUE_TOLD else value[: _MAX_VALUE_TOLD - 1] + "…"
    if has_forbidden_characters(shown):
        shown = "".join("\ufffd" if has_forbidden_characters(c) else c for c in shown)
    return shown


@lru_cache(maxsize=16_384)
def _short_text(value: str) -> str | None:
    """The text of a short value in which nothing is wrong and nothing is cleared; None for any other."""
    text = clean_text(value)
    plain = text and text != CLEAR and len(text) <= _SHORT and not has_forbidden_characters(value)
    return text if plain else None


def _number(problems: list[Problem], person: _Given) -> tuple[str, str]:
    """The number and its key; nearly every one is of digits and letters without accents."""
    value = person.get("personnel_number")
    if value is not None and value.isalnum() and value.isascii() and len(value) <= _SHORT:
        return value, value.lower()
    number = _text(problems, person, "personnel_number")
    key = number_key(number) if number else ""
    if not key and not problems:
        problems.append(Problem(code=ErrorCode.REQUIRED, field="personnel_number"))
    return number or "", key


def _email(problems: list[Problem], person: _Given) -> tuple[str | None, str | None]:
    """The address and its key."""
    value = person.get("email")
    if value is not None and value.isascii() and (key := email_key(value)) is not None:
        return value, key  # in a valid address there is nothing to clean
    email = _text(problems, person, "email")
    if not email:
        return email, None
    key = email_key(email)
    if key is None:
        problems.append(Problem(code=ErrorCode.INVALID_EMAIL, field="email", value=told(email)))
        return None, None
    return email, key


def _text(problems: list[Problem], person: _Given, field: str) -> str | None:
    value = person.get(field)
    if value is None:
        if field not in person:
            return None
        text = CLEAR
    elif len(value) <= _SHORT and (short := _short_text(value)) is not None:
        return short
    elif value.isascii() and value.isprintable():
        text = " ".join(value.split())
    else:
        text = clean_text(value)
        if has_forbidden_characters(value):
            problems.append(Problem(code=ErrorCode.INVALID_CHARACTERS, field=field, value=told(value)))
            return None
    if not text:
        return None
    if text == CLEAR:
        if field not in _REQUIRED:
            return ""
        problems.append(
            Problem(code=ErrorCode.REQUIRED, field=field, value=value if value is None else told(value.strip()))
        )
        return None
    limit = MAX_LENGTH[field]
    if len(text) > limit:
        problems.append(_too_long(field, text, limit))
        return None
    return text


def _flag(problems: list[Problem], person: _Given, field: str) -> bool | None:
    value = person.get(field)
    if value is None:
        return False if field in person else None
    if value in _FLAGS:
        return _FLAGS[value]
    text = clean_text(value)
    if not text:
        return None
    flag = parse_flag(text)
    if flag is None:
        problems.append(Problem(code=ErrorCode.INVALID_FLAG, field=field, value=told(value)))
    return flag


def _functions(problems: list[Problem], person: _Given) -> tuple[str, ...] | None:
    given = person.get("functions")
    if given is None:
        return () if "functions" in person else None
    first = given[0] if len(given) == 1 else ""
    if 1 < len(first) <= _ONE_CELL and first.isascii() and first.isprintable() and first[0] not in _NO_NAME:
        return (first,)
    cells = tuple(cell for cell in given if not _BLANK_CELL.fullmatch(cell))
    if not cells:
        # an empty list says "none", a list of blanks is a blank cell
        return None if given else ()
    if len(cells) == 1 and cells[0].strip() == CLEAR:
        return ()
    length = sum(map(len, cells)) + len(cells) - 1
    if length > MAX_FUNCTIONS_TEXT:
        problems.append(_too_long("functions", "; ".join(cells), MAX_FUNCTIONS_TEXT))
        return None
    for cell in cells:
        if not (cell.isascii() and cell.isprintable()) and has_forbidden_characters(cell):
            problems.append(Problem(code=ErrorCode.INVALID_CHARACTERS, field="functions", value=told(cell)))
            return None
    return cells


def _too_long(field: str, text: str, limit: int) -> Problem:
    params = {"max": limit, "length": len(text)}
    return Problem(code=ErrorCode.TOO_LONG, field=field, value=told(text), params=params)
