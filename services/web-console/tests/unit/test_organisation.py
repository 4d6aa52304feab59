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
        },
        {"id": "c2", "name": "Zuid", "code": None, "former_names": [], "removed": False, "departments": []},
        {"id": "c3", "name": "Oost", "code": None, "former_names": [], "removed": True, "departments": []},
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
    for part in ("Noord &lt;b&gt;", "Winkel", "Kok", "Messen", "Verwijderd (2)", "Magazijn", "Engels", "standaardtaal"):
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
        ("/company/new", {"name": "West", "code": ""}, "define-company", {"name": "West"}),
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
        (
            "/company/c1",
            {"name": "Noord <b>", "code": ""},
            "define-company",
            {"name": "Noord <b>", "code": None, "was": "Noord <b>"},
        ),
        ("/department/d1/move", {"to": "c2"}, "move-department", {"department": "d1", "to": "c2"}),
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
    answer = await send(played, "/company/new", name="West", code="Z")
    assert answer.status_code == 422
    assert 'value="West"' in answer.text
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


async def test_moving_says_first_whom_and_what_it_affects_and_offers_the_other_companies(played: Played) -> None:
    answer = await see(played, "/department/d1/move")
    assert answer.status_code == 200
    assert "2 mensen hebben dit nu." in answer.text
    assert "Zij gaan mee" in answer.text
    assert '<option value="c2">Zuid</option>' in answer.text
    assert 'value="c1"' not in answer.text
    assert 'value="c3"' not in answer.text
    asked = next(each for each in played.asked if each.url.path == "/academies/demo/users")
    assert asked.url.params["department"] == "d1"
    assert 'href="/demo/organisation/department/d1/move"' in (await see(played, "/department/d1")).text


async def test_where_the_name_or_code_is_taken_a_department_does_not_go(played: Played) -> None:
    structure = copy.deepcopy(STRUCTURE)
    played.answers["GET org /academies/demo/structure"] = (200, structure)
    structure["companies"][0]["departments"][0]["code"] = "W"
    for name, code, said in (("winkel", None, "heeft al een afdeling"), ("Kas", "w", "heeft al dezelfde code")):
        there = {"id": "d3", "name": name, "code": code, "former_names": [], "removed": False}
        structure["companies"][1]["departments"] = [there]
        answer = await send(played, "/department/d1/move", to="c2")
        assert answer.status_code == 422
        assert said in answer.text
        assert 'aria-describedby="to-problem' in answer.text
    for to in ("", "c1", "c3", "nobody"):
        answer = await send(played, "/department/d1/move", to=to)
        assert answer.status_code == 422
        assert "Kies het bedrijf waar de afdeling naartoe gaat." in answer.text
    assert not [each for each in played.asked if each.url.path.endswith("/commands")]


async def test_a_move_that_org_service_refuses_is_told_at_the_company(played: Played) -> None:
    error = {"code": "duplicate_name", "message": "Taken.", "message_nl": "Bezet.", "path": "department.name"}
    played.answers["GET org /commands/k1"] = (200, done({"code": "refused", "errors": [error]}))
    answer = await send(played, "/department/d1/move", to="c2")
    assert answer.status_code == 422
    assert "Bezet." in answer.text
    assert '<option value="c2" selected>' in answer.text


async def test_with_one_company_there_is_nowhere_to_move(played: Played) -> None:
    structure = copy.deepcopy(STRUCTURE)
    structure["companies"] = structure["companies"][:1]
    played.answers["GET org /academies/demo/structure"] = (200, structure)
    answer = await see(played, "/department/d1/move")
    assert "Er is nog geen ander bedrijf." in answer.text
    assert "<select" not in answer.text


async def test_turning_a_language_off_says_first_whom_and_what_it_affects(played: Played) -> None:
    answer = await see(played, "/languages/en/off")
    assert answer.status_code == 200
    assert "<h1>Engels uitzetten</h1>" in answer.text
    assert "2 mensen hebben dit nu." in answer.text
    asked = next(each for each in played.asked if each.url.path == "/academies/demo/users")
    assert asked.url.params["language"] == "en"
    assert 'href="/demo/organisation/languages/en/off"' in (await see(played)).text
    for not_to_turn_off in ("nl", "fr", "x"):
        assert (await see(played, f"/languages/{not_to_turn_off}/off")).status_code == 404


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
    for path in (
        "/company/nobody",
        "/planet/c1",
        "/planet/new",
        "/company/x/remove",
        "/department/d2/move",
        "/company/c1/move",
    ):
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
