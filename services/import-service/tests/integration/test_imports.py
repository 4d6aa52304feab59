import random
from typing import Any

import pytest

from contracts.errors import Problem
from contracts.events.imports import ImportChecked, ImportCompleted

pytestmark = pytest.mark.usefixtures("tools")


async def test_an_import_goes_from_upload_to_completion_and_says_each_step_once(world: Any, tools: Any) -> None:
    import_id = await world.upload(tools.csv(3, "1;Dup;Licate;other@acme.example;Acme;Verkoop;;"))
    assert (await world.get(import_id))["state"] == "checking"
    await world.read()
    reading = await world.get(import_id)
    assert (reading["state"], reading["rows"], reading["done"], reading["rejected"]) == ("checking", 4, 0, 0)

    await world.through(import_id, tools.creates)
    checked = await world.get(import_id)
    assert (checked["state"], checked["created"], checked["rejected"], checked["invited"]) == ("checked", 3, 1, 3)
    assert await world.feed() == [], "nothing is written before the start"

    assert (await world.start(import_id)).status_code == 202
    await world.through(import_id, tools.creates)
    document = await world.document(import_id)
    assert (document["state"], document["created"], document["rejected"]) == ("completed", 3, 1)
    assert [(r["row"], r["outcome"], r["planned"], r["drifted"]) for r in document["results"]] == [
        (2, "created", "created", False),
        (3, "created", "created", False),
        (4, "created", "created", False),
        (5, "rejected", "rejected", False),
    ]
    ended = await world.get(import_id)
    assert (ended["done"], ended["plan"]["created"]) == (4, 3)
    assert await world.said() == ["ImportUploaded", "ImportChecked", "ImportStarted", "ImportCompleted"]


async def test_requests_carry_the_rows_reference_the_plan_and_only_what_the_file_says(world: Any, tools: Any) -> None:
    import_id = await world.checked(tools.csv(1), tools.answers("updated", changes={"infix": (None, "de")}))
    await world.start(import_id)
    [request] = await world.feed()
    assert request.topic == "user.requests.bulk"
    assert request.key == f"{world.academy}/1"
    assert (request.envelope.request_source, request.envelope.request_id) == (f"import/{import_id}", "2")
    assert tools.fields_of(request)["email"] == "p1@acme.example"
    assert "infix" not in tools.fields_of(request)


async def test_duplicates_and_shuffled_answers_are_counted_once(world: Any, tools: Any) -> None:
    chance = random.Random(7)
    import_id = await world.upload(tools.csv(1500))
    await world.read()
    checks = await world.feed()
    assert len(checks) == 1500
    await world.answer(chance.choices(checks, k=1000), tools.creates)
    twice = checks * 2
    chance.shuffle(twice)
    await world.answer(twice, tools.creates)
    assert (await world.get(import_id))["created"] == 1500
    await world.start(import_id)
    requests = await world.feed()
    twice = requests * 3
    chance.shuffle(twice)
    await world.answer(twice, tools.creates)
    document = await world.get(import_id)
    assert (document["state"], document["created"], document["done"]) == ("completed", 1500, 1500)
    await world.answer(requests, tools.creates)
    await world.answer(checks, tools.answers("rejected", errors=[]))
    assert (await world.get(import_id))["created"] == 1500
    assert await world.said() == ["ImportUploaded", "ImportChecked", "ImportStarted", "ImportCompleted"]


async def test_rows_planned_as_rejected_are_not_sent_and_keep_their_errors(world: Any, tools: Any) -> None:
    def decide(request: Any) -> Any:
        if request.envelope.request_id == "3":
            error = Problem(code="unknown_company", field="company", value="Acme", suggestion="Acme BV")
            return tools.answers("rejected", errors=[error])(request)
        return tools.creates(request)

    import_id = await world.checked(tools.csv(3), decide)
    await world.start(import_id)
    requests = await world.feed()
    assert sorted(r.envelope.request_id for r in requests) == ["2", "4"]
    await world.answer(requests, tools.creates)
    document = await world.document(import_id)
    assert (document["state"], document["created"], document["rejected"]) == ("completed", 2, 1)
    [error] = document["results"][1]["errors"]
    assert (error["code"], error["cell"], error["suggestion"]) == ("unknown_company", "E3", "Acme BV")


async def test_a_row_with_a_fault_of_its_own_is_checked_for_the_rest_and_rejected_whatever_the_verdict(
    world: Any, tools: Any
) -> None:
    import_id = await world.upload(tools.csv(1, "7;Jan;J;geen-adres;Akme;Verkoop;x;misschien", ";Zonder;Nummer;;;;;"))
    await world.read()
    checks = await world.feed()
    assert sorted(c.envelope.request_id for c in checks) == ["2", "3", "4"]
    assert next(c.key for c in checks if c.envelope.request_id == "4") == f"{world.academy}/", "nobody's number"

    def decide(request: Any) -> Any:
        if request.envelope.request_id == "2":
            return tools.creates(request)
        if request.envelope.request_id == "4":
            missing = [Problem(code="required", field=name) for name in ("personnel_number", "email")]
            return tools.answers("rejected", errors=missing)(request)
        errors = [
            Problem(code="unknown_company", field="company", value="Akme"),
            Problem(code="invalid_email", field="email"),
        ]
        return tools.answers("rejected", errors=errors)(request)

    await world.answer(checks, decide)
    document = await world.document(import_id)
    assert (document["state"], document["created"], document["rejected"], document["invited"]) == ("checked", 1, 2, 1)
    assert [[e["code"] for e in r["errors"]] for r in document["results"]] == [
        [],
        ["invalid_email", "unknown_company", "invalid_flag"],
        ["required", "required"],
    ]

    second = await world.upload(tools.csv(0, "8;Jan;J;geen-adres;Acme;Verkoop;x;x"))
    await world.read()
    await world.answer(await world.feed(), tools.creates)
    told = await world.document(second)
    assert (told["rejected"], told["created"], told["invited"]) == (1, 0, 0)
    assert (told["results"][0]["outcome"], told["results"][0]["invitation"]) == ("rejected", "none")


async def test_a_start_that_decides_otherwise_is_reported_as_drifted(world: Any, tools: Any) -> None:
    import_id = await world.checked(tools.csv(3))
    await world.start(import_id)
    one, two, three = await world.feed()
    await world.answer([one], tools.creates)
    await world.answer([two], tools.answers("unchanged"))
    await world.answer([three], tools.answers("rejected", errors=[Problem(code="email_in_use", field="email")]))
    document = await world.document(import_id)
    assert document["state"] == "completed"
    assert [(r["outcome"], r["drifted"]) for r in document["results"]] == [
        ("created", False),
        ("unchanged", True),
        ("rejected", True),
    ]
    notable = await world.get(import_id, "/document", notable=True)
    assert notable == document | {"results": document["results"][1:]}
    third = await world.checked(tools.csv(3))
    assert (await world.get(third, "/document", notable=True))["results"] == []


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"outcome": "updated", "changes": {"email": ("p2@acme.example", "p1@acme.example")}}, True),
        ({"outcome": "updated", "changes": {"first_name": ("Jan", "Piet")}}, False),
        ({"outcome": "unchanged"}, False),
        ({"outcome": "rejected", "changes": {"email": ("p2@acme.example", "p1@acme.example")}}, False),
    ],
    ids=["it changes the address", "it changes something else", "it changes nothing", "it is rejected"],
)
async def test_a_row_with_the_address_of_another_names_that_one_only_where_it_frees_the_address(
    world: Any, tools: Any, other: dict[str, Any], named: bool
) -> None:
    def decide(request: Any) -> Any:
        if request.envelope.request_id == "3":
            error = Problem(
                code="email_in_use",
                field="email",
                value="p2@acme.example",
                params={"who": "Jan Jansen (1)", "personnel_number": "1"},
            )
            return tools.answers("rejected", errors=[error])(request)
        return tools.answers(**other)(request)

    import_id = await world.checked(tools.csv(2), decide)
    [error] = (await world.document(import_id))["results"][1]["errors"]
    assert ("row 2" in error["message"]) == named


async def test_starting_twice_is_the_same_start(world: Any, tools: Any) -> None:
    import_id = await world.checked(tools.csv(2))
    assert (await world.start(import_id)).status_code == 202
    assert (await world.start(import_id)).json()["state"] == "running"
    await world.through(import_id, tools.creates)
    assert (await world.start(import_id)).json()["state"] == "completed"
    assert (await world.said()).count("ImportStarted") == 1
    assert await world.feed() == []


async def test_an_import_that_is_not_checked_cannot_be_started(world: Any, tools: Any) -> None:
    import_id = await world.upload(tools.csv(1))
    response = await world.start(import_id)
    assert (response.status_code, response.json()["code"]) == (409, "not_checked")


async def test_a_file_without_a_good_row_completes_at_its_start_and_sends_nothing(world: Any, tools: Any) -> None:
    rejected = tools.answers("rejected", errors=[Problem(code="required", field="personnel_number")])
    import_id = await world.checked(tools.csv(0, ";Zonder;Nummer;;;;;"), rejected)
    await world.start(import_id)
    assert (await world.get(import_id))["state"] == "completed"
    assert await world.feed() == []


async def test_a_higher_attempt_replaces_an_outcome_and_completes_the_import_again(world: Any, tools: Any) -> None:
    import_id = await world.checked(tools.csv(2))
    await world.start(import_id)
    one, two = await world.feed()
    await world.answer([one], tools.creates)
    lost = tools.answers("rejected", errors=[Problem(code="not_processed", params={"dead_letter": "d1"})])
    await world.answer([two], lost)
    assert (await world.get(import_id))["rejected"] == 1
    await world.answer([two], tools.creates, attempt=2)
    await world.answer([two], lost)
    document = await world.document(import_id)
    assert (document["created"], document["rejected"], document["invited"]) == (2, 0, 2)
    assert document["results"][1]["errors"] == []
    completed = [event for event in await world.events() if isinstance(event, ImportCompleted)]
    assert [(c.report_version, c.counts.rejected) for c in completed] == [(1, 1), (2, 0)]


async def test_the_same_outcome_told_again_on_purpose_completes_nothing_again(world: Any, tools: Any) -> None:
    import_id = await world.checked(tools.csv(2))
    await world.start(import_id)
    requests = await world.feed()
    await world.answer(requests, tools.creates)
    await world.answer(requests, tools.creates, attempt=2)
    assert (await world.said()).count("ImportCompleted") == 1
    assert (await world.get(import_id))["created"] == 2


async def test_a_higher_attempt_replaces_a_verdict_and_the_plan(world: Any, tools: Any) -> None:
    import_id = await world.upload(tools.csv(1))
    await world.read()
    checks = await world.feed()
    await world.answer(checks, tools.answers("rejected", errors=[Problem(code="not_processed")]))
    await world.answer(checks, tools.creates, attempt=2)
    checked = [event for event in await world.events() if isinstance(event, ImportChecked)]
    assert [(c.counts.created, c.counts.rejected) for c in checked] == [(0, 1), (1, 0)]
    await world.start(import_id)
    assert len(await world.feed()) == 1


async def test_answers_of_another_academy_or_to_rows_that_were_not_sent_change_nothing(world: Any, tools: Any) -> None:
    import_id = await world.upload(tools.csv(2, "1;Dup;Licate;x@acme.example;Acme;Verkoop;;"))
    await world.read()
    checks = await world.feed()
    forged = [world.record(check, tools.creates(check), academy="other") for check in checks]
    await world.one.verdicts.handle(forged)
    duplicate = world.record(checks[0], tools.creates(checks[0]))
    duplicate.envelope = type(duplicate.envelope)(
        id="x", type=duplicate.envelope.type, source="s", academy=world.academy,
        request_source=duplicate.envelope.request_source, request_id="4",
    )  # fmt: skip
    await world.one.verdicts.handle([duplicate])
    assert (await world.get(import_id))["done"] == 1


async def test_a_refused_file_says_why_in_the_readers_language(world: Any, tools: Any) -> None:
    import_id = await world.upload(b"", "people.xlsx")
    await world.read()
    document = await world.document(import_id)
    assert (document["state"], document["rows"], document["results"]) == ("refused", 0, [])
    assert [e["code"] for e in document["errors"]] == ["empty_file"]
    assert await world.said() == ["ImportUploaded", "ImportRefused"]


async def test_missing_columns_are_named_all_at_once(world: Any, tools: Any) -> None:
    import_id = await world.upload(b"Voornaam;Achternaam\nJan;Jansen\n")
    await world.read()
    [error] = (await world.get(import_id))["errors"]
    assert error["code"] == "missing_columns"
    assert "personnel_number" in error["columns"]


async def test_a_file_that_is_too_large_is_refused_while_it_comes_in(world: Any, tools: Any) -> None:
    async def body() -> Any:
        for _ in range(52):
            yield b"x" * 1024 * 1024

    response = await world.one.http.post(
        f"/academies/{world.academy}/imports", params={"filename": "big.csv"}, content=body()
    )
    import_id = response.json()["import_id"]
    document = await world.get(import_id)
    assert (document["state"], document["errors"][0]["code"]) == ("refused", "file_too_large")
    assert await world.said() == ["ImportUploaded", "ImportRefused"]


async def test_warnings_of_the_file_are_told(world: Any, tools: Any) -> None:
    data = b"Personeelsnummer;Voornaam;Schoenmaat\n1;Jan;43\n"
    import_id = await world.checked(data, tools.answers("unchanged"))
    warnings = (await world.get(import_id))["warnings"]
    assert {w["code"] for w in warnings} == {"only_updates", "ignored_column"}
    assert [w["column"] for w in warnings if w["code"] == "ignored_column"] == ["Schoenmaat"]
    assert all(w["message"] for w in warnings)
