"""The operator's pages."""

from typing import Any

import httpx
import pytest

from web_console.testing import CSRF, Played

DEMO = {"id": "demo", "name": "<b>Demo</b>", "languages": ["nl"], "revision": 3}
MADE = {"id": "new", "name": "New", "languages": ["nl", "en"], "revision": 7}
PERSON = {"personnel_number": "1", "first_name": "Ada", "last_name": "Vries", "email": "a@example.org"}
ACADEMY = {"csrf": CSRF, "id": "new", "name": "New", "default_language": "nl", "languages": "en"}


def _playing() -> Played:
    played = Played("operator")
    played.answers |= {
        "POST user /operator/sessions": (200, {"session": "o" * 43, "expires_at": "2026-12-01T10:00:00Z"}),
        "GET org /academies": (200, {"academies": [DEMO]}),
        "POST org /academies/new/commands": (202, {"command_id": "c1"}),
        "GET org /commands/c1": (200, {"state": "done", "outcome": {"errors": []}}),
    }
    return played


async def test_an_operator_logs_in_makes_an_academy_and_its_first_administrator() -> None:
    played = _playing()
    played.answers["POST user /academies/new/administrators"] = (201, {})
    async with played.browser() as browser:
        answer = await browser.post("/-/operator", data={"csrf": CSRF, "token": "op"})
        assert answer.headers["location"] == "/-/operator/academies"
    async with played.browser() as browser:
        browser.cookies.set("instroom-operator", "o" * 43)
        assert "&lt;b&gt;Demo" in (await browser.get("/-/operator/academies")).text
        made = await browser.post("/-/operator/academies", data=ACADEMY)
        assert made.headers["location"] == "/-/operator/academies/new/administrators"
        played.answers["GET org /academies"] = (200, {"academies": [DEMO, MADE]})
        assert (await browser.get(made.headers["location"])).status_code == 200
        added = await browser.post(made.headers["location"], data=PERSON | {"csrf": CSRF, "password": ""})
        assert added.headers["location"] == "/-/operator/academies"
    assert played.body_of("POST org")["data"] == {"name": "New", "default_language": "nl", "languages": ["nl", "en"]}
    assert played.body_of("POST user /academies/new/administrators") == PERSON


async def _add(played: Played, academy: str) -> httpx.Response:
    played.answers["GET org /academies"] = (200, {"academies": [DEMO, MADE]})
    async with played.browser() as browser:
        browser.cookies.set("instroom-operator", "o" * 43)
        return await browser.post(f"/-/operator/academies/{academy}/administrators", data=PERSON | {"csrf": CSRF})


async def test_an_administrator_is_asked_of_a_user_service_that_has_heard_of_the_academy() -> None:
    played = _playing()
    played.answers["POST user /academies/new/administrators"] = (201, {})
    assert (await _add(played, "new")).status_code == 303
    (asked,) = [each for each in played.asked if each.url.path.endswith("/administrators")]
    assert asked.url.params["min_org_revision"] == "7"


async def test_a_user_service_that_does_not_hear_of_the_academy_in_time_is_told_of() -> None:
    played = _playing()
    played.answers["POST user /academies/new/administrators"] = (404, {"code": "unknown_academy", "detail": "none"})
    answer = await _add(played, "new")
    assert answer.status_code == 422
    assert "De academy wordt nog gemaakt" in answer.text
    assert len([each for each in played.asked if each.url.path.endswith("/administrators")]) == 1


async def test_an_academy_that_was_never_made_has_no_page() -> None:
    played = _playing()
    assert (await _add(played, "never")).status_code == 404


async def test_an_academy_that_exists_is_not_overwritten() -> None:
    played = _playing()
    async with played.browser() as browser:
        browser.cookies.set("instroom-operator", "o" * 43)
        answer = await browser.post("/-/operator/academies", data=ACADEMY | {"id": "demo"})
    assert answer.status_code == 422
    assert "Er is al een academy met deze id." in answer.text


async def test_a_person_of_an_academy_is_no_operator() -> None:
    played = Played("administrator")
    async with played.browser(logged_in=True) as browser:
        assert (await browser.get("/-/operator/academies")).headers["location"] == "/-/operator"


@pytest.mark.parametrize(
    ("status", "problem", "told"),
    [
        (409, {"code": "email_in_use"}, "Iemand van de academy heeft dit e-mailadres al."),
        (422, {"code": "invalid_email"}, "Dit is geen e-mailadres."),
        (422, {"code": "weak_password"}, "Kies een wachtwoord van 12 tot 200 tekens"),
        (
            422,
            {"code": "invalid_request", "errors": [{"path": "body.first_name"}]},
            "Vul dit in, juist en niet te lang.",
        ),
        (409, {"code": "new_code"}, "as the service says it"),
    ],
)
async def test_why_somebody_is_not_made_administrator_is_told_in_dutch(
    status: int, problem: dict[str, Any], told: str
) -> None:
    played = _playing()
    played.answers["POST user /academies/new/administrators"] = (status, {"detail": "as the service says it"} | problem)
    answer = await _add(played, "new")
    assert answer.status_code == 422
    assert told in answer.text
