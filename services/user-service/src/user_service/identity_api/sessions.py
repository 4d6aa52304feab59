"""Logging in and out, access tokens, and the terms of use that are asked at a log-in."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, SecretStr

from chassis.access import PUBLIC
from chassis.problems import Problem
from contracts.access import Role
from contracts.events.users import UserUpdated
from contracts.fields import email_key
from user_service import messages, store
from user_service.domain.organisation import Organisation
from user_service.identity import api_tokens, identity_providers, invitations, people, sessions
from user_service.identity.sessions import Session
from user_service.identity_api.common import (
    Identity,
    Password,
    Text,
    client_of,
    secret_of,
    terms_document,
    unauthenticated,
)


class LogIn(BaseModel):
    email: Text
    password: Password


class OperatorLogIn(BaseModel):
    token: SecretStr


class TermsAccepted(BaseModel):
    version: int


def add_sessions(router: APIRouter, it: Identity) -> None:
    @router.get("/academies/{academy}/welcome", dependencies=[PUBLIC])
    async def welcome(academy: str) -> dict[str, Any]:
        """What an academy shows to whoever is not logged in."""
        organisation = it.organisation(academy)
        async with it.pool.acquire() as connection:
            ways = await identity_providers.ways_in(connection, academy)
        return {
            "id": academy,
            "name": organisation.name,
            "default_language": organisation.default_language,
            "languages": sorted(organisation.languages),
            "log_in": ways,
        }

    @router.post("/academies/{academy}/sessions", dependencies=[PUBLIC])
    async def log_in(request: Request, academy: str, asked: LogIn) -> dict[str, Any]:
        """Log in. Answers, and takes as long, the same for whoever has no account."""
        it.organisation(academy)
        address = email_key(asked.email)
        await it.attempt(request, "log-in", academy, address or asked.email)
        async with it.pool.acquire() as connection:
            await identity_providers.require_password_log_in(connection, academy)
            found = await people.by_address(connection, academy, address) if address else None
        hash_ = found.password_hash if found is not None else None
        right = await it.passwords.matches(hash_, asked.password.get_secret_value())
        if found is None or not right or not found.may_enter:
            raise Problem(401, "wrong_credentials", "the e-mail address or the password is wrong")
        async with it.pool.acquire() as connection, connection.transaction():
            await identity_providers.require_password_log_in(connection, academy, lock=True)
            now = await store.now(connection)
            agent = request.headers.get("user-agent", "")
            return await sessions.begin(connection, academy, found.user.number_key, agent, now, password_hash=hash_)

    @router.post("/operator/sessions", dependencies=[PUBLIC])
    async def log_in_operator(request: Request, asked: OperatorLogIn) -> dict[str, Any]:
        """Log in with the operator's token."""
        client = client_of(request)
        await it.attempt(request, "operator")
        await it.attempts.refuse_after_many("operator", client)
        if not it.is_operator(asked.token.get_secret_value()):
            await it.attempts.take("operator", client)
            raise Problem(401, "wrong_credentials", "that is not the operator's token")
        async with it.pool.acquire() as connection:
            now = await store.now(connection)
            return await sessions.begin(connection, "", "", request.headers.get("user-agent", ""), now)

    @router.post("/access-tokens", dependencies=[PUBLIC])
    async def access_token(request: Request) -> dict[str, Any]:
        """An access token for a session, an API token or the operator's token."""
        secret = secret_of(request)
        if it.is_operator(secret):
            return it.sign("operator", Role.OPERATOR)
        async with it.pool.acquire() as connection:
            token = await api_tokens.find(connection, secret)
        if token is not None:
            return it.sign(f"token:{token['id']}", Role.ADMINISTRATOR, token["academy"], name=token["name"])
        session = await it.session(request)
        if not session.academy:
            return it.sign("operator", Role.OPERATOR)
        who = await it.somebody(session)
        user, organisation = who.user, it.organisations.of(session.academy)
        if not who.has_accepted(organisation.terms(user.language)[0]):
            raise Problem(403, "terms_required", "accept the terms of use first: /sessions/current/terms")
        return it.sign_for(who, session)

    @router.get("/sessions/current/terms", dependencies=[PUBLIC])
    async def terms(request: Request) -> dict[str, Any]:
        """The terms of use that hold for whoever is logged in."""
        who = await it.somebody(await it.session(request))
        version, language, text = it.organisations.of(who.academy).terms(who.user.language)
        return terms_document(version, language, text) | {"accepted": who.has_accepted(version)}

    @router.post("/sessions/current/terms", status_code=204, dependencies=[PUBLIC])
    async def accept_terms(request: Request, asked: TermsAccepted) -> Response:
        """Accept the terms of use, in the version that was read."""
        session = await it.session(request)
        who = await it.somebody(session)
        organisation = it.organisations.of(session.academy)
        if asked.version != organisation.terms(who.user.language)[0]:
            raise Problem(409, "terms_changed", "there is a newer version of the terms: read that one")
        await _accept_terms(it, session, asked.version, organisation)
        return Response(status_code=204)

    @router.delete("/sessions/current", status_code=204, dependencies=[PUBLIC])
    async def log_out(request: Request) -> Response:
        """End the session."""
        session = await it.session(request)
        async with it.pool.acquire() as connection:
            await sessions.end(connection, session.academy, session.number_key, session.id)
        return Response(status_code=204)


async def _accept_terms(it: Identity, session: Session, version: int, organisation: Organisation) -> None:
    key = (session.academy, session.number_key)
    async with it.pool.acquire() as connection, connection.transaction():
        now = await people.by_number(connection, *key, lock=True)
        if now is None or not now.may_enter:
            raise unauthenticated()
        if session.provider and now.user.invitation.status == "open":
            await invitations.accept(connection, now, None, version, organisation)
            return
        await people.set_terms(connection, *key, version)
        if now.user.terms_accepted:
            return
        after = now.user._replace(terms_accepted=True, ever_accepted_terms=True, version=now.user.version + 1)
        await store.update_users(connection, {key: now.user}, {key: after})
        body: dict[str, Any] = {
            "version": after.version,
            "org_revision": organisation.revision,
            "person": messages.person_json(after, organisation),
            "changes": {"terms_accepted": [False, True]},
        }
        await invitations.tell(connection, UserUpdated, now.academy, after, body, now.subject)
