"""Every page of the console, by everybody with a real log-in: only those who may are let in, and nothing leaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from instroom import home
from instroom.testing import Platform
from security.academies import Realm
from security.browsers import Browser, browser_of
from security.pages import CLOSED, ENDS_THE_SESSION, EVERYBODY, NEVER_ENDS, PAGES, PEOPLE, harm, may
from security.routes import fill, guessed, leaked

Realms = tuple[Realm, Realm]


class Walk:
    """Real log-ins of everybody, and how they fare."""

    def __init__(self, platform: Platform, realms: Realms) -> None:
        self.url = home.addresses(platform.home).console
        self.noord, self.zuid = realms
        self.browsers = {"nobody": Browser(self.url), "operator": self.operator(platform)}
        self.browsers |= {who: browser_of(self.url, self.noord, who) for who in PEOPLE}
        self.tokens = {who: browser.form_token() for who, browser in self.browsers.items()}

    def operator(self, platform: Platform) -> Browser:
        browser = Browser(self.url)
        answer = browser.post("/-/operator", {"token": home.credential(platform.home, {})})
        assert answer.headers["location"] == "/-/operator/academies"
        return browser

    def ask(self, browser: Browser, path: str, method: str, ids: Mapping[str, str], form: Any = None) -> httpx.Response:
        address = fill(path, ids)
        if path == NEVER_ENDS:
            return browser.status(address)
        if method == "GET":
            return browser.get(address)
        return browser.post(address, form, headers={"Origin": self.url})


@pytest.fixture(scope="module")
def walk(platform: Platform, realms: Realms) -> Iterator[Walk]:
    walk = Walk(platform, realms)
    yield walk
    for browser in walk.browsers.values():
        browser.close()


def refused(answer: httpx.Response, realm: Realm) -> bool:
    """No page, but 403 or the way to a log-in."""
    elsewhere = answer.headers.get("location") in (f"/{realm.id}/", "/-/operator")
    return answer.status_code == 403 or (answer.status_code == 303 and elsewhere)


def test_everybody_gets_the_pages_of_their_role_and_no_other(walk: Walk) -> None:
    noord = walk.noord
    ids = noord.ids | {"p/{number}": noord.people["weg"].number}
    again = {"number": noord.people["weg"].number, "action": "resend-invitation"}
    forms = dict.fromkeys(("/{academy}/invitations/action", "/{academy}/users/p/{number:path}"), again)
    last = [page for page in PAGES if page[0] in ENDS_THE_SESSION]
    wrong = []
    for who, browser in walk.browsers.items():
        for path, method in [page for page in PAGES if page not in last]:
            answer = walk.ask(browser, path, method, ids, forms.get(path))
            known = path in EVERYBODY or refused(answer, noord) != may(who, path)
            asked_for_more = path not in EVERYBODY and answer.status_code in (401, 429)
            if not known or asked_for_more or answer.is_server_error:
                wrong.append((who, method, path, answer.status_code))
            if who == "nobody" and path not in ("/-/invitation/{token}", "/-/password/{token}"):
                wrong += [(who, method, path, mark) for mark in leaked(answer, [noord.mark])]
    assert wrong == [], wrong
    everything = "".join(page.text for page in walk.browsers["administrator"].pages)
    assert all(person.number in everything for person in noord.people.values())


def test_a_log_in_opens_nothing_of_another_academy(walk: Walk) -> None:
    noord, zuid = walk.noord, walk.zuid
    before, wrong = noord.state(), []
    for who in PEOPLE:
        browser = Browser(walk.url, session=zuid.credential(who))
        for path, method in PAGES:
            if path in ENDS_THE_SESSION:
                continue
            answer = walk.ask(browser, path, method, guessed(noord), harm(noord).get(path))
            if path not in EVERYBODY and not refused(answer, noord):
                wrong.append((who, method, path, answer.status_code))
            if leaked(answer, [noord.mark]) or answer.is_server_error:
                wrong.append((who, method, path, "leaks", answer.status_code))
        browser.close()
    assert wrong == [], wrong
    assert noord.state() == before


def test_ids_of_another_academy_name_nothing_in_the_own_one(walk: Walk) -> None:
    noord, zuid = walk.noord, walk.zuid
    before, own, wrong = zuid.state(), noord.state(), []
    ids = guessed(zuid) | {"/{academy}": noord.id}
    for who in PEOPLE:
        browser = walk.browsers[who]
        for path, method in CLOSED:
            answer = walk.ask(browser, path, method, ids, harm(zuid).get(path))
            repeats = path == "/{academy}/events"  # what was asked in this academy before
            if (leaked(answer, [zuid.mark]) and not repeats) or answer.is_server_error:
                wrong.append((who, method, path, answer.status_code))
        for query in (
            f"users?company={zuid.units['company']}",
            f"users?department={zuid.units['department']}",
            f"users?search={zuid.mark}",
            f"users/new?restore={zuid.people['elders'].number}",
            f"users/restoring?personnel_number={zuid.people['elders'].number}",
            f"users/departments?company={zuid.units['company']}",
            f"imports?after={zuid.ids['imports/{import_id}']}",
            f"invitations?after={zuid.ids['invitation']}",
            f"organisation/department/new?company={zuid.units['company']}",
        ):
            answer = browser.get(f"/{noord.id}/{query}")
            if leaked(answer, [zuid.mark]) or answer.is_server_error:
                wrong.append((who, "GET", query, answer.status_code))
    assert wrong == [], wrong
    assert zuid.state() == before
    assert Browser(walk.url, session=zuid.people["elders"].session).get(f"/{zuid.id}/profile").status_code == 200
    after = noord.state()
    assert [part for part in ("people", "terms") if after[part] != own[part]] == []


@pytest.mark.parametrize("who", ["manager", "lid"])
def test_nobody_sees_people_of_the_own_academy_whom_they_may_not(walk: Walk, who: str) -> None:
    noord, browser = walk.noord, walk.browsers[who]
    hidden = ("administrator", "elders") if who == "manager" else [each for each in noord.people if each != who]
    marks = [noord.people[each].number for each in hidden]
    before, wrong = noord.state(), []
    for path, method in CLOSED:
        for number in marks if "{number" in path else marks[:1]:
            form = harm(noord).get(path)
            answer = walk.ask(browser, path, method, guessed(noord) | {"p/{number}": number}, form)
            if leaked(answer, marks) or answer.is_server_error:
                wrong.append((method, path, number, answer.status_code))
    for query in (f"department={noord.units['elsewhere']}", f"search={marks[0]}", "status=deleted", "company="):
        wrong += [("GET", query, mark, 0) for mark in leaked(browser.get(f"/{noord.id}/users?{query}"), marks)]
    assert wrong == [], wrong
    assert noord.state() == before
    assert Browser(walk.url, session=noord.people["elders"].session).get(f"/{noord.id}/profile").status_code == 200


def test_after_the_log_out_there_is_no_page_any_more(walk: Walk, platform: Platform) -> None:
    for who, browser in walk.browsers.items():
        kept = {name: value for name in ("session", "operator") if (value := browser.cookie(name))}
        for path in ENDS_THE_SESSION:
            assert walk.ask(browser, path, "POST", walk.noord.ids).status_code == 303
        again = Browser(walk.url, **kept)  # somebody copied the cookies before
        for path, method in CLOSED:
            if method == "GET":
                answer = walk.ask(again, path, method, walk.noord.ids)
                assert refused(answer, walk.noord), (who, path, answer.status_code)
        again.close()
