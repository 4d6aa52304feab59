"""Whatever is in a file and whoever is there already: what the check plans is what the start does."""

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from outside import books
from outside.academy import Academy
from outside.documents import COUNTS, documented

Row = dict[str, str]

NUMBERS = [str(number) for number in range(1, 101)]
SPOILED: dict[str, list[str]] = {
    "personnel_number": ["", "1"],
    "first_name": ["Zoë", "=1+1", "", "-"],
    "infix": ["de", "", "-", "i" * 31],
    "last_name": ["Jansen", "", "x" * 101],
    "email": ["p1", "p2", "p50", "elsewhere", "wrong", ""],
    "company": ["acme", "Bakkerij Zoë", "", "Acmee", "-"],
    "department": ["Inkoop", "Winkel", "", "Nergens"],
    "functions": ["adv; Inkoper", "Manager, verkoop", "", "-", "Piloot"],
    "cost_centre": ["KP1", "007", "", "-"],
    "invite": ["x", "", "-", "ja", "misschien"],
    "active": ["x", "", "-"],
    "language": ["Engels", "", "de", "Elfs"],
}
"""What a field may be instead of what it is for a good person; `email` is the part before the @."""
PLAN = (
    "row",
    "personnel_number",
    "name",
    "outcome",
    "restored",
    "planned",
    "invitation",
    "changes",
    "errors",
    "warnings",
)
OFTEN = {
    *("created", "updated", "unchanged", "rejected", "restored"),
    *("invitation queued", "invitation waiting", "invitation already_invited", "invitation none"),
}
"""What a run that proves anything has had."""


def good(number: str) -> Row:
    """The person with this number as most files have them: most are active, every other one is to be invited."""
    n = int(number)
    return {
        "personnel_number": number,
        "first_name": "Jan",
        "infix": "",
        "last_name": "Vries",
        "email": f"p{number}",
        "company": "Acme BV",
        "department": "Verkoop",
        "functions": "Adviseur",
        "cost_centre": "KP0",
        "invite": "x" if n % 2 else "",
        "active": "" if n % 5 == 0 else "x",
        "language": "nl",
    }


@st.composite
def rows(draw: st.DrawFn, number: str) -> Row:
    """Somebody as they are in most files, often with one field of another value, sometimes with more."""
    count = draw(st.sampled_from([0, 0, 0, 1, 1, 1, 1, 3]))
    fields = [draw(st.sampled_from(list(SPOILED))) for _ in range(count)]
    return good(number) | {field: draw(st.sampled_from(SPOILED[field])) for field in fields}


@st.composite
def files(draw: st.DrawFn) -> tuple[list[Row], set[str]]:
    """The rows of a file, and those of its people who are deleted before it comes if they are there."""
    numbers = draw(st.lists(st.sampled_from(NUMBERS), min_size=20, max_size=40, unique=True))
    return [draw(rows(number)) for number in numbers], draw(st.sets(st.sampled_from(numbers), max_size=4))


def test_what_the_check_plans_is_what_the_start_does(acme: Academy) -> None:
    """File follows file in one academy, so that later files meet the people of earlier ones."""
    seen: Counter[str] = Counter()

    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # a smaller file would meet other people than the one that failed
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(file=files())
    def plan_is_outcome(file: tuple[list[Row], set[str]]) -> None:
        people, deleted = file
        for number in sorted(deleted & {user["personnel_number"] for user in acme.users()}):
            acme.delete(number)
        done = _taken_in(acme, _workbook(acme, people))
        for result in done["results"]:
            seen.update([result["outcome"], f"invitation {result['invitation']}"])
            seen["restored"] += result["restored"]

    plan_is_outcome()
    assert {what for what, count in seen.items() if count >= 5} >= OFTEN, seen


def _taken_in(academy: Academy, data: bytes) -> dict[str, Any]:
    """The document of the import, which did what its check had planned, and left nothing to do."""
    checked = documented(academy.check(data))
    done = documented(academy.start(checked["import_id"]))
    assert done["state"] == "completed"
    assert [_plan(result) for result in done["results"]] == [_plan(result) for result in checked["results"]]
    assert not any(result["drifted"] for result in done["results"])
    assert [done[name] for name in ("rows", *COUNTS)] == [checked[name] for name in ("rows", *COUNTS)]
    again = documented(academy.check(data))
    for before, after in zip(done["results"], again["results"], strict=True):
        if before["outcome"] != "rejected":
            assert (after["outcome"], after["changes"]) == ("unchanged", {}), (before, after)
            assert after["invitation"] != "queued"
    return done


def _workbook(academy: Academy, people: list[Row]) -> bytes:
    return books.workbook(
        person | {"email": f"{person['email']}@{academy.id}.example" if _is_address(person) else person["email"]}
        for person in people
    )


def _is_address(person: Row) -> bool:
    return person["email"] not in ("", "wrong")


def _plan(result: dict[str, Any]) -> dict[str, Any]:
    return {name: result[name] for name in PLAN}
