"""What the routes of identity share: the academy, the session and the person of whoever asks."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Request
from pydantic import AfterValidator, Field, SecretStr

from chassis.access import allow
from chassis.database import Pool
from chassis.problems import Problem
from contracts.access import TOKEN_SECONDS, Role
from user_service.domain.organisation import Organisation
from user_service.identity import people, sessions
from user_service.identity.access_tokens import Signer
from user_service.identity.passwords import LONGEST, Attempts, Passwords
from user_service.identity.people import Somebody
from user_service.identity.sessions import Session
from user_service.organisations import Organisations
from user_service.settings import Settings


def without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL")
    return text


Text = Annotated[str, Field(max_length=320), AfterValidator(without_nul)]
Password = Annotated[SecretStr, Field(max_length=LONGEST)]
ANY_ROLE = [allow(Role.ADMINISTRATOR, Role.MANAGER, Role.MEMBER)]


@dataclass
class Identity:
    """What the routes work with."""

    pool: Pool
    organisations: Organisations
    passwords: Passwords
    settings: Settings

    def __post_init__(self) -> None:
        self.attempts = Attempts()
        self.keys = self.settings.public_keys()
        seed = self.settings.access_signing_key.get_secret_value()
        self.signer = Signer(seed, self.settings.access_signing_key_id) if seed else None

    def organisation(self, academy: str) -> Organisation:
        """The academy, or 404."""
        return self.organisations.get(academy)

    def is_operator(self, secret: str) -> bool:
        given = hashlib.sha256(secret.encode()).hexdigest()
        told = self.settings.operator_token_hash
        return bool(told) and hmac.compare_digest(given, told.lower())

    def sign(self, sub: str, role: Role, academy: str = "", **caller: Any) -> dict[str, Any]:
        """The answer to whoever asked for an access token."""
        return self._sign(sub, role, academy, {}, caller)

    def sign_for(self, who: Somebody, session: Session) -> dict[str, Any]:
        """The same for a person who logged in."""
        user, organisation = who.user, self.organisations.of(who.academy)
        department = user.department_id
        claims = {
            "personnel_number": user.number,
            "department": department if who.role is Role.MANAGER else "",
            "session": session.id,
        }
        caller = {
            "personnel_number": user.number,
            "name": user.name,
            "language": user.language,
            "department": department,
            "department_name": organisation.department_name(department),
        }
        return self._sign(who.subject, who.role, who.academy, claims, caller)

    def _sign(
        self, sub: str, role: Role, academy: str, claims: dict[str, str], caller: dict[str, Any]
    ) -> dict[str, Any]:
        if self.signer is None:
            raise Problem(503, "no_signing_key", "this service was given no key to sign with")
        token = self.signer.sign(sub, role, academy, **claims)
        empty = dict.fromkeys(("personnel_number", "name", "language", "department", "department_name"), "")
        who = {"sub": sub, "role": role, "academy": academy} | empty | caller
        return {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "caller": who}

    async def attempt(self, request: Request, what: str, *key: str) -> None:
        """Count that this client tried something, and with which account or link; refuse it when it was too often.

        The client's address is the peer's, or what one of the trusted proxies says of it.
        """
        await self.attempts.take_of_client(what, client_of(request))
        if key:
            await self.attempts.take(what, *key)

    async def session(self, request: Request) -> Session:
        """The session of whoever asks, or 401."""
        async with self.pool.acquire() as connection:
            found = await sessions.find(connection, secret_of(request))
        if found is None:
            raise unauthenticated()
        return found

    async def somebody(self, session: Session) -> Somebody:
        """Who logged in, as long as they may; otherwise their sessions end."""
        async with self.pool.acquire() as connection:
            found = await people.by_number(connection, session.academy, session.number_key)
            if found is None or not found.may_enter:
                await sessions.end_all(connection, session.academy, session.number_key)
                raise unauthenticated()
        return found


def client_of(request: Request) -> str:
    """The network address of whoever asks."""
    return request.client.host if request.client is not None else ""


def secret_of(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret or len(secret) > 200:
        raise unauthenticated()
    return secret


def unauthenticated() -> Problem:
    return Problem(401, "unauthenticated", "log in again")


def terms_document(version: int, language: str, text: str) -> dict[str, Any]:
    return {"version": version, "language": language, "text": text}


def without_nul_or_404(id: str) -> str:
    if "\0" in id:
        raise Problem(404, "not_found", "there is no such thing")
    return id
