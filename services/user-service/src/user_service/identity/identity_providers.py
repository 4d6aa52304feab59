"""What is kept of log-in by a provider: the provider of each academy, log-ins that were begun, who belongs to whom."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
from cryptography.exceptions import InvalidTag

from chassis.database import Connection
from chassis.problems import Problem
from chassis.records import new_id
from user_service.domain.documents import timestamp
from user_service.identity import people
from user_service.identity.oidc import Provider
from user_service.identity.people import Somebody
from user_service.identity.secrets import Sealer, hashed, new_secret

LASTS: Final = timedelta(minutes=10)
"""How long a log-in at a provider may take."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of an academy's provider."""

    id: str
    before: str
    """The id it had; empty when there was none."""
    new: bool
    """Whether it is another issuer, client or secret, of which nobody knows yet whether it lets people in."""
    other_accounts: bool
    """Whether it is another issuer or client, to which the secret and the accounts of before do not belong."""
    has_secret: bool
    password_log_in: bool
    passwords_end: bool
    """Whether people could log in by password until now, and cannot from here on."""

    @classmethod
    def of(
        cls, row: asyncpg.Record | None, *, issuer: str, client_id: str, has_secret: bool, password_log_in: bool
    ) -> "Change":
        other = row is None or (row["issuer"], row["client_id"]) != (issuer, client_id)
        new = other or has_secret
        return cls(
            id=new_id() if row is None or new else row["id"],
            before="" if row is None else row["id"],
            new=new,
            other_accounts=other,
            has_secret=has_secret,
            password_log_in=password_log_in,
            passwords_end=not password_log_in and (row is None or row["password_log_in"]),
        )


def require_change(change: Change, logged_in_by: str, *, is_operator: bool) -> None:
    """Refuse a change that gives a secret to another provider, or that may lock everybody out."""
    if change.other_accounts and not change.has_secret:
        raise Problem(422, "secret_required", "another issuer or client has another secret")
    if change.password_log_in or is_operator:
        return
    if change.new or (change.passwords_end and logged_in_by != change.before):
        raise Problem(
            409, "log_in_first", "log in by this provider first; only then can log-in by password be switched off"
        )


async def row_of(connection: Connection, academy: str, *, lock: bool = False) -> asyncpg.Record | None:
    """The academy's provider, its secret sealed."""
    return await connection.fetchrow(
        "SELECT * FROM identity_provider WHERE academy = $1" + (" FOR UPDATE" if lock else ""),  # noqa: S608
        academy,
    )


def opened(row: asyncpg.Record, sealer: Sealer) -> Provider:
    """The provider, to ask something of it."""
    try:
        secret = sealer.open(row["client_secret"], row["academy"])
    except InvalidTag as error:
        raise Problem(503, "secret_unreadable", "the provider's secret was sealed with another key") from error
    return Provider(
        id=row["id"],
        academy=row["academy"],
        name=row["name"],
        issuer=row["issuer"],
        client_id=row["client_id"],
        password_log_in=row["password_log_in"],
        client_secret=secret,
    )


def document(row: asyncpg.Record, redirect_uri: str) -> dict[str, Any]:
    """What may be told of it: all but the secret."""
    told = {name: row[name] for name in ("name", "issuer", "client_id", "password_log_in", "changed_by")}
    return told | {"changed_at": timestamp(row["changed_at"]), "redirect_uri": redirect_uri}


async def put(connection: Connection, academy: str, values: dict[str, Any], *, forget_links: bool) -> asyncpg.Record:
    """Keep it. Links to another issuer's or client's accounts are worth nothing."""
    if forget_links:
        await connection.execute("DELETE FROM oidc_link WHERE academy = $1", academy)
    names = ("id", "name", "issuer", "client_id", "client_secret", "password_log_in", "changed_by")
    row = await connection.fetchrow(
        f"""INSERT INTO identity_provider (academy, {", ".join(names)}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (academy) DO UPDATE
            SET ({", ".join(names)}, changed_at) = ($2, $3, $4, $5, $6, $7, $8, now()) RETURNING *""",  # noqa: S608
        academy,
        *(values[name] for name in names),
    )
    assert row is not None  # noqa: S101 - an upsert gives its row
    return row


async def remove(connection: Connection, academy: str) -> None:
    """From now on there are passwords only."""
    await connection.execute("DELETE FROM identity_provider WHERE academy = $1", academy)
    await connection.execute("DELETE FROM oidc_link WHERE academy = $1", academy)


async def ways_in(connection: Connection, academy: str) -> dict[str, Any]:
    """How people of the academy log in: by password, by the provider of that name."""
    row = await row_of(connection, academy)
    return {"password": row is None or row["password_log_in"], "provider": None if row is None else row["name"]}


async def require_password_log_in(connection: Connection, academy: str, *, lock: bool = False) -> None:
    """Refuse where passwords are worth nothing; with `lock` they stay worth something until the transaction ends."""
    off = await connection.fetchval(
        "SELECT NOT password_log_in FROM identity_provider WHERE academy = $1" + (" FOR SHARE" if lock else ""),  # noqa: S608
        academy,
    )
    if off:
        raise Problem(403, "password_log_in_off", "people of this academy log in by their identity provider")


async def begin(connection: Connection, academy: str, provider: str, now: datetime) -> str:
    """A new log-in: its secret, which is told this once."""
    secret = new_secret()
    await connection.execute("DELETE FROM oidc_flow WHERE expires_at < $1", now)
    await connection.execute(
        "INSERT INTO oidc_flow (token_hash, academy, provider, expires_at) VALUES ($1, $2, $3, $4)",
        hashed(secret),
        academy,
        provider,
        now + LASTS,
    )
    return secret


async def use(connection: Connection, flow: str, academy: str, now: datetime) -> str | None:
    """The provider of a log-in that was begun for this academy and is not over; nobody can use it again."""
    row = await connection.fetchrow("DELETE FROM oidc_flow WHERE token_hash = $1 RETURNING *", hashed(flow))
    if row is None or row["academy"] != academy or row["expires_at"] <= now:
        return None
    return str(row["provider"])


async def person_of(
    connection: Connection, academy: str, issuer: str, subject: str, address: str | None
) -> Somebody | None:
    """Whoever the account belongs to and may enter: who used it before, else who has its address and no other account."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"oidc/{academy}/{subject}")
    key = (academy, issuer, subject)
    number = await connection.fetchval(
        "SELECT number_key FROM oidc_link WHERE academy = $1 AND issuer = $2 AND subject = $3", *key
    )
    if number is not None:
        who = await people.by_number(connection, academy, number, lock=True)
        if who is not None and not who.user.deleted:
            return who if who.may_enter else None
        await connection.execute(
            "DELETE FROM oidc_link WHERE academy = $1 AND issuer = $2 AND subject = $3", *key
        )  # whoever is taken on again may have another number
    found = await people.by_address(connection, academy, address) if address else None
    who = await people.by_number(connection, academy, found.user.number_key, lock=True) if found else None
    if who is None or not who.may_enter or who.user.email_key != address:
        return None
    linked = await connection.fetchval(
        """INSERT INTO oidc_link (academy, issuer, subject, number_key) VALUES ($1, $2, $3, $4)
           ON CONFLICT DO NOTHING RETURNING true""",
        *key,
        who.user.number_key,
    )
    return who if linked else None


async def unlink(connection: Connection, academy: str, number_key: str) -> None:
    """The person's next log-in links the account that has their address then."""
    await connection.execute("DELETE FROM oidc_link WHERE academy = $1 AND number_key = $2", academy, number_key)
