"""How often somebody may try: counted by account and by client, with the same answer for whoever does not exist."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from ipaddress import ip_network

import httpx
import pytest
from argon2 import extract_parameters
from argon2.profiles import CHEAPEST

from chassis.database import Pool
from chassis.testing import MakePool
from user_service.identity import passwords
from user_service.identity.passwords import Passwords
from user_service.testing import OPERATOR, PASSWORD, Site, link, make_site

UNKNOWN = "00000000-0000-4000-8000-000000000000"
CONSOLE, VISITOR, OTHER = "10.0.0.5", "198.51.100.7", "203.0.113.9"


def posts(site: Site, n: int, *, same: bool) -> dict[str, tuple[str, dict[str, object]]]:
    """The n-th attempt on each of the ways in: on the same account or link each time, or on another one."""
    id_ = UNKNOWN if same else f"{UNKNOWN[:-4]}{n:04}"
    email = "eva@acme.example" if same else f"{n}@acme.example"
    academy = f"/academies/{site.academy}"
    return {
        "log-in": (f"{academy}/sessions", {"email": email, "password": "wrong"}),
        "reset": (f"{academy}/password-resets", {"email": email}),
        "use of a reset": (f"/password-resets/{link(id_, kind=2)}", {"password": PASSWORD}),
        "invitation": (f"/invitations/{link(id_)}", {"password": PASSWORD, "terms_version": 0}),
        "operator": ("/operator/sessions", {"token": f"guess {n}"}),
    }


WAYS = ("log-in", "reset", "use of a reset", "invitation", "operator")


class Quick(Passwords):
    """Looks at no password: these tests are about how often."""

    async def matches(self, hash: str | None, password: str) -> bool:
        return hash is not None and password == PASSWORD


@asynccontextmanager
async def clients(
    pool: Pool, academy: str, *addresses: str, proxies: tuple[str, ...] = ()
) -> AsyncIterator[list[Site]]:
    """One service, asked from several network addresses."""
    networks = [ip_network(proxy) for proxy in proxies]
    async with make_site(pool, academy, Quick(CHEAPEST), trusted_proxies=networks) as site:
        app = site.app
        found = []
        for address in addresses:
            transport = httpx.ASGITransport(app, client=(address, 1))
            http = httpx.AsyncClient(transport=transport, base_url="http://test")
            found.append(Site(pool, http, site.organisations, academy, app))
        yield found


@pytest.fixture
async def pool(make_migrated_pool: MakePool) -> Pool:
    return await make_migrated_pool(("user-service", files("user_service") / "migrations"))


async def tried(site: Site, way: str, times: int, *, same: bool, **headers: str) -> list[httpx.Response]:
    found = []
    for n in range(times):
        path, body = posts(site, n, same=same)[way]
        found.append(await site.http.post(path, json=body, headers=headers))
    return found


@pytest.mark.parametrize("way", WAYS)
async def test_one_account_or_link_can_be_tried_ten_times(site: Site, way: str) -> None:
    answers = await tried(site, way, 11, same=True)
    assert 429 not in {answer.status_code for answer in answers[:10]}
    last = answers[-1]
    assert (last.status_code, last.json()["code"], last.headers["retry-after"]) == (429, "too_many_attempts", "300")


@pytest.mark.parametrize("way", WAYS)
async def test_one_client_cannot_try_many_accounts_without_end_and_hinders_nobody_else(
    pool: Pool, academy: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_CLIENT_LIMIT", type(passwords._CLIENT_LIMIT)(4, 5))
    async with clients(pool, academy, VISITOR, OTHER) as (one, other):
        answers = await tried(one, way, 5, same=False)
        assert [a.status_code == 429 for a in answers] == [False] * 4 + [True]
        assert answers[-1].headers["retry-after"] == "300"
        assert (await tried(other, way, 1, same=False))[0].status_code != 429


async def test_a_wrong_operators_token_keeps_the_right_one_out_only_where_it_was_tried(
    pool: Pool, academy: str
) -> None:
    async with clients(pool, academy, VISITOR, OTHER) as (one, other):
        await tried(one, "operator", 10, same=True)
        states = [
            (await each.http.post("/operator/sessions", json={"token": OPERATOR})).status_code for each in (one, other)
        ]
    assert states == [429, 200]


async def limited(site: Site, **headers: str) -> bool:
    """Whether the fifth attempt is refused though each names another client."""
    for n in range(5):
        path, body = posts(site, n, same=False)["log-in"]
        said = {name.replace("_", "-"): value.format(n=n) for name, value in headers.items()}
        answer = await site.http.post(path, json=body, headers=said)
    return answer.status_code == 429


async def test_a_client_cannot_give_itself_another_address(
    pool: Pool, academy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_CLIENT_LIMIT", type(passwords._CLIENT_LIMIT)(4, 5))
    forged = {"X_Forwarded_For": "203.0.113.{n}", "Forwarded": "for=203.0.113.{n}", "X_Real_IP": "203.0.113.{n}"}
    async with clients(pool, academy, VISITOR, "127.0.0.1", "::1") as sites:
        assert [await limited(site, **forged) for site in sites] == [True, True, True]
    async with clients(pool, academy, VISITOR, proxies=(f"{CONSOLE}/32",)) as (site,):
        assert await limited(site, **forged)


async def test_the_console_alone_says_for_whom_it_asks_and_visitors_cannot_make_it_lie(
    pool: Pool, academy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_CLIENT_LIMIT", type(passwords._CLIENT_LIMIT)(4, 5))
    async with clients(pool, academy, CONSOLE, proxies=(f"{CONSOLE}/32",)) as (console,):
        assert not await limited(console, X_Forwarded_For="203.0.113.{n}")
        assert await limited(console, X_Forwarded_For=VISITOR)
        # What stands before the address that the console saw was written by the visitor.
        assert await limited(console, X_Forwarded_For="203.0.113.{n}, " + OTHER)


async def test_the_addresses_of_one_ipv6_network_are_one_client(
    pool: Pool, academy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_CLIENT_LIMIT", type(passwords._CLIENT_LIMIT)(4, 5))
    async with clients(pool, academy, CONSOLE, proxies=(f"{CONSOLE}/32",)) as (console,):
        assert await limited(console, X_Forwarded_For="2001:db8:1:2::{n}")
        assert not await limited(console, X_Forwarded_For="2001:db8:{n}::1")


async def test_the_answers_do_not_tell_who_has_an_account(site: Site) -> None:
    await site.administrator()
    await site.administrator(number="2", email="away@acme.example")
    await site.administrator(password=None, number="3", email="invited@acme.example")
    await site.pool.execute("UPDATE person SET active = false WHERE number_key = '2'")

    async def log_in(email: str) -> httpx.Response:
        return await site.log_in("a wrong password", email)

    async def reset(email: str) -> httpx.Response:
        return await site.http.post(f"/academies/{site.academy}/password-resets", json={"email": email})

    addresses = ("eva@acme.example", "away@acme.example", "invited@acme.example", "nobody@acme.example", "no address")
    for ask in (log_in, reset):
        answers = [await ask(email) for email in addresses]
        assert len({(a.status_code, a.text, a.headers.get("retry-after")) for a in answers}) == 1, ask
        limited = [[await ask(email) for _ in range(10)][-1] for email in ("eva@acme.example", "nobody@acme.example")]
        assert len({(a.status_code, a.text, a.headers["retry-after"]) for a in limited}) == 1
        assert limited[0].status_code == 429


class Counting(Passwords):
    """Keeps the parameters of the hashes that were looked at."""

    def __init__(self) -> None:
        super().__init__(CHEAPEST)
        self.looked_at: list[str] = []

    def _verify(self, hash: str, password: str) -> bool:
        self.looked_at.append(repr(extract_parameters(hash)))
        return super()._verify(hash, password)


async def test_a_log_in_is_as_much_work_for_an_address_that_nobody_has(pool: Pool, academy: str) -> None:
    counting = Counting()
    async with make_site(pool, academy, counting) as site:
        await site.administrator()
        await site.administrator(password=None, number="2", email="invited@acme.example")
        work = []
        for email in ("eva@acme.example", "invited@acme.example", "nobody@acme.example", "no address"):
            counting.looked_at.clear()
            assert (await site.log_in("a wrong password", email)).status_code == 401
            work.append(tuple(counting.looked_at))
    assert len(set(work)) == 1
    assert len(work[0]) == 1
