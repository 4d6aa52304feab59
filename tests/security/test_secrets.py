"""After everything that people do: no password, session, token, link or key is where it could be read."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import asyncpg
import httpx
import pytest
from outside import broker

from instroom import home
from instroom.testing import Platform, wait_until
from security.academies import TOKEN, Realm, access_token, dsn_of
from security.browsers import Browser, already_in
from security.pages import ENDS_THE_SESSION, NEVER_ENDS, PAGES
from security.routes import SERVICES, fill

Realms = tuple[Realm, Realm]
ACCESS_TOKEN = re.compile(rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}")
WRONG = "een verkeerd wachtwoord 8e61"
"""Given where something goes wrong: what is refused is told and logged more often than what is taken."""
LONGEST = 50_000
"""Characters of a row that are looked at: those of files that were uploaded are longer."""
NEW = "een ander wachtwoord 71f0"


class Run:
    """What people did, and what must not be found afterwards."""

    def __init__(self, platform: Platform, realms: Realms) -> None:
        self.platform = platform
        self.noord, zuid = realms
        self.url = home.addresses(platform.home).console
        kept = json.loads((platform.home / "secrets.json").read_text("utf-8"))
        public = ("signing_key_id", "access_signing_key_id", "verify_key", "access_verify_key", "role_passwords")
        self.secrets = {str(value) for name, value in kept.items() if name not in public}
        self.secrets |= set(kept["role_passwords"].values()) | self.noord.secrets | zuid.secrets | {WRONG, NEW}
        self.browsers = [already_in(self.url, self.noord, who) for who in ("administrator", "manager", "lid")]
        self.administrator = self.browsers[0]
        operator = Browser(self.url)
        operator.post("/-/operator", {"token": kept["operator_token"]})
        self.browsers += [operator, Browser(self.url)]
        self.tokens = [access_token(platform, self.noord.credential(who)) for who in ("administrator", "api token")]
        self._fail()
        self._reset()
        self.crawled = [self._crawl(browser) for browser in self.browsers]
        self.once = self._make_token()
        for browser in self.browsers:
            self.secrets |= {value for name in ("session", "operator") if (value := browser.cookie(name))}
        self.secrets |= set(self.tokens)

    def _fail(self) -> None:
        """Wrong in every way that a secret can be."""
        noord, service = self.noord, self.noord.services["user-service"]
        email = noord.people["collega"].email
        bodies: list[Any] = [
            {"email": email, "password": WRONG},
            {"email": email, "password": {"a": WRONG}},
            {"email": email, "password": [WRONG]},
            {"email": email, "password": WRONG * 100},
            {"email": WRONG, "password": None},
            f'{{"email": "a", "password": "{WRONG}',
            {"email": "\ud800", "password": WRONG},
            {"token": WRONG},
        ]
        for path in (
            f"/academies/{noord.id}/sessions",
            "/operator/sessions",
            f"/invitations/{WRONG}",
            f"/password-resets/{WRONG}",
        ):
            for body in bodies:
                content = body if isinstance(body, str) else json.dumps(body)
                kind = {"Content-Type": "application/json", "Authorization": f"Bearer {WRONG}"}
                answer = httpx.post(service + path, content=content, headers=kind, timeout=30, trust_env=False)
                assert answer.status_code < 500, (path, body)
                assert WRONG not in answer.text, (path, body)
        for each in (*SERVICES, "user-service"):
            url = f"{noord.services[each]}/academies/{noord.id}/events"
            assert httpx.get(url, headers={"Authorization": f"Bearer {WRONG}"}, trust_env=False).status_code == 401
        guest = Browser(self.url, session=WRONG.replace(" ", ""), operator=WRONG.replace(" ", ""))
        guest.post(f"/{noord.id}/", {"email": email, "password": WRONG})
        guest.post("/-/operator", {"token": WRONG})
        guest.post(f"/-/invitation/{WRONG}", {"password": WRONG, "again": WRONG})
        self.browsers.append(guest)
        form = {"current": WRONG, "new": WRONG, "again": WRONG}
        self.browsers[2].post(f"/{noord.id}/profile/password", form)
        token = noord.ids["invitation/{token}"]
        guest.post(f"/-/invitation/{token}", {"password": WRONG, "again": WRONG + "x", "terms": "1"})

    def _reset(self) -> None:
        """A new password by mail, then the old one again."""
        person, guest = self.noord.people["manager"], Browser(self.url)
        guest.post(f"/{self.noord.id}/password", {"email": person.email})

        def mailed() -> str | None:
            mails = [
                mail.text for mail in self.platform.mails() if mail.to == person.email and "/-/password/" in mail.text
            ]
            return found[1] if mails and (found := TOKEN.search(mails[-1])) else None

        token = str(wait_until(mailed, what="the mail for a new password"))
        self.secrets.add(token)
        assert guest.post(f"/-/password/{token}", {"password": NEW, "again": NEW}).status_code == 303
        manager = Browser(self.url)
        person.password = NEW
        assert manager.log_in(self.noord.id, person).status_code == 303
        person.session = manager.cookie("session") or ""
        self.browsers[1] = manager
        self.browsers.append(guest)

    def _crawl(self, browser: Browser) -> Browser:
        for path, method in PAGES:
            if (
                path == NEVER_ENDS
                or path in ENDS_THE_SESSION
                or path.startswith("/-/password")
                or "/invitation/" in path
            ):
                continue
            if method == "GET":
                browser.get(fill(path, self.noord.ids))
        return browser

    def _make_token(self) -> str:
        page = self.administrator.post(f"/{self.noord.id}/profile/tokens", {"name": "Eenmalig"})
        found = re.search(r"it_[\w-]{20,}", page.text)
        assert found
        self.secrets.add(found[0])
        assert found[0] not in self.administrator.get(f"/{self.noord.id}/profile").text
        return found[0]

    def found_in(self, data: bytes, but: frozenset[str] = frozenset()) -> list[str]:
        """The secrets that the data holds, by their beginnings."""
        found = [secret[:6] for secret in self.secrets - but if secret.encode() in data]
        return found + ["an access token"] * bool(ACCESS_TOKEN.search(data))


@pytest.fixture(scope="module")
def run(platform: Platform, realms: Realms) -> Iterator[Run]:
    run = Run(platform, realms)
    yield run
    for browser in run.browsers:
        browser.close()


def test_the_test_itself_finds_what_it_looks_for(run: Run) -> None:
    for secret in run.secrets:
        assert run.found_in(f'{{"a": "{secret}"}}'.encode()), secret
    assert len(run.secrets) > 30
    assert all(len(secret) >= 12 for secret in run.secrets)


def test_no_secret_is_in_any_log(run: Run) -> None:
    logs = [path for path in Path(run.platform.home, "logs").rglob("*") if path.is_file()]
    assert len(logs) > 5
    found = {path.name: told for path in logs if (told := run.found_in(path.read_bytes()))}
    assert found == {}
    user_service = Path(run.platform.home, "logs", "user-service.log").read_text("utf-8")
    assert "/academies/{academy}/sessions" in user_service  # it does tell what was asked


def test_no_secret_is_in_any_record_of_any_topic(run: Run) -> None:
    bootstrap = home.addresses(run.platform.home).kafka
    records = broker.read(bootstrap, broker.topics(bootstrap))
    assert {record.topic for record in records} >= {"user.events", "org.structure", "import.events"}
    found = []
    for record in records:
        parts = [record.key or b"", record.value or b"", *(value or b"" for _, value in record.headers)]
        found += [(record.place, told) for part in parts if (told := run.found_in(part))]
    assert found == []


@pytest.mark.parametrize("service", ["org", "user", "import", "notify"])
def test_no_secret_is_in_any_table(run: Run, service: str) -> None:
    rows = asyncio.run(_rows(dsn_of(run.platform, service)))
    assert sum(map(len, rows.values())) > 10
    found = {table: told for table, lines in rows.items() if (told := run.found_in("\n".join(lines).encode()))}
    assert found == {}


async def _rows(dsn: str) -> dict[str, list[str]]:
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            """SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
               WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"""
        )
        rows = {}
        for table in tables:
            found = await connection.fetch(f"SELECT left(t::text, {LONGEST}) AS line FROM {table['name']} AS t")
            rows[table["name"]] = [row["line"] + _plain(row["line"]) for row in found]
        return rows
    finally:
        await connection.close()


def _plain(line: str) -> str:
    """Bytes as the text that they may be."""
    return "".join(bytes.fromhex(each).decode("latin-1") for each in re.findall(r"\\x((?:[0-9a-f]{2})+)", line))


def test_no_secret_is_in_the_source_of_any_page(run: Run) -> None:
    found = []
    for browser in run.browsers:
        for page in browser.pages:
            shown = {run.once} if page.status_code == 201 else set()
            # The form of a link that was mailed is sent to its own address.
            shown |= {secret for secret in run.secrets if secret in unquote(str(page.request.url))}
            if told := run.found_in(page.content, frozenset(shown)):
                found.append((page.request.method, str(page.request.url), told))
            headers = [value for name, value in page.headers.multi_items() if name != "set-cookie"]
            if told := run.found_in("\n".join(headers).encode()):
                found.append((page.request.method, str(page.request.url), told))
    assert sum(len(browser.pages) for browser in run.browsers) > 100
    assert found == []


def test_no_secret_is_in_what_services_tell_of_themselves(run: Run) -> None:
    for service in SERVICES:
        for path in ("/metrics", "/livez", "/readyz", "/openapi.json"):
            answer = httpx.get(run.noord.services[service] + path, timeout=30, trust_env=False)
            assert run.found_in(answer.content) == [], (service, path)


def test_no_secret_is_in_a_command_line_that_everybody_on_the_machine_can_read(run: Run) -> None:
    processes = run.platform.status()["processes"]
    lines = [Path(f"/proc/{each['pid']}/cmdline") for each in processes if each.get("pid")]
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("this system shows command lines elsewhere")
    assert len(lines) > 5
    assert {str(path): told for path in lines if (told := run.found_in(path.read_bytes()))} == {}


def test_what_the_platform_keeps_can_be_read_by_its_owner_only(run: Run) -> None:
    for name in ("secrets.json", "operator.token", "platform.json"):
        assert (run.platform.home / name).stat().st_mode & 0o077 == 0, name
    assert run.platform.home.stat().st_mode & 0o077 == 0
