from typing import Any

import pytest

from contracts.errors import Problem

KINDS = ("created", "updated", "unchanged", "rejected", "drifted", "waiting")


def decides(tools: Any, outcomes: dict[str, str], **more: Any) -> Any:
    """Rows get the outcome that their row number has, and are created otherwise."""

    def decide(request: Any) -> Any:
        outcome = outcomes.get(request.envelope.request_id, "created")
        if outcome == "rejected":
            errors = [Problem(code="unknown_company", field="company")]
            return tools.answers("rejected", errors=errors)(request)
        if outcome == "waiting":
            checks = request.envelope.type.startswith("instroom.user.check")
            return tools.answers("created", invitation="waiting" if checks else {"status": "waiting"})(request)
        if outcome == "updated":
            return tools.answers("updated", changes=more.get("changes", {"first_name": ["Jan", "Piet"]}))(request)
        return tools.creates(request) if outcome == "created" else tools.answers(outcome)(request)

    return decide


async def kinds(world: Any, import_id: str) -> dict[str, list[int]]:
    """The rows of each kind; each is the one that the whole document shows."""
    whole = {one["row"]: one for one in (await world.document(import_id))["results"]}
    rows = {}
    for kind in KINDS:
        told = await page(world, import_id, outcome=kind)
        assert all(one == whole[one["row"]] for one in told["results"])
        rows[kind] = [one["row"] for one in told["results"]]
        expected = [
            row
            for row, one in whole.items()
            if (one["drifted"] if kind == "drifted" else kind in (one["outcome"], one["invitation"]))
        ]
        assert rows[kind] == expected, kind
    return rows


async def page(world: Any, import_id: str, **params: Any) -> Any:
    response = await world.one.http.get(
        f"/academies/{world.academy}/imports/{import_id}/results", params=params, headers={"Accept-Language": "en"}
    )
    assert response.status_code == 200, response.text
    return response.json()


async def test_the_rows_of_each_outcome_are_those_of_the_document_in_the_check_and_after_the_start(
    world: Any, tools: Any
) -> None:
    outcomes = {"3": "updated", "4": "unchanged", "5": "rejected", "6": "waiting", "7": "updated"}
    file = tools.csv(7, "9;Jan;J;geen-adres;Acme;Verkoop;x;x")  # row 9 has a fault of its own
    import_id = await world.checked(file, decides(tools, outcomes))
    assert await kinds(world, import_id) == {
        "created": [2, 6, 8],
        "updated": [3, 7],
        "unchanged": [4],
        "rejected": [5, 9],
        "drifted": [],
        "waiting": [6],
    }
    await world.start(import_id)
    changed = outcomes | {"4": "rejected", "2": "unchanged"}
    requests = await world.feed()
    await world.answer([r for r in requests if r.envelope.request_id != "7"], decides(tools, changed))
    other = {"first_name": ["Jan", "Klaas"]}
    await world.answer([r for r in requests if r.envelope.request_id == "7"], decides(tools, changed, changes=other))
    assert await kinds(world, import_id) == {
        "created": [6, 8],
        "updated": [3, 7],
        "unchanged": [2],
        "rejected": [4, 5, 9],
        "drifted": [2, 4, 7],
        "waiting": [6],
    }


async def test_results_come_in_pages_that_go_on_after_a_row(world: Any, tools: Any) -> None:
    import_id = await world.checked(tools.csv(5), decides(tools, {"3": "rejected", "5": "rejected"}))
    first = await page(world, import_id, limit=3)
    assert ([one["row"] for one in first["results"]], first["next"]) == ([2, 3, 4], 4)
    second = await page(world, import_id, limit=3, after=4)
    assert ([one["row"] for one in second["results"]], second["next"]) == ([5, 6], None)
    rejected = await page(world, import_id, outcome="rejected", limit=1)
    assert ([one["row"] for one in rejected["results"]], rejected["next"]) == ([3], 3)
    assert [one["row"] for one in (await page(world, import_id, outcome="rejected", after=3))["results"]] == [5]


async def test_a_file_that_is_not_read_or_refused_has_no_results(world: Any, tools: Any) -> None:
    import_id = await world.upload(b"")
    assert await page(world, import_id) == {"results": [], "next": None}
    await world.read()
    assert await page(world, import_id, outcome="rejected") == {"results": [], "next": None}


@pytest.mark.parametrize("wrong", [{"outcome": "odd"}, {"after": -1}, {"after": 2**31}, {"limit": 0}, {"limit": 501}])
async def test_a_page_that_cannot_be_is_refused(world: Any, tools: Any, wrong: dict[str, Any]) -> None:
    import_id = await world.upload(b"x")
    path = f"/academies/{world.academy}/imports/{import_id}/results"
    assert (await world.one.http.get(path, params=wrong)).status_code == 422
