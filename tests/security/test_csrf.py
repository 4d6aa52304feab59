"""Forms of other sites, and forms without the token of the browser that sends them, change nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from instroom import home
from instroom.testing import Platform
from security.academies import Realm
from security.browsers import Browser, already_in
from security.pages import FORMS, harm
from security.routes import fill

Realms = tuple[Realm, Realm]
FOREIGN = ("https://evil.example", "null", "http://127.0.0.1")


@pytest.fixture(scope="module")
def administrator(platform: Platform, realms: Realms) -> Iterator[Browser]:
    """An administrator who is an operator as well, so that there is no form that they may not send."""
    browser = already_in(home.addresses(platform.home).console, realms[0], "administrator")
    browser.post("/-/operator", {"token": home.credential(platform.home, {})})
    yield browser
    browser.close()


def test_a_form_without_the_token_of_the_browser_changes_nothing(administrator: Browser, realms: Realms) -> None:
    noord, zuid = realms
    other = already_in(administrator.url, noord, "administrator")  # the same person, another browser
    stranger = Browser(administrator.url, session=zuid.credential("administrator"))
    mine = administrator.form_token()
    tokens = {
        "none": None,
        "wrong": "0" * len(mine),
        "of another session": other.form_token(),
        "of another academy": stranger.form_token(),
    }
    before, taken = noord.state(), []
    for path in FORMS:
        for kind, token in tokens.items():
            form = harm(noord).get(path, {}) | ({} if token is None else {"csrf": token})
            answer = administrator.http.post(fill(path, noord.ids), data=form)
            taken += [(path, kind, answer.status_code)] if answer.status_code != 403 else []
        for kind in ("none", "of another session"):
            headers = {"X-CSRF-Token": tokens[kind] or ""}
            answer = administrator.http.post(fill(path, noord.ids), headers=headers)
            taken += [(path, kind, answer.status_code)] if answer.status_code != 403 else []
    assert taken == []
    assert noord.state() == before
    for browser in (other, stranger):
        browser.close()


def test_a_form_of_another_site_changes_nothing_even_with_the_token(administrator: Browser, realms: Realms) -> None:
    noord, _ = realms
    token, before, taken = administrator.form_token(), noord.state(), []
    for path in FORMS:
        form = harm(noord).get(path, {}) | {"csrf": token}
        for origin in FOREIGN:
            answer = administrator.http.post(fill(path, noord.ids), data=form, headers={"Origin": origin})
            taken += [(path, "Origin", origin, answer.status_code)] if answer.status_code != 403 else []
        for referer in ("https://evil.example/page", f"{administrator.url}.evil.example/"):
            answer = administrator.http.post(fill(path, noord.ids), data=form, headers={"Referer": referer})
            taken += [(path, "Referer", referer, answer.status_code)] if answer.status_code != 403 else []
    assert taken == []
    assert noord.state() == before


def test_a_token_of_before_the_log_in_is_worth_nothing_after_it(administrator: Browser, realms: Realms) -> None:
    noord, _ = realms
    browser = Browser(administrator.url)
    before = browser.form_token()
    assert browser.log_in(noord.id, noord.people["lid"]).status_code == 303
    assert browser.form_token() != before
    answer = browser.http.post(f"/{noord.id}/profile/password", data={"csrf": before})
    assert answer.status_code == 403
    browser.close()


def test_the_api_takes_no_cookie(realms: Realms) -> None:
    noord, _ = realms
    cookies = {name: noord.credential("administrator") for name in ("session", "instroom-session", "Authorization")}
    browser = Browser(noord.services["user-service"])
    browser.http.event_hooks = {}
    for name, value in cookies.items():
        browser.http.cookies.set(name, value)
    assert browser.get(f"/academies/{noord.id}/users").status_code == 401
    browser.close()
