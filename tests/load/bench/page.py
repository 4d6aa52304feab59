"""`docs/performance.md`: the largest result that is kept, in words, tables and pictures. Nothing in it is typed."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from load.bench import plots
from load.bench.goals import Part, django_rate, rate, verdicts
from load.bench.result import FOLDER, ROOT, Result, largest

KINDS: Final = ("create", "update", "unchanged")
HEADLINES: Final = (10_000, 10_000, 15_000)
SHOWN: Final = (
    "user-service",
    "import-service",
    "notify-service",
    "org-service",
    "web-console",
    "mail",
    "postgres",
    "kafka",
)
MOST_FUNCTIONS: Final = 8
MOST_STATEMENTS: Final = 6


def write_page() -> None:
    """Make the page and its pictures anew from what is kept."""
    result = largest()
    if result is not None:
        text = "\n".join(_lines(result))
        (ROOT / "docs" / "performance.md").write_text(text.rstrip() + "\n", "utf-8")


def _lines(result: Result) -> Iterator[str]:
    parts, rows = result.parts, result.rows
    yield "# Performance"
    yield ""
    yield "Made by `make bench`; every figure is of the runs named here, in which everything was measured in turn on one machine."
    yield "Machines differ, and one machine differs by half from hour to hour: the ratios are the result."
    yield ""
    yield from _runs(result)
    yield "## Goals"
    yield ""
    yield from _table(("measure", "figure", "goal", ""), (verdict.columns() for verdict in verdicts(parts, rows)))
    if kinds := [kind for kind in KINDS if kind in parts]:
        yield from _imports(parts, kinds, rows, result.runs[kinds[0]]["cores"])
    if "floors" in parts:
        yield from _floors(parts["floors"])
    if "scale" in parts:
        yield from _scale(parts["scale"])
    if "mails" in parts:
        yield from _mails(parts["mails"])
    if "form" in parts:
        yield from _form(parts["form"])
    if "profiles" in parts:
        yield from _profiles(parts["profiles"])


def _runs(result: Result) -> Iterator[str]:
    """Parts that were measured in one run share a line."""
    groups: dict[tuple[Any, ...], dict[str, float | None]] = {}
    for part, run in result.runs.items():
        key = (run["at"][:10], run["revision"], run["processor"], run["cores"], run["memory_gib"], run["system"])
        groups.setdefault((*key, run["python"], _versions(run["packages"])), {})[part] = run.get("others")
    for (day, revision, processor, cores, memory, system, python, packages), others in groups.items():
        yield f"- {', '.join(others)}: {day}, revision {revision}, {result.rows:,} rows, on {processor}, {cores} cores,"
        yield f"  {memory:g} GiB, {system}; Python {python}, {packages}."
        if known := [percent for percent in others.values() if percent is not None]:
            yield f"  Right before, other work took {max(known):.0f} % of the cores."
    yield ""


def _versions(packages: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in packages.items())


def _imports(parts: dict[str, Part], kinds: Sequence[str], rows: int, cores: int) -> Iterator[str]:
    rates = {
        "product": [rate(parts[kind], rows, "apply_s") for kind in kinds],
        "sketch": [rate(parts[kind], rows, "sketch", "apply_s") for kind in kinds],
        "django-import-export": [django_rate(parts[kind]) if "django" in parts[kind][0] else None for kind in kinds],
    }
    goals = [HEADLINES[KINDS.index(kind)] for kind in kinds]
    plots.grouped(
        FOLDER / "rates.svg", "From the start of the import to its completion", "rows per second", kinds, rates, goals
    )
    costs = {}
    for kind in kinds:
        one = parts[kind][0]
        costs |= {f"{kind}\n{phase}": _shown(one[f"{phase}_cpu_us"]) for phase in ("check", "apply")}
        costs[f"{kind}\nsketch"] = one["sketch"]["cpu_us"]
    plots.stacked(FOLDER / "cost.svg", "Processor time of a row, by process", "µs per row", costs)
    yield ""
    yield "## Imports"
    yield ""
    yield "![Rows per second of the product and of others](performance/rates.svg)"
    yield ""
    yield "*Product*: all services on, every row checked before, every outcome an event, every invitation a mail that goes out"
    yield "meanwhile. *Sketch*: the same way through Kafka and PostgreSQL with nothing on top"
    yield "([sketch.py](../tests/load/bench/sketch.py)). *django-import-export*: one process, bulk statements, no diffs, instances"
    yield "and foreign keys from memory, the workbook already read; no events, no invitations"
    yield "([django_import.py](../tests/load/bench/django_import.py)). The dashed line is the goal in rows per second."
    yield ""
    header = ("rows/s", *kinds)
    check = [rate(parts[kind], rows, "check_s") for kind in kinds]
    yield from _table(
        header,
        [(name, *(f"{one:,.0f}" if one else "–" for one in all_)) for name, all_ in ({"check": check} | rates).items()],
    )
    yield ""
    yield "![Processor time of a row by process](performance/cost.svg)"
    yield ""
    yield from _limits(parts, kinds, rows, cores)
    yield ""
    yield "What a row costs in things that do not depend on the machine:"
    yield ""
    phases = [(kind, phase) for kind in kinds for phase in ("check", "apply")]
    names = parts[kinds[0]][0]["check_counts"]
    counts = [
        (name.replace("_", " "), *(_count(parts[kind][0][f"{phase}_counts"][name]) for kind, phase in phases))
        for name in names
    ]
    yield from _table(("a row", *(f"{kind}, {phase}" for kind, phase in phases)), counts)


def _limits(parts: dict[str, Part], kinds: Sequence[str], rows: int, cores: int) -> Iterator[str]:
    """What would be reached if nothing ever waited, and what stands in the way of more."""
    yield f"The next limit: all {cores} cores full, or the busiest service full, which is one Python process and so one core."
    yield "What the platform did not use of the cores, and was not idle, went to other work on the machine, the sender included."
    yield ""
    table = []
    for kind in kinds:
        for phase in ("check", "apply"):
            one = parts[kind][0]
            costs, reached = one[f"{phase}_cpu_us"], rows / one[f"{phase}_s"]
            total = sum(costs.values())
            busiest = max((name for name in costs if name.endswith("-service")), key=lambda name: float(costs[name]))
            table.append(
                (
                    f"{kind}, {phase}",
                    f"{reached:,.0f}",
                    f"{total:,.0f}",
                    f"{100 * total * reached / (1e6 * cores):.0f}",
                    f"{one[f'{phase}_machine']['idle']:.0f}",
                    f"{1e6 * cores / total:,.0f}",
                    f"{1e6 / costs[busiest]:,.0f} ({busiest})",
                )
            )
    header = (
        "",
        "rows/s",
        "processor, µs a row",
        "of the cores, %",
        "idle, %",
        "all cores full, rows/s",
        "busiest full, rows/s",
    )
    yield from _table(header, table)


def _count(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def _shown(costs: dict[str, float]) -> dict[str, float]:
    return {name: costs[name] for name in SHOWN if costs.get(name, 0) >= 0.5}


def _floors(part: Part) -> Iterator[str]:
    yield ""
    yield "## Floors"
    yield ""
    yield "Each step alone in one process, as fast as it can be ([floors.py](../tests/load/bench/floors.py)):"
    yield ""
    named = {
        "calamine": "reading the workbook with calamine",
        "copy": "`COPY` of the rows",
        "insert": "upsert by `unnest` with foreign keys, all rows new",
        "update": "the same, all rows known",
    }
    yield from _table(("step", "rows/s"), [(words, f"{part[name]:,}") for name, words in named.items()])


def _scale(part: Part) -> Iterator[str]:
    yield ""
    yield "## Size"
    yield ""
    rows = [
        (f"{part[f'{size}_rows']:,}", *(f"{part[f'{size}_{phase}_rate']:,}" for phase in ("check", "apply")))
        for size in ("small", "large")
    ]
    yield from _table(("rows", "check, rows/s", "create, rows/s"), rows)
    yield ""
    yield "Memory at its highest in the larger of them, MiB; *reader* is the process that reads the workbook and ends:"
    yield ""
    peaks = part["large"]["peaks"]
    memory = [*peaks["services"].items(), *((f"reader ({name})", mib) for name, mib in peaks["helpers"].items())]
    yield from _table(("process", "MiB"), [(name, f"{mib:,.0f}") for name, mib in memory])


def _mails(part: Part) -> Iterator[str]:
    yield ""
    yield "## Invitations"
    yield ""
    yield f"{part['mails']:,} invitations wait until the mail server ({part['server']}) is there; from the first to the last."
    yield "*Bare aiosmtplib*: the same number of connections in one process, the bytes of each mail made before."
    yield ""
    named = {"product": "notify-service", "bare": "bare aiosmtplib", "ceiling": "what the mail server takes"}
    yield from _table(("", "mails/s"), [(words, f"{part[name]:,.0f}") for name, words in named.items()])


def _form(part: Part) -> Iterator[str]:
    yield ""
    yield "## One user by the form"
    yield ""
    yield "From the request until the outcome could be read, milliseconds:"
    yield ""
    beside = f"while another academy checks and imports {part['rows']:,} rows"
    rows = [
        (words, *(f"{1000 * part[f'{name}_{middle}_s']:,.0f}" for middle in ("p50", "p95")))
        for name, words in (("idle", "idle"), ("beside", beside))
    ]
    yield from _table(("", "median", "p95"), rows)


def _profiles(part: Part) -> Iterator[str]:
    yield ""
    yield "## Where the time goes"
    yield ""
    yield "py-spy, a hundred looks a second: functions by their own time, percent of the time in which the process was at work."
    for kind in KINDS:
        found = part[kind]
        for phase in ("check", "apply"):
            yield ""
            yield f"### {kind.capitalize()}, {phase}"
            yield ""
            busy = {name: told for name, told in found[phase].items() if told["seconds"] >= 0.5}
            rows = [
                (name, f"{told['seconds']:.1f}", ", ".join(_own(told["own"])))
                for name, told in sorted(busy.items(), key=lambda one: -one[1]["seconds"])
            ]
            yield from _table(("service", "busy, s", "own time, %"), rows)
        yield ""
        yield "Statements by time in PostgreSQL:"
        yield ""
        rows = [
            (
                one["database"],
                f"{one['milliseconds']:,.0f}",
                f"{one['calls']:,}",
                f"`{one['statement'].replace('|', '∣')}`",
            )
            for one in found["statements"][:MOST_STATEMENTS]
        ]
        yield from _table(("database", "ms", "calls", "statement"), rows)


def _own(functions: dict[str, float]) -> Iterator[str]:
    for name, share in sorted(functions.items(), key=lambda one: -one[1])[:MOST_FUNCTIONS]:
        function, _, place = name.partition(" (")
        yield f"{function} ({place.rpartition('/')[2].rpartition(':')[0]}) {share:g}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
