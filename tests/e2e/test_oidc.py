"""Log-in by an academy's own identity provider, as browsers do it at the console."""

import re
from collections.abc import Callable, Iterator
from itertools import count
from urllib.parse import urlsplit

import httpx
import pytest
from outside.academy import Academy

from instroom import home
from instroom.testing import Platform
from user_service.testing_openid import CLIENT, SECRET, OpenIdProvider, running_provider

PASSWORD = "een lang genoeg wachtwoord"
_numbers = count()


class Browser:
    """Sends forms and follows where it is sent, with cookies by site."""

    def __init__(self, academy: Academy) -> None:
        self.academy = f"/{academy.id}"
        here = f"127.0.1.{next(_numbers) % 250 + 1}"  # each a client of its own to the limit on forms
        self.http = httpx.Client(
            base_url=home.addresses(academy.platform.home).console,
            follow_redirects=True,
            timeout=30,
            transport=httpx.HTTPTransport(local_address=here),
        )

    def send(self, path: str, page: str = "", **fields: str) -> httpx.Response:
        """Send a form of the page, which is that of the address unless another is named."""
        token = re.search(r'name="csrf" value="([^"]+)"', self.http.get(self.academy + (page or path)).text)
        assert token is not None
        return self.http.post(self.academy + path, data={"csrf": token[1]} | fields)

    def by_password(self, email: str) -> httpx.Response:
        return self.send("/", email=email, password=PASSWORD)

    def to_provider(self) -> str:
        """Where the button leads, and where the provider sends the browser back to from there."""
        begun = self.send("/oidc", page="/")
        assert begun.status_code == 200, begun.text
        url = begun.headers["refresh"].removeprefix("0; url=")
        back = httpx.get(url, trust_env=False).headers["location"]
        assert back.startswith(str(self.http.base_url).rstrip("/") + "/-/oidc?")
        return str(back)

    def by_provider(self) -> httpx.Response:
        return self.http.get(self.to_provider())

    def agree(self) -> httpx.Response:
        page = self.http.get(self.academy + "/terms").text
        version = re.search(r'name="terms_version" value="(\d+)"', page)
        assert version is not None
        return self.send("/terms", terms="yes", terms_version=version[1])


@pytest.fixture
def provider() -> Iterator[OpenIdProvider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def browse(acme: Academy) -> Iterator[Callable[[], Browser]]:
    browsers: list[Browser] = []

    def make() -> Browser:
        browsers.append(Browser(acme))
        return browsers[-1]

    yield make
    for browser in browsers:
        browser.http.close()


@pytest.fixture
def administrator(acme: Academy, provider: OpenIdProvider, browse: Callable[[], Browser]) -> Browser:
    """Logged in by password, with the provider set on the page for it."""
    email = f"beheer@{acme.id}.example"
    person = {"personnel_number": "b1", "first_name": "Bea", "last_name": "Heer", "email": email, "password": PASSWORD}
    made = acme.client.send("user-service", "POST", acme.path("administrators"), json=person)
    assert made.status_code == 201
    provider.claims = {"sub": "bea", "email": email, "email_verified": True}
    browser = browse()
    assert browser.by_password(email).url.path == f"/{acme.id}/terms"
    assert browser.agree().url.path == f"/{acme.id}/users"
    page = browser.send("/log-in", name="Acme ID", issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET)
    assert "Mensen van deze academie kunnen inloggen met Acme ID" in page.text
    assert SECRET not in page.text
    return browser


def test_an_administrator_switches_it_on_logs_in_by_it_and_switches_passwords_off(
    acme: Academy, provider: OpenIdProvider, administrator: Browser, browse: Callable[[], Browser]
) -> None:
    setting = {"name": "Acme ID", "issuer": provider.issuer, "client_id": CLIENT, "client_secret": ""}
    early = administrator.send("/log-in", **setting)
    assert early.status_code == 409
    assert "log in met de aanbieder" in early.text
    browser = browse()
    assert "Inloggen met Acme ID" in browser.http.get(browser.academy + "/").text
    assert browser.by_provider().url.path == f"/{acme.id}/users"
    off = browser.send("/log-in", **setting)
    assert "Een wachtwoord werkt niet" in off.text
    log_in = browse()
    page = log_in.http.get(log_in.academy + "/").text
    assert 'name="password"' not in page
    assert "Inloggen met Acme ID" in page
    assert "kunnen inloggen" not in administrator.http.get(administrator.academy + "/log-in").text  # it was logged out


def test_an_invited_person_logs_in_agrees_and_has_accepted(
    acme: Academy, provider: OpenIdProvider, administrator: Browser, browse: Callable[[], Browser]
) -> None:
    assert acme.add("4711", active=True, invite=True)["code"] == "created"
    provider.claims = {"sub": "somebody", "email": acme.address("4711").upper(), "email_verified": True}
    browser = browse()
    assert browser.by_provider().url.path == f"/{acme.id}/terms"
    assert browser.http.get(browser.academy + "/profile").url.path == f"/{acme.id}/terms"
    assert browser.agree().url.path == f"/{acme.id}/profile"
    user = acme.show("4711")
    assert (user["invitation"], user["terms_accepted"]) == ("already_accepted", True)
    assert browser.http.get(browser.academy + "/log-in").status_code == 403


def test_an_answer_works_once_and_only_in_the_browser_that_began(
    provider: OpenIdProvider, administrator: Browser, browse: Callable[[], Browser]
) -> None:
    victim, attacker = browse(), browse()
    victim.to_provider()
    planted = victim.http.get(attacker.to_provider())
    assert (planted.status_code, "Begin opnieuw" in planted.text) == (409, True)
    back = attacker.to_provider()
    kept = dict(attacker.http.cookies)
    assert attacker.http.get(back).url.path == f"{attacker.academy}/users"
    attacker.http.cookies.update(kept)
    assert attacker.http.get(back).status_code == 409


def test_who_is_not_of_the_academy_and_a_provider_that_lies_get_a_page_that_says_so(
    acme: Academy, provider: OpenIdProvider, administrator: Browser, browse: Callable[[], Browser]
) -> None:
    good = provider.claims
    provider.claims = {"sub": "nobody", "email": "nobody@acme.example", "email_verified": True}
    nobody = browse().by_provider()
    assert (nobody.status_code, "geen account voor jou" in nobody.text) == (403, True)
    provider.claims = good | {"email_verified": False}
    assert browse().by_provider().status_code == 403
    provider.claims = good | {"aud": "another"}
    assert browse().by_provider().status_code == 401
    provider.claims = good
    for signs in ("none", "secret", "other"):
        provider.signs = signs
        assert browse().by_provider().status_code == 401
    provider.signs = "right"
    provider.rotate()
    assert browse().by_provider().url.path == f"/{acme.id}/users"


def test_a_provider_that_does_not_answer_is_told_and_nothing_secret_is_in_a_log(
    platform: Platform, acme: Academy, provider: OpenIdProvider, administrator: Browser, browse: Callable[[], Browser]
) -> None:
    browser = browse()
    back = browser.to_provider()
    code = urlsplit(back).query
    provider.metadata = {"token_endpoint": "http://127.0.0.1:9/token"}
    gone = browser.http.get(back)
    assert (gone.status_code, "antwoordt nu niet" in gone.text) == (502, True)
    provider.metadata = {"issuer": "https://another.example"}
    begun = browser.send("/oidc", page="/")
    assert (begun.status_code, "Meld dit aan je beheerder" in begun.text) == (502, True)
    logs = "".join(path.read_text("utf-8", "replace") for path in (platform.home / "logs").glob("*.log"))
    assert "identity_provider.set" in logs
    assert SECRET not in logs
    assert code not in logs
