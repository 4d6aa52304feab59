"""No answer leads elsewhere, and no link is made of what a request says its host is."""

from __future__ import annotations

import itertools

import pytest

from instroom import home
from instroom.testing import Platform, wait_until
from security.academies import TOKEN, Realm, access_token
from security.browsers import Browser, already_in
from security.pages import NEVER_ENDS, PAGES
from security.routes import SERVICES, fill, request_of, routes_of

Realms = tuple[Realm, Realm]
EVIL = "evil.example"
ADDRESSES = (
    f"https://{EVIL}/",
    f"//{EVIL}/",
    f"///{EVIL}/",
    f"/\\{EVIL}/",
    f"\\\\{EVIL}/",
    f"/\t/{EVIL}/",
    f"/\n/{EVIL}/",
    f"\r\n//{EVIL}/",
    f" //{EVIL}/",
    f"https:{EVIL}/",
    f"http:/{EVIL}/",
    "javascript:alert(1)",
    f"{EVIL}",
    f"@{EVIL}/",
    f"/\x00/{EVIL}",
    "/\r\nSet-Cookie: a=b",
    "",
)
HEADERS = (
    {"Host": EVIL},
    {
        "X-Forwarded-Host": EVIL,
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Port": "444",
        "X-Forwarded-Server": EVIL,
        "Forwarded": f"host={EVIL};proto=https",
        "X-Original-URL": f"https://{EVIL}/",
        "X-Rewrite-URL": f"//{EVIL}/",
        "X-Host": EVIL,
    },
)


@pytest.fixture
def url(platform: Platform) -> str:
    return home.addresses(platform.home).console


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_address_to_go_back_to_is_one_of_the_console(url: str, address: str) -> None:
    answer = Browser(url).post("/-/language", {"language": "en", "next": address})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "a" not in answer.cookies


def test_a_good_address_is_gone_back_to(url: str, realms: Realms) -> None:
    address = f"/{realms[0].id}/users?search=a%2Fb"
    assert Browser(url).post("/-/language", {"next": address}).headers["location"] == address


def test_no_form_goes_where_a_parameter_says(url: str, realms: Realms) -> None:
    noord, _ = realms
    names = ("next", "url", "return", "return_to", "redirect", "redirect_uri", "continue", "back", "HX-Current-URL")
    browser = already_in(url, noord, "administrator")
    query = "&".join(f"{name}=https://{EVIL}/" for name in names)
    for path, method in PAGES:
        if path == NEVER_ENDS or "logout" in path:
            continue
        address, form = f"{fill(path, noord.ids)}?{query}", dict.fromkeys(names, f"https://{EVIL}/")
        answer = browser.get(address) if method == "GET" else browser.post(address, form)
        assert EVIL not in answer.headers.get("location", "") + answer.headers.get("hx-redirect", ""), (path, method)
    guest = Browser(url)
    answer = guest.post(f"/{noord.id}/?{query}", {"email": noord.people["lid"].email, "next": f"https://{EVIL}/"})
    assert EVIL not in answer.headers.get("location", "")


def test_no_path_becomes_an_address_of_somebody_else(url: str, realms: Realms) -> None:
    browser = already_in(url, realms[0], "administrator")
    for path, end in itertools.product(
        (f"//{EVIL}", f"/%2F{EVIL}", f"/%5C{EVIL}", f"/.%2F{EVIL}", f"///{EVIL}"), ("", "/", "/users", "/%2e%2e")
    ):
        answer = browser.http.send(browser.http.build_request("GET", f"{url}{path}{end}"))
        assert answer.headers.get("location", "/")[:2] not in ("//", "/\\"), (path, end)


def test_no_page_and_no_redirect_holds_the_host_that_a_request_names(url: str, realms: Realms) -> None:
    noord, _ = realms
    guest, browser = Browser(url), already_in(url, noord, "administrator")
    for headers in HEADERS:
        for path in [path for path, method in PAGES if method == "GET" and path != NEVER_ENDS]:
            answer = browser.get(fill(path, noord.ids), headers=headers)
            assert EVIL not in f"{answer.headers}{answer.text}", (path, headers)
        for address in (f"/{noord.id}", f"/{noord.id}/users", "/-/operator/academies", "/-/static/", "/nowhere/at/all"):
            answer = guest.get(address, headers=headers)
            assert EVIL not in f"{answer.headers}{answer.text}", (address, headers)


def test_no_service_makes_an_address_of_the_host_that_a_request_names(platform: Platform, realms: Realms) -> None:
    noord, _ = realms
    token = access_token(platform, noord.api_token)
    for service in SERVICES:
        browser = Browser(noord.services[service])
        browser.http.event_hooks = {}
        for route in routes_of(service, noord.services[service]):
            if route.method != "get" or route.path.endswith("/events"):
                continue
            asked = request_of(route, noord.ids, noord)
            for headers in HEADERS:
                answer = browser.get(asked["url"], headers=headers | {"Authorization": f"Bearer {token}"})
                assert EVIL not in f"{answer.headers}{answer.text}", (route, headers)


@pytest.mark.parametrize("headers", HEADERS)
def test_links_of_mails_lead_to_the_public_address_whatever_host_was_asked(
    platform: Platform, url: str, realms: Realms, headers: dict[str, str]
) -> None:
    person = realms[0].people["lid"]
    before = len([mail for mail in platform.mails() if mail.to == person.email])
    browser = Browser(url)
    browser.form_token()
    answer = browser.post(f"/{realms[0].id}/password", {"email": person.email}, headers=headers | {"Origin": url})
    assert answer.status_code == 200
    got = wait_until(
        lambda: [m for m in platform.mails() if m.to == person.email][before:], what="the mail for a new password"
    )
    for mail in got:
        found = TOKEN.search(mail.text)
        assert found
        assert f"{url}{found[0]}" in mail.text
        assert EVIL not in f"{mail.subject}{mail.text}{mail.html}"
