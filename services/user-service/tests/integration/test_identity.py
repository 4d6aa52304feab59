"""Log-in, invitations, resets and tokens over HTTP, on real PostgreSQL."""

import asyncio
import hashlib
import struct
import uuid
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from chassis.access import Verifier
from chassis.database import Pool
from chassis.http import Health, make_app
from chassis.records import decode_headers
from chassis.testing import MakePool
from contracts.envelope import Envelope
from contracts.events.base import Message
from contracts.events.org import AcademyChanged, TermsChanged
from contracts.events.users import InvitationAccepted, PasswordResetRequested
from user_service.domain.organisation import Organisation, build_organisation
from user_service.identity.administrators import ensure_first, make
from user_service.identity.passwords import Passwords
from user_service.identity_api import Identity, make_identity_router
from user_service.settings import FirstAdministrator, NewAdministrator, Settings

OPERATOR = "the operator's token"
PASSWORD = "correct horse battery"


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


LINKS, ACCESS = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def link(id: str, *, kind: int = 1, generation: int = 1) -> str:
    """The token of a mailed link."""
    expires = int((datetime.now(UTC) + timedelta(days=1)).timestamp())
    head = struct.pack(">B16sIQB", kind, uuid.UUID(id).bytes, generation, expires, 2) + b"k1"
    return text(head + LINKS.sign(head))


class Organisations:
    """One organisation for every academy."""

    def __init__(self) -> None:
        self.terms(0)

    def terms(self, version: int) -> None:
        entries: list[tuple[Message | None, bool]] = [
            (AcademyChanged(id="a", name="A", default_language="nl", languages=["nl", "en"], revision=7), False)
        ]
        if version:
            entries.append((TermsChanged(version=version, texts={"nl": "Nieuw"}, revision=8), False))
        self.organisation = build_organisation(entries)

    def of(self, academy: str) -> Organisation:
        return self.organisation


class Site:
    """The routes of identity, and one administrator of an academy."""

    def __init__(self, pool: Pool, http: httpx.AsyncClient, organisations: Organisations, academy: str) -> None:
        self.pool, self.http, self.organisations, self.academy = pool, http, organisations, academy
        self.passwords = Passwords()

    async def administrator(self, password: str | None = PASSWORD) -> None:
        asked = NewAdministrator(
            personnel_number="1",
            first_name="Eva",
            last_name="Jansen",
            email="eva@acme.example",
            password=SecretStr(password) if password else None,
        )
        await make(self.pool, self.organisations, self.passwords, self.academy, asked, "operator")  # type: ignore[arg-type]

    async def log_in(self, password: str = PASSWORD, email: str = "eva@acme.example") -> httpx.Response:
        return await self.http.post(f"/academies/{self.academy}/sessions", json={"email": email, "password": password})

    async def session(self) -> dict[str, str]:
        answer = await self.log_in()
        return {"Authorization": f"Bearer {answer.json()['session']}"}

    async def entered(self) -> dict[str, str]:
        """The session of somebody who accepted the terms."""
        session = await self.session()
        version = (await self.http.get("/sessions/current/terms", headers=session)).json()["version"]
        answer = await self.http.post("/sessions/current/terms", headers=session, json={"version": version})
        assert answer.status_code == 204
        return session

    async def access(self, credential: dict[str, str]) -> dict[str, str]:
        answer = await self.http.post("/access-tokens", headers=credential)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    async def told(self, model: type[Message]) -> list[Any]:
        """The events of that type."""
        rows = await self.pool.fetch("SELECT headers, value FROM outbox ORDER BY seq")
        return [
            model.model_validate(orjson.loads(row["value"]))
            for row in rows
            if Envelope.from_headers(decode_headers(row["headers"])).type == model.TYPE
        ]


@pytest.fixture
async def site(make_migrated_pool: MakePool, academy: str) -> AsyncIterator[Site]:
    pool = await make_migrated_pool(("user-service", files("user_service") / "migrations"))
    settings = Settings(
        kafka="",
        database="",
        http_port=1,
        verify_keys={"k1": text(LINKS.public_key().public_bytes_raw())},
        access_signing_key=SecretStr(text(ACCESS.private_bytes_raw())),
        access_signing_key_id="a1",
        operator_token_hash=hashlib.sha256(OPERATOR.encode()).hexdigest(),
    )
    organisations = Organisations()
    identity = Identity(pool, organisations, Passwords(), settings)  # type: ignore[arg-type]
    verifier = Verifier({"a1": text(ACCESS.public_key().public_bytes_raw())})
    app = make_app("user-service", [make_identity_router(identity)], Health(started=True), verifier)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        yield Site(pool, http, organisations, academy)


async def test_an_unknown_address_and_a_wrong_password_get_the_same_answer(site: Site) -> None:
    await site.administrator()
    wrong, unknown = await site.log_in("wrong"), await site.log_in(email="nobody@acme.example")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


async def test_many_attempts_on_one_address_are_refused_for_a_while(site: Site) -> None:
    answers = [await site.log_in("wrong") for _ in range(11)]
    assert [a.status_code for a in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_terms_are_asked_before_the_first_access_token_and_again_when_they_change(site: Site) -> None:
    await site.administrator()
    session = await site.session()
    assert (await site.http.post("/access-tokens", headers=session)).json()["code"] == "terms_required"
    session = await site.entered()
    caller = (await site.http.post("/access-tokens", headers=session)).json()["caller"]
    assert (caller["role"], caller["academy"], caller["name"]) == ("administrator", site.academy, "Eva Jansen")
    site.organisations.terms(2)
    assert (await site.http.post("/access-tokens", headers=session)).json()["code"] == "terms_required"


async def test_somebody_who_is_not_active_gets_neither_session_nor_token(site: Site) -> None:
    await site.administrator()
    session = await site.entered()
    await site.pool.execute("UPDATE person SET active = false")
    assert (await site.http.post("/access-tokens", headers=session)).status_code == 401
    assert (await site.log_in()).status_code == 401


async def test_whoever_logs_out_gets_no_more_tokens(site: Site) -> None:
    await site.administrator()
    session = await site.entered()
    assert (await site.http.delete("/sessions/current", headers=session)).status_code == 204
    assert (await site.http.post("/access-tokens", headers=session)).status_code == 401


async def test_an_invitation_is_accepted_once(site: Site) -> None:
    await site.administrator(password=None)
    token = link(str(await site.pool.fetchval("SELECT invitation_id FROM person")))
    seen = (await site.http.get(f"/invitations/{token}")).json()
    assert (seen["state"], seen["name"], seen["terms"]["version"]) == ("valid", "Eva Jansen", 0)
    weak = await site.http.post(f"/invitations/{token}", json={"password": "short", "terms_version": 0})
    assert (weak.status_code, weak.json()["code"]) == (422, "weak_password")
    accepting = {"password": PASSWORD, "terms_version": 0}
    assert (await site.http.post(f"/invitations/{token}", json=accepting)).json() == {"academy": site.academy}
    again = await site.http.post(f"/invitations/{token}", json=accepting)
    assert (again.status_code, again.json()["code"]) == (409, "accepted")
    (event,) = await site.told(InvitationAccepted)
    assert (event.version, event.person.terms_accepted, event.terms_version) == (2, True, 0)
    await site.access(await site.session())


async def test_a_link_of_another_kind_or_generation_is_no_invitation(site: Site) -> None:
    await site.administrator(password=None)
    id_ = str(await site.pool.fetchval("SELECT invitation_id FROM person"))
    for token, state in ((link(id_, kind=2), "unknown"), (link(id_, generation=2), "replaced"), ("x", "unknown")):
        assert (await site.http.get(f"/invitations/{token}")).json()["state"] == state


async def test_a_reset_gives_a_new_password_once_and_ends_all_sessions(site: Site) -> None:
    await site.administrator()
    session = await site.entered()
    for address in ("eva@acme.example", "nobody@acme.example"):
        answer = await site.http.post(f"/academies/{site.academy}/password-resets", json={"email": address})
        assert (answer.status_code, answer.json()) == (202, {})
    (event,) = await site.told(PasswordResetRequested)
    token = link(event.reset_id, kind=2)
    assert (await site.http.get(f"/password-resets/{token}")).json()["state"] == "valid"
    chosen = await site.http.post(f"/password-resets/{token}", json={"password": "another good password"})
    assert chosen.json() == {"academy": site.academy}
    assert (await site.http.post("/access-tokens", headers=session)).status_code == 401
    assert (await site.log_in()).status_code == 401
    assert (await site.log_in("another good password")).status_code == 200
    again = await site.http.post(f"/password-resets/{token}", json={"password": "yet another password"})
    assert (again.status_code, again.json()["code"]) == (409, "used")


async def test_a_programs_token_is_shown_once_and_works_until_it_is_removed(site: Site) -> None:
    await site.administrator()
    access = await site.access(await site.entered())
    tokens = f"/academies/{site.academy}/api-tokens"
    made = (await site.http.post(tokens, headers=access, json={"name": "HR"})).json()
    program = {"Authorization": f"Bearer {made['token']}"}
    assert await site.access(program)
    assert made["token"] not in (await site.http.get(tokens, headers=access)).text
    assert (await site.http.delete(f"{tokens}/{made['id']}", headers=access)).status_code == 204
    assert (await site.http.post("/access-tokens", headers=program)).status_code == 401


async def test_a_changed_password_ends_the_other_sessions(site: Site) -> None:
    await site.administrator()
    other, mine = await site.entered(), await site.session()
    access = await site.access(mine)
    profile = f"/academies/{site.academy}/profile"
    listed = (await site.http.get(f"{profile}/sessions", headers=access)).json()["sessions"]
    assert sorted(s["current"] for s in listed) == [False, True]
    change = {"current": PASSWORD, "new": "another good password"}
    assert (await site.http.put(f"{profile}/password", headers=access, json=change)).status_code == 204
    assert (await site.http.post("/access-tokens", headers=other)).status_code == 401
    assert await site.access(mine)


async def test_an_operator_makes_the_first_administrator_once(site: Site) -> None:
    wrong = await site.http.post("/operator/sessions", json={"token": "guess"})
    assert wrong.status_code == 401
    session = (await site.http.post("/operator/sessions", json={"token": OPERATOR})).json()["session"]
    access = await site.access({"Authorization": f"Bearer {session}"})
    asked = {"personnel_number": "9", "first_name": "Ada", "last_name": "B", "email": "ada@acme.example"}
    path = f"/academies/{site.academy}/administrators"
    answers = [await site.http.post(path, headers=access, json=asked) for _ in range(2)]
    assert [a.status_code for a in answers] == [201, 200]
    assert answers[0].json()["invitation"] == "already_invited"


async def test_a_new_installation_begins_with_its_first_administrator(site: Site) -> None:
    asked = FirstAdministrator(
        academy=site.academy,
        personnel_number="beheerder",
        first_name="Demo",
        last_name="Beheerder",
        email="eva@acme.example",
        password=SecretStr(PASSWORD),
    )
    for _ in range(2):  # at each start
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(
                ensure_first(site.pool, site.organisations, site.passwords, asked),  # type: ignore[arg-type]
                2,
            )
    assert await site.pool.fetchval("SELECT count(*) FROM person WHERE administrator") == 1
    await site.access(await site.entered())
