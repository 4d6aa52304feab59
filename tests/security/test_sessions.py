"""Sessions and links: nobody can lay one ready for another, and none works longer or oftener than it should."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from itertools import count
from uuid import UUID

import httpx
import pytest
from outside.academy import Academy, new_academy

from instroom import home
from instroom.testing import Platform
from notify_service.tokens import INVITATION, PASSWORD_RESET, Signer
from security.academies import TOKEN, Person, Realm, access_token
from security.browsers import Browser, browser_of
from web_console.testing import ORIGIN, Played

Realms = tuple[Realm, Realm]
FIXED = "f" * 43
_numbers = count(1001)
GOOD = "een heel goed wachtwoord"
BETTER = "een nog veel beter wachtwoord"


@pytest.fixture
def url(platform: Platform) -> str:
    return home.addresses(platform.home).console


class Guest:
    """Somebody of an academy of the test's own, whose mails are read."""

    def __init__(self, academy: Academy, number: int, url: str) -> None:
        self.academy, self.number, self.url = academy, number, url
        academy.add(number, active=True, invite=True)
        self.person = Person(str(number), academy.address(number), GOOD)
        self.invitation = self.token(1)

    def token(self, count: int) -> str:
        found = TOKEN.search(self.academy.mail(self.number, count).text)
        assert found
        return found[1]

    def accept(self, token: str, password: str = GOOD) -> httpx.Response:
        form = {"password": password, "again": password, "terms": "1", "terms_version": "0"}
        return Browser(self.url).post(f"/-/invitation/{token}", form)

    def reset(self, token: str, password: str = BETTER) -> httpx.Response:
        return Browser(self.url).post(f"/-/password/{token}", {"password": password, "again": password})

    def log_in(self, password: str = GOOD) -> Browser:
        browser = Browser(self.url)
        person = Person(self.person.number, self.person.email, password)
        assert browser.log_in(self.academy.id, person).headers["location"] == f"/{self.academy.id}/profile"
        return browser

    def is_in(self, browser: Browser) -> bool:
        return browser.get(f"/{self.academy.id}/profile").status_code == 200


@pytest.fixture(scope="module")
def academy(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Academy]:
    """One for these tests; each invites people of its own."""
    id_ = f"s{os.getpid()}-{time.time_ns() % 1_000_000_000}"
    made = new_academy(platform, id_, tmp_path_factory.mktemp("sessions"))
    yield made
    made.client.close()


@pytest.fixture
def invited(academy: Academy, url: str) -> Guest:
    """Somebody who did not accept the invitation yet."""
    return Guest(academy, next(_numbers), url)


@pytest.fixture
def guest(invited: Guest) -> Guest:
    """Somebody who accepted the invitation."""
    assert invited.accept(invited.invitation).status_code == 303
    return invited


def test_a_session_that_was_laid_ready_is_not_the_one_after_the_log_in(realms: Realms, url: str) -> None:
    noord, _ = realms
    browser = Browser(url, session=FIXED, operator=FIXED, visit=FIXED)
    assert browser.log_in(noord.id, noord.people["lid"]).status_code == 303
    assert browser.cookie("session") not in (None, FIXED)
    assert browser.cookie("visit") not in (None, FIXED)
    attacker = Browser(url, session=FIXED, visit=FIXED)
    assert attacker.get(f"/{noord.id}/profile").headers["location"] == f"/{noord.id}/"


def test_an_operators_session_that_was_laid_ready_is_not_the_one_after_the_log_in(platform: Platform, url: str) -> None:
    browser = Browser(url, operator=FIXED, visit=FIXED)
    browser.post("/-/operator", {"token": home.credential(platform.home, {})})
    assert browser.cookie("operator") not in (None, FIXED)
    assert browser.cookie("visit") not in (None, FIXED)
    assert Browser(url, operator=FIXED).get("/-/operator/academies").headers["location"] == "/-/operator"


def test_cookies_are_for_this_host_and_not_for_scripts_or_other_sites(realms: Realms, url: str) -> None:
    noord, _ = realms
    browser = browser_of(url, noord, "lid")
    browser.post("/-/language", {"language": "en", "next": "/"})
    browser.post(f"/{noord.id}/logout")
    lines = [line for page in browser.pages for line in page.headers.get_list("set-cookie")]
    made = {name: morsel for line in lines for name, morsel in SimpleCookie(line).items()}
    assert made.keys() == {f"instroom-{name}" for name in ("session", "visit", "language", "flash")}
    for name, morsel in made.items():
        assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "lax", "/"), name
        assert (morsel["domain"], morsel["secure"]) == ("", ""), name


async def test_with_https_cookies_are_secure_and_bound_to_the_host() -> None:
    played = Played("member", "https://console.test")
    played.answers["POST user /academies/demo/sessions"] = (200, {"session": "s" * 43, "expires_at": ""})
    async with played.browser() as browser:
        first = await browser.get("/demo/")
        token = first.text.partition('name="csrf" value="')[2].partition('"')[0]
        cookies = {"Cookie": first.headers["set-cookie"].partition(";")[0]}
        answer = await browser.post("/demo/", data={"csrf": token, "email": "a@b.nl"}, headers=cookies)
    lines = [*first.headers.get_list("set-cookie"), *answer.headers.get_list("set-cookie")]
    made = {name: morsel for line in lines for name, morsel in SimpleCookie(line).items()}
    assert made.keys() == {"__Host-instroom-session", "__Host-instroom-visit"}
    for morsel in made.values():
        assert (morsel["secure"], morsel["httponly"], morsel["samesite"]) == (True, True, "lax")
        assert (morsel["path"], morsel["domain"]) == ("/", "")
    assert "max-age" in answer.headers["strict-transport-security"]
    assert ORIGIN not in answer.text


def test_a_session_is_over_after_the_log_out(guest: Guest) -> None:
    browser = guest.log_in()
    copied = Browser(guest.url, session=browser.cookie("session") or "")
    assert guest.is_in(copied)
    browser.post(f"/{guest.academy.id}/logout")
    assert not guest.is_in(copied)


def test_a_new_password_ends_the_other_sessions_and_the_links_that_were_mailed(guest: Guest) -> None:
    Browser(guest.url).post(f"/{guest.academy.id}/password", {"email": guest.person.email})
    link = guest.token(2)
    browser, elsewhere = guest.log_in(), guest.log_in()
    form = {"current": GOOD, "new": BETTER, "again": BETTER}
    assert browser.post(f"/{guest.academy.id}/profile/password", form).status_code == 303
    assert guest.is_in(browser)
    assert not guest.is_in(elsewhere)
    assert guest.reset(link, GOOD).status_code == 410
    assert Browser(guest.url).log_in(guest.academy.id, guest.person).status_code == 401
    assert guest.is_in(guest.log_in(BETTER))


def test_a_link_for_a_new_password_works_once_and_ends_every_session(guest: Guest) -> None:
    Browser(guest.url).post(f"/{guest.academy.id}/password", {"email": guest.person.email})
    link, browser = guest.token(2), guest.log_in()
    assert Browser(guest.url).get(f"/-/password/{link}").status_code == 200
    assert guest.reset(link).status_code == 303
    assert not guest.is_in(browser)
    assert guest.reset(link, GOOD).status_code == 410
    assert Browser(guest.url).get(f"/-/password/{link}").status_code == 410
    assert guest.is_in(guest.log_in(BETTER))


@pytest.mark.parametrize("action", ["deactivate", "delete"])
def test_a_session_is_over_once_somebody_may_not_log_in_and_stays_so(guest: Guest, action: str) -> None:
    browser = guest.log_in()
    if action == "delete":
        guest.academy.delete(guest.number)
        guest.academy.add(guest.number, active=True)
    else:
        guest.academy.act(guest.number, "deactivate")
        assert Browser(guest.url).log_in(guest.academy.id, guest.person).status_code == 401
        guest.academy.act(guest.number, "activate")
    assert guest.academy.show(guest.number)["active"] is True
    assert not guest.is_in(browser)


def test_a_session_of_somebody_who_was_deactivated_is_refused_at_once(guest: Guest) -> None:
    browser = guest.log_in()
    guest.academy.act(guest.number, "deactivate")
    assert not guest.is_in(browser)


def test_an_api_token_is_over_once_it_is_revoked(guest: Guest, platform: Platform) -> None:
    client, path = guest.academy.client, guest.academy.path("api-tokens")
    made = client.send("user-service", "POST", path, json={"name": "Programma"}).json()
    assert access_token(platform, made["token"])
    client.send("user-service", "DELETE", f"{path}/{made['id']}")
    headers = {"Authorization": f"Bearer {made['token']}"}
    answer = httpx.post(home.addresses(platform.home).services["user-service"] + "/access-tokens", headers=headers)
    assert answer.status_code == 401


def test_a_link_of_an_invitation_works_once(guest: Guest) -> None:
    again = guest.accept(guest.invitation, BETTER)
    assert (again.status_code, again.headers.get("location")) == (200, None)
    assert Browser(guest.url).log_in(guest.academy.id, guest.person).status_code == 303
    other = Person(guest.person.number, guest.person.email, BETTER)
    assert Browser(guest.url).log_in(guest.academy.id, other).status_code == 401


def test_a_link_that_many_use_at_the_same_moment_works_for_one(invited: Guest) -> None:
    url = f"{invited.academy.platform.address('user')}/invitations/{invited.invitation}"
    bodies = [{"password": f"{GOOD} {number}", "terms_version": 0} for number in range(5)]
    with ThreadPoolExecutor(len(bodies)) as pool:
        codes = list(pool.map(lambda body: httpx.post(url, json=body, timeout=60, trust_env=False).status_code, bodies))
    assert sorted(codes) == [200, 409, 409, 409, 409]


def test_a_link_that_was_replaced_or_withdrawn_works_no_more(invited: Guest) -> None:
    invited.academy.act(invited.number, "resend-invitation")
    newer = invited.token(2)
    assert invited.accept(invited.invitation).status_code == 410
    invited.academy.act(invited.number, "withdraw-invitation")
    assert invited.accept(newer).status_code == 410


def test_a_link_with_any_other_bit_is_unknown(invited: Guest) -> None:
    raw = base64.urlsafe_b64decode(invited.invitation + "=" * (-len(invited.invitation) % 4))
    with httpx.Client(base_url=invited.academy.platform.address("user"), trust_env=False) as user_service:
        for place in range(len(raw)):
            changed = bytes([*raw[:place], raw[place] ^ 1, *raw[place + 1 :]])
            token = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
            assert user_service.get(f"/invitations/{token}").json()["state"] == "unknown", place
    for token in (invited.invitation[:-1], invited.invitation + "A", "x", "é", "..%2f..%2f"):
        assert invited.accept(token).status_code == 404
    assert invited.reset(invited.invitation).status_code == 404  # it is for something else
    assert invited.accept(invited.invitation).status_code == 303


def test_links_that_somebody_else_signed_or_whose_time_is_over_do_nothing(
    guest: Guest, academy: Academy, platform: Platform
) -> None:
    secrets = json.loads((platform.home / "secrets.json").read_text("utf-8"))
    right = Signer.from_text(secrets["signing_key"], secrets["signing_key_id"])
    other = Signer.from_text(secrets["access_signing_key"], secrets["signing_key_id"])
    Browser(guest.url).post(f"/{guest.academy.id}/password", {"email": guest.person.email})
    raw = base64.urlsafe_b64decode(guest.token(2) + "==")
    reset = UUID(bytes=raw[1:17])
    academy.delete(guest.number)
    invited = Guest(academy, next(_numbers), guest.url)
    raw = base64.urlsafe_b64decode(invited.invitation + "==")
    invitation = UUID(bytes=raw[1:17])
    later, past = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(hours=1)
    assert invited.accept(other.token(invitation, 1, later, INVITATION)).status_code == 404
    assert invited.accept(right.token(invitation, 2, later, INVITATION)).status_code == 410
    assert invited.accept(right.token(invitation, 1, past, INVITATION)).status_code == 410
    assert invited.accept(right.token(reset, 1, later, INVITATION)).status_code == 404
    assert invited.reset(right.token(invitation, 1, later, PASSWORD_RESET)).status_code == 404
    assert invited.reset(other.token(reset, 1, later, PASSWORD_RESET)).status_code == 404
    assert guest.reset(right.token(reset, 1, later, PASSWORD_RESET)).status_code in (404, 409, 410)  # of who is deleted


def test_an_access_token_lasts_a_minute(guest: Guest, platform: Platform) -> None:
    browser = guest.log_in()
    token = access_token(platform, browser.cookie("session") or "")
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] == 60
    assert claims["exp"] <= time.time() + 61
