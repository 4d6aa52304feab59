"""Users in the browser: the list, the form, one person, and who sees what of it."""

import re
from html import unescape
from typing import Any

import httpx
import pytest

from web_console.testing import CSRF, Played

PEOPLE = "/academies/demo/users"
STRUCTURE = {
    "academy": {"id": "demo", "name": "Demo Academy", "languages": ["nl", "en"]},
    "revision": 3,
    "companies": [
        {
            "id": "c1",
            "name": "Hubper",
            "removed": False,
            "departments": [{"id": "d1", "name": "Verkoop", "removed": False}],
        },
        {
            "id": "c2",
            "name": "Zorg",
            "removed": False,
            "departments": [{"id": "d2", "name": "Nacht", "removed": False}],
        },
    ],
    "functions": [{"id": "f1", "name": "Adviseur", "removed": False, "learning_activities": ["Welkom"]}],
}
ANNA: dict[str, Any] = {
    "personnel_number": "a/1",
    "first_name": "Anna",
    "infix": "de",
    "last_name": "<b>Boer</b>",
    "email": "anna@example.com",
    "company": "Hubper",
    "company_id": "c1",
    "department": "Verkoop",
    "department_id": "d1",
    "functions": ["Adviseur"],
    "function_ids": ["f1"],
    "cost_centre": "77",
    "active": True,
    "language": "nl",
    "manager": False,
    "administrator": False,
    "terms_accepted": False,
    "deleted": False,
    "invitation": "already_invited",
    "invitation_expires_at": "2026-12-01T10:00:00Z",
    "learning_activities": ["Welkom"],
    "version": 2,
}
FORM = {
    "csrf": CSRF,
    "key": "one-and-the-same",
    "personnel_number": "9",
    "first_name": "Bo",
    "last_name": "Kok",
    "email": "bo@example.com",
    "company": "c1",
    "department": "d1",
    "functions": "f1",
    "active": "1",
    "invite": "1",
}


def played(role: str = "administrator", **outcome: Any) -> Played:
    console = Played(role)
    done = {"code": "created", "errors": [], "user": ANNA} | outcome
    accepted = (202, {"command_id": "k1", "location": "/commands/k1"})
    console.answers |= {
        "GET org /academies/demo/structure": (200, STRUCTURE),
        f"GET user {PEOPLE}": (200, {"users": [ANNA], "next": "cursor=1"}),
        f"GET user {PEOPLE}/a%2F1": (200, ANNA),
        "GET user /commands/k1": (200, {"state": "done", "outcome": done}),
        f"POST user {PEOPLE}": accepted,
        f"PATCH user {PEOPLE}/a%2F1": accepted,
        f"DELETE user {PEOPLE}/a%2F1": accepted,
    }
    for action in ("activate", "deactivate", "resend-invitation", "withdraw-invitation", "grant-administrator"):
        console.answers[f"POST user {PEOPLE}/a%2F1/{action}"] = accepted
    return console


async def get(console: Played, url: str) -> httpx.Response:
    async with console.browser(logged_in=True) as browser:
        return await browser.get(url)


async def post(console: Played, url: str, form: dict[str, Any]) -> httpx.Response:
    async with console.browser(logged_in=True) as browser:
        return await browser.post(url, data=form)


def asked(console: Played, method: str, path: str) -> list[httpx.Request]:
    return [each for each in console.asked if each.method == method and each.url.path == path]


async def test_the_list_has_its_actions_by_name_and_escapes_what_people_are_called() -> None:
    answer = await get(played(), "/demo/users?search=an&company=c1&status=active")
    assert answer.status_code == 200
    assert 'aria-label="Gebruiker toevoegen" title="Gebruiker toevoegen"' in answer.text
    assert 'aria-label="Importeren"' in answer.text
    assert "&lt;b&gt;Boer&lt;/b&gt;" in answer.text
    assert "<b>Boer" not in answer.text
    assert "/demo/users/p/a%2F1" in answer.text
    assert "after=cursor%3D1" in answer.text


async def test_filters_and_the_cursor_go_to_the_service() -> None:
    console = played()
    await get(console, "/demo/users?search=an&company=c1&invitation=expired&after=x")
    (request,) = asked(console, "GET", PEOPLE)
    expected = {"search": "an", "company": "c1", "invitation": "expired", "limit": "50", "after": "x"}
    assert dict(request.url.params) == expected


async def test_the_first_page_tells_how_many_people_there_are() -> None:
    console = played()
    for total, exact, told in ((1, True, "1 gebruiker<"), (98, True, "98 gebruikers"), (7, False, "Meer dan 7 gebr")):
        page = {"users": [ANNA], "next": "x", "total": total, "total_exact": exact}
        console.answers[f"GET user {PEOPLE}"] = (200, page)
        assert told in (await get(console, "/demo/users")).text
    console.answers[f"GET user {PEOPLE}"] = (200, {"users": [ANNA], "next": None})
    assert "1 gebruiker op deze pagina" in (await get(console, "/demo/users?after=x")).text


async def test_without_a_company_the_list_says_what_to_do_first() -> None:
    console = played()
    console.answers["GET org /academies/demo/structure"] = (200, STRUCTURE | {"companies": []})
    answer = await get(console, "/demo/users")
    assert "Richt eerst je organisatiestructuur in" in answer.text
    assert 'href="/demo/organisation"' in answer.text


async def test_the_form_is_laid_out_as_the_article_says() -> None:
    text = (await get(played(), "/demo/users/new")).text
    told = ["Persoonsgegevens", "Organisatiegegevens", "Kostenplaats", "Actief", "Manager", "Uitnodiging versturen"]
    places = [text.index(each) for each in told]
    assert places == sorted(places)
    assert "Akkoord gebruikersvoorwaarden" not in text
    for name in re.findall(r'<(?:input|select)[^>]* id="(\w+)"', text):
        assert f'<label for="{name}">' in text


async def test_departments_follow_the_company_without_a_script_too() -> None:
    fragment = (await get(played(), "/demo/users/departments?company=c2")).text
    assert "Nacht" in fragment
    assert "Verkoop" not in fragment
    console = played()
    whole = await post(console, "/demo/users/new", FORM | {"company": "c2", "reload": "1"})
    assert "Nacht" in whole.text
    assert 'value="bo@example.com"' in whole.text
    assert not asked(console, "POST", PEOPLE)


async def test_a_user_is_added_by_one_command_under_the_key_of_the_form() -> None:
    console = played()
    answer = await post(console, "/demo/users/new", FORM)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/demo/users/p/9"
    await post(console, "/demo/users/new", FORM)
    keys = [each.headers["idempotency-key"] for each in asked(console, "POST", PEOPLE)]
    assert keys == ["one-and-the-same"] * 2
    body = console.body_of(f"POST user {PEOPLE}")
    assert body["functions"] == ["f1"]
    assert body["invite"] is True
    assert "terms_accepted" not in body


async def test_errors_stand_at_their_fields_and_a_conflict_links_to_the_person() -> None:
    problems = [
        {"code": "invalid_email", "field": "email", "value": "<i>", "suggestion": "bo@example.com"},
        {"code": "personnel_number_conflict", "field": "personnel_number", "params": {"personnel_number": "a/1"}},
    ]
    answer = await post(played(code="rejected", errors=problems), "/demo/users/new", FORM)
    assert answer.status_code == 422
    assert 'href="/demo/users/p/a%2F1"' in answer.text
    assert 'aria-describedby="email-help"' in answer.text
    assert "bo@example.com" in unescape(answer.text).partition('id="email-help"')[2][:300]
    assert "<i>" not in answer.text
    assert 'value="Kok"' in answer.text


async def test_a_deleted_number_is_restored_only_after_the_form_said_so() -> None:
    console = played()
    console.answers[f"GET user {PEOPLE}/9"] = (200, ANNA | {"personnel_number": "9", "deleted": True})
    first = await post(console, "/demo/users/new", FORM)
    assert "Akkoord gebruikersvoorwaarden" in first.text
    assert "Kruis dit nooit aan" in first.text
    assert not asked(console, "POST", PEOPLE)
    await post(console, "/demo/users/new", FORM | {"restoring": "1", "terms_accepted": "1"})
    assert console.body_of(f"POST user {PEOPLE}")["terms_accepted"] is True


async def test_only_what_was_touched_is_changed() -> None:
    console = played()
    form = FORM | {"first_name": "Anne", "infix": "de", "last_name": ANNA["last_name"], "email": ANNA["email"]}
    form |= {"cost_centre": "", "language": "nl"}
    form.pop("invite")
    answer = await post(console, "/demo/users/p/a%2F1", form)
    assert answer.headers["location"] == "/demo/users/p/a%2F1"
    assert console.body_of(f"PATCH user {PEOPLE}/a/1") == {"first_name": "Anne", "cost_centre": None}


async def test_the_form_of_two_departments_of_one_name_shows_the_persons_own() -> None:
    console = played()
    companies = [
        {"id": "old", "name": "Hubper", "removed": False, "departments": []},
        {
            "id": "c1",
            "name": "Hubper",
            "removed": False,
            "departments": [
                {"id": "d0", "name": "Verkoop", "removed": False},
                {"id": "d1", "name": "Verkoop", "removed": False},
            ],
        },
    ]
    console.answers["GET org /academies/demo/structure"] = (200, STRUCTURE | {"companies": companies})
    text = (await get(console, "/demo/users/p/a%2F1")).text
    assert '<option value="c1" selected>' in text
    assert '<option value="d1" selected>' in text


@pytest.mark.parametrize("role", ["administrator", "manager"])
async def test_the_history_says_who_changed_what(role: str) -> None:
    console = played(role)
    change = {"at": "2026-11-01T10:00:00Z", "actor": "user:1", "actor_name": "<u>Ada", "changes": {"email": ["a", "b"]}}
    change["changes"] |= {"administrator": [False, True], "functions": [[], ["Adviseur"]]}
    change |= {"type": "updated", "restored": False, "version": 2, "invitation": "queued"}
    console.answers[f"GET user {PEOPLE}/a%2F1/history"] = (200, {"history": [change]})
    text = (await get(console, "/demo/users/p/a%2F1")).text
    assert "&lt;u&gt;Ada" in text
    assert "a → b" in text
    assert "Beheerder: Nee → Ja" in text
    assert "– → Adviseur" in text
    assert "Welkom" in text


async def test_deleting_asks_first() -> None:
    console = played()
    question = await get(console, "/demo/users/p/a%2F1?ask=delete")
    assert "Verwijderen" in question.text
    assert not asked(console, "DELETE", f"{PEOPLE}/a/1")
    await post(console, "/demo/users/p/a%2F1", {"csrf": CSRF, "key": "k", "action": "delete"})
    assert asked(console, "DELETE", f"{PEOPLE}/a/1")


async def test_the_last_administrator_is_refused_in_words() -> None:
    console = played(code="rejected", errors=[{"code": "last_administrator"}])
    answer = await post(console, "/demo/users/p/a%2F1", {"csrf": CSRF, "key": "k", "action": "deactivate"})
    assert "Dit is de laatste actieve beheerder" in answer.text


async def test_a_manager_sees_people_and_may_only_invite_again_and_withdraw() -> None:
    console = played("manager")
    text = (await get(console, "/demo/users")).text
    assert "Gebruiker toevoegen" not in text
    assert not asked(console, "GET", "/academies/demo/structure")
    detail = (await get(console, "/demo/users/p/a%2F1")).text
    assert 'value="resend-invitation"' in detail
    assert 'value="withdraw-invitation"' in detail
    assert 'value="deactivate"' not in detail
    assert 'name="first_name"' not in detail
    refused = await post(console, "/demo/users/p/a%2F1", {"csrf": CSRF, "action": "deactivate"})
    assert refused.status_code == 403
    taken = await post(console, "/demo/users/p/a%2F1", {"csrf": CSRF, "action": "resend-invitation"})
    assert taken.status_code == 303


@pytest.mark.parametrize("url", ["/demo/users", "/demo/users/new", "/demo/users/p/a%2F1"])
async def test_a_member_is_refused(url: str) -> None:
    assert (await get(played("member"), url)).status_code == 403


async def test_a_form_without_its_token_changes_nothing() -> None:
    console = played()
    assert (await post(console, "/demo/users/new", FORM | {"csrf": "x"})).status_code == 403
    assert not asked(console, "POST", PEOPLE)


async def test_a_department_of_another_company_is_no_filter_any_more() -> None:
    console = played()
    await get(console, "/demo/users?company=c2&department=d1&status=nonsense")
    (request,) = asked(console, "GET", PEOPLE)
    assert dict(request.url.params) == {"company": "c2", "limit": "50", "count": "true"}
