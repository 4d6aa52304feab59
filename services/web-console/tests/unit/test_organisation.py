"""Organisatiestructuur, in a browser over played services."""

import copy
from typing import Any

import httpx
import pytest

from web_console.testing import CSRF, ORIGIN, Played

STRUCTURE: dict[str, Any] = {
    "academy": {"id": "demo", "name": "Demo", "default_language": "nl", "languages": ["nl", "en"]},
    "revision": 3,
    "companies": [
        {
            "id": "c1",
            "name": "Noord <b>",
            "code": "N",
            "former_names": [],
            "removed": False,
            "departments": [
                {"id": "d1", "name": "Winkel", "code": None, "former_names": ["Zaak"], "removed": False},
                {"id": "d2", "name": "Magazijn", "code": None, "former_names": [], "removed": True},
            ],
        }
    ],
    "functions": [
        {
            "id": "f1",
            "name": "Kok",
            "code": "K",
            "former_names": [],
            "removed": False,
            "learning_activities": ["Messen"],
        }
    ],
}
HEADERS = {"Origin": ORIGIN}


@pytest.fixture
def played() -> Played:
    services = Played()
    services.answers |= {
        "GET org /academies/demo/structure": (200, copy.deepcopy(STRUCTURE)),
        "GET user /academies/demo/users": (200, {"users": [{}], "next": "x", "total": 2, "total_exact": True}),
        "POST org /academies/demo/commands": (202, {"command_id": "k1", "location": "/commands/k1"}),
        "GET org /commands/k1": (200, done({"code": "applied", "revision": 4, "changed": 1})),
        "GET org /academies/demo/terms": (200, {"version": 2, "texts": {"nl": "Wees aardig."}, "default": False}),
    }
    return services


def done(outcome: dict[str, Any]) -> dict[str, Any]:
    return {"id": "k1", "academy": "demo", "type": "t", "state": "done", "outcome": outcome}


async def send(played: Played, path: str, **fields: str) -> httpx.Response:
    async with played.browser(logged_in=True) as browser:
        return await browser.post(f"/demo/organisation{path}", data={"csrf": CSRF, **fields}, headers=HEADERS)


async def see(played: Played, path: str = "") -> httpx.Response:
    async with played.browser(logged_in=True) as browser:
        return await browser.get(f"/demo/organisation{path}")


async def test_the_tree_shows_companies_departments_functions_languages_and_what_was_removed(played: Played) -> None:
    answer = await see(played)
    assert answer.status_code == 200
    assert "<h1>Organisatiestructuur</h1>" in answer.text
    for part in ("Noord &lt;b&gt;", "Winkel", "Kok", "Messen", "Verwijderd (1)", "Magazijn", "Engels", "standaardtaal"):
        assert part in answer.text
    assert "<b>" not in answer.text


async def test_an_empty_structure_says_what_to_do_first(played: Played) -> None:
    played.answers["GET org /academies/demo/structure"] = (200, STRUCTURE | {"companies": [], "functions": []})
    assert "Voeg het eerste toe" in (await see(played)).text


@pytest.mark.parametrize("role", ["manager", "member"])
async def test_the_structure_is_closed_to_managers_and_members(role: str) -> None:
    assert (await see(Played(role))).status_code == 403


@pytest.mark.parametrize(
    ("path", "fields", "type_", "data"),
    [
        ("/company/new", {"name": "Zuid", "code": ""}, "define-company", {"name": "Zuid"}),
        (
            "/department/new",
            {"name": "Kas", "company": "c1"},
            "define-department",
            {"company": "c1", "name": "Kas"},
        ),
        (
            "/function/new",
            {"name": "Bakker", "learning_activities": "Deeg\r\n\r\nOven"},
            "define-function",
            {"name": "Bakker", "learning_activities": ["Deeg", "Oven"]},
        ),
        ("/department/d1", {"name": "Shop"}, "rename-unit", {"kind": "department", "unit": "d1", "name": "Shop"}),
        ("/company/c1/remove", {}, "remove-unit", {"kind": "company", "unit": "c1"}),
        ("/department/d2/restore", {}, "define-department", {"company": "c1", "name": "Magazijn"}),
        ("/languages", {"language": "de", "on": "1"}, "enable-language", {"language": "de"}),
        ("/languages", {"language": "en"}, "disable-language", {"language": "en"}),
        (
            "/academy",
            {"name": "D", "default_language": "en"},
            "define-academy",
            {"name": "D", "default_language": "en"},
        ),
        ("/terms", {"version": "2", "text-nl": "Nieuw"}, "define-terms", {"texts": {"nl": "Nieuw"}}),
    ],
)
async def test_each_form_gives_its_command(
    played: Played, path: str, fields: dict[str, str], type_: str, data: dict[str, Any]
) -> None:
    answer = await send(played, path, **fields)
    assert answer.status_code == 303
    given = played.body_of("POST org /academies/demo/commands")
    assert given == {"type": f"instroom.org.{type_}.v1", "data": data}


async def test_what_org_service_refuses_stands_at_its_field_with_what_was_filled_in(played: Played) -> None:
    error = {"code": "too_long", "message": "Too long.", "message_nl": "Te lang.", "path": "name"}
    played.answers["GET org /commands/k1"] = (200, done({"code": "refused", "errors": [error]}))
    answer = await send(played, "/company/new", name="Zuid", code="Z")
    assert answer.status_code == 422
    assert 'value="Zuid"' in answer.text
    assert 'aria-describedby="name-problem' in answer.text
    assert "Te lang." in answer.text


async def test_a_name_that_another_unit_has_is_never_sent(played: Played) -> None:
    answer = await send(played, "/function/new", name=" kok ", code="")
    assert answer.status_code == 422
    assert "Er is hier al een met de naam" in answer.text
    assert not [each for each in played.asked if each.url.path.endswith("/commands")]


async def test_removing_says_first_whom_and_what_it_affects(played: Played) -> None:
    answer = await see(played, "/company/c1/remove")
    assert "2 mensen hebben dit nu." in answer.text
    assert "De afdeling wordt mee verwijderd:" in answer.text
    assert "Winkel" in answer.text
    asked = next(each for each in played.asked if each.url.path == "/academies/demo/users")
    assert asked.url.params["company"] == "c1"


async def test_more_people_than_are_counted_are_told_as_more(played: Played) -> None:
    found = {"users": [{}], "next": "x", "total": 10000, "total_exact": False}
    played.answers["GET user /academies/demo/users"] = (200, found)
    assert "Meer dan 10000 mensen hebben dit nu." in (await see(played, "/function/f1")).text


async def test_a_department_of_a_removed_company_waits_for_its_company(played: Played) -> None:
    gone = copy.deepcopy(STRUCTURE)
    gone["companies"][0]["removed"] = True
    played.answers["GET org /academies/demo/structure"] = (200, gone)
    answer = await send(played, "/department/d2/restore")
    assert answer.status_code == 422
    assert "Zet eerst het bedrijf Noord &lt;b&gt; terug." in answer.text


async def test_a_unit_that_is_not_there_is_a_page_that_says_so(played: Played) -> None:
    for path in ("/company/nobody", "/planet/c1", "/planet/new", "/company/x/remove"):
        assert (await see(played, path)).status_code == 404


async def test_terms_show_their_version_and_an_outdated_form_is_not_saved(played: Played) -> None:
    page = await see(played, "/terms")
    assert "Versie 2" in page.text
    assert "Wees aardig." in page.text
    answer = await send(played, "/terms", version="1", **{"text-nl": "Anders"})
    assert answer.status_code == 422
    assert "nieuwere versie" in answer.text
    assert "Anders" in answer.text
    assert not [each for each in played.asked if each.url.path.endswith("/commands")]


async def test_terms_that_did_not_change_make_no_version(played: Played) -> None:
    answer = await send(played, "/terms", version="2", **{"text-nl": "Wees aardig."})
    assert answer.status_code == 303
    assert not [each for each in played.asked if each.url.path.endswith("/commands")]


async def test_terms_without_a_word_are_refused_at_the_first_language(played: Played) -> None:
    answer = await send(played, "/terms", version="2", **{"text-nl": " "})
    assert 'aria-describedby="text-nl-problem' in answer.text


async def test_a_form_without_its_token_changes_nothing(played: Played) -> None:
    async with played.browser(logged_in=True) as browser:
        answer = await browser.post("/demo/organisation/company/c1/remove", data={}, headers=HEADERS)
    assert answer.status_code == 403
    assert not [each for each in played.asked if each.url.path.endswith("/commands")]
