"""Sessions: opaque, stored as a hash, over after a while or when they are ended."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from chassis.database import Connection
from chassis.records import new_id
from user_service.domain.documents import timestamp
from user_service.identity.secrets import hashed, new_secret

LASTS: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Session:
    """A log-in; without an academy it is the operator's."""

    id: str
    academy: str
    number_key: str


async def begin(
    connection: Connection, academy: str, number_key: str, user_agent: str, now: datetime
) -> dict[str, Any]:
    """A new session: the secret, which is told this once, and until when it lasts."""
    secret, expires = new_secret(), now + LASTS
    await connection.execute("DELETE FROM session WHERE expires_at < $1", now)
    await connection.execute(
        """INSERT INTO session (id, token_hash, academy, number_key, user_agent, created_at, last_used_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $6, $7)""",
        new_id(),
        hashed(secret),
        academy,
        number_key,
        user_agent.replace("\0", "")[:300],
        now,
        expires,
    )
    return {"session": secret, "expires_at": timestamp(expires)}


async def find(connection: Connection, secret: str) -> Session | None:
    """The session of a secret, unless it is over. Notes that it was used."""
    row = await connection.fetchrow(
        """UPDATE session SET last_used_at = clock_timestamp()
           WHERE token_hash = $1 AND expires_at > clock_timestamp() RETURNING id, academy, number_key""",
        hashed(secret),
    )
    return None if row is None else Session(row["id"], row["academy"], row["number_key"])


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


async def end_all(connection: Connection, academy: str, number_key: str, *, but: str = "") -> None:
    await connection.execute(
        "DELETE FROM session WHERE academy = $1 AND number_key = $2 AND id <> $3", academy, number_key, but
    )


async def end_of(connection: Connection, people: Collection[tuple[str, str]]) -> None:
    """End the sessions of these people, by academy and number key: who gets in again later logs in again."""
    ordered = sorted(people)
    await connection.execute(
        """DELETE FROM session AS s USING unnest($1::text[], $2::text[]) AS k (academy, number_key)
           WHERE s.academy = k.academy AND s.number_key = k.number_key""",
        [academy for academy, _ in ordered],
        [number_key for _, number_key in ordered],
    )
