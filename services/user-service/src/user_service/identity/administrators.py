"""Administrators without a place in the structure: an academy's first one, who lets the others in."""

import asyncio
from typing import Any, Final

import asyncpg
import structlog

from chassis.database import Connection, Pool
from chassis.problems import Problem
from chassis.records import new_id
from contracts.events.users import UserCreated
from contracts.fields import email_key, number_key
from user_service import messages, store
from user_service.domain import documents
from user_service.domain.decision import next_generation
from user_service.domain.person import NO_INVITATION, User
from user_service.identity import people
from user_service.identity.invitations import tell
from user_service.identity.passwords import Passwords
from user_service.organisations import Organisations
from user_service.settings import FirstAdministrator, NewAdministrator

_SAY_AGAIN: Final = 60.0


async def make(
    pool: Pool, organisations: Organisations, passwords: Passwords, academy: str, asked: NewAdministrator, actor: str
) -> tuple[User, bool]:
    """The administrator, and whether they are new. Somebody with that number stays as they are."""
    address = email_key(asked.email)
    if address is None:
        raise Problem(422, "invalid_email", "that is no e-mail address")
    hash_ = await passwords.hash(asked.password.get_secret_value()) if asked.password is not None else None
    try:
        async with pool.acquire() as connection, connection.transaction():
            return await _make(connection, organisations, academy, asked, address, hash_, actor)
    except asyncpg.UniqueViolationError as error:
        raise Problem(409, "conflict", "somebody was added at the same moment; try again") from error


async def _make(
    connection: Connection,
    organisations: Organisations,
    academy: str,
    asked: NewAdministrator,
    address: str,
    password_hash: str | None,
    actor: str,
) -> tuple[User, bool]:
    organisation = organisations.of(academy)
    number = asked.personnel_number.strip()
    key = (academy, number_key(number))
    if (found := await people.by_number(connection, *key)) is not None:
        return found.user, False
    if not await store.claim_addresses(connection, {(academy, address): key[1]}):
        raise Problem(409, "email_in_use", "somebody of the academy has that e-mail address")
    version = 1 + (await store.versions_above(connection))
    user = User(
        user_id=new_id(),
        number=number,
        number_key=key[1],
        first_name=asked.first_name,
        infix=asked.infix,
        last_name=asked.last_name,
        email=asked.email,
        email_key=address,
        company_id="",
        department_id="",
        function_ids=(),
        cost_centre=None,
        language=asked.language or organisation.default_language,
        active=True,
        administrator=True,
        version=version,
    )
    if password_hash is None:
        now = await store.now(connection)
        user = user._replace(invitation=next_generation(NO_INVITATION, user, new_id(), now))
    await store.insert_users(connection, {key: user})
    body: dict[str, Any] = {
        "version": version,
        "org_revision": organisation.revision,
        "person": messages.person_json(user, organisation),
    }
    if password_hash is not None:
        await people.set_password(connection, *key, password_hash)
    else:
        body["invitation"] = {
            "status": "queued",
            "invitation_id": user.invitation.invitation_id,
            "generation": user.invitation.generation,
            "expires_at": documents.timestamp(user.invitation.expires_at),
            "recipient": documents.recipient(user),
        }
    await tell(connection, UserCreated, academy, user, body, actor)
    return user, True


async def ensure_first(
    pool: Pool, organisations: Organisations, passwords: Passwords, asked: FirstAdministrator
) -> None:
    """Make the academy's first administrator as soon as the academy is known, unless it has one.

    The academy may be made much later; until then the log says now and again what is waited for.
    """
    while not await organisations.until_known(asked.academy, _SAY_AGAIN):
        structlog.get_logger("identity").warning("first_administrator.waits", academy=asked.academy)
    has_one = "SELECT EXISTS (SELECT FROM person WHERE academy = $1 AND administrator AND NOT deleted)"
    if not await pool.fetchval(has_one, asked.academy):
        await make(pool, organisations, passwords, asked.academy, asked, "operator")
    await asyncio.Event().wait()  # tasks of a service run for ever
