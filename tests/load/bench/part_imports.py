"""Create, update and unchanged: the product and the others in turn, with the same workbooks."""

import time
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

from instroom.testing import wait_until
from load.bench import counts
from load.bench.platforms import Measured, make_database
from load.bench.processes import cpu_seconds, machine_seconds, shares, spent, watched
from load.bench.product import Imports
from load.bench.programs import run
from load.bench.sketching import sketch
from load.bench.workbooks import write

KINDS = {"create": False, "update": True, "unchanged": True}
"""In this order; and which of the two workbooks is imported."""
COUNTED = ("rows", "created", "updated", "unchanged", "rejected", "invited")
FULL = 100_000
"""Rows from which on django-import-export imports all of them: an update takes it some 2 ms a row."""
WARM_UP = 1_000
"""Rows that everybody imports before: the first batches of a process are slow."""


def measure(platform: Measured, folder: Path, rows: int, wanted: Collection[str], round_: int) -> dict[str, Any]:
    """One round of the kinds that are wanted; update needs create before it, and unchanged both."""
    last = max(list(KINDS).index(kind) for kind in wanted)
    kinds = dict(list(KINDS.items())[: last + 1])
    books, few, warm = (
        files(folder, rows),
        files(folder, rows if rows >= FULL else rows // 4),
        write(folder / "warm.xlsx", WARM_UP, prefix="w", invited=False),
    )
    django = {"BENCH_DJANGO_DATABASE": make_database(platform, f"django{round_}")}
    run("django_import.py", "prepare", **django)
    found: dict[str, Any] = {}
    with platform.http(timeout=120) as http, sketch(platform, f"sketch{round_}") as bare:
        warming = Imports(platform.address("import"), platform.organise(f"warm{round_}"), http)
        warming.start(warming.check(warm))
        bare.importing(warm)
        imports = Imports(platform.address("import"), platform.organise(f"bench{round_}"), http)
        already = received(platform)
        for kind, changed in kinds.items():
            found[kind] = one(platform, imports, books[changed], rows)
            already += found[kind]["invited"]
            found[kind]["mails_s"] = mailed(platform, already)
            found[kind]["sketch"] = bare.importing(books[changed])
            if kind != "unchanged":  # without diffs it cannot tell, and writes every row again
                found[kind]["django"] = run("django_import.py", "importing", few[changed], **django)
            say(kind, found[kind], rows)
    return {kind: found[kind] for kind in wanted}


def files(folder: Path, rows: int) -> dict[bool, Path]:
    """The two workbooks."""
    return {changed: write(folder / f"{rows}-{changed}.xlsx", rows, changed=changed) for changed in (False, True)}


def one(platform: Measured, imports: Imports, file: Path, rows: int) -> dict[str, Any]:
    """Check and start of one workbook: seconds, processor time and counts of each."""

    def counted() -> counts.Counts:
        return counts.count(platform.database(), platform.address("broker"), platform.home)

    with watched(platform.pids) as peaks:
        before, spent_before, machine_before = counted(), cpu_seconds(platform.pids), machine_seconds()
        checked = imports.check(file)
        machine_checked, spent_checked, between = machine_seconds(), cpu_seconds(platform.pids), counted()
        spent_between, machine_between = cpu_seconds(platform.pids), machine_seconds()
        seconds = imports.start(checked)
        machine_after, spent_after, after = machine_seconds(), cpu_seconds(platform.pids), counted()
    document = imports.document(checked)
    return {
        "check_s": round(checked.seconds, 3),
        "first_s": round(checked.first_seconds, 3),
        "apply_s": round(seconds, 3),
        "check_cpu_us": spent(spent_before, spent_checked, rows),
        "apply_cpu_us": spent(spent_between, spent_after, rows),
        "check_machine": shares(machine_before, machine_checked),
        "apply_machine": shares(machine_between, machine_after),
        "check_counts": between.since(before, rows),
        "apply_counts": after.since(between, rows),
        "peaks": asdict(peaks),
    } | {name: document[name] for name in COUNTED}


def mailed(platform: Measured, already: int) -> float:
    """Wait until the mail sink has so many; the seconds that it took."""
    began = time.perf_counter()
    wait_until(lambda: received(platform) >= already, timeout=900, every=0.5, what=f"{already} mails")
    return round(time.perf_counter() - began, 1)


def received(platform: Measured) -> int:
    """Mails that the sink has."""
    with (platform.home / "mail" / "received.jsonl").open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(2**20), b""))


def say(kind: str, found: dict[str, Any], rows: int) -> None:
    """Lines for whoever watches."""
    rates = {name: rows / found[f"{name}_s"] for name in ("check", "apply")} | {
        "sketch": rows / found["sketch"]["apply_s"]
    }
    if "django" in found:
        rates["django-import-export"] = found["django"]["rows"] / found["django"]["seconds"]
    told = "  ".join(f"{name} {rate:,.0f}/s" for name, rate in rates.items())
    print(f"{kind:10} {told}  first verdicts {found['first_s']:.2f} s")
    for phase in ("check", "apply"):
        print(f"  {phase}, µs a row: {_words(found[f'{phase}_cpu_us'])}")
        print(f"  {phase}, all cores: {_words(found[f'{phase}_machine'])} %")
        print(f"  {phase}, a row: {_words(found[f'{phase}_counts'])}")
    print(f"  sketch, µs a row: {_words(found['sketch']['cpu_us'])}", flush=True)


def _words(figures: dict[str, float]) -> str:
    return "  ".join(f"{name} {figure:g}" for name, figure in figures.items())
