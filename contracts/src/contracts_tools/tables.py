"""The tables of README.md that repeat what the code says."""

from collections.abc import Iterable
from typing import Any, Final

from contracts.errors import ErrorCode, Problem, WarningCode
from contracts.events import BY_TOPIC, org
from contracts.sentences import render, render_notice
from contracts.topics import DAY_MS, TOPICS
from contracts_tools.schemas import envelope_schema

_SAMPLES: Final[dict[str, tuple[str | None, str | None, dict[str, Any]]]] = {
    "required": ("last_name", None, {}),
    "invalid_email": ("email", "jan@", {}),
    "invalid_flag": ("active", "perhaps", {}),
    "invalid_cell": ("personnel_number", "2026-01-31", {"kind": "date"}),
    "too_long": ("infix", None, {"max": 30, "length": 41}),
    "invalid_characters": ("first_name", None, {}),
    "duplicate_in_file": ("personnel_number", "1001", {"first_row": 7}),
    "unknown_company": ("company", "Acmee", {}),
    "unknown_department": ("department", "Verkop", {"company": "Acme BV"}),
    "department_not_in_company": ("department", "Inkoop", {"company": "Acme BV", "others": ["Beta BV"]}),
    "unknown_function": ("functions", "Adviseurr", {}),
    "unknown_language": ("language", "Klingon", {}),
    "language_not_enabled": ("language", "de", {"language": "de"}),
    "email_in_use": ("email", "jan@example.com", {"who": "Jan de Vries (1001)"}),
    "personnel_number_conflict": (
        "personnel_number",
        "1001",
        {"who": "Jan de Vries (1001)", "personnel_number": "1001"},
    ),
    "not_processed": (None, None, {"dead_letter": "0b2f…"}),
    "not_found": ("personnel_number", "1001", {}),
    "file_too_large": (None, None, {"limit": 50 * 1024 * 1024}),
    "too_many_rows": (None, None, {"limit": 250_000}),
    "missing_columns": (None, None, {"fields": ["email", "company"]}),
    "duplicate_columns": (None, None, {"columns": ["E-mail"]}),
    "unknown_academy": (None, "demo", {}),
}

_SOMETIMES: Final[dict[str, tuple[str, ...]]] = {
    "department_not_in_company": ("department",),
    "unknown_company": ("matches",),
    "unknown_department": ("matches",),
    "unknown_function": ("matches",),
    "email_in_use": ("personnel_number", "row", "kind"),
    "missing_columns": ("within",),
    "unreadable_file": ("reason", "line"),
    "unsupported_format": ("format",),
}
"""Params that a code has in some cases only."""


def sections() -> dict[str, str]:
    """Each generated section of README.md by its name."""
    return {
        "headers": _headers(),
        "topics": _topics(),
        "messages": _messages(),
        "errors": _errors(),
        "warnings": _warnings(),
    }


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(header)
    lines = [head, ["---"] * len(head), *map(list, rows)]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _headers() -> str:
    schema = envelope_schema()
    rows = []
    for name, about in schema["properties"].items():
        needed = "yes" if name in schema["required"] else ""
        constant = f"`{about['const']}`; " if "const" in about else ""
        rows.append((f"`{name}`", needed, constant + about["description"]))
    return _table(("header", "required", "what it says"), rows)


def _topics() -> str:
    rows = []
    for topic in TOPICS:
        keeps = "last state per key" if topic.retention_ms is None else f"{topic.retention_ms // DAY_MS} d"
        rows.append(
            (
                f"`{topic.name}`",
                f"`{topic.key}`",
                str(topic.partitions),
                f"{topic.cleanup}, {keeps}",
                ", ".join(topic.producers),
                ", ".join(topic.consumers),
            )
        )
    return _table(("topic", "key", "partitions", "kept", "who publishes", "who reads"), rows)


def _messages() -> str:
    rows = [
        (f"`{topic.name}`", f"`{model.TYPE}`", " ".join((model.__doc__ or "").split()))
        for topic, models in BY_TOPIC.items()
        for model in models
    ]
    rows += [
        ("`org.structure`", f"`{type_}`", f"Tombstone: the {kind} was removed; the value is null.")
        for kind, type_ in org.REMOVED.items()
    ]
    return _table(("topic", "ce_type", "what it says"), rows)


def _errors() -> str:
    rows = []
    for code in ErrorCode:
        field, value, params = _SAMPLES.get(code.value, (None, None, {}))
        problem = Problem(code=code, field=field, value=value, params=params)
        names = [f"`{name}`" for name in params]
        names += [f"(`{name}`)" for name in _SOMETIMES.get(code.value, ())]
        rows.append((f"`{code.value}`", ", ".join(names), render(problem, "en")))
    return _table(("code", "params (some not always)", "for example"), rows)


def _warnings() -> str:
    return _table(
        ("code", "what it says"), ((f"`{c.value}`", render_notice(c.value, {}, None, "en")) for c in WarningCode)
    )
