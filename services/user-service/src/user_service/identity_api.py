"""user-service over HTTP: who somebody is. Opaque secrets in, access tokens out; nothing tells who has an account."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, Field, SecretStr

from chassis.access import PUBLIC, actor_of, allow, caller_of
from chassis.database import Pool
from chassis.problems import Problem
from contracts.access import TOKEN_SECONDS, Role
from contracts.events.users import UserUpdated
from contracts.fields import email_key, is_academy_id, number_key
from user_service import messages, store
from user_service.domain import documents
from user_service.domain.organisation import Organisation
from user_service.identity import administrators, api_tokens, invitations, people, resets, sessions
from user_service.identity.access_tokens import Signer
from user_service.identity.passwords import LONGEST, Attempts, Passwords, check_strength
from user_service.identity.people import Somebody
from user_service.identity.sessions import Session
from user_service.organisations import Organisations
from user_service.settings import NewAdministrator, Settings
from user_service.tokens import PASSWORD_RESET, verify


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL")
    return text


Text = Annotated[str, Field(max_length=320), AfterValidator(_without_nul)]
Password = Annotated[SecretStr, Field(max_length=LONGEST)]
Token = Annotated[str, Path(max_length=1000)]
_ANY_ROLE = [allow(Role.ADMINISTRATOR, Role.MANAGER, Role.MEMBER)]


class LogIn(BaseModel):
    email: Text
    password: Password


class OperatorLogIn(BaseModel):
    token: SecretStr


class Accepting(BaseModel):
    password: Password
    terms_version: int


class TermsAccepted(BaseModel):
    version: int


class ResetAsked(BaseModel):
    email: Text


class NewPassword(BaseModel):
    password: Password


class ChangedPassword(BaseModel):
    current: Password
    new: Password


class NewToken(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_without_nul)]
    role: Role = Role.ADMINISTRATOR


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
        organisation = self.organisations.of(academy) if is_academy_id(academy) else None
        if organisation is None or not organisation.known:
            raise Problem(404, "unknown_academy", f"there is no academy {academy[:100]}")
        return organisation

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

    async def session(self, request: Request) -> Session:
        """The session of whoever asks, or 401."""
        async with self.pool.acquire() as connection:
            found = await sessions.find(connection, _secret_of(request))
        if found is None:
            raise _unauthenticated()
        return found

    async def somebody(self, session: Session) -> Somebody:
        """Who logged in, as long as they may; otherwise their sessions end."""
        async with self.pool.acquire() as connection:
            found = await people.by_number(connection, session.academy, session.number_key)
            if found is None or not found.may_enter:
                await sessions.end_all(connection, session.academy, session.number_key)
                raise _unauthenticated()
        return found


def _secret_of(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret or len(secret) > 200:
        raise _unauthenticated()
    return secret


def _unauthenticated() -> Problem:
    return Problem(401, "unauthenticated", "log in again")


def _terms(version: int, language: str, text: str) -> dict[str, Any]:
    return {"version": version, "language": language, "text": text}


def make_identity_router(identity: Identity) -> APIRouter:
    """The routes of identity. Comes before that of people, whose paths take everything."""
    router = APIRouter()
    _add_sessions(router, identity)
    _add_links(router, identity)
    _add_own(router, identity)
    _add_administration(router, identity)
    return router


def _add_sessions(router: APIRouter, it: Identity) -> None:
    @router.get("/academies/{academy}/welcome", dependencies=[PUBLIC])
    async def welcome(academy: str) -> dict[str, Any]:
        """What an academy shows to whoever is not logged in."""
        organisation = it.organisation(academy)
        return {
            "id": academy,
            "name": organisation.name,
            "default_language": organisation.default_language,
            "languages": sorted(organisation.languages),
        }

    @router.post("/academies/{academy}/sessions", dependencies=[PUBLIC])
    async def log_in(request: Request, academy: str, asked: LogIn) -> dict[str, Any]:
        """Log in. Answers, and takes as long, the same for whoever has no account."""
        it.organisation(academy)
        address = email_key(asked.email)
        await it.attempts.take("log-in", academy, address or asked.email)
        async with it.pool.acquire() as connection:
            found = await people.by_address(connection, academy, address) if address else None
        hash_ = found.password_hash if found is not None else None
        right = await it.passwords.matches(hash_, asked.password.get_secret_value())
        if found is None or not right or not found.may_enter:
            raise Problem(401, "wrong_credentials", "the e-mail address or the password is wrong")
        async with it.pool.acquire() as connection:
            now = await store.now(connection)
            agent = request.headers.get("user-agent", "")
            return await sessions.begin(connection, academy, found.user.number_key, agent, now)

    @router.post("/operator/sessions", dependencies=[PUBLIC])
    async def log_in_operator(request: Request, asked: OperatorLogIn) -> dict[str, Any]:
        """Log in with the operator's token."""
        if not it.is_operator(asked.token.get_secret_value()):
            await it.attempts.take("operator")
            raise Problem(401, "wrong_credentials", "that is not the operator's token")
        async with it.pool.acquire() as connection:
            now = await store.now(connection)
            return await sessions.begin(connection, "", "", request.headers.get("user-agent", ""), now)

    @router.post("/access-tokens", dependencies=[PUBLIC])
    async def access_token(request: Request) -> dict[str, Any]:
        """An access token for a session, an API token or the operator's token."""
        secret = _secret_of(request)
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
        return _terms(version, language, text) | {"accepted": who.has_accepted(version)}

    @router.post("/sessions/current/terms", status_code=204, dependencies=[PUBLIC])
    async def accept_terms(request: Request, asked: TermsAccepted) -> Response:
        """Accept the terms of use, in the version that was read."""
        session = await it.session(request)
        who = await it.somebody(session)
        organisation = it.organisations.of(session.academy)
        if asked.version != organisation.terms(who.user.language)[0]:
            raise Problem(409, "terms_changed", "there is a newer version of the terms: read that one")
        await _accept_terms(it, who, asked.version, organisation)
        return Response(status_code=204)

    @router.delete("/sessions/current", status_code=204, dependencies=[PUBLIC])
    async def log_out(request: Request) -> Response:
        """End the session."""
        session = await it.session(request)
        async with it.pool.acquire() as connection:
            await sessions.end(connection, session.academy, session.number_key, session.id)
        return Response(status_code=204)


async def _accept_terms(it: Identity, who: Somebody, version: int, organisation: Organisation) -> None:
    key = (who.academy, who.user.number_key)
    async with it.pool.acquire() as connection, connection.transaction():
        now = await people.by_number(connection, *key, lock=True)
        if now is None or not now.may_enter:
            raise _unauthenticated()
        await people.set_terms(connection, *key, version)
        if now.user.terms_accepted:
            return
        after = now.user._replace(terms_accepted=True, ever_accepted_terms=True, version=now.user.version + 1)
        await store.update_users(connection, {key: after})
        body: dict[str, Any] = {
            "version": after.version,
            "org_revision": organisation.revision,
            "person": messages.person_json(after, organisation),
            "changes": {"terms_accepted": [False, True]},
        }
        await invitations.tell(connection, UserUpdated, who.academy, after, body, who.subject)


def _add_links(router: APIRouter, it: Identity) -> None:
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
                told |= {"name": who.user.name, "terms": _terms(*organisation.terms(who.user.language))}
        return {"state": state} | told

    @router.post("/invitations/{token}", dependencies=[PUBLIC])
    async def accept_invitation(token: Token, asked: Accepting) -> dict[str, str]:
        """Accept the terms and choose a password. Works once."""
        claim = verify(token, it.keys)
        if claim is None:
            raise _not_usable("unknown")
        await it.attempts.take("invitation", claim.invitation_id)
        password = asked.password.get_secret_value()
        async with it.pool.acquire() as connection:
            seen = await people.by_invitation(connection, claim.invitation_id)
            state = invitations.state_of(claim, seen.user if seen else None, await store.now(connection))
        if seen is None or state != "valid":
            raise _not_usable(state)
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
            await sessions.end_all(connection, who.academy, who.user.number_key)
        return {"academy": who.academy}

    @router.post("/academies/{academy}/password-resets", status_code=202, dependencies=[PUBLIC])
    async def ask_reset(academy: str, asked: ResetAsked) -> dict[str, Any]:
        """Have a link for a new password mailed, if somebody who can log in has that address."""
        it.organisation(academy)
        address = email_key(asked.email)
        await it.attempts.take("reset", academy, address or asked.email)
        async with it.pool.acquire() as connection, connection.transaction():
            found = await people.by_address(connection, academy, address) if address else None
            if found is not None and found.may_enter and found.password_hash is not None:
                await resets.request(connection, found, await store.now(connection))
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
    async def use_reset(token: Token, asked: NewPassword) -> dict[str, str]:
        """Choose a new password. Works once, and ends all sessions."""
        claim = verify(token, it.keys, PASSWORD_RESET)
        if claim is None:
            raise _not_usable("unknown")
        await it.attempts.take("use-reset", claim.invitation_id)
        password = asked.password.get_secret_value()
        hash_ = await it.passwords.hash(password)
        async with it.pool.acquire() as connection, connection.transaction():
            row = await resets.find(connection, claim.invitation_id, lock=True)
            now = await store.now(connection)
            state = resets.state_of(row, now)
            if row is None or state != "valid":
                raise _not_usable(state)
            who = await people.by_number(connection, row["academy"], row["number_key"])
            if who is None or not who.may_enter:
                raise _not_usable("unknown")
            check_strength(password, email=who.user.email, name=who.user.name)
            await resets.end_all(connection, who.academy, who.user.number_key, now)
            await people.set_password(connection, who.academy, who.user.number_key, hash_)
            await sessions.end_all(connection, who.academy, who.user.number_key)
        return {"academy": who.academy}


def _not_usable(state: str) -> Problem:
    return Problem(409, state, "this link cannot be used any more")


def _add_own(router: APIRouter, it: Identity) -> None:
    def own(request: Request) -> str:
        number = caller_of(request).personnel_number
        if not number:
            raise Problem(404, "not_found", "only people have a profile")
        return number_key(number)

    @router.get("/academies/{academy}/profile/sessions", dependencies=_ANY_ROLE)
    async def list_sessions(request: Request, academy: str) -> dict[str, Any]:
        """The own log-ins, and which of them asks."""
        async with it.pool.acquire() as connection:
            found = await sessions.of_person(connection, academy, own(request))
        here = caller_of(request).session
        return {"sessions": [session | {"current": session["id"] == here} for session in found]}

    @router.delete("/academies/{academy}/profile/sessions/{id}", status_code=204, dependencies=_ANY_ROLE)
    async def end_session(request: Request, academy: str, id: str) -> Response:
        """End one of the own log-ins."""
        async with it.pool.acquire() as connection:
            await sessions.end(connection, academy, own(request), _without_nul_or_404(id))
        return Response(status_code=204)

    @router.put("/academies/{academy}/profile/password", status_code=204, dependencies=_ANY_ROLE)
    async def change_password(request: Request, academy: str, asked: ChangedPassword) -> Response:
        """Choose another password; ends the other sessions."""
        key = (academy, own(request))
        await it.attempts.take("password", *key)
        async with it.pool.acquire() as connection:
            who = await people.by_number(connection, *key)
        if who is None or not await it.passwords.matches(who.password_hash, asked.current.get_secret_value()):
            raise Problem(422, "wrong_credentials", "that is not the present password")
        password = asked.new.get_secret_value()
        check_strength(password, email=who.user.email, name=who.user.name)
        hash_ = await it.passwords.hash(password)
        async with it.pool.acquire() as connection, connection.transaction():
            await people.set_password(connection, *key, hash_)
            await resets.end_all(connection, *key, await store.now(connection))
            await sessions.end_all(connection, *key, but=caller_of(request).session)
        return Response(status_code=204)


def _without_nul_or_404(id: str) -> str:
    if "\0" in id:
        raise Problem(404, "not_found", "there is no such thing")
    return id


def _add_administration(router: APIRouter, it: Identity) -> None:
    only_administrators = [allow(Role.ADMINISTRATOR)]

    @router.get("/academies/{academy}/api-tokens", dependencies=only_administrators)
    async def list_tokens(academy: str) -> dict[str, Any]:
        """The tokens of programs, without their secrets."""
        it.organisation(academy)
        async with it.pool.acquire() as connection:
            return {"api_tokens": await api_tokens.of_academy(connection, academy)}

    @router.post("/academies/{academy}/api-tokens", status_code=201, dependencies=only_administrators)
    async def make_token(request: Request, academy: str, asked: NewToken) -> dict[str, Any]:
        """A token for a program; its secret is shown here and never again."""
        it.organisation(academy)
        if asked.role is not Role.ADMINISTRATOR:
            raise Problem(422, "invalid", "a program's token has role administrator")
        async with it.pool.acquire() as connection:
            return await api_tokens.make(connection, academy, asked.name, actor_of(request))

    @router.delete("/academies/{academy}/api-tokens/{id}", status_code=204, dependencies=only_administrators)
    async def remove_token(academy: str, id: str) -> Response:
        """From now on no access token is given for it."""
        async with it.pool.acquire() as connection:
            await api_tokens.remove(connection, academy, _without_nul_or_404(id))
        return Response(status_code=204)

    @router.post("/academies/{academy}/administrators", status_code=201, dependencies=[allow()])
    async def make_administrator(
        request: Request, academy: str, asked: Annotated[NewAdministrator, Body()]
    ) -> JSONResponse:
        """Somebody who administers the academy, without a place in its structure."""
        organisation = it.organisation(academy)
        user, new = await administrators.make(
            it.pool, it.organisations, it.passwords, academy, asked, actor_of(request)
        )
        async with it.pool.acquire() as connection:
            now = await store.now(connection)
        return JSONResponse(documents.user_document(user, organisation, now), 201 if new else 200)
