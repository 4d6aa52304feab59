"""Sessions: opaque, stored as a hash, over after a while or when they are ended."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from chassis.database import Connection
from chassis.problems import Problem
from chassis.records import new_id
from user_service.domain.documents import timestamp
from user_service.identity import people
from user_service.identity.secrets import hashed, new_secret
from user_service.store import PersonKey

LASTS: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Session:
    """A log-in; without an academy it is the operator's."""

    id: str
    academy: str
    number_key: str
    provider: str
    """By which identity provider; empty for a password."""


async def begin(
    connection: Connection,
    academy: str,
    number_key: str,
    user_agent: str,
    now: datetime,
    *,
    password_hash: str | None = None,
    provider: str = "",
) -> dict[str, Any]:
    """A new session: the secret, which is told this once, and until when it lasts.

    Refused where the person may not enter any more, or has another password than the one of `password_hash` by now:
    what ends their sessions at this moment must not miss this one.
    """
    async with connection.transaction():
        if academy:
            who = await people.by_number(connection, academy, number_key, lock=True)
            if who is None or not who.may_enter or password_hash not in (None, who.password_hash):
                raise Problem(401, "wrong_credentials", "the e-mail address or the password is wrong")
        return await _begin(connection, academy, number_key, user_agent, now, provider)


async def _begin(
    connection: Connection, academy: str, number_key: str, user_agent: str, now: datetime, provider: str
) -> dict[str, Any]:
    secret, expires = new_secret(), now + LASTS
    await connection.execute(
        """DELETE FROM session WHERE id = ANY (ARRAY(
               SELECT id FROM session WHERE expires_at < $1 FOR UPDATE SKIP LOCKED))""",
        now,
    )
    await connection.execute(
        """INSERT INTO session (id, token_hash, academy, number_key, user_agent, created_at, last_used_at, expires_at,
               provider) VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)""",
        new_id(),
        hashed(secret),
        academy,
        number_key,
        user_agent.replace("\0", "")[:300],
        now,
        expires,
        provider,
    )
    return {"session": secret, "expires_at": timestamp(expires)}


async def find(connection: Connection, secret: str) -> Session | None:
    """The session of a secret, unless it is over. Notes that it was used."""
    row = await connection.fetchrow(
        """UPDATE session SET last_used_at = clock_timestamp()
           WHERE token_hash = $1 AND expires_at > clock_timestamp() RETURNING id, academy, number_key, provider""",
        hashed(secret),
    )
    return None if row is None else Session(**row)


async def of_person(connection: Connection, academy: str, number_key: str) -> list[dict[str, Any]]:
    rows = await connection.fetch(
        """SELECT id, created_at, last_used_at, user_agent FROM session
           WHERE academy = $1 AND number_key = $2 AND expires_at > clock_timestamp() ORDER BY last_used_at DESC""",
        academy,
        number_key,
    )
    return [
        {
            "id": row["id"],
            "created_at": timestamp(row["created_at"]),
            "last_used_at": timestamp(row["last_used_at"]),
            "user_agent": row["user_agent"],
        }
        for row in rows
    ]


async def end(connection: Connection, academy: str, number_key: str, id: str) -> None:
    """End one session of a person; one of somebody else stays."""
    await connection.execute(
        "DELETE FROM session WHERE academy = $1 AND number_key = $2 AND id = $3", academy, number_key, id
    )


async def end_of(connection: Connection, persons: Collection[PersonKey]) -> None:
    """End all sessions of people who are locked; there may be thousands."""
    await connection.execute(
        """DELETE FROM session AS s USING unnest($1::text[], $2::text[]) AS k (academy, number_key)
           WHERE s.academy = k.academy AND s.number_key = k.number_key""",
        [academy for academy, _ in persons],
        [number for _, number in persons],
    )


async def end_all(connection: Connection, academy: str, number_key: str, *, but: str = "") -> None:
    await connection.execute(
        "DELETE FROM session WHERE academy = $1 AND number_key = $2 AND id <> $3", academy, number_key, but
    )


async def provider_of(connection: Connection, academy: str, id: str) -> str:
    """By which identity provider the log-in was; empty for a password, and for no log-in."""
    found = await connection.fetchval("SELECT provider FROM session WHERE academy = $1 AND id = $2", academy, id)
    return found or ""


async def end_those_by_password(connection: Connection, academy: str) -> None:
    """End what passwords began."""
    await connection.execute("DELETE FROM session WHERE academy = $1 AND provider = ''", academy)
