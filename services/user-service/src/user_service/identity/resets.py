"""A new password for who forgot it: by a link that is mailed, works an hour and once."""

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

LASTS: Final = timedelta(minutes=60)

State = Literal["valid", "expired", "used", "unknown"]


async def request(connection: Connection, somebody: Somebody, now: datetime) -> None:
    """Have the mail sent."""
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
        "recipient": documents.recipient(somebody.user).model_dump(mode="json"),
    }
    event = event_of(PasswordResetRequested, somebody.academy, somebody.user, body, somebody.subject)
    await outbox.enqueue(connection, [event])


async def find(connection: Connection, id: str, *, lock: bool = False) -> asyncpg.Record | None:
    return await connection.fetchrow(
        "SELECT * FROM password_reset WHERE id = $1" + (" FOR UPDATE" if lock else ""),  # noqa: S608
        id,
    )


def state_of(row: asyncpg.Record | None, now: datetime) -> State:
    if row is None:
        return "unknown"
    if row["used_at"] is not None:
        return "used"
    return "valid" if now < row["expires_at"] else "expired"


async def end_all(connection: Connection, academy: str, number_key: str, now: datetime) -> None:
    """Nothing that was mailed to the person works any more."""
    await connection.execute(
        "UPDATE password_reset SET used_at = $3 WHERE academy = $1 AND number_key = $2 AND used_at IS NULL",
        academy,
        number_key,
        now,
    )
