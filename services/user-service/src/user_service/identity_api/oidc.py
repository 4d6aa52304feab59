"""Log-in by the identity provider of an academy: setting it, and the two steps of a log-in."""

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Path, Request, Response
from pydantic import AfterValidator, BaseModel, Field, SecretStr

from chassis.access import PUBLIC, actor_of, allow, caller_of
from chassis.problems import Problem
from contracts.access import Role
from contracts.fields import email_key, number_key
from user_service import store
from user_service.identity import identity_providers, invitations, sessions
from user_service.identity.identity_providers import Change, require_change
from user_service.identity.oidc import OpenId, ProviderFailed, is_state_of
from user_service.identity.secrets import Sealer
from user_service.identity_api.common import Identity, without_nul

CALLBACK = "/-/oidc"
"""Of the console: where providers send people back to."""


def _visible(text: str) -> str:
    """RFC 6749, appendix A: ids and secrets of clients."""
    if not text.isascii() or not text.isprintable():
        raise ValueError("holds more than visible ASCII characters")
    return text


def _visible_secret(secret: SecretStr) -> SecretStr:
    _visible(secret.get_secret_value())
    return secret


class AskedProvider(BaseModel):
    """The identity provider of an academy; without `client_secret` the one that is known stays."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S"), AfterValidator(without_nul)]
    """As people of the academy call it, on the button of the log-in."""
    issuer: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_visible)]
    client_id: Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_visible)]
    client_secret: (
        Annotated[SecretStr, Field(min_length=1, max_length=1000), AfterValidator(_visible_secret)] | None
    ) = None
    password_log_in: bool = True
    """Whether people may also log in by password."""


class CameBack(BaseModel):
    """What the browser brought back from the provider, and the secret that only this browser has."""

    flow: Annotated[str, Field(max_length=100), AfterValidator(without_nul)]
    state: Annotated[str, Field(max_length=100), AfterValidator(without_nul)]
    code: Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(without_nul)]
    iss: Annotated[str, Field(max_length=500)] | None = None


def add_oidc(router: APIRouter, it: Identity) -> None:
    openid = OpenId(it.settings.public_url.rstrip("/") + CALLBACK, it.settings.oidc_networks)
    key = it.settings.secrets_key.get_secret_value()
    sealer = Sealer(key) if key and it.settings.public_url else None
    _add_setting(router, it, openid, sealer)
    _add_log_in(router, it, openid, sealer)


def _ready(sealer: Sealer | None) -> Sealer:
    if sealer is None:
        raise Problem(503, "no_secrets_key", "this service was given no key to keep secrets with, or no public address")
    return sealer


def _no_provider() -> Problem:
    return Problem(404, "no_identity_provider", "the academy has no identity provider")


def _add_setting(router: APIRouter, it: Identity, openid: OpenId, sealer: Sealer | None) -> None:
    administrators = [allow(Role.ADMINISTRATOR)]
    log = structlog.get_logger("oidc")

    @router.get("/academies/{academy}/identity-provider", dependencies=administrators)
    async def show_provider(academy: str) -> dict[str, Any]:
        """The identity provider, without its secret; register `redirect_uri` there."""
        it.organisation(academy)
        async with it.pool.acquire() as connection:
            row = await identity_providers.row_of(connection, academy)
        if row is None:
            raise _no_provider()
        return identity_providers.document(row, openid.redirect_uri)

    @router.put("/academies/{academy}/identity-provider", dependencies=administrators)
    async def put_provider(request: Request, academy: str, asked: AskedProvider) -> dict[str, Any]:
        """Set the identity provider, whose discovery document is looked at.

        Passwords can be switched off only by whoever logged in by this very provider, so that nobody is locked out by
        one that does not work; an operator may always.
        """
        it.organisation(academy)
        await it.attempt(request, "identity-provider", academy)
        seal = _ready(sealer).seal
        caller = caller_of(request)
        async with it.pool.acquire() as connection:
            change = Change.of(await identity_providers.row_of(connection, academy), **_told(asked))
            logged_in_by = await sessions.provider_of(connection, academy, caller.session)
        require_change(change, logged_in_by, is_operator=caller.role is Role.OPERATOR)
        if change.new or change.passwords_end:
            try:
                await openid.discover(asked.issuer)
            except ProviderFailed as failed:
                raise Problem(422, failed.code, failed.detail) from failed
        async with it.pool.acquire() as connection, connection.transaction():
            before = await identity_providers.row_of(connection, academy, lock=True)
            change = Change.of(before, **_told(asked))  # somebody else may have changed it meanwhile
            require_change(change, logged_in_by, is_operator=caller.role is Role.OPERATOR)
            secret = asked.client_secret
            sealed = (
                seal(secret.get_secret_value(), academy) if secret is not None else before and before["client_secret"]
            )
            values = asked.model_dump(exclude={"client_secret"}) | {
                "id": change.id,
                "client_secret": sealed,
                "changed_by": actor_of(request),
            }
            row = await identity_providers.put(connection, academy, values, forget_links=change.other_accounts)
            if not asked.password_log_in:
                await sessions.end_those_by_password(connection, academy)
        log.info("identity_provider.set", academy=academy, issuer=asked.issuer, password_log_in=asked.password_log_in)
        return identity_providers.document(row, openid.redirect_uri)

    @router.delete("/academies/{academy}/identity-provider", status_code=204, dependencies=administrators)
    async def remove_provider(academy: str) -> Response:
        """People log in by password again; who never had one asks for a mail to choose it."""
        it.organisation(academy)
        async with it.pool.acquire() as connection, connection.transaction():
            await identity_providers.remove(connection, academy)
        log.info("identity_provider.removed", academy=academy)
        return Response(status_code=204)

    @router.delete(
        "/academies/{academy}/identity-provider/accounts/{number:path}", status_code=204, dependencies=administrators
    )
    async def unlink(academy: str, number: Annotated[str, Path(max_length=300)]) -> Response:
        """Forget which account at the provider a person has: for who got another one with the same address."""
        it.organisation(academy)
        if "\0" in number:
            raise Problem(404, "not_found", "there is nobody with that number")
        async with it.pool.acquire() as connection:
            await identity_providers.unlink(connection, academy, number_key(number))
        return Response(status_code=204)


def _told(asked: AskedProvider) -> dict[str, Any]:
    return asked.model_dump(include={"issuer", "client_id", "password_log_in"}) | {
        "has_secret": asked.client_secret is not None
    }


def _add_log_in(router: APIRouter, it: Identity, openid: OpenId, sealer: Sealer | None) -> None:
    @router.post("/academies/{academy}/oidc-flows", status_code=201, dependencies=[PUBLIC])
    async def begin(request: Request, academy: str) -> dict[str, Any]:
        """Begin a log-in: where the browser goes, and the secret that it keeps until it comes back."""
        it.organisation(academy)
        await it.attempt(request, "oidc-begin")
        async with it.pool.acquire() as connection:
            row = await identity_providers.row_of(connection, academy)
            if row is None:
                raise _no_provider()
            provider = identity_providers.opened(row, _ready(sealer))
            flow = await identity_providers.begin(connection, academy, provider.id, await store.now(connection))
        return {
            "flow": flow,
            "url": await openid.address(provider, flow),
            "expires_in": int(identity_providers.LASTS.total_seconds()),
        }

    @router.post("/academies/{academy}/oidc-sessions", dependencies=[PUBLIC])
    async def finish(request: Request, academy: str, asked: CameBack) -> dict[str, Any]:
        """Log in with what the provider answered. Works once; lets in only who is already of the academy."""
        organisation = it.organisation(academy)
        await it.attempt(request, "oidc")
        if not is_state_of(asked.flow, asked.state):
            raise _over()
        async with it.pool.acquire() as connection:
            now = await store.now(connection)
            id_ = await identity_providers.use(connection, asked.flow, academy, now)
            row = await identity_providers.row_of(connection, academy)
        if id_ is None or row is None or row["id"] != id_:
            raise _over()
        provider = identity_providers.opened(row, _ready(sealer))
        account = await openid.account(provider, asked.flow, asked.code, asked.iss)
        await it.attempts.take("oidc", academy, account.subject)
        async with it.pool.acquire() as connection, connection.transaction():
            who = await identity_providers.person_of(
                connection, academy, provider.issuer, account.subject, email_key(account.email)
            )
            if who is not None:
                version = organisation.terms(who.user.language)[0]
                if who.user.invitation.status == "open" and who.has_accepted(version):
                    await invitations.accept(connection, who, None, version, organisation)
                agent = request.headers.get("user-agent", "")
                return await sessions.begin(
                    connection, academy, who.user.number_key, agent, await store.now(connection), provider=provider.id
                )
        raise Problem(403, "no_account", "nobody of the academy has this account: ask an administrator")


def _over() -> Problem:
    return Problem(409, "log_in_over", "this log-in is over, or was not begun in this browser: begin again")
