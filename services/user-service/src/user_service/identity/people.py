"""The people of identity: their row with what only identity needs, and what follows from it."""

from dataclasses import dataclass

import asyncpg

from chassis.database import Connection
from contracts.access import Role
from user_service.domain.person import User
from user_service.store import PERSON, to_user


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person of an academy, as somebody who logs in."""

    academy: str
    user: User
    terms_version: int
    password_hash: str | None

    @property
    def may_enter(self) -> bool:
        return self.user.may_enter

    @property
    def role(self) -> Role:
        if self.user.administrator:
            return Role.ADMINISTRATOR
        return Role.MANAGER if self.user.manager else Role.MEMBER

    @property
    def subject(self) -> str:
        """The `sub` of their access tokens."""
        return f"user:{self.user.user_id}"

    def has_accepted(self, version: int) -> bool:
        return self.user.terms_accepted and self.terms_version >= version


_SELECT = f"""SELECT {PERSON}, p.terms_version, c.password_hash FROM person p
              LEFT JOIN credential c ON c.academy = p.academy AND c.number_key = p.number_key """  # noqa: S608


def _somebody(row: asyncpg.Record | None) -> Somebody | None:
    if row is None:
        return None
    return Somebody(row["academy"], to_user(row), row["terms_version"], row["password_hash"])


async def by_number(connection: Connection, academy: str, number_key: str, *, lock: bool = False) -> Somebody | None:
    """With `lock` nobody else changes them, their password or their sessions until the transaction ends."""
    if lock:  # a statement of its own: what comes after it sees all that whoever had the lock before wrote
        await connection.execute(
            "SELECT FROM person WHERE academy = $1 AND number_key = $2 FOR UPDATE", academy, number_key
        )
    where = "WHERE p.academy = $1 AND p.number_key = $2"
    return _somebody(await connection.fetchrow(_SELECT + where, academy, number_key))


async def by_address(connection: Connection, academy: str, email_key: str) -> Somebody | None:
    """One statement, whether somebody has the address or not."""
    where = """WHERE p.academy = $1 AND p.number_key =
               (SELECT number_key FROM user_address WHERE academy = $1 AND email_key = $2)"""
    return _somebody(await connection.fetchrow(_SELECT + where, academy, email_key))


async def by_invitation(connection: Connection, invitation_id: str, *, lock: bool = False) -> Somebody | None:
    if lock:
        await connection.execute("SELECT FROM person WHERE invitation_id = $1 FOR UPDATE", invitation_id)
    return _somebody(await connection.fetchrow(_SELECT + "WHERE p.invitation_id = $1", invitation_id))


async def set_password(connection: Connection, academy: str, number_key: str, hash: str) -> None:
    await connection.execute(
        """INSERT INTO credential (academy, number_key, password_hash) VALUES ($1, $2, $3)
           ON CONFLICT (academy, number_key) DO UPDATE
           SET password_hash = excluded.password_hash, changed_at = clock_timestamp()""",
        academy,
        number_key,
        hash,
    )


async def set_terms(connection: Connection, academy: str, number_key: str, version: int) -> None:
    await connection.execute(
        "UPDATE person SET terms_version = $3 WHERE academy = $1 AND number_key = $2", academy, number_key, version
    )
