"""A new password for who forgot it: by a link that is mailed, works an hour and once."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, Literal

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.records import new_id
from contracts.events.users import PasswordResetRequested
from user_service.domain import documents
from user_service.identity.invitations import event_of
from user_service.identity.people import Somebody
from user_service.store import PersonKey

LASTS: Final = timedelta(minutes=60)
KEPT: Final = timedelta(days=30)
"""For how long it is known what became of a link."""

State = Literal["valid", "expired", "used", "replaced", "unknown"]


async def request(connection: Connection, somebody: Somebody, now: datetime) -> None:
    """Have the mail sent; the links of earlier ones end. The person is locked."""
    await end_of(connection, [(somebody.academy, somebody.user.number_key)])
    await connection.execute("DELETE FROM password_reset WHERE expires_at < $1", now - KEPT)
    id_, expires = new_id(), (now + LASTS).replace(microsecond=0)
    await connection.execute(
        "INSERT INTO password_reset (id, academy, number_key, expires_at) VALUES ($1, $2, $3, $4)",
        id_,
        somebody.academy,
        somebody.user.number_key,
        expires,
    )
    body = {
        "reset_id": id_,
        "expires_at": documents.timestamp(expires),
        "recipient": documents.recipient(somebody.user),
    }
    event = event_of(PasswordResetRequested, somebody.academy, somebody.user, body, somebody.subject)
    await outbox.enqueue(connection, [event])


async def find(connection: Connection, id: str) -> asyncpg.Record | None:
    return await connection.fetchrow("SELECT * FROM password_reset WHERE id = $1", id)


def state_of(row: asyncpg.Record | None, now: datetime) -> State:
    if row is None:
        return "unknown"
    if row["used_at"] is not None:
        return "used"
    if row["ended_at"] is not None:
        return "replaced"
    return "valid" if now < row["expires_at"] else "expired"


async def use(connection: Connection, row: asyncpg.Record, now: datetime) -> None:
    """The link is used. The person is locked."""
    await connection.execute("UPDATE password_reset SET used_at = $2 WHERE id = $1", row["id"], now)


async def end_of(connection: Connection, persons: Collection[PersonKey]) -> None:
    """No link that was mailed to these people works any more. They are locked; there may be thousands."""
    await connection.execute(
        """UPDATE password_reset AS r SET ended_at = clock_timestamp()
           FROM unnest($1::text[], $2::text[]) AS k (academy, number_key)
           WHERE r.academy = k.academy AND r.number_key = k.number_key AND r.used_at IS NULL AND r.ended_at IS NULL""",
        [academy for academy, _ in persons],
        [number for _, number in persons],
    )
