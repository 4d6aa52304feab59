"""The ways in, with services that the test plays."""

import httpx
import pytest

from web_console.pages.entry import LIMIT
from web_console.testing import CSRF, ORIGIN, VISIT, Played, token_in
from web_console.visiting import is_local, redirect

SESSIONS = "POST user /academies/demo/sessions"
FORM = {"email": "ada@example.org", "password": "correct horse battery", "csrf": CSRF}
INVITED = {
    "state": "valid",
    "academy": "demo",
    "academy_name": "Demo Academy",
    "name": "Ada <script>alert(1)</script>",
    "language": "nl",
    "expires_at": "2026-12-01T10:00:00Z",
    "terms": {"version": 3, "language": "nl", "text": "Voorwaarden <b>vet</b>"},
}
PASSWORD = {"password": "correct horse battery", "again": "correct horse battery", "csrf": CSRF}


def _playing() -> Played:
    played = Played()
    played.answers[SESSIONS] = (200, {"session": "n" * 43, "expires_at": "2026-12-01T10:00:00Z"})
    return played


async def test_whoever_logs_in_gets_a_new_session_and_a_new_form_token() -> None:
    played = _playing()
    async with played.browser() as browser:
        answer = await browser.post("/demo/", data=FORM, headers={"Origin": ORIGIN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/demo/users")
        cookies = answer.headers.get_list("set-cookie")
        kept = next(each for each in cookies if each.startswith("instroom-session="))
        assert "n" * 43 in kept
        assert "HttpOnly" in kept
        assert "SameSite=lax" in kept
        assert any(each.startswith("instroom-visit=") and VISIT not in each for each in cookies)
        assert (await browser.post("/-/language", data={"csrf": CSRF})).status_code == 403


async def test_a_session_that_somebody_else_put_in_the_browser_is_replaced() -> None:
    played = _playing()
    async with played.browser() as browser:
        browser.cookies.set("instroom-session", "planted")
        answer = await browser.post("/demo/", data=FORM)
    assert any("instroom-session=nnnn" in each for each in answer.headers.get_list("set-cookie"))
    assert played.asked[-1].headers["authorization"] == f"Bearer {'n' * 43}"


async def test_over_tls_cookies_are_bound_to_the_host() -> None:
    played = Played(public_url="https://console.test")
    played.answers[SESSIONS] = (200, {"session": "n" * 43, "expires_at": "2026-12-01T10:00:00Z"})
    async with played.browser() as browser:
        browser.cookies.set("__Host-instroom-visit", VISIT)
        answer = await browser.post("/demo/", data=FORM, headers={"Origin": "https://console.test"})
    kept = [each for each in answer.headers.get_list("set-cookie") if "instroom-session" in each]
    assert kept[0].startswith("__Host-instroom-session=")
    assert "Secure" in kept[0]
    assert "Path=/" in kept[0]
    assert "strict-transport-security" in answer.headers


async def test_a_form_without_the_token_or_from_another_site_is_refused() -> None:
    played = _playing()
    async with played.browser() as browser:
        assert (await browser.post("/demo/", data=FORM | {"csrf": "x"})).status_code == 403
        assert (await browser.post("/demo/", data=FORM | {"csrf": ""})).status_code == 403
        for origin in ("http://evil.test", "null", "http://console.test.evil.test", "https://console.test"):
            assert (await browser.post("/demo/", data=FORM, headers={"Origin": origin})).status_code == 403
        refused = await browser.post("/demo/", data=FORM, headers={"Referer": "http://evil.test/x"})
        assert refused.status_code == 403
    assert not [each for each in played.asked if each.method == "POST"]


async def test_wrong_credentials_are_told_without_saying_which() -> None:
    played = _playing()
    played.answers[SESSIONS] = (401, {"code": "wrong_credentials", "detail": "no"})
    async with played.browser() as browser:
        answer = await browser.post("/demo/", data=FORM | {"email": '"><script>x</script>'})
    assert answer.status_code == 401
    assert "Het e-mailadres of het wachtwoord klopt niet." in answer.text
    assert "<script>x" not in answer.text
    assert FORM["password"] not in answer.text


async def test_too_many_attempts_tell_when_to_try_again() -> None:
    played = _playing()
    played.answers[SESSIONS] = httpx.Response(
        429, json={"code": "too_many_attempts", "detail": "no"}, headers={"Retry-After": "90"}
    )
    async with played.browser() as browser:
        answer = await browser.post("/demo/", data=FORM)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "90")
    assert "over 2 minuten" in answer.text


async def test_one_address_cannot_send_forms_without_end() -> None:
    played = _playing()
    played.answers[SESSIONS] = (401, {"code": "wrong_credentials", "detail": "no"})
    async with played.browser() as browser:
        states = [(await browser.post("/demo/", data=FORM)).status_code for _ in range(LIMIT.amount + 1)]
    assert states[-2:] == [401, 429]


@pytest.mark.parametrize("back", ["//evil.test", "https://evil.test", "/\\evil.test", "\\/evil.test", "/\t/evil.test"])
async def test_no_form_leads_to_another_site(back: str) -> None:
    async with Played().browser() as browser:
        answer = await browser.post("/-/language", data={"csrf": CSRF, "language": "en", "next": back})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert not is_local(back)
    with pytest.raises(ValueError, match="not a page"):
        redirect(back)


async def test_the_host_header_is_in_no_address() -> None:
    played = _playing()
    async with played.browser() as browser:
        for path in ("/demo", "/demo/", "/demo/users", "/demo/users/", "/-/operator", "/-/static/vendor"):
            answer = await browser.get(path, headers={"Host": "evil.test"})
            assert "evil.test" not in answer.text
            assert "evil.test" not in answer.headers.get("location", "")


async def test_the_language_that_was_chosen_stays() -> None:
    async with Played().browser() as browser:
        assert "Inloggen" in (await browser.get("/demo/")).text
        await browser.post("/-/language", data={"csrf": CSRF, "language": "en", "next": "/demo/"})
        answer = await browser.get("/demo/")
    assert '<html lang="en">' in answer.text
    assert "Log in" in answer.text


async def test_whoever_did_not_accept_the_newest_terms_reads_them_first() -> None:
    played = _playing()
    played.answers["POST user /access-tokens"] = (403, {"code": "terms_required", "detail": "read"})
    played.answers["GET user /sessions/current/terms"] = (
        200,
        {"version": 3, "language": "nl", "text": "Lees dit", "accepted": False},
    )
    played.answers["POST user /sessions/current/terms"] = (204, None)
    async with played.browser(logged_in=True) as browser:
        assert (await browser.get("/demo/profile")).headers["location"] == "/demo/terms"
        assert "Lees dit" in (await browser.get("/demo/terms")).text
        assert (await browser.post("/demo/terms", data={"csrf": CSRF, "terms_version": "3"})).status_code == 422
        await browser.post("/demo/terms", data={"csrf": CSRF, "terms_version": "3", "terms": "yes"})
    assert played.body_of("POST user /sessions/current/terms") == {"version": 3}


async def test_looking_at_an_invitation_changes_nothing_and_shows_what_was_written_as_text() -> None:
    played = Played()
    played.answers["GET user /invitations/abc"] = (200, INVITED)
    async with played.browser() as browser:
        answer = await browser.get("/-/invitation/abc")
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "Voorwaarden &lt;b&gt;vet" in answer.text
    assert "Akkoord gebruikersvoorwaarden" in answer.text
    assert {each.method for each in played.asked} == {"GET"}


async def test_an_invitation_is_accepted_with_the_terms_that_were_shown() -> None:
    played = Played()
    played.answers |= {
        "GET user /invitations/abc": (200, INVITED),
        "POST user /invitations/abc": (200, {"academy": "demo"}),
    }
    form = PASSWORD | {"terms": "yes", "terms_version": "3"}
    async with played.browser() as browser:
        missing = await browser.post("/-/invitation/abc", data=PASSWORD | {"terms_version": "3"})
        assert missing.status_code == 422
        assert (await browser.post("/-/invitation/abc", data=form | {"again": "other"})).status_code == 422
        answer = await browser.post("/-/invitation/abc", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/demo/")
        assert "Je hebt de uitnodiging geaccepteerd" in (await browser.get("/demo/")).text
        assert "Je hebt de uitnodiging geaccepteerd" not in (await browser.get("/demo/")).text
    body = played.body_of("POST user /invitations/abc")
    assert body == {"password": PASSWORD["password"], "terms_version": 3}


@pytest.mark.parametrize("state", ["expired", "replaced", "accepted", "not_active", "unknown", "withdrawn"])
async def test_an_invitation_that_cannot_be_used_has_no_form(state: str) -> None:
    played = Played()
    played.answers["GET user /invitations/abc"] = (200, INVITED | {"state": state})
    async with played.browser() as browser:
        answer = await browser.post("/-/invitation/abc", data=PASSWORD | {"terms": "yes"})
    assert 'name="password"' not in answer.text
    assert {each.method for each in played.asked} == {"GET"}


async def test_a_forgotten_password_is_answered_the_same_for_every_address_and_reset_by_the_link() -> None:
    played = Played()
    found = {"state": "valid", "academy": "demo", "academy_name": "Demo Academy", "language": "nl"}
    played.answers |= {
        "POST user /academies/demo/password-resets": (202, {}),
        "GET user /password-resets/abc": (200, found),
        "POST user /password-resets/abc": (200, {"academy": "demo"}),
    }
    async with played.browser() as browser:
        asked = await browser.post("/demo/password", data={"csrf": CSRF, "email": "who@example.org"})
        assert "mail onderweg" in asked.text
        assert token_in((await browser.get("/-/password/abc")).text) == CSRF
        answer = await browser.post("/-/password/abc", data=PASSWORD)
    assert answer.headers["location"] == "/demo/"


async def test_a_service_that_does_not_answer_is_told_with_what_to_do() -> None:
    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("gone", request=request)

    played = Played()
    played.answers["GET user /academies/demo/welcome"] = gone
    async with played.browser() as browser:
        answer = await browser.get("/demo/")
    assert answer.status_code == 502
    assert "Probeer het over een minuut opnieuw" in answer.text
    assert "user-service" in answer.text


@pytest.mark.parametrize("path", ["/-/invitation/t", "/-/password/t"])
async def test_a_link_that_was_tried_too_often_says_when_to_come_back(path: str) -> None:
    played = _playing()
    resource = f"{'/invitations' if 'invitation' in path else '/password-resets'}/t"
    played.answers[f"GET user {resource}"] = (200, INVITED)
    played.answers[f"POST user {resource}"] = httpx.Response(
        429, json={"code": "too_many_attempts", "detail": "no"}, headers={"Retry-After": "300"}
    )
    async with played.browser() as browser:
        answer = await browser.post(path, data=PASSWORD | {"terms": "x", "terms_version": "3"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "300")


FORGED = {"X-Forwarded-For": "203.0.113.9"}


async def _told(played: Played, address: str, headers: dict[str, str]) -> list[str]:
    """The addresses that user-service is told of whoever logs in."""
    async with played.browser(address=address) as browser:
        await browser.post("/demo/", data=FORM, headers=headers)
    asked = next(each for each in played.asked if each.url.path.endswith("/sessions"))
    return asked.headers.get_list("x-forwarded-for")


async def test_user_service_is_told_the_visitors_own_address_whatever_they_say() -> None:
    assert await _told(_playing(), "198.51.100.7", FORGED) == ["198.51.100.7"]
    assert await _told(_playing(), "127.0.0.1", FORGED) == ["127.0.0.1"]


async def test_what_ends_tls_in_front_of_the_console_is_believed_as_far_as_it_saw() -> None:
    played = Played(trusted_proxies=["10.0.0.0/8"])
    played.answers[SESSIONS] = (200, {"session": "n" * 43, "expires_at": "2026-12-01T10:00:00Z"})
    said = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}  # the visitor wrote the first, the proxy the second
    assert await _told(played, "10.1.2.3", said) == ["198.51.100.7"]
    played.asked.clear()
    assert await _told(played, "198.51.100.8", said) == ["198.51.100.8"]


async def test_the_limit_of_a_visitor_cannot_be_had_anew_by_another_forwarded_address() -> None:
    played = _playing()
    played.answers[SESSIONS] = (401, {"code": "wrong_credentials", "detail": "no"})
    async with played.browser() as browser:
        states = [
            (await browser.post("/demo/", data=FORM, headers={"X-Forwarded-For": f"203.0.113.{n}"})).status_code
            for n in range(LIMIT.amount + 1)
        ]
    assert states[-2:] == [401, 429]
