"""The routes of identity as a test asks them: one academy, on real PostgreSQL."""

import hashlib
import itertools
import struct
import uuid
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import httpx
import orjson
from argon2.profiles import CHEAPEST
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from pydantic import SecretStr

from chassis.access import Verifier
from chassis.commands import Commands
from chassis.database import Connection, Pool
from chassis.http import Health, make_app
from chassis.records import Record, decode_headers, new_id
from contracts.envelope import Envelope
from contracts.events.base import Message
from contracts.events.org import AcademyChanged, TermsChanged
from contracts.events.users import UserCheckRequested, UserRequested
from user_service.applying import Applying
from user_service.domain.organisation import Organisation, build_organisation
from user_service.domain.reading import requested
from user_service.identity.administrators import make
from user_service.identity.passwords import Passwords
from user_service.identity_api import Identity, make_identity_router
from user_service.organisations import Organisations
from user_service.settings import NewAdministrator, Settings

OPERATOR = "the operator's token"
PASSWORD = "correct horse battery"

_offsets = itertools.count(1)


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


LINKS, ACCESS = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def link(id: str, *, kind: int = 1, generation: int = 1) -> str:
    """The token of a mailed link."""
    expires = int((datetime.now(UTC) + timedelta(days=1)).timestamp())
    head = struct.pack(">B16sIQB", kind, uuid.UUID(id).bytes, generation, expires, 2) + b"k1"
    return text(head + LINKS.sign(head))


class OneOrganisation(Organisations):
    """One organisation for every academy."""

    def __init__(self) -> None:  # without a replica
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

    async def until_known(self, academy: str, timeout: float) -> bool:
        return True

    async def wait_for(self, pool: Pool, revisions: Mapping[str, int]) -> None:
        """It is as new as anybody needs it."""

    async def are_current(self, connection: Connection, academies: Collection[str]) -> bool:
        return True


def taken(message: Message) -> Any:
    """The message as it is handed to whoever handles it."""
    return requested(message) if isinstance(message, UserRequested | UserCheckRequested) else message


def record(academy: str, message: Any) -> Record[Any]:
    """The message as it comes from the topic of requests, each one a request of its own."""
    number = message.person.personnel_number if isinstance(message, UserRequested) else message.personnel_number
    id_ = new_id()
    envelope = Envelope(
        id=id_,
        type=message.TYPE,
        source="test",
        academy=academy,
        request_source="hr",
        request_id=id_,
        correlation_id=id_,
    )
    return Record("cluster", "user.requests", 0, next(_offsets), f"{academy}/{number}", b"{}", envelope, taken(message))


class Site:
    """The routes of identity, and one administrator of an academy."""

    def __init__(
        self, pool: Pool, http: httpx.AsyncClient, organisations: OneOrganisation, academy: str, app: FastAPI
    ) -> None:
        self.pool, self.http, self.organisations, self.academy, self.app = pool, http, organisations, academy, app
        self.passwords = Passwords(CHEAPEST)

    async def administrator(
        self, password: str | None = PASSWORD, number: str = "1", email: str = "eva@acme.example", academy: str = ""
    ) -> None:
        asked = NewAdministrator(
            personnel_number=number,
            first_name="Eva",
            last_name="Jansen",
            email=email,
            password=SecretStr(password) if password else None,
        )
        await make(self.pool, self.organisations, self.passwords, academy or self.academy, asked, "operator")

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

    async def apply(self, *messages: Message) -> None:
        """Carry them out as one batch."""
        commands = Commands(self.pool, "user-service")
        await Applying(self.pool, self.organisations, commands)([record(self.academy, each) for each in messages])

    async def told(self, model: type[Message]) -> list[Any]:
        """The events of that type."""
        rows = await self.pool.fetch("SELECT headers, value FROM outbox ORDER BY seq")
        return [
            model.model_validate(orjson.loads(row["value"]))
            for row in rows
            if Envelope.from_headers(decode_headers(row["headers"])).type == model.TYPE
        ]


@asynccontextmanager
async def make_site(
    pool: Pool,
    academy: str,
    passwords: Passwords | None = None,
    trusted_proxies: Sequence[IPv4Network | IPv6Network] = (),
    **more: Any,
) -> AsyncIterator[Site]:
    """The routes of identity of one academy, told `more` settings."""
    settings = Settings(
        kafka="",
        database="",
        http_port=1,
        verify_keys={"k1": text(LINKS.public_key().public_bytes_raw())},
        access_signing_key=SecretStr(text(ACCESS.private_bytes_raw())),
        access_signing_key_id="a1",
        operator_token_hash=hashlib.sha256(OPERATOR.encode()).hexdigest(),
        **more,
    )
    organisations = OneOrganisation()
    identity = Identity(pool, organisations, passwords or Passwords(CHEAPEST), settings)
    verifier = Verifier({"a1": text(ACCESS.public_key().public_bytes_raw())})
    health = Health(started=True)
    app = make_app("user-service", [make_identity_router(identity)], health, verifier, trusted_proxies)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield Site(pool, http, organisations, academy, app)
