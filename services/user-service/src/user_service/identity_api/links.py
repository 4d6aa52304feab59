"""What is done with a mailed link: accepting an invitation, choosing a new password."""

from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, BackgroundTasks, Path, Request
from pydantic import BaseModel

from chassis.access import PUBLIC
from chassis.database import Connection
from chassis.problems import Problem
from contracts.fields import email_key
from user_service import store
from user_service.domain import documents
from user_service.identity import identity_providers, invitations, people, resets, sessions
from user_service.identity.passwords import check_strength
from user_service.identity.people import Somebody
from user_service.identity_api.common import Identity, Password, Text, terms_document
from user_service.tokens import PASSWORD_RESET, verify

Token = Annotated[str, Path(max_length=1000)]


class Accepting(BaseModel):
    password: Password
    terms_version: int


class ResetAsked(BaseModel):
    email: Text


class NewPassword(BaseModel):
    password: Password


def add_links(router: APIRouter, it: Identity) -> None:
    @router.get("/invitations/{token}", dependencies=[PUBLIC])
    async def invitation(token: Token) -> dict[str, Any]:
        """Who is invited where and until when. Harmless: looking changes nothing."""
        claim = verify(token, it.keys)
        async with it.pool.acquire() as connection:
            who = await people.by_invitation(connection, claim.invitation_id) if claim is not None else None
            state = invitations.state_of(claim, who.user if who else None, await store.now(connection))
        told: dict[str, Any] = dict.fromkeys(("academy", "academy_name", "name", "language", "expires_at", "terms"))
        if who is not None and claim is not None and state != "unknown":
            organisation = it.organisations.of(who.academy)
            told |= {"academy": who.academy, "academy_name": organisation.name, "language": who.user.language}
            told["expires_at"] = documents.timestamp(claim.expires_at)
            if state == "valid":
                told |= {"name": who.user.name, "terms": terms_document(*organisation.terms(who.user.language))}
        return {"state": state} | told

    @router.post("/invitations/{token}", dependencies=[PUBLIC])
    async def accept_invitation(request: Request, token: Token, asked: Accepting) -> dict[str, str]:
        """Accept the terms and choose a password. Works once."""
        claim = verify(token, it.keys)
        if claim is None:
            await it.attempt(request, "invitation")
            raise _not_usable("unknown")
        await it.attempt(request, "invitation", claim.invitation_id)
        password = asked.password.get_secret_value()
        async with it.pool.acquire() as connection:
            seen = await people.by_invitation(connection, claim.invitation_id)
            state = invitations.state_of(claim, seen.user if seen else None, await store.now(connection))
        if seen is None or state != "valid":
            raise _not_usable(state)
        async with it.pool.acquire() as connection:
            await identity_providers.require_password_log_in(connection, seen.academy)
        check_strength(password, email=seen.user.email, name=seen.user.name)
        hash_ = await it.passwords.hash(password)
        async with it.pool.acquire() as connection, connection.transaction():
            who = await people.by_invitation(connection, claim.invitation_id, lock=True)
            state = invitations.state_of(claim, who.user if who else None, await store.now(connection))
            if who is None or state != "valid":
                raise _not_usable(state)
            organisation = it.organisations.of(who.academy)
            if asked.terms_version != organisation.terms(who.user.language)[0]:
                raise Problem(409, "terms_changed", "there is a newer version of the terms: read that one")
            await invitations.accept(connection, who, hash_, asked.terms_version, organisation)
            await sessions.end_of(connection, [(who.academy, who.user.number_key)])
        return {"academy": who.academy}

    @router.post("/academies/{academy}/password-resets", status_code=202, dependencies=[PUBLIC])
    async def ask_reset(request: Request, academy: str, asked: ResetAsked, later: BackgroundTasks) -> dict[str, Any]:
        """Have a link for a new password mailed, if somebody who can log in has that address.

        It is written after the answer, which tells by nothing whether there is such a person.
        """
        it.organisation(academy)
        address = email_key(asked.email)
        await it.attempt(request, "reset", academy, address or asked.email)
        async with it.pool.acquire() as connection:
            await identity_providers.require_password_log_in(connection, academy)
            found = await people.by_address(connection, academy, address) if address else None
        if found is not None:
            later.add_task(_mail_link, it, found)
        return {}

    @router.get("/password-resets/{token}", dependencies=[PUBLIC])
    async def reset(token: Token) -> dict[str, Any]:
        """Whether the link works. Harmless."""
        claim = verify(token, it.keys, PASSWORD_RESET)
        async with it.pool.acquire() as connection:
            row = await resets.find(connection, claim.invitation_id) if claim is not None else None
            state = resets.state_of(row, await store.now(connection))
            who = await people.by_number(connection, row["academy"], row["number_key"]) if row else None
        if who is None:
            return {"state": "unknown", "academy": None, "academy_name": None, "language": None}
        name = it.organisations.of(who.academy).name
        return {"state": state, "academy": who.academy, "academy_name": name, "language": who.user.language}

    @router.post("/password-resets/{token}", dependencies=[PUBLIC])
    async def use_reset(request: Request, token: Token, asked: NewPassword) -> dict[str, str]:
        """Choose a new password. Works once, and ends all sessions and all other links."""
        claim = verify(token, it.keys, PASSWORD_RESET)
        if claim is None:
            await it.attempt(request, "use-reset")
            raise _not_usable("unknown")
        await it.attempt(request, "use-reset", claim.invitation_id)
        password = asked.password.get_secret_value()
        async with it.pool.acquire() as connection:
            row, who = await _usable(connection, claim.invitation_id)
        check_strength(password, email=who.user.email, name=who.user.name)
        hash_ = await it.passwords.hash(password)
        key = (who.academy, who.user.number_key)
        async with it.pool.acquire() as connection, connection.transaction():
            await people.by_number(connection, *key, lock=True)
            row, who = await _usable(connection, claim.invitation_id)
            await resets.use(connection, row, await store.now(connection))
            await people.set_password(connection, *key, hash_)
            await sessions.end_of(connection, [key])
            await resets.end_of(connection, [key])
        return {"academy": who.academy}


def _has_been_in(who: Somebody) -> bool:
    """By a password, or by a provider that the academy may not have any more."""
    return who.password_hash is not None or who.user.invitation.status == "accepted"


async def _mail_link(it: Identity, seen: Somebody) -> None:
    key = (seen.academy, seen.user.number_key)
    async with it.pool.acquire() as connection, connection.transaction():
        who = await people.by_number(connection, *key, lock=True)
        if who is None or not who.may_enter or not _has_been_in(who) or who.user.email_key != seen.user.email_key:
            return
        await resets.request(connection, who, await store.now(connection))


async def _usable(connection: Connection, id: str) -> tuple[asyncpg.Record, Somebody]:
    """A link that works, and whose it is; else the refusal."""
    row = await resets.find(connection, id)
    state = resets.state_of(row, await store.now(connection))
    who = await people.by_number(connection, row["academy"], row["number_key"]) if row is not None else None
    if row is None or state != "valid":
        raise _not_usable(state)
    if who is None or not who.may_enter:
        raise _not_usable("unknown")
    return row, who


def _not_usable(state: str) -> Problem:
    return Problem(409, state, "this link cannot be used any more")
