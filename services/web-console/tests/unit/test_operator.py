"""The operator's pages."""

from typing import Any

import pytest

from web_console.testing import CSRF, Played

ACADEMY = {"csrf": CSRF, "id": "new", "name": "New", "default_language": "nl", "languages": "en"}


def _playing() -> Played:
    played = Played("operator")
    played.answers |= {
        "POST user /operator/sessions": (200, {"session": "o" * 43, "expires_at": "2026-12-01T10:00:00Z"}),
        "GET org /academies": (200, {"academies": [{"id": "demo", "name": "<b>Demo</b>", "languages": ["nl"]}]}),
        "POST org /academies/new/commands": (202, {"command_id": "c1"}),
        "GET org /commands/c1": (200, {"state": "done", "outcome": {"errors": []}}),
    }
    return played


async def test_an_operator_logs_in_makes_an_academy_and_its_first_administrator() -> None:
    played = _playing()
    played.answers["POST user /academies/new/administrators"] = (201, {})
    person = {"personnel_number": "1", "first_name": "Ada", "last_name": "Vries", "email": "a@example.org"}
    async with played.browser() as browser:
        answer = await browser.post("/-/operator", data={"csrf": CSRF, "token": "op"})
        assert answer.headers["location"] == "/-/operator/academies"
    async with played.browser() as browser:
        browser.cookies.set("instroom-operator", "o" * 43)
        assert "&lt;b&gt;Demo" in (await browser.get("/-/operator/academies")).text
        made = await browser.post("/-/operator/academies", data=ACADEMY)
        assert made.headers["location"] == "/-/operator/academies/new/administrators"
        assert (await browser.get(made.headers["location"])).status_code == 200
        added = await browser.post(made.headers["location"], data=person | {"csrf": CSRF, "password": ""})
        assert added.headers["location"] == "/-/operator/academies"
    assert played.body_of("POST org")["data"] == {"name": "New", "default_language": "nl", "languages": ["nl", "en"]}
    assert played.body_of("POST user /academies/new/administrators") == person


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
        (404, {"code": "unknown_academy"}, "Deze academy bestaat niet."),
        (409, {"code": "new_code"}, "as the service says it"),
    ],
)
async def test_why_somebody_is_not_made_administrator_is_told_in_dutch(
    status: int, problem: dict[str, Any], told: str
) -> None:
    played = _playing()
    played.answers["POST user /academies/new/administrators"] = (status, {"detail": "as the service says it"} | problem)
    async with played.browser() as browser:
        browser.cookies.set("instroom-operator", "o" * 43)
        answer = await browser.post("/-/operator/academies/new/administrators", data={"csrf": CSRF, "password": "x"})
    assert answer.status_code == 422
    assert told in answer.text
