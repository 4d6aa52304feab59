from typing import Any

import orjson
import pytest

from contracts.fields import IMPORT_FIELDS
from import_service.judge import Judge, Judged
from import_service.reading.reader import CellFault

GOOD = {"personnel_number": "1001", "first_name": "Jan", "last_name": "Jansen", "email": "jan@acme.example"}


def judged(judge: Judge, row: int = 2, faults: tuple[CellFault, ...] = (), **texts: str | None) -> Judged:
    values = GOOD | texts
    return judge.judge(row, [values.get(name) for name in IMPORT_FIELDS], faults)


def errors(judgement: Judged) -> list[dict[str, Any]]:
    return orjson.loads(judgement.errors) if judgement.errors is not None else []


def codes(judgement: Judged) -> list[tuple[str, str]]:
    return [(error["code"], error["field"]) for error in errors(judgement)]


def test_a_good_row_is_sent_as_it_is_and_what_is_blank_is_absent() -> None:
    judgement = judged(Judge(), infix=None, functions="Adviseur; Inkoper", invite="x")
    assert judgement.errors is None
    assert orjson.loads(judgement.fields) == {**GOOD, "functions": ["Adviseur; Inkoper"], "invite": "x"}
    assert (judgement.number_key, judgement.email_key) == ("1001", "jan@acme.example")


def test_a_dash_under_functions_clears_them_and_elsewhere_is_decides_to_judge() -> None:
    judgement = judged(Judge(), functions="-", infix="-", email="-", invite="-")
    assert judgement.errors is None
    assert orjson.loads(judgement.fields) == {**GOOD, "functions": None, "infix": "-", "email": "-", "invite": "-"}


@pytest.mark.parametrize("number", [None, "-"])
def test_a_row_without_a_personnel_number_is_rejected_and_not_sent(number: str | None) -> None:
    judgement = judged(Judge(), personnel_number=number)
    assert codes(judgement) == [("required", "personnel_number")]
    assert judgement.number_key is None


@pytest.mark.parametrize(
    "address", ["jan", "jan@acme", "jan@@acme.nl", "jän@acme.nl", "jan@acme..nl", "a@b.nl, c@d.nl"]
)
def test_an_address_that_is_none_is_told_and_the_row_still_sent_for_its_other_errors(address: str) -> None:
    judgement = judged(Judge(), email=address)
    assert codes(judgement) == [("invalid_email", "email")]
    assert errors(judgement)[0]["value"] == address


@pytest.mark.parametrize("field", ["invite", "active"])
def test_a_flag_that_is_neither_on_nor_off_is_told(field: str) -> None:
    assert codes(judged(Judge(), **{field: "misschien"})) == [("invalid_flag", field)]


def test_what_the_reader_found_wrong_with_a_cell_is_told_with_its_value() -> None:
    fault = CellFault("invalid_cell", "cost_centre", "2024-01-01", {"kind": "date"})
    judgement = judged(Judge(), faults=(fault,))
    assert errors(judgement) == [
        {"code": "invalid_cell", "field": "cost_centre", "value": "2024-01-01", "params": {"kind": "date"}}
    ]


@pytest.mark.parametrize("code", ["invalid_cell", "too_long", "invalid_characters"])
def test_a_faulty_personnel_number_is_told_once(code: str) -> None:
    judgement = judged(Judge(), personnel_number=None, faults=(CellFault(code, "personnel_number", "1,5", {}),))
    assert codes(judgement) == [(code, "personnel_number")]


def test_a_faulty_address_is_told_once() -> None:
    judgement = judged(Judge(), email=None, faults=(CellFault("too_long", "email", "x" * 900, {"max": 254}),))
    assert codes(judgement) == [("too_long", "email")]
    assert len(errors(judgement)[0]["value"]) == 300


def test_all_errors_of_a_row_are_told_at_once() -> None:
    judge = Judge()
    judged(judge, row=2)
    fault = CellFault("too_long", "infix", "x" * 31, {"max": 30, "length": 31})
    judgement = judged(judge, row=3, faults=(fault,), email="geen", active="?", personnel_number="1001")
    assert codes(judgement) == [
        ("too_long", "infix"),
        ("invalid_email", "email"),
        ("invalid_flag", "active"),
        ("duplicate_in_file", "personnel_number"),
    ]


def test_a_second_row_with_the_same_number_is_a_duplicate_that_names_the_first() -> None:
    judge = Judge()
    judged(judge, row=2, personnel_number="ab1")
    judgement = judged(judge, row=7, personnel_number="ＡＢ１", email="other@acme.example")
    assert errors(judgement) == [
        {
            "code": "duplicate_in_file",
            "field": "personnel_number",
            "value": "ＡＢ１",
            "params": {"first_row": 2},
        }
    ]


def test_leading_zeros_make_another_number() -> None:
    judge = Judge()
    judged(judge, row=2, personnel_number="1")
    assert codes(judged(judge, row=3, personnel_number="01", email="other@acme.example")) == []


def test_a_second_row_with_the_same_address_is_a_duplicate_whatever_its_case() -> None:
    judge = Judge()
    judged(judge, row=2)
    judgement = judged(judge, row=3, personnel_number="1002", email="JAN@Acme.example")
    assert codes(judgement) == [("duplicate_in_file", "email")]


def test_the_first_row_stands_even_when_it_is_rejected_for_another_reason() -> None:
    judge = Judge()
    judged(judge, row=2, personnel_number=None)
    judged(judge, row=3, personnel_number="1003", email="geen")
    assert codes(judged(judge, row=4, personnel_number="1004")) == [("duplicate_in_file", "email")]
    assert codes(judged(judge, row=5, personnel_number="1003", email="x@y.example")) == [
        ("duplicate_in_file", "personnel_number")
    ]


def test_a_duplicate_claims_nothing() -> None:
    judge = Judge()
    judged(judge, row=2, personnel_number="1", email="one@acme.example")
    assert codes(judged(judge, row=3, personnel_number="1", email="two@acme.example")) != []
    assert codes(judged(judge, row=4, personnel_number="4", email="two@acme.example")) == []
    assert codes(judged(judge, row=5, personnel_number="5", email="one@acme.example")) != []
    assert codes(judged(judge, row=6, personnel_number="5", email="six@acme.example")) == []


def test_a_row_that_repeats_one_rows_number_and_anothers_address_says_both() -> None:
    judge = Judge()
    judged(judge, row=2, personnel_number="1", email="one@acme.example")
    judged(judge, row=3, personnel_number="2", email="two@acme.example")
    judgement = judged(judge, row=4, personnel_number="1", email="two@acme.example")
    assert [error["params"]["first_row"] for error in errors(judgement)] == [2, 3]
