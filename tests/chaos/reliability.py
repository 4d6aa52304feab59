"""The results of the cases: kept in a JSON file, shown on a page beside it.

Run: python tests/chaos/reliability.py docs/reliability.json   (the page anew, without running anything)
"""

import json
import os
import platform
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

Catalogue = dict[str, dict[str, None]]
"""Cases in the order of the files, each with its criteria in the order of the tests."""
Document = dict[str, Any]
FIGURES = ("sent", "created", "updated", "unchanged", "rejected", "lost", "twice", "set aside", "mails", "repeats")
"""What every ledger tells; what else it tells is the case's own."""
ELSEWHERE = {
    "a transaction that commits late is not passed over": "chassis/tests/integration/test_relay.py",
    "two relays: one leads, and one that was fenced off sends nothing": "chassis/tests/integration/test_relay.py",
    "a batch that takes long keeps its place in the group": "chassis/tests/integration/test_consuming.py",
    "what passes by itself is tried again, never set aside": "chassis/tests/integration/test_consuming.py",
    "a killed reader of a file, two feeders, two readers": "services/import-service/tests/integration/test_recovery.py",
    "leases and results of mails": "services/notify-service/tests/integration/test_delivery.py",
    "unsafe settings of broker, topics and database refuse the start": "chassis/tests/integration/test_safety.py",
    "hostile files in bounded time and memory": "tests/e2e/test_refused_files.py",
    "our reader and openpyxl read the same cells": (
        "services/import-service/tests/unit/reading/test_our_reader_agrees_with_openpyxl.py"
    ),
    "academies see nothing of each other": "tests/e2e/test_isolation.py",
    "every log line is JSON with its trace": "tests/e2e/test_observability.py",
}
"""What needs no platform in trouble is shown by the tests of the parts."""
HEAD = """\
# Reliability

Written by `make test-chaos`, not by hand: the figures of the last run of each case. A ledger outside the system notes
what it sent and counts what came out: topics, databases, documents of imports, and the mails that the server accepted.

`make test-chaos` runs the long form of all cases (at most 80 minutes on two cores), `make test-chaos CASES=kills
ROWS=20000` some of them in another size, `make test` the short form of each. *Lost* are rows and requests without an
outcome, and people who were told of but are not there or the other way round; *twice* are requests with two different
outcomes and mails of one Message-ID that differ; *set aside* are dead letters; *mails* are counted by Message-ID, and
*repeats* are further copies of one, the same byte for byte.
How the cases are made: [decision 26](decisions/0026-reliability-cases.md).
"""


def write(file: Path, catalogue: Catalogue, reports: Iterable[pytest.TestReport], form: str) -> None:
    """Replace the results of the cases that ran, keep those of the others, and write the page."""
    before = json.loads(file.read_text("utf-8"))["cases"] if file.exists() else {}
    ran: dict[str, Document] = {}
    by_test: dict[str, list[pytest.TestReport]] = {}
    for report in reports:
        if "case" in dict(report.user_properties):
            by_test.setdefault(report.nodeid, []).append(report)
    for nodeid, steps in by_test.items():
        case = ran.setdefault(
            str(dict(steps[0].user_properties)["case"]),
            {"form": form, "date": datetime.now(UTC).date().isoformat(), "machine": machine(), "tests": []},
        )
        case["tests"].append(
            {
                "test": name(nodeid),
                "passed": all(step.passed for step in steps),
                "seconds": round(sum(step.duration for step in steps)),
                "ledgers": [figures for name, figures in steps[-1].user_properties if name == "ledger"],
            }
        )
    cases = {
        case: {"criteria": list(criteria)}
        | (ran.get(case) or {k: v for k, v in before.get(case, {}).items() if k != "criteria"})
        for case, criteria in catalogue.items()
    }
    file.write_text(json.dumps({"cases": cases}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    file.with_suffix(".md").write_text(page(cases), "utf-8")


def name(nodeid: str) -> str:
    """What a test claims: its name as a sentence, with its variant, without the group of pytest-xdist."""
    return nodeid.rpartition("::test_")[2].partition("@")[0].replace("_", " ").replace("[", " [")


def told(reports: Iterable[pytest.TestReport]) -> Iterable[str]:
    """A line for each ledger that was closed."""
    for report in reports:
        properties = report.user_properties if report.when == "call" else []
        for ledger in (figures for key, figures in properties if key == "ledger"):
            figures = ", ".join(f"{key} {value:,}" for key, value in ledger.items())
            yield f"{dict(properties)['case']}: {name(report.nodeid)}: {figures}"


def machine() -> str:
    """In a few words, what it ran on."""
    info = Path("/proc/cpuinfo")
    models = (
        [line.partition(": ")[2] for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    model = models[0] if models else platform.machine()
    return f"{os.cpu_count()} × {model}, {psutil.virtual_memory().total / 2**30:.0f} GiB, Python {platform.python_version()}"


def page(cases: dict[str, Document]) -> str:
    lines = [
        HEAD,
        *_table(["case", "must hold", "form", "last run", "seconds", "result"], map(_summary, cases.items())),
    ]
    for name, case in cases.items():
        if "tests" not in case:
            continue
        lines += ["", f"## {name}", "", f"{case['date']}, {case['form']} form, on {case['machine']}", ""]
        lines += _table(
            ["", *FIGURES, "more"],
            (
                [test["test"], *(f"{ledger[figure]:,}" for figure in FIGURES), _more(ledger)]
                for test in case["tests"]
                for ledger in test["ledgers"]
            ),
        )
        lines += [f"\nFailed: {test['test']}." for test in case["tests"] if not test["passed"]]
    lines += ["", "## Shown by tests of the parts", ""]
    lines += [f"- {what}: [{Path(file).name}](../{file})" for what, file in ELSEWHERE.items()]
    return "\n".join(lines) + "\n"


def _summary(named: tuple[str, Document]) -> list[str]:
    name, case = named
    criteria = "; ".join(case["criteria"])
    if "tests" not in case:
        return [name, criteria, "", "not run yet", "", ""]
    passed = all(test["passed"] for test in case["tests"])
    seconds = sum(test["seconds"] for test in case["tests"])
    return [
        f"[{name}](#{name})",
        criteria,
        case["form"],
        case["date"],
        f"{seconds:,}",
        "holds" if passed else "**failed**",
    ]


def _more(ledger: Document) -> str:
    return ", ".join(f"{name} {value:,}" for name, value in ledger.items() if name not in FIGURES)


def _table(heads: list[str], rows: Iterable[list[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in ([*heads], ["---"] * len(heads), *rows)]


if __name__ == "__main__":
    result = Path(sys.argv[1])
    result.with_suffix(".md").write_text(page(json.loads(result.read_text("utf-8"))["cases"]), "utf-8")
