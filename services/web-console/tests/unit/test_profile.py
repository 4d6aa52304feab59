"""The own profile, and who may see which page."""

from web_console.testing import CALLER, CSRF, Played

PERSON = {"email": "ada@example.org", "company": "Acme <b>", "department": "R&D"}
SESSIONS = [{"id": "s1", "created_at": "2026-11-01T10:00:00Z", "last_used_at": None, "user_agent": "<i>Firefox</i>"}]


def _playing(role: str = "administrator") -> Played:
    played = Played(role)
    played.answers |= {
        "GET user /academies/demo/users/007": (200, PERSON),
        "GET user /academies/demo/profile/sessions": (200, {"sessions": SESSIONS}),
        "GET user /academies/demo/api-tokens": (200, {"api_tokens": []}),
    }
    return played


async def test_a_member_sees_the_own_data_as_text_and_no_menu_of_administrators() -> None:
    async with _playing("member").browser(logged_in=True) as browser:
        answer = await browser.get("/demo/profile")
    assert answer.status_code == 200
    assert "Acme &lt;b&gt;" in answer.text
    assert "&lt;i&gt;Firefox" in answer.text
    assert "API-tokens" not in answer.text
    assert "Gebruikers</a>" not in answer.text


async def test_a_member_cannot_make_a_token() -> None:
    played = _playing("member")
    async with played.browser(logged_in=True) as browser:
        answer = await browser.post("/demo/profile/tokens", data={"csrf": CSRF, "name": "x"})
    assert answer.status_code == 403
    assert "Je mag deze pagina niet zien" in answer.text
    assert not [each for each in played.asked if "api-tokens" in each.url.path]


async def test_without_a_session_or_with_that_of_another_academy_the_way_is_to_the_log_in() -> None:
    played = _playing()
    played.answers["GET user /academies/other/welcome"] = (
        200,
        {"id": "other", "name": "Other", "default_language": "nl", "languages": ["nl"]},
    )
    async with played.browser() as browser:
        assert (await browser.get("/demo/profile")).headers["location"] == "/demo/"
    async with played.browser(logged_in=True) as browser:
        assert (await browser.get("/other/profile")).headers["location"] == "/other/"
        played.answers["POST user /access-tokens"] = (401, {"code": "unauthenticated", "detail": "ended"})
        assert (await browser.get("/demo/profile")).headers["location"] == "/demo/"
        enhanced = await browser.get("/demo/profile", headers={"HX-Request": "true"})
        assert (enhanced.status_code, enhanced.headers["hx-redirect"]) == (204, "/demo/")


async def test_a_new_password_needs_the_current_one() -> None:
    played = _playing()
    path = "PUT user /academies/demo/profile/password"
    form = {"csrf": CSRF, "current": "old", "new": "a long new one", "again": "a long new one"}
    async with played.browser(logged_in=True) as browser:
        played.answers[path] = (401, {"code": "wrong_credentials", "detail": "no"})
        wrong = await browser.post("/demo/profile/password", data=form)
        assert wrong.status_code == 422
        assert 'aria-invalid="true"' in wrong.text
        assert "Dit is niet je huidige wachtwoord." in wrong.text
        played.answers[path] = (422, {"code": "weak_password", "detail": "no"})
        assert "van 12 tot 200 tekens" in (await browser.post("/demo/profile/password", data=form)).text
        played.answers[path] = (204, None)
        assert (await browser.post("/demo/profile/password", data=form)).status_code == 303
    assert played.body_of(path) == {"current": "old", "new": "a long new one"}


async def test_a_token_is_shown_once_and_a_session_can_be_ended() -> None:
    played = _playing()
    played.answers |= {
        "POST user /academies/demo/api-tokens": (201, {"id": "t1", "name": "sync", "token": "it_secret"}),
        "DELETE user /academies/demo/profile/sessions/s1": (204, None),
    }
    async with played.browser(logged_in=True) as browser:
        made = await browser.post("/demo/profile/tokens", data={"csrf": CSRF, "name": "sync"})
        assert "it_secret" in made.text
        assert "it_secret" not in (await browser.get("/demo/profile")).text
        ended = await browser.post("/demo/profile/sessions", data={"csrf": CSRF, "id": "s1"})
    assert ended.headers["location"] == "/demo/profile"


async def test_logging_out_ends_the_session_and_takes_the_cookie_back() -> None:
    played = _playing()
    played.answers["DELETE user /sessions/current"] = (204, None)
    async with played.browser(logged_in=True) as browser:
        answer = await browser.post("/demo/logout", data={"csrf": CSRF})
        assert answer.headers["location"] == "/demo/"
        assert "instroom-session" not in browser.cookies
    assert played.asked[-1].headers["authorization"] == f"Bearer {'s' * 43}"


async def test_a_service_that_is_not_ready_logs_nobody_out() -> None:
    played = _playing()
    played.answers["POST user /access-tokens"] = (503, {"code": "not_ready", "detail": "reading"})
    async with played.browser(logged_in=True) as browser:
        answer = await browser.get("/demo/profile")
    assert answer.status_code == 503
    assert "antwoordt niet" in answer.text


async def test_a_refusal_keeps_the_menu_and_the_language_of_the_person() -> None:
    played = _playing()
    played.answers["POST user /access-tokens"] = (200, {"access_token": "j", "caller": CALLER | {"language": "en"}})
    del played.answers["GET user /academies/demo/users/007"]
    async with played.browser(logged_in=True) as browser:
        answer = await browser.get("/demo/profile")
    assert answer.status_code == 404
    assert "This page does not exist" in answer.text
    assert 'href="/demo/users"' in answer.text
