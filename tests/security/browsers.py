"""A browser without a screen: cookies, form tokens, and a look at each answer for what no page may have."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from itertools import count
from typing import Any

import httpx

from security.academies import Person, Realm
from security.routes import PATIENCE

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
TO_THE_PROVIDER = "/oidc"
"""The one page that leads elsewhere: to the identity provider of the academy."""
_addresses = count(1)


class Browser:
    """Somebody at the console. Every answer is looked at: see `violations`."""

    def __init__(self, url: str, **cookies: str) -> None:
        self.url = url
        self.pages: list[httpx.Response] = []
        self._tokens: dict[str, str] = {}
        # Each browser is a visitor with attempts of its own, where this machine has so many addresses.
        number = next(_addresses)
        address = f"127.1.{number // 250}.{number % 250 + 1}" if sys.platform == "linux" else None
        self.http = httpx.Client(
            base_url=url,
            timeout=60,
            trust_env=False,
            headers={"Accept-Language": "nl"},
            event_hooks={"response": [self._look]},
            transport=httpx.HTTPTransport(local_address=address, limits=PATIENCE),
        )
        for name, value in cookies.items():
            self.http.cookies.set(f"instroom-{name}", value, self.http.base_url.host)

    def _look(self, answer: httpx.Response) -> None:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            answer.read()
            self.pages.append(answer)
        found = violations(answer)
        where = answer.headers.get("location", "/")
        if not where.startswith("/") or where.startswith("//") or "\\" in where:
            found.append(f"leads to {where}")
        assert not found, (str(answer.request.url), found)

    def cookie(self, name: str) -> str | None:
        return self.http.cookies.get(f"instroom-{name}", domain=self.http.base_url.host)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.http.get(path, **options)

    def status(self, path: str) -> httpx.Response:
        """The head of an answer that may never end."""
        with self.http.stream("GET", path) as answer:
            return httpx.Response(answer.status_code, headers=answer.headers, request=answer.request)

    def form_token(self) -> str:
        """Of the forms of this browser."""
        visit = self.cookie("visit")
        if visit is None or visit not in self._tokens:
            token = self.get("/").text.partition('name="csrf" value="')[2].partition('"')[0]
            visit = self.cookie("visit") or ""
            self._tokens[visit] = token
        return self._tokens[visit]

    def post(self, path: str, form: Mapping[str, Any] | None = None, **options: Any) -> httpx.Response:
        """Send a form as the console's own pages do."""
        return self.http.post(path, data={"csrf": self.form_token()} | dict(form or {}), **options)

    def log_in(self, academy: str, person: Person) -> httpx.Response:
        return self.post(f"/{academy}/", {"email": person.email, "password": person.password})

    def close(self) -> None:
        self.http.close()


def browser_of(url: str, realm: Realm, who: str) -> Browser:
    """Somebody of the academy who came by the log-in."""
    browser = Browser(url)
    answer = browser.log_in(realm.id, realm.people[who])
    assert answer.status_code == 303, answer.text
    return browser


def already_in(url: str, realm: Realm, who: str) -> Browser:
    """Somebody of the academy with the session that they have."""
    return Browser(url, session=realm.credential(who))


def violations(answer: httpx.Response) -> list[str]:
    """What in an answer of the console gives strange script a chance."""
    told = [part.strip().partition(" ") for part in answer.headers.get("content-security-policy", "").split(";")]
    found = [] if {name: value for name, _, value in told} == POLICY else ["another policy, or none"]
    expected = {"x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "same-origin"}
    found += [f"no {name}" for name, value in expected.items() if answer.headers.get(name) != value]
    if "/-/static/" not in str(answer.request.url) and answer.headers.get("cache-control") != "no-store":
        found.append("may be kept by others")
    if answer.headers.get("content-type", "").startswith("text/html"):
        looking = _Looking(stays=not answer.request.url.path.endswith(TO_THE_PROVIDER))
        looking.feed(answer.text)
        found += looking.found
    return found


class _Looking(HTMLParser):
    """Finds what a policy without inline script forbids, and what would need one with it."""

    def __init__(self, stays: bool) -> None:
        super().__init__()
        self._stays = stays
        self.found: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = dict(attributes)
        self._in_script = tag == "script"
        if tag == "script" and not (known.get("src") or "").startswith("/-/static/"):
            self.found.append("a script that is not one of the console's files")
        if tag in ("style", "base", "iframe", "object", "embed"):
            self.found.append(f"<{tag}>")
        if tag == "meta" and "http-equiv" in known:
            self.found.append("<meta http-equiv>")
        for name, value in attributes:
            text = "".join((value or "").split()).casefold()
            if name == "style" or name.startswith(("on", "hx-on", "data-hx-on")):
                self.found.append(f"{name} of <{tag}>")
            if text.startswith(("javascript:", "js:", "vbscript:")):
                self.found.append(f"script in {name} of <{tag}>")
            if (
                name in ("href", "src", "action", "formaction", "hx-get", "hx-post")
                and "//" in text[:8]
                and self._stays
            ):
                self.found.append(f"{name} of <{tag}> leads elsewhere")

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.found.append("inline script")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False
