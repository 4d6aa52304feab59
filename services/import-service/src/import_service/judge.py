"""What can be said of a row without knowing any person: syntax, and duplicates within the file (`docs/rules.md` 4 to 8)."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import orjson

from contracts.errors import ErrorCode
from contracts.fields import CLEAR, IMPORT_FIELDS, email_key, number_key, parse_flag
from import_service.reading.reader import CellFault

LONGEST_VALUE: Final = 300
"""Characters of a refused value that are kept to be shown."""

_NUMBER: Final = IMPORT_FIELDS.index("personnel_number")
_EMAIL: Final = IMPORT_FIELDS.index("email")
_FUNCTIONS: Final = IMPORT_FIELDS.index("functions")
_FLAGS: Final = tuple((IMPORT_FIELDS.index(name), name) for name in ("invite", "active"))


class Judged(NamedTuple):
    """A row as it is stored: `fields` and `errors` are JSON; one with errors is rejected whatever is answered."""

    row: int
    number_key: str | None
    email_key: str | None
    fields: bytes
    errors: bytes | None


class Judge:
    """Judges the rows of one file in their order.

    It remembers the key of every number and address of the file: some 70 MB for the most rows that a file may have.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._addresses: dict[str, int] = {}

    def judge(self, row: int, values: Sequence[str | None], faults: Iterable[CellFault] = ()) -> Judged:
        """Tell all that is wrong with the row by itself. It is checked all the same, to hear the rest at once."""
        problems = [_problem(fault.code, fault.field, fault.value, fault.params) for fault in faults]
        bad = {problem["field"] for problem in problems}
        number = self._number(values[_NUMBER], problems, bad)
        address = self._address(values[_EMAIL], problems, bad)
        for index, name in _FLAGS:
            text = values[index]
            if text and name not in bad and parse_flag(text) is None:
                problems.append(_problem(ErrorCode.INVALID_FLAG, name, text))
        duplicates = []
        if number is not None and (first := self._numbers.get(number)) is not None:
            duplicates.append(_duplicate("personnel_number", values[_NUMBER], first))
        if address is not None and (first := self._addresses.get(address)) is not None:
            duplicates.append(_duplicate("email", values[_EMAIL], first))
        if not duplicates:
            # a duplicate claims nothing: neither its number nor its address
            if number is not None:
                self._numbers[number] = row
            if address is not None:
                self._addresses[address] = row
        problems += duplicates
        return Judged(
            row=row,
            number_key=number,
            email_key=address,
            fields=_fields(values),
            errors=orjson.dumps(problems) if problems else None,
        )

    @staticmethod
    def _number(text: str | None, problems: list[dict[str, Any]], bad: set[str]) -> str | None:
        if "personnel_number" in bad:
            return None
        if not text or text == CLEAR:
            problems.append(_problem(ErrorCode.REQUIRED, "personnel_number", text or None))
            return None
        return number_key(text)

    @staticmethod
    def _address(text: str | None, problems: list[dict[str, Any]], bad: set[str]) -> str | None:
        # "-" clears, and whether that may be is `decide`'s to say
        if not text or text == CLEAR or "email" in bad:
            return None
        key = email_key(text)
        if key is None:
            problems.append(_problem(ErrorCode.INVALID_EMAIL, "email", text))
        return key


def _problem(code: str, field: str, value: str | None, params: dict[str, Any] | None = None) -> dict[str, Any]:
    problem: dict[str, Any] = {"code": code, "field": field}
    if value is not None:
        problem["value"] = value[:LONGEST_VALUE]
    if params:
        problem["params"] = params
    return problem


def _duplicate(field: str, value: str | None, first_row: int) -> dict[str, Any]:
    return _problem(ErrorCode.DUPLICATE_IN_FILE, field, value, {"first_row": first_row})


def _fields(values: Sequence[str | None]) -> bytes:
    """The row as PersonFields on the wire: what is blank is absent and leaves the value as it is."""
    person: dict[str, Any] = {name: text for name, text in zip(IMPORT_FIELDS, values, strict=True) if text}
    if functions := values[_FUNCTIONS]:
        person["functions"] = None if functions == CLEAR else [functions]
    return orjson.dumps(person)
