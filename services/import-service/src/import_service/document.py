"""The import document of the command line: what an import did, row by row, in the language of the reader. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson

from contracts.errors import ErrorCode, Problem
from contracts.fields import CLEAR, display_name, number_key
from contracts.sentences import render, render_notice
from import_service.domain import Phase, drifted

Columns = Mapping[str, Mapping[str, str]]
"""Per field of the file: its `header`, and the `letter` of its column."""


class Stored(Protocol):
    """A record of the store, by column."""

    def __getitem__(self, column: str) -> Any: ...


STALLED: Final = {
    "no_answer": {
        "nl": "Er komt geen antwoord van user-service. De import gaat vanzelf verder zodra dat er weer is.",
        "en": "There is no answer from user-service. The import goes on by itself as soon as there is.",
    },
    "broker": {
        "nl": "De berichtendienst (Kafka) is niet bereikbaar. De import gaat vanzelf verder zodra dat weer kan.",
        "en": "The message broker (Kafka) cannot be reached. The import goes on by itself as soon as it can.",
    },
}
COUNTS: Final = (
    "rows",
    "created",
    "updated",
    "unchanged",
    "rejected",
    "not_attempted",
    "invited",
    "waiting",
    "already_invited",
)
_HEADING: Final = ("import_id", "academy", "state", *COUNTS, "errors", "warnings")
_SHOWN_INVITATIONS: Final = frozenset({"none", "queued", "waiting", "already_invited", "already_accepted"})
_ABOUT_AN_OWNER: Final = frozenset({ErrorCode.EMAIL_IN_USE, ErrorCode.PERSONNEL_NUMBER_CONFLICT})


@dataclass(slots=True)
class Decision:
    """One stored answer."""

    outcome: str
    invitation: str
    restored: bool
    detail: dict[str, Any]


@dataclass(slots=True)
class Row:
    """One row of the file with what was answered about it."""

    row: int
    fields: dict[str, Any]
    errors: list[dict[str, Any]]
    verdict: Decision | None
    outcome: Decision | None


def read_row(record: Stored) -> Row:
    """A row as the store returns it."""
    errors, verdict, outcome = record["errors"], None, None
    if record["v_outcome"] is not None:
        verdict = _decision(record["v_outcome"], record["v_invitation"], record["v_restored"], record["v_detail"])
    if record["o_outcome"] is not None:
        outcome = _decision(record["o_outcome"], record["o_invitation"], record["o_restored"], record["o_detail"])
    return Row(
        record["row_no"],
        orjson.loads(record["fields"]),
        orjson.loads(errors) if errors is not None else [],
        verdict,
        outcome,
    )


def _decision(outcome: str, invitation: str, restored: bool, detail: bytes | None) -> Decision:
    return Decision(outcome, invitation, restored, orjson.loads(detail) if detail is not None else {})


def owners(rows: Sequence[Row]) -> set[str]:
    """The number keys of the people who hold an address that a row wanted: perhaps this file gives them another."""
    return {
        key
        for row in rows
        for decision in (row.verdict, row.outcome)
        if decision is not None and decision.outcome == "rejected"
        for problem in decision.detail.get("errors", ())
        if (key := _owner(problem)) is not None
    }


def result(row: Row, phase: Phase, columns: Columns, language: str, rows_of: Mapping[str, int]) -> dict[str, Any]:
    """One element of `results`. `rows_of` are the rows of this file that free the address of one of the `owners`."""
    planned = row.verdict.outcome if row.verdict is not None else None
    if row.errors:
        planned = "rejected"
    decided = row.outcome if phase is Phase.START and planned != "rejected" else row.verdict
    outcome = decided.outcome if decided is not None else "rejected" if planned == "rejected" else "not_attempted"
    detail = decided.detail if decided is not None else {}
    rejected = outcome == "rejected"
    changes = {} if rejected else detail.get("changes", {})
    plan = row.verdict.detail if row.verdict is not None else {}
    at_start = phase is Phase.START and row.outcome is not None and planned != "rejected"
    return {
        "row": row.row,
        "personnel_number": row.fields.get("personnel_number"),
        "name": plan.get("name") or _name(row.fields),
        "outcome": outcome,
        "restored": decided is not None and not rejected and decided.restored,
        "drifted": at_start and drifted(planned, outcome, plan.get("changes", {}), changes),
        "planned": planned,
        "invitation": _invitation(decided, rejected),
        "invitation_expires_at": None if rejected else detail.get("invited_until"),
        "changes": changes,
        "errors": sorted(
            (_error(problem, row, columns, language, rows_of) for problem in _all_errors(row, detail, rejected)),
            key=_left_to_right,
        ),
        "warnings": [_warning(notice, columns, language) for notice in plan.get("warnings", ())],
    }


def texts(row: Row, result: Mapping[str, Any]) -> dict[str, str] | None:
    """The texts of a rejected row as they were in the file, to be corrected and uploaded again."""
    if result["outcome"] != "rejected":
        return None
    return {name: _cell(value) for name, value in row.fields.items()}


def _cell(value: str | list[str] | None) -> str:
    return CLEAR if value is None else value if isinstance(value, str) else "; ".join(value)


def _all_errors(row: Row, detail: Mapping[str, Any], rejected: bool) -> list[dict[str, Any]]:
    """What the file shows by itself, then what the decision adds; one field has the errors of one of them."""
    if not rejected:
        return []
    told = {problem.get("field") for problem in row.errors}
    decided = [p for p in detail.get("errors", ()) if p.get("field") is None or p["field"] not in told]
    if "email" in told:  # whose address it is, a duplicate has said already
        decided = [p for p in decided if p["code"] not in _ABOUT_AN_OWNER]
    if told & {"company", "department"}:  # one that cannot be read was decided as a blank one, which it is not
        decided = [p for p in decided if p["code"] != ErrorCode.DEPARTMENT_NOT_IN_COMPANY]
    return row.errors + decided


def _error(
    raw: Mapping[str, Any], row: Row, columns: Columns, language: str, rows_of: Mapping[str, int]
) -> dict[str, Any]:
    problem = Problem.model_validate(raw)
    other = rows_of.get(_owner(raw) or "")
    if other is not None and other != row.row:
        problem = problem.model_copy(update={"params": problem.params | {"row": other}})
    column = columns.get(problem.field or "")
    return {
        "code": problem.code,
        "column": problem.field,
        "header": column["header"] if column else None,
        "cell": f"{column['letter']}{row.row}" if column else None,
        "value": problem.value,
        "message": render(problem, language),
        "suggestion": problem.suggestion,
    }


def _left_to_right(error: Mapping[str, Any]) -> tuple[bool, int, str]:
    """AA5 comes behind Z5, and what has no cell behind all that do."""
    cell = error["cell"] or ""
    return not cell, len(cell), cell


def _owner(problem: Mapping[str, Any]) -> str | None:
    """The number key of whoever holds the address that this problem is about."""
    if problem["code"] not in _ABOUT_AN_OWNER:
        return None
    number = problem.get("params", {}).get("personnel_number")
    return number_key(number) if isinstance(number, str) else None


def _name(fields: Mapping[str, Any]) -> str | None:
    parts = [fields.get(name) for name in ("first_name", "infix", "last_name")]
    first, infix, last = ("" if part is None or part == CLEAR else str(part) for part in parts)
    return display_name(first, infix or None, last) or None


def _invitation(decided: Decision | None, rejected: bool) -> str:
    if decided is None or rejected or decided.invitation not in _SHOWN_INVITATIONS:
        return "none"
    return decided.invitation


def _warning(notice: Mapping[str, Any], columns: Columns, language: str) -> dict[str, Any]:
    field, params = notice.get("field"), notice.get("params", {})
    column = columns.get(field or "")
    return {
        "code": notice["code"],
        "column": field or params.get("header"),
        "header": column["header"] if column else params.get("header"),
        "message": render_notice(notice["code"], params, field, language),
    }


def summary(record: Stored, language: str) -> dict[str, Any]:
    """The document without its results, and how far the import is."""
    refused = record["state"] in ("refused", "failed")
    rows = 0 if refused else record["rows"]
    counts = {name: 0 if refused else record[name] for name in ("created", "updated", "unchanged", "rejected")}
    problems = [Problem.model_validate(problem) for problem in record["errors"]]
    return {
        "import_id": str(record["id"]),
        "academy": record["academy"],
        "state": record["state"],
        "rows": rows,
        **counts,
        "not_attempted": rows - sum(counts.values()),
        "invited": record["invited"],
        "waiting": record["waiting"],
        "already_invited": record["already_invited"],
        "errors": [
            {
                "code": p.code,
                "message": render(p, language),
                "columns": p.params.get("fields", p.params.get("columns", [])),
            }
            for p in problems
        ],
        "warnings": [_warning(notice, record["columns"], language) for notice in record["warnings"]],
        "filename": record["filename"],
        "created_at": record["created_at"].isoformat(),
        "done": record["done"],
        "reading": record["reading"],
        "report_version": record["report_version"],
        "plan": record["plan"],
        "stalled": stalled(record["stalled"], language),
    }


def heading(record: Stored, language: str) -> dict[str, Any]:
    """The import document up to its results: what `docs/cli.md` names, and nothing else."""
    whole = summary(record, language)
    warnings = [{name: warning[name] for name in ("code", "column", "message")} for warning in whole["warnings"]]
    return {name: whole[name] for name in _HEADING} | {"warnings": warnings}


def stalled(reason: str | None, language: str) -> dict[str, str] | None:
    """Why an import does not get on, and that it will by itself; None if it does."""
    if reason is None:
        return None
    sentences = STALLED[reason]
    return {"reason": reason, "message": sentences.get(language, sentences["en"])}
