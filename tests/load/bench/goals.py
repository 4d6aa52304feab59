"""What was promised, and whether the figures of a result keep it."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Literal

FULL: Final = 100_000
"""Rows of a full run; goals in seconds hold for it, and for a part of it in proportion."""

Part = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One measure of a result."""

    name: str
    figure: float
    unit: str
    better: Literal["≥", "≤"]
    goal: float

    @property
    def met(self) -> bool:
        return self.figure >= self.goal if self.better == "≥" else self.figure <= self.goal

    def columns(self) -> tuple[str, str, str, str]:
        """Name, figure, goal, verdict."""
        unit = f" {self.unit}" if self.unit else ""
        goal = f"{self.better} {_number(self.goal)}{unit}"
        return self.name, f"{_number(self.figure)}{unit}", goal, "met" if self.met else "missed"


def verdicts(parts: dict[str, Part], rows: int) -> list[Verdict]:
    """Of every measure that these parts of a result have figures for."""
    return [verdict for name, judge in _JUDGES.items() if name in parts for verdict in judge(parts[name], rows)]


def rate(rounds: list[Part], rows: int, *way: str) -> float:
    """Rows per second of the median round; `way` leads to the seconds."""
    return rows / median(_found(one, *way) for one in rounds)


def django_rate(rounds: list[Part]) -> float:
    """Rows per second of django-import-export, which takes fewer of them in a small run."""
    return rate(rounds, rounds[0]["django"]["rows"], "django", "seconds")


def _found(part: Any, *way: str) -> Any:
    for name in way:
        part = part[name]
    return part


def _kind(name: str, headline: float, over_django: float | None) -> Any:
    def judge(rounds: list[Part], rows: int) -> Iterator[Verdict]:
        mine, bare = rate(rounds, rows, "apply_s"), rate(rounds, rows, "sketch", "apply_s")
        yield Verdict(f"{name} ÷ sketch", mine / bare, "", "≥", 1.0)
        if over_django is not None:
            django = django_rate(rounds)
            yield Verdict(f"{name} ÷ django-import-export", mine / django, "", "≥", over_django)
        yield Verdict(f"{name}", mine, "rows/s", "≥", headline)
        if name == "create":
            check = median(one["check_s"] for one in rounds)
            apply = median(one["apply_s"] for one in rounds)
            yield Verdict("check ÷ create, in time", check / apply, "", "≤", 1.0)
            yield Verdict(f"check of {rows:,} rows", check, "s", "≤", 8.0 * rows / FULL)
            yield Verdict("first verdicts visible", median(one["first_s"] for one in rounds), "s", "≤", 2.0)

    return judge


def _scale(part: Part, _: int) -> Iterator[Verdict]:
    large, small = part["large_rows"], part["small_rows"]
    for phase, name in (("apply", "create"), ("check", "check")):
        ratio = part[f"large_{phase}_rate"] / part[f"small_{phase}_rate"]
        yield Verdict(f"{name}: rate at {large:,} ÷ rate at {small:,} rows", ratio, "", "≥", 0.95)
    peaks = part["large"]["peaks"]
    service = max(peaks["services"], key=lambda one: float(peaks["services"][one]))
    yield Verdict(f"memory of {service} at {large:,} rows", peaks["services"][service], "MiB", "≤", 250)
    yield Verdict(f"memory of the reader at {large:,} rows", max(peaks["helpers"].values()), "MiB", "≤", 500)
    yield Verdict("readers left when it has read", len(peaks["left"]), "", "≤", 0)


def _mails(part: Part, _: int) -> Iterator[Verdict]:
    yield Verdict("invitations", part["product"], "mails/s", "≥", 2_500)
    yield Verdict("invitations ÷ bare aiosmtplib", part["product"] / part["bare"], "", "≥", 0.7)
    yield Verdict("what the mail server takes", part["ceiling"], "mails/s", "≥", 10_000)


def _form(part: Part, _: int) -> Iterator[Verdict]:
    rows = part["rows"]
    yield Verdict("one user by form, idle, p95", 1000 * part["idle_p95_s"], "ms", "≤", 150)
    yield Verdict(f"the same beside an import of {rows:,}, p95", 1000 * part["beside_p95_s"], "ms", "≤", 500)
    yield Verdict(f"{part['small_rows']} rows beside an import of {rows:,}", max(part["small_s"]), "s", "≤", 5.0)


def _startup(part: Part, _: int) -> Iterator[Verdict]:
    yield Verdict("platform ready, from the second start on", part["median_s"], "s", "≤", 3.0)


_JUDGES: Final[dict[str, Any]] = {
    "create": _kind("create", 10_000, 1.5),
    "update": _kind("update", 10_000, 10.0),
    "unchanged": _kind("unchanged", 15_000, None),
    "scale": _scale,
    "mails": _mails,
    "form": _form,
    "startup": _startup,
}


def _number(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 20 else f"{figure:.2f}".rstrip("0").rstrip(".")
