"""The service over HTTP."""

from typing import Any

FILE = {
    "academy": {"name": "Demo Academy", "default_language": "nl", "languages": ["nl", "en"]},
    "companies": [{"name": "Acme BV", "code": "ACME", "departments": [{"name": "Verkoop"}]}],
    "functions": [{"name": "Adviseur", "learning_activities": ["Privacy basis"]}],
}


async def test_a_posted_structure_is_followed_to_its_outcome(service: Any) -> None:
    answer = await service.http.post(f"/academies/{service.academy}/structure", json=FILE)
    assert answer.status_code == 202
    location = answer.headers["Location"]
    assert answer.json() == {"command_id": location.removeprefix("/commands/"), "location": location}
    assert (await service.http.get(location)).json()["state"] == "pending"

    await service.consume_submitted()
    command = (await service.http.get(location, params={"wait": 5})).json()
    assert (command["state"], command["outcome"]) == ("done", {"code": "applied", "revision": 1, "changed": True})

    document = await service.structure()
    (company,), (function,) = document["companies"], document["functions"]
    assert document["academy"] == {"id": service.academy} | FILE["academy"]
    assert (company["name"], company["code"], company["removed"]) == ("Acme BV", "ACME", False)
    assert [each["name"] for each in company["departments"]] == ["Verkoop"]
    assert (function["name"], function["learning_activities"]) == ("Adviseur", ["Privacy basis"])


async def test_any_command_can_be_posted_by_its_type(service: Any) -> None:
    await service.http.post(f"/academies/{service.academy}/structure", json=FILE)
    await service.consume_submitted()
    rename = {"kind": "department", "unit": "Verkoop", "name": "Sales"}
    answer = await service.http.post(
        f"/academies/{service.academy}/commands", json={"type": "instroom.org.rename-unit.v1", "data": rename}
    )
    await service.consume_submitted()
    outcome = (await service.http.get(answer.json()["location"])).json()["outcome"]
    assert outcome == {"code": "applied", "revision": 2, "changed": True}
    (company,) = (await service.structure())["companies"]
    assert company["departments"][0]["former_names"] == ["Verkoop"]


async def test_a_code_of_null_over_http_takes_the_code_off(service: Any) -> None:
    for body in (FILE, {"companies": [{"name": "Acme BV"}]}, {"companies": [{"name": "Acme BV", "code": None}]}):
        before = (await service.structure()).get("companies", [{"code": "ACME"}])
        assert before[0]["code"] == "ACME"
        await service.http.post(f"/academies/{service.academy}/structure", json=body)
        await service.consume_submitted()
    assert (await service.structure())["companies"][0]["code"] is None


async def test_a_refused_command_tells_why(service: Any) -> None:
    answer = await service.http.post(
        f"/academies/{service.academy}/structure", json=FILE | {"companies": [{"name": "A"}, {"name": "a"}]}
    )
    await service.consume_submitted()
    outcome = (await service.http.get(answer.json()["location"])).json()["outcome"]
    assert outcome["code"] == "refused"
    assert outcome["errors"][0]["code"] == "duplicate_name"
    assert outcome["errors"][0]["path"] == "companies[1].name"


async def test_the_same_idempotency_key_is_the_same_command(service: Any) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await service.http.post(f"/academies/{service.academy}/structure", json=FILE, headers=headers)
    second = await service.http.post(f"/academies/{service.academy}/structure", json=FILE, headers=headers)
    assert first.json() == second.json()
    assert len(await service.events("org.commands")) == 1


async def test_an_unknown_academy_is_404_to_queries_and_to_all_but_defining_commands(service: Any) -> None:
    answers = [
        await service.http.get(f"/academies/{service.academy}/structure"),
        await service.http.get("/academies/Not%00Valid/structure"),
        await service.http.post(
            f"/academies/{service.academy}/commands", json={"type": "instroom.org.republish-structure.v1"}
        ),
    ]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [(404, "unknown_academy")] * 3


async def test_an_invalid_academy_id_is_refused_at_once(service: Any) -> None:
    for academy in ("Demo", "a--b", "x" * 41, "a%00b"):
        answer = await service.http.post(f"/academies/{academy}/structure", json=FILE)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_academy_id")
    assert await service.events("org.commands") == []


async def test_what_does_not_parse_is_refused_with_its_place(service: Any) -> None:
    wrong = await service.http.post(f"/academies/{service.academy}/structure", json={"companies": [{"code": "A"}]})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "body.companies.0.name")
    unknown = await service.http.post(f"/academies/{service.academy}/commands", json={"type": "instroom.org.x.v1"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_command")
    data = {"type": "instroom.org.define-academy.v1", "data": {"name": 7}}
    invalid = await service.http.post(f"/academies/{service.academy}/commands", json=data)
    assert (invalid.status_code, invalid.json()["errors"][0]["path"]) == (422, "name")


async def test_a_command_that_no_event_can_carry_is_413(service: Any) -> None:
    companies = [{"name": "x" * 150 + str(n)} for n in range(7_000)]
    answer = await service.http.post(f"/academies/{service.academy}/structure", json=FILE | {"companies": companies})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_academies_are_listed_with_their_revisions(service: Any) -> None:
    await service.http.post(f"/academies/{service.academy}/structure", json=FILE)
    await service.consume_submitted()
    assert (await service.http.get("/academies")).json() == {
        "academies": [{"id": service.academy} | FILE["academy"] | {"revision": 1}]
    }
