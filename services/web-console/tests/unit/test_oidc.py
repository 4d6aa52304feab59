"""Log-in by an identity provider, with services that the test plays."""

import httpx
import pytest

from web_console.testing import CSRF, ORIGIN, Played

WELCOME = {"id": "demo", "name": "Demo Academy", "default_language": "nl", "languages": ["nl"]}
URL = "https://id.example/authorize?state=abc&nonce=def"
FLOW = "f" * 43
PROVIDER = {
    "name": "Acme <b>ID</b>",
    "issuer": "https://id.example",
    "client_id": "instroom",
    "password_log_in": True,
    "redirect_uri": f"{ORIGIN}/-/oidc",
}
FORM = {
    "csrf": CSRF,
    "name": "Acme ID",
    "issuer": "https://id.example",
    "client_id": "instroom",
    "client_secret": "the client's secret",
    "password_log_in": "yes",
}
SETTING = "/academies/demo/identity-provider"


def _playing(*, password: bool = True, role: str = "administrator") -> Played:
    played = Played(role)
    played.answers |= {
        "GET user /academies/demo/welcome": (
            200,
            WELCOME | {"log_in": {"password": password, "provider": "Acme <b>ID</b>"}},
        ),
        "POST user /academies/demo/oidc-flows": (201, {"flow": FLOW, "url": URL, "expires_in": 600}),
        "POST user /academies/demo/oidc-sessions": (200, {"session": "n" * 43, "expires_at": "2026-12-01T10:00:00Z"}),
        f"GET user {SETTING}": (200, PROVIDER),
        f"PUT user {SETTING}": (200, PROVIDER),
    }
    return played


async def test_the_log_in_has_a_button_for_the_provider_and_no_password_where_that_is_off() -> None:
    async with _playing().browser() as browser:
        both = (await browser.get("/demo/")).text
    async with _playing(password=False).browser() as browser:
        alone = (await browser.get("/demo/")).text
        assert (await browser.get("/demo/password")).headers["location"] == "/demo/"
    async with Played().browser() as browser:
        none = (await browser.get("/demo/")).text
    assert "Inloggen met Acme &lt;b&gt;ID&lt;/b&gt;" in both
    assert "Inloggen met Acme" in alone
    assert 'name="password"' in both
    assert 'name="password"' not in alone
    assert "Inloggen met" not in none


async def test_the_browser_goes_to_the_provider_and_keeps_a_secret_that_no_script_and_no_other_site_gets() -> None:
    async with _playing().browser() as browser:
        answer = await browser.post("/demo/oidc", data={"csrf": CSRF}, headers={"Origin": ORIGIN})
        assert (await browser.get("/demo/oidc")).headers["location"] == "/demo/"
    assert (answer.status_code, answer.headers["refresh"]) == (200, f"0; url={URL}")
    assert FLOW not in answer.text
    (kept,) = [each for each in answer.headers.get_list("set-cookie") if FLOW in each]
    assert kept.startswith(f"instroom-oidc=demo:{FLOW}; HttpOnly; Max-Age=600; Path=/; SameSite=lax")


async def test_whoever_comes_back_gets_a_new_session_and_new_form_tokens() -> None:
    played = _playing()
    async with played.browser() as browser:
        await browser.post("/demo/oidc", data={"csrf": CSRF})
        browser.cookies.set("instroom-session", "planted", "console.test")
        answer = await browser.get("/-/oidc", params={"code": "c", "state": "s", "iss": "https://id.example"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/demo/users")
        cookies = answer.headers.get_list("set-cookie")
        assert any("instroom-session=nnnn" in each for each in cookies)
        assert any(each.startswith("instroom-visit=") for each in cookies)
        assert any(each.startswith('instroom-oidc=""; ') for each in cookies)
        assert (await browser.post("/-/language", data={"csrf": CSRF})).status_code == 403
    body = {"flow": FLOW, "state": "s", "code": "c", "iss": "https://id.example"}
    assert played.body_of("POST user /academies/demo/oidc-sessions") == body


async def test_an_answer_that_was_not_asked_for_in_this_browser_lets_nobody_in() -> None:
    played = _playing()
    async with played.browser() as browser:
        answer = await browser.get("/-/oidc", params={"code": "c", "state": "s"})
        browser.cookies.set("instroom-oidc", FLOW, "console.test")
        assert (await browser.get("/-/oidc", params={"code": "c", "state": "s"})).status_code == 409
    assert answer.status_code == 409
    assert "Begin opnieuw" in answer.text
    assert [each for each in played.asked if each.method == "POST"] == []


@pytest.mark.parametrize(
    "params", [{"error": "access_denied"}, {}, {"code": "c" * 4001}, {"code": "c", "state": "s" * 101}]
)
async def test_an_answer_of_the_provider_without_a_code_is_told(params: dict[str, str]) -> None:
    played = _playing()
    async with played.browser() as browser:
        await browser.post("/demo/oidc", data={"csrf": CSRF})
        answer = await browser.get("/-/oidc", params=params)
    assert answer.status_code == 401
    assert "De aanbieder liet je niet binnen" in answer.text
    assert 'href="/demo/"' in answer.text


REFUSALS = {
    "no_account": (403, "geen account voor jou"),
    "email_not_verified": (403, "Bevestig het daar"),
    "log_in_over": (409, "Begin opnieuw"),
    "log_in_refused": (401, "niet te vertrouwen"),
    "provider_unreachable": (502, "antwoordt nu niet"),
    "provider_refused": (502, "Meld dit aan je beheerder"),
    "too_many_attempts": (429, "over vijf minuten"),
}


@pytest.mark.parametrize(("code", "status", "said"), [(code, *each) for code, each in REFUSALS.items()])
async def test_whoever_does_not_get_in_is_told_why_and_what_to_do(code: str, status: int, said: str) -> None:
    played = _playing()
    played.answers["POST user /academies/demo/oidc-sessions"] = (status, {"code": code, "detail": "<b>inside</b>"})
    async with played.browser() as browser:
        await browser.post("/demo/oidc", data={"csrf": CSRF})
        answer = await browser.get("/-/oidc", params={"code": "c", "state": "s"})
    assert answer.status_code == status
    assert said in answer.text
    assert "inside" not in answer.text
    assert any(each.startswith('instroom-oidc=""') for each in answer.headers.get_list("set-cookie"))


async def test_a_provider_that_is_gone_or_does_not_answer_is_told_at_the_log_in() -> None:
    played = _playing()
    played.answers["POST user /academies/demo/oidc-flows"] = (502, {"code": "provider_unreachable", "detail": "no"})
    async with played.browser() as browser:
        answer = await browser.post("/demo/oidc", data={"csrf": CSRF})
        assert (answer.status_code, "antwoordt nu niet" in answer.text) == (502, True)
        played.answers["POST user /academies/demo/oidc-flows"] = (404, {"code": "no_identity_provider", "detail": "no"})
        assert (await browser.post("/demo/oidc", data={"csrf": CSRF})).headers["location"] == "/demo/"


async def test_passwords_that_were_switched_off_meanwhile_are_told_and_the_form_is_gone() -> None:
    played = _playing()
    played.answers["POST user /academies/demo/sessions"] = (403, {"code": "password_log_in_off", "detail": "no"})
    async with played.browser() as browser:
        form = {"csrf": CSRF, "email": "a@b.example", "password": "x"}
        answer = await browser.post("/demo/", data=form)
        played.answers["GET user /academies/demo/welcome"] = (
            200,
            WELCOME | {"log_in": {"password": False, "provider": "Acme"}},
        )
        page = await browser.get(answer.headers["location"])
    assert "logt niemand in met een wachtwoord" in page.text
    assert 'name="password"' not in page.text


async def test_an_invitation_is_accepted_by_logging_in_where_that_can_be() -> None:
    invited = {
        "state": "valid",
        "academy": "demo",
        "academy_name": "Demo Academy",
        "name": "Ada",
        "language": "nl",
        "expires_at": "2026-12-01T10:00:00Z",
        "terms": {"version": 3, "language": "nl", "text": "Voorwaarden"},
    }
    for password in (True, False):
        played = _playing(password=password)
        played.answers["GET user /invitations/abc"] = (200, invited)
        async with played.browser() as browser:
            page = (await browser.get("/-/invitation/abc")).text
            if not password:
                await browser.post("/-/invitation/abc", data={"csrf": CSRF, "terms": "yes"})
        assert 'action="/demo/oidc"' in page
        assert ('name="password"' in page) is password
        assert [each for each in played.asked if each.method == "POST"] == []


async def test_an_administrator_sets_the_provider_and_the_secret_is_shown_nowhere() -> None:
    played = _playing()
    async with played.browser(logged_in=True) as browser:
        page = await browser.get("/demo/log-in")
        assert f"{ORIGIN}/-/oidc" in page.text
        answer = await browser.post("/demo/log-in", data=FORM)
        assert answer.headers["location"] == "/demo/log-in"
        assert FORM["client_secret"] not in (await browser.get("/demo/log-in")).text
    expected = {name: value for name, value in FORM.items() if name != "csrf"} | {"password_log_in": True}
    assert played.body_of(f"PUT user {SETTING}") == expected


async def test_an_empty_secret_leaves_the_one_that_is_known_and_passwords_are_off_without_the_tick() -> None:
    played = _playing()
    form = {name: value for name, value in FORM.items() if name != "password_log_in"}
    async with played.browser(logged_in=True) as browser:
        await browser.post("/demo/log-in", data=form | {"client_secret": ""})
        body = played.body_of(f"PUT user {SETTING}")
        assert (body["password_log_in"], "client_secret" in body) == (False, False)
        played.answers[f"GET user {SETTING}"] = (404, {"code": "no_identity_provider", "detail": "no"})
        await browser.post("/demo/log-in", data=form)  # there the tick is not asked
    assert played.body_of(f"PUT user {SETTING}")["password_log_in"] is True


PROBLEMS = {
    "issuer_mismatch": (422, "issuer"),
    "provider_unreachable": (422, "issuer"),
    "secret_required": (422, "client_secret"),
    "log_in_first": (409, "password_log_in"),
    "too_many_attempts": (429, ""),
    "no_secrets_key": (503, ""),
}


@pytest.mark.parametrize(("code", "status", "field"), [(code, *each) for code, each in PROBLEMS.items()])
async def test_what_is_wrong_is_told_at_its_field_and_what_was_filled_in_stays(
    code: str, status: int, field: str
) -> None:
    played = _playing()
    played.answers[f"PUT user {SETTING}"] = (status, {"code": code, "detail": "no"})
    async with played.browser(logged_in=True) as browser:
        answer = await browser.post("/demo/log-in", data=FORM | {"name": 'Other "ID"'})
    assert answer.status_code == status
    assert "Other &#34;ID&#34;" in answer.text
    assert FORM["client_secret"] not in answer.text
    assert 'role="alert"' in answer.text
    if field:
        assert f'href="#{field}"' in answer.text
        assert 'aria-invalid="true"' in answer.text


async def test_a_field_that_is_not_of_its_form_is_told() -> None:
    played = _playing()
    errors = [{"path": "body.client_id", "message": "no"}]
    played.answers[f"PUT user {SETTING}"] = httpx.Response(
        422, json={"code": "invalid_request", "detail": "no", "errors": errors}
    )
    async with played.browser(logged_in=True) as browser:
        answer = await browser.post("/demo/log-in", data=FORM)
    assert 'href="#client_id"' in answer.text


async def test_an_administrator_stops_it_or_unties_an_account() -> None:
    played = _playing()
    played.answers |= {
        f"DELETE user {SETTING}": (204, None),
        f"DELETE user {SETTING}/accounts/a%2Fb": (204, None),
    }
    async with played.browser(logged_in=True) as browser:
        for path, data in (("/demo/log-in/unlink", {"number": "a/b"}), ("/demo/log-in/remove", {})):
            answer = await browser.post(path, data={"csrf": CSRF} | data)
            assert (answer.status_code, answer.headers["location"]) == (303, "/demo/log-in")
    assert [each.method for each in played.asked].count("DELETE") == 2
