"""Whatever is in a file and whoever is there already: what the check plans is what the start does."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outside import books
from outside.academy import Academy
from outside.documents import documented

NUMBERS = [str(number) for number in range(1, 13)]
MAYBE: dict[str, list[str]] = {
    "first_name": ["Jan", "Zoë", "", "-", "=1+1"],
    "infix": ["", "de", "-", "i" * 31],
    "last_name": ["Vries", "Jansen", "", "x" * 101],
    "company": ["Acme BV", "acme", "Bakkerij Zoë", "", "Acmee", "-"],
    "department": ["Verkoop", "Inkoop", "Winkel", "", "Nergens"],
    "functions": ["", "Adviseur", "adv; Inkoper", "Manager, verkoop", "-", "Piloot"],
    "cost_centre": ["", "KP1", "007", "-"],
    "invite": ["", "x", "-", "ja", "misschien"],
    "active": ["", "x", "-"],
    "language": ["", "nl", "Engels", "de", "Elfs"],
}
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


@st.composite
def people(draw: st.DrawFn) -> dict[str, str]:
    number = draw(st.sampled_from([*NUMBERS, *NUMBERS, ""]))
    person = {name: draw(st.sampled_from([values[0], values[0], *values])) for name, values in MAYBE.items()}
    email = draw(st.sampled_from(["own", "own", "own", "other", "bad", ""]))
    owner = number if email == "own" else draw(st.sampled_from(NUMBERS))
    address = {"bad": "fout", "": ""}.get(email, f"p{owner}")
    return {"personnel_number": number, **person, "email": address}


def as_file(academy: Academy, rows: list[dict[str, str]]) -> bytes:
    return books.workbook(
        row | {"email": f"{row['email']}@{academy.id}.example"} if row["email"].startswith("p") else row for row in rows
    )


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(rows=st.lists(people(), min_size=1, max_size=30), deleted=st.sampled_from(["", *NUMBERS]))
def test_what_the_check_plans_is_what_the_start_does(acme: Academy, rows: list[dict[str, str]], deleted: str) -> None:
    """Example follows example in one academy, so that later files meet the people of earlier ones."""
    if deleted in {user["personnel_number"] for user in acme.users()}:
        acme.delete(deleted)
    data = as_file(acme, rows)
    checked = documented(acme.check(data))
    if checked["state"] == "refused":
        assert all(not any(row.values()) for row in rows)
        return
    done = documented(acme.start(checked["import_id"]))
    assert done["state"] == "completed"
    assert [_plan(result) for result in done["results"]] == [_plan(result) for result in checked["results"]]
    assert not any(result["drifted"] for result in done["results"])
    assert {name: done[name] for name in ("rows", "created", "updated", "unchanged", "rejected", "not_attempted")} == {
        name: checked[name] for name in ("rows", "created", "updated", "unchanged", "rejected", "not_attempted")
    }
    again = documented(acme.check(data))
    for before, after in zip(done["results"], again["results"], strict=True):
        if before["outcome"] != "rejected":
            assert (after["outcome"], after["changes"]) == ("unchanged", {}), (before, after)
            assert after["invitation"] != "queued"


def _plan(result: dict[str, Any]) -> dict[str, Any]:
    return {name: result[name] for name in PLAN}
