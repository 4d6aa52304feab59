"""Whatever people write or import is text on every page: no value becomes a tag, a script or a template."""

from __future__ import annotations

import asyncio
import html
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from itertools import count

import asyncpg
import httpx
import pytest
from outside import books
from outside.academy import Academy, new_academy

from contracts.fields import IMPORT_FIELDS
from instroom import home
from instroom.stack.mails import Mail
from instroom.testing import Platform, wait_until
from security.academies import TOKEN, Person, dsn_of
from security.browsers import Browser
from security.pages import ENDS_THE_SESSION, NEVER_ENDS, PAGES
from security.routes import fill

PASSWORD = "een heel goed wachtwoord"
TAG = "strange"
HARM = f"""'"></title></textarea><{TAG} onerror=x>{{{{7*7}}}}"""
SHORT = f"""'"><{TAG}>"""
"""Where there is room for thirty characters only."""
FIELDS = (
    "personnel_number", "first_name", "infix", "last_name", "email", "company", "department", "functions", "cost_centre",
    "language", "active", "manager", "invite", "action", "key", "name", "code", "learning_activities", "default_language",
    "languages", "id", "number", "after", "current", "new", "again", "password", "terms", "terms_version", "version", "next",
    "token", "revision", "text-nl", "reload", "restoring",
    "issuer", "client_id", "client_secret", "password_log_in", "to",
)  # fmt: skip
_ASKED = ("search", "show", "problem", "restore", "text")
SHOWN = {
    "/{academy}/",
    "/{academy}/password",
    "/{academy}/terms",
    "/-/invitation/{token}",
    "/{academy}/users",
    "/{academy}/users/p/{number:path}",
    "/{academy}/users/new",
    "/{academy}/imports",
    "/{academy}/imports/{id}",
    "/{academy}/organisation",
    "/{academy}/organisation/{kind}/{id}",
    "/{academy}/organisation/{kind}/{id}/remove",
    "/{academy}/organisation/terms",
    "/{academy}/invitations",
    "/{academy}/profile",
    "/-/operator/academies",
}


class Written:
    """An academy in which everything that can be written is an attempt."""

    def __init__(self, platform: Platform, academy: Academy) -> None:
        self.platform, self.academy = platform, academy
        self.url = home.addresses(platform.home).console
        self.administrator = Person(f"a{HARM}", f"a@{academy.id}.example", PASSWORD)
        person = {"personnel_number": self.administrator.number, "first_name": HARM, "last_name": HARM}
        body = person | {"email": self.administrator.email, "password": PASSWORD}
        academy.client.send("user-service", "POST", academy.path("administrators"), json=body)
        terms = {"type": "instroom.org.define-terms.v1", "data": {"texts": {"nl": HARM}}}
        academy.client.command("org-service", "POST", academy.path("commands"), json=terms)
        self.import_id = self._import()
        self._act()
        self.browser = Browser(self.url)
        self.browser.http.headers["User-Agent"] = HARM
        self.browser.log_in(academy.id, self.administrator)
        self.browser.post(f"/{academy.id}/terms", {"terms": "1", "terms_version": "1"})
        token = home.credential(platform.home, {})
        self.browser.post("/-/operator", {"token": token})
        made = self.browser.post(f"/{academy.id}/profile/tokens", {"name": HARM})
        assert made.status_code == 201
        self.ids = self._ids()

    def _import(self) -> str:
        placed = {"company": HARM, "department": HARM, "functions": HARM, "first_name": HARM, "infix": SHORT}
        good = placed | {"personnel_number": HARM, "last_name": HARM, "email": f"g@{self.academy.id}.example"}
        good |= {"cost_centre": HARM, "invite": "x", "active": "x"}
        bounced = good | {"personnel_number": "b", "email": "bounce-550@strange.example"}
        wrong = dict.fromkeys(IMPORT_FIELDS, f"{HARM} fout") | {"personnel_number": "fout"}
        table = books.table([good, bounced, wrong])
        table = [[*table[0], HARM], *([*row, HARM] for row in table[1:])]
        known = self.academy.check(books.sheets({HARM[:3].strip("'") or "x": table}), f"{HARM}.xlsx".replace("/", "∕"))
        assert (known["created"], known["rejected"]) == (2, 1), known
        self.academy.start(known["import_id"])
        return str(known["import_id"])

    def _act(self) -> None:
        self.academy.update("b", last_name=f"{HARM} anders")
        kinds = {"company": HARM, "department": HARM, "function": HARM}
        for kind, unit in kinds.items():
            rename = {"kind": kind, "unit": unit, "company": HARM if kind == "department" else None}
            command = {"type": "instroom.org.rename-unit.v1", "data": rename | {"name": f"{HARM} {kind}"}}
            done = self.academy.client.command("org-service", "POST", self.academy.path("commands"), json=command)
            assert done["code"] == "applied", done
        wait_until(
            lambda: self.academy.invitations().get("b", {}).get("status") == "failed", what="the mail is refused"
        )
        asyncio.run(_refuse(self.platform, self.academy.id))

    def _ids(self) -> dict[str, str]:
        structure = self.academy.client.get("org-service", self.academy.path("structure"))
        token = TOKEN.search(self.mail().text)
        assert token
        return {
            "/{academy}": self.academy.id,
            "p/{number}": HARM,
            "imports/{id}": self.import_id,
            "organisation/{kind}": "function",
            "{kind}/{id}": structure["functions"][0]["id"],
            "department/{id}": structure["companies"][0]["departments"][0]["id"],
            "languages/{code}": "nl",
            "academies/{new}": self.academy.id,
            "invitation/{token}": token[1],
            "password/{token}": HARM,
        }

    def mail(self) -> Mail:
        """The invitation of the good one."""
        address = f"g@{self.academy.id}.example"
        found: Mail = wait_until(lambda: next((m for m in self.platform.mails() if m.to == address), None))
        return found

    def ask(self, path: str, method: str, browser: Browser) -> httpx.Response:
        address = fill(path, self.ids)
        if method == "POST":
            return browser.post(address, dict.fromkeys(FIELDS, HARM))
        return browser.get(address, params=dict.fromkeys((*FIELDS, *_ASKED), HARM))


async def _refuse(platform: Platform, academy: str) -> None:
    """As a mail server may give any reason."""
    connection = await asyncpg.connect(dsn_of(platform, "notify"))
    query = "UPDATE mail SET reason = $2 WHERE academy = $1 AND state = 'failed'"
    try:
        assert await connection.execute(query, academy, HARM) == "UPDATE 1"
    finally:
        await connection.close()


class _Tags(HTMLParser):
    """The elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(name for name, _ in attributes)}


def broken_by(text: str) -> list[str]:
    """What of the values became more than text."""
    found = sorted(_Tags(text).found & {TAG, "onerror"})
    return found + (["a template"] if "onerror=x>49" in html.unescape(text) else [])


def shows(text: str) -> bool:
    return HARM in html.unescape(text)


@pytest.fixture(scope="module")
def written(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    id_ = f"x{os.getpid()}-{time.time_ns() % 1_000_000_000}"
    about = {"name": HARM, "default_language": "nl", "languages": ["nl"]}
    companies = [{"name": HARM, "code": SHORT, "departments": [{"name": HARM, "code": SHORT}]}]
    functions = [{"name": HARM, "code": SHORT, "learning_activities": [HARM]}]
    made = new_academy(
        platform, id_, tmp_path_factory.mktemp("values"), academy=about, companies=companies, functions=functions
    )
    yield Written(platform, made)
    made.client.close()


def test_the_test_itself_knows_a_value_that_became_a_tag() -> None:
    assert broken_by(f"<p title='{HARM}'>") == ["onerror", TAG]
    assert broken_by(f"<p>{html.escape(HARM)}") == []
    assert shows(f"<p>{html.escape(HARM)}")


def test_no_value_becomes_a_tag_on_any_page(written: Written) -> None:
    shown, broken = set(), []
    for method in ("GET", "POST"):
        for path in [p for p, m in PAGES if m == method and p not in (*ENDS_THE_SESSION, NEVER_ENDS)]:
            if method == "POST" and path.endswith(("/remove", "/password", "/academies", "/administrators")):
                continue  # these are filled in below
            answer = written.ask(path, method, written.browser)
            assert not answer.is_server_error, (method, path, answer.text)
            if answer.headers.get("content-type", "").startswith("text/html"):
                broken += [(method, path, what) for what in broken_by(answer.text)]
                shown |= {path} if shows(answer.text) else set()
    guest = Browser(written.url)
    for path in ("/{academy}/", "/{academy}/password", "/-/invitation/{token}", "/-/operator"):
        for method in ("GET", "POST"):
            answer = written.ask(path, method, guest)
            broken += [(method, path, what) for what in broken_by(answer.text)]
            shown |= {path} if shows(answer.text) else set()
    assert broken == []
    assert shown >= SHOWN, SHOWN - shown


def test_every_filter_and_every_state_of_a_list_shows_text(written: Written) -> None:
    academy, browser = written.academy, written.browser
    for rest in (
        "users?status=active",
        f"imports/{written.import_id}?show=all",
        f"imports/{written.import_id}?show=rejected",
        f"imports/{written.import_id}?show=created",
        "users/p/b",
        "users/p/b?ask=delete",
        "invitations",
        "organisation/department/new",
    ):
        answer = browser.get(f"/{academy.id}/{rest}")
        assert answer.status_code == 200, rest
        assert shows(answer.text), rest
        assert broken_by(answer.text) == [], rest
    failed = browser.get(f"/{academy.id}/invitations").text
    assert html.unescape(failed).count(HARM) > 3  # the reasons too


def test_what_a_form_says_afterwards_is_text(written: Written) -> None:
    browser, path = written.browser, f"/{written.academy.id}/organisation"
    answer = browser.post(f"{path}/function/new", {"name": f"{HARM} nog een"})
    assert answer.status_code == 303
    told = browser.get(path)
    assert f"{HARM} nog een" in html.unescape(told.text.partition('id="flash"')[2].partition("</div>")[0])
    assert broken_by(told.text) == []


def test_events_come_as_text(written: Written) -> None:
    def line() -> str:
        with written.browser.http.stream("GET", f"/{written.academy.id}/events/stream") as stream:
            return next(line for line in stream.iter_lines() if line.startswith("data:") and TAG in line)

    with ThreadPoolExecutor(1) as pool:
        first, times = pool.submit(line), count(1)
        while not first.done():  # the stream begins when it is there: what happens before is not in it
            written.academy.update("b", cost_centre=f"{HARM} {next(times)}")
        assert broken_by(first.result()) == []


def test_mails_hold_names_as_text(written: Written) -> None:
    mail = written.mail()
    assert TAG in mail.html
    assert broken_by(mail.html) == []
