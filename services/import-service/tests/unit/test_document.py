from typing import Any

import pytest

from import_service.document import Decision, Row, owners, result, stalled, texts
from import_service.domain import Phase

COLUMNS = {
    "personnel_number": {"letter": "A", "header": "Personeelsnummer"},
    "email": {"letter": "F", "header": "E-mailadres"},
}
FIELDS = {
    "personnel_number": "1001",
    "first_name": "Jan",
    "infix": "de",
    "last_name": "Vries",
    "email": "jan@x.example",
}


def decision(outcome: str, invitation: str = "none", restored: bool = False, **detail: Any) -> Decision:
    return Decision(outcome, invitation, restored, detail)


def row(
    verdict: Decision | None = None,
    outcome: Decision | None = None,
    *,
    errors: list[dict[str, Any]] | None = None,
    number: int = 5,
) -> Row:
    return Row(number, dict(FIELDS), errors or [], verdict, outcome)


def shown(one: Row, phase: Phase = Phase.CHECK, rows_of: dict[str, int] | None = None) -> dict[str, Any]:
    return result(one, phase, COLUMNS, "en", rows_of or {})


def test_the_check_shows_the_planned_outcome_as_outcome() -> None:
    told = shown(row(decision("created", "queued")))
    assert told == {
        "row": 5,
        "personnel_number": "1001",
        "name": "Jan de Vries",
        "outcome": "created",
        "restored": False,
        "drifted": False,
        "planned": "created",
        "invitation": "queued",
        "invitation_expires_at": None,
        "changes": {},
        "errors": [],
        "warnings": [],
    }


def test_a_row_without_a_verdict_is_not_attempted_yet() -> None:
    told = shown(row())
    assert (told["outcome"], told["planned"]) == ("not_attempted", None)


def test_a_started_row_without_an_outcome_is_not_attempted_yet() -> None:
    told = shown(row(decision("updated")), Phase.START)
    assert (told["outcome"], told["planned"], told["drifted"]) == ("not_attempted", "updated", False)


def test_an_error_says_where_what_and_what_to_do() -> None:
    error = {"code": "invalid_email", "field": "email", "value": "jan@x"}
    [told] = shown(row(decision("rejected"), errors=[error]))["errors"]
    assert told["code"] == "invalid_email"
    assert (told["column"], told["header"], told["cell"], told["value"]) == ("email", "E-mailadres", "F5", "jan@x")
    assert "jan@x" in told["message"]


def test_an_error_in_a_column_that_the_file_does_not_have_names_no_cell() -> None:
    [told] = shown(row(decision("rejected", errors=[{"code": "required", "field": "company"}])))["errors"]
    assert (told["column"], told["header"], told["cell"]) == ("company", None, None)


def test_the_errors_of_a_row_come_in_the_order_of_its_columns() -> None:
    columns = {"language": {"letter": "AA", "header": "Taal"}, "email": {"letter": "Z", "header": "E-mail"}}
    decided = [{"code": "required", "field": name} for name in ("company", "language", "email")]
    read = [{"code": "invalid_flag", "field": "active", "value": "?"}]
    errors = result(row(decision("rejected", errors=decided), errors=read), Phase.CHECK, columns, "en", {})["errors"]
    assert [error["cell"] for error in errors] == ["Z5", "AA5", None, None]


def test_a_row_tells_the_errors_of_the_file_and_of_the_decision_together_one_per_field() -> None:
    local = [{"code": "invalid_email", "field": "email", "value": "jan@x"}]
    decided = [{"code": "required", "field": "email"}, {"code": "unknown_company", "field": "company", "value": "Acm"}]
    told = shown(row(decision("rejected", errors=decided), errors=local))["errors"]
    assert [(e["code"], e["column"]) for e in told] == [("invalid_email", "email"), ("unknown_company", "company")]


def test_a_department_is_not_judged_within_a_company_that_could_not_be_read() -> None:
    local = [{"code": "invalid_cell", "field": "company", "value": "#N/A", "params": {"kind": "excel_error"}}]
    decided = [{"code": "department_not_in_company", "field": "department", "value": "Verkoop"}]
    told = shown(row(decision("rejected", errors=decided), errors=local))["errors"]
    assert [e["code"] for e in told] == ["invalid_cell"]


def test_a_department_that_could_not_be_read_is_not_taken_for_a_blank_one() -> None:
    local = [{"code": "invalid_cell", "field": "department", "value": "#N/A", "params": {"kind": "excel_error"}}]
    decided = [{"code": "department_not_in_company", "field": "company", "value": "Delta"}]
    told = shown(row(decision("rejected", errors=decided), errors=local))["errors"]
    assert [e["code"] for e in told] == ["invalid_cell"]


def test_a_row_with_an_error_of_its_own_changes_and_invites_nothing() -> None:
    local = [{"code": "invalid_flag", "field": "active", "value": "?"}]
    told = shown(row(decision("rejected", "none", changes={"infix": ["de", None]}), errors=local))
    assert (told["outcome"], told["invitation"], told["changes"]) == ("rejected", "none", {})


@pytest.mark.parametrize("phase", [Phase.CHECK, Phase.START])
def test_a_row_with_errors_of_its_own_is_rejected_in_every_phase_and_before_it_is_checked(phase: Phase) -> None:
    local = [{"code": "duplicate_in_file", "field": "email", "value": "jan@x.example", "params": {"first_row": 2}}]
    told = shown(row(errors=local), phase)
    assert (told["outcome"], told["planned"], told["drifted"]) == ("rejected", "rejected", False)
    assert "2" in told["errors"][0]["message"]


def test_a_row_planned_as_rejected_keeps_its_errors_after_the_start() -> None:
    told = shown(row(decision("rejected", errors=[{"code": "unknown_company", "field": "company"}])), Phase.START)
    assert (told["outcome"], told["drifted"]) == ("rejected", False)
    assert [e["code"] for e in told["errors"]] == ["unknown_company"]


def test_the_actual_outcome_is_shown_with_its_own_changes_and_invitation() -> None:
    plan = decision("updated", "waiting", changes={"infix": ["de", "van"]}, name="Jan van Vries")
    done = decision("updated", "queued", True, changes={"infix": ["de", "van"]})
    told = shown(row(plan, done), Phase.START)
    assert told["changes"] == {"infix": ["de", "van"]}
    assert (told["invitation"], told["restored"], told["drifted"], told["name"]) == (
        "queued",
        True,
        False,
        "Jan van Vries",
    )


def test_a_row_decided_otherwise_than_planned_has_drifted() -> None:
    told = shown(
        row(decision("created"), decision("rejected", errors=[{"code": "email_in_use", "field": "email"}])), Phase.START
    )
    assert (told["outcome"], told["planned"], told["drifted"]) == ("rejected", "created", True)
    assert [e["code"] for e in told["errors"]] == ["email_in_use"]


@pytest.mark.parametrize("code", ["email_in_use", "personnel_number_conflict"])
def test_an_address_that_another_row_of_the_file_may_free_names_that_row(code: str) -> None:
    params = {"who": "Piet Puk (1002)", "personnel_number": "1002"}
    error = {"code": code, "field": "email", "value": "jan@x.example", "params": params}
    one = row(decision("rejected", errors=[error]))
    assert owners([one]) == {"1002"}
    [told] = shown(one, rows_of={"1002": 17})["errors"]
    [alone] = shown(one)["errors"]
    if code == "email_in_use":
        assert "row 17" in told["message"]
    assert "row 17" not in alone["message"]
    assert "row 5" not in shown(one, rows_of={"1002": 5})["errors"][0]["message"], "it is no other row"


def test_a_duplicate_tells_what_the_check_found_besides() -> None:
    local = [{"code": "duplicate_in_file", "field": "email", "value": "jan@x.example", "params": {"first_row": 2}}]
    found = [
        {"code": "personnel_number_conflict", "field": "personnel_number", "params": {"personnel_number": "1002"}},
        {"code": "unknown_company", "field": "company"},
    ]
    told = shown(row(decision("rejected", errors=found), errors=local))
    assert [e["code"] for e in told["errors"]] == ["duplicate_in_file", "unknown_company"]


def test_beside_a_company_that_cannot_be_read_only_a_department_that_nobody_has_is_told() -> None:
    local = [{"code": "invalid_cell", "field": "company", "value": "#N/A"}]
    for code, told in (("unknown_department", True), ("department_not_in_company", False)):
        one = row(decision("rejected", errors=[{"code": code, "field": "department", "value": "X"}]), errors=local)
        assert (code in [e["code"] for e in shown(one)["errors"]]) == told


def test_somebody_who_is_invited_already_is_shown_with_the_date_until_which_that_is_valid() -> None:
    told = shown(row(decision("unchanged", "already_invited", invited_until="2031-01-01T00:00:00Z")))
    assert (told["invitation"], told["invitation_expires_at"]) == ("already_invited", "2031-01-01T00:00:00Z")


def test_a_rejected_row_keeps_its_texts_for_correction() -> None:
    one = row(decision("rejected"))
    one.fields |= {"functions": ["Adviseur; Inkoper"]}
    assert texts(one, shown(one)) == FIELDS | {"functions": "Adviseur; Inkoper"}
    one.fields["functions"] = None
    assert (texts(one, shown(one)) or {})["functions"] == "-"
    assert texts(one, shown(row(decision("created")))) is None


def test_a_stalled_import_says_why_in_the_readers_language() -> None:
    assert stalled(None, "nl") is None
    for reason in ("no_answer", "broker"):
        dutch, english = stalled(reason, "nl"), stalled(reason, "fr")
        assert dutch is not None
        assert english is not None
        assert dutch["reason"] == english["reason"] == reason
        assert dutch["message"] != english["message"]
