"""The console's answers leave no room for strange script: the policy is on each of them, and none needs an exception."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

import web_console
from instroom import home
from instroom.testing import Platform
from security.academies import Realm
from security.browsers import POLICY, Browser, already_in, violations
from security.pages import ENDS_THE_SESSION, NEVER_ENDS, PAGES, PEOPLE
from security.routes import fill
from web_console.testing import Played

Realms = tuple[Realm, Realm]
STATIC = Path(web_console.__file__).parent / "static"
GOOD = {
    "content-security-policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "content-type": "text/html; charset=utf-8",
}


@pytest.fixture
def url(platform: Platform) -> str:
    return home.addresses(platform.home).console


def answer(text: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = httpx.Request("GET", "http://console.test/")
    return httpx.Response(200, headers=GOOD | named, text=text, request=request)


def test_a_page_without_script_of_its_own_is_good() -> None:
    assert violations(answer('<script src="/-/static/a.js"></script><a href="/demo/">on=x</a>')) == []


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '<script src="https://evil.example/a.js"></script>',
        '<p onclick="x">',
        '<p ONCLICK="x">',
        '<p style="color: red">',
        "<style>p {}</style>",
        '<a href="java\nscript:alert(1)">',
        '<a href="//evil.example/">',
        '<form action="https://evil.example/">',
        "<button hx-on:click='x'>",
        "<div hx-vals='js:{a: 1}'>",
        '<base href="/">',
        '<meta http-equiv="refresh" content="0">',
    ],
)
def test_a_page_with_script_of_its_own_is_not(text: str) -> None:
    assert violations(answer(text)) != []


@pytest.mark.parametrize("directive", ["script-src 'self' 'unsafe-inline'", "script-src *", "script-src 'self' data:"])
def test_a_weaker_policy_is_not_good(directive: str) -> None:
    weaker = GOOD["content-security-policy"].replace("script-src 'self'", directive)
    assert violations(answer("", content_security_policy=weaker)) != []


def test_every_page_and_every_refusal_has_the_policy(platform: Platform, realms: Realms, url: str) -> None:
    noord, _ = realms
    browsers = [Browser(url), *(already_in(url, noord, who) for who in PEOPLE)]
    operator = Browser(url)
    operator.post("/-/operator", {"token": home.credential(platform.home, {})})
    kinds = set()
    for browser in [*browsers, operator]:  # each looks at every answer it gets
        for path, method in PAGES:
            if path == NEVER_ENDS:
                browser.status(fill(path, noord.ids))
            elif path not in ENDS_THE_SESSION and method == "GET":
                browser.get(fill(path, noord.ids))
                if browser in browsers[:2]:
                    browser.http.put(fill(path, noord.ids))
                    browser.http.head(fill(path, noord.ids))
            elif method == "POST":
                browser.http.post(fill(path, noord.ids))
        for path in ("/nowhere/at/all", "/-/nowhere", "/..%2f", "/%00", "/nowhere/", f"/{noord.id}/users/p/niemand"):
            browser.get(path)
        kinds |= {page.status_code for page in browser.pages}
    assert kinds >= {200, 303, 401, 403, 404, 405}, kinds


def test_every_file_has_the_policy(url: str) -> None:
    browser = Browser(url)
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert len(files) > 3
    for path in files:
        assert browser.get(f"/-/static/{path.relative_to(STATIC)}").status_code == 200
    for path in ("", "nothing.js", "../app.py", "..%2fapp.py", "%2e%2e/app.py", "vendor", "vendor/../../settings.py"):
        request = browser.http.build_request("GET", f"{url}/-/static/{path}")
        assert browser.http.send(request).status_code in (404, 405), path


async def test_a_page_that_fails_has_the_policy_and_tells_nothing_of_why() -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise RuntimeError("a secret of the inside")

    for broken in (fail, (500, {"code": "internal_error", "detail": "x"}), httpx.Response(200, text="no json")):
        played = Played()
        played.answers["GET user /academies/demo/users"] = broken  # type: ignore[assignment]
        played.answers["GET org /academies/demo/structure"] = (200, {"companies": [], "functions": []})
        async with played.browser(logged_in=True) as browser:
            page = await browser.get("/demo/users")
        assert page.status_code >= 500
        assert violations(page) == []
        assert "secret of the inside" not in page.text
        assert "Traceback" not in page.text
