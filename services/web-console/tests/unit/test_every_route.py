"""What holds for each page of the console, whichever area it is of."""

import re

import pytest
from starlette.routing import Route

from web_console.testing import CSRF, EVERYBODY, ORIGIN, Played

ROUTES = [(r.path, m) for r in Played().app.routes if isinstance(r, Route) for m in sorted(r.methods or ())]
UNSAFE = [(path, method) for path, method in ROUTES if method not in ("GET", "HEAD")]
CLOSED = [(path, method) for path, method in ROUTES if path not in EVERYBODY]


def _address(path: str) -> str:
    return re.sub(r"{[a-z_]+(:[a-z]+)?}", "x", path.replace("{academy}", "demo"))


def _asked_for_a_change(played: Played) -> list[str]:
    asked = [each for each in played.asked if each.method != "GET"]
    return [each.url.path for each in asked if each.url.path != "/access-tokens"]


@pytest.mark.parametrize(("path", "method"), UNSAFE)
async def test_nothing_is_changed_without_the_form_token_or_for_another_site(path: str, method: str) -> None:
    for role in ("administrator", "operator"):
        played = Played(role)
        async with played.browser(logged_in=True) as browser:
            browser.cookies.set("instroom-operator", "o" * 43, "console.test")
            for headers in (
                {"Origin": ORIGIN},
                {"X-CSRF-Token": "x"},
                {"X-CSRF-Token": CSRF, "Origin": "http://e.test"},
            ):
                answer = await browser.request(method, _address(path), headers=headers)
                assert answer.status_code in (303, 403)
        assert _asked_for_a_change(played) == []


@pytest.mark.parametrize(("path", "method"), CLOSED)
async def test_nobody_gets_further_than_the_log_in(path: str, method: str) -> None:
    played = Played()
    async with played.browser() as browser:
        answer = await browser.request(method, _address(path), headers={"X-CSRF-Token": CSRF})
    assert answer.status_code == 303
    assert answer.headers["location"] in ("/demo/", "/-/operator")
    assert [each for each in played.asked if not each.url.path.endswith("/welcome")] == []


@pytest.mark.parametrize(("path", "method"), [each for each in CLOSED if "/profile" not in each[0]])
async def test_a_member_gets_the_own_profile_only(path: str, method: str) -> None:
    played = Played("member")
    async with played.browser(logged_in=True) as browser:
        answer = await browser.request(method, _address(path), headers={"X-CSRF-Token": CSRF})
    assert answer.status_code in (303, 403)
    assert {each.url.path for each in played.asked} <= {"/access-tokens", "/academies/demo/welcome"}
