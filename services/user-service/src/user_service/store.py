"""All SQL of user-service. Every array of keys is sorted, so that two batches lock in the same order."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import asyncpg

from chassis.database import Connection, only_index_plans
from chassis.recovery import BITS, LONGEST
from contracts.fields import display_name
from user_service.domain.person import AddressHolder, InvitationState, User

PersonKey = tuple[str, str]
"""(academy, number key)"""
AddressKey = tuple[str, str]
"""(academy, e-mail key)"""
Department = tuple[str, str]
"""(academy, id)"""

# Column and type, in the order of `User` and of its invitation.
_COLUMNS: Final = (
    ("academy", "text"),
    ("user_id", "text"),
    ("number", "text"),
    ("number_key", "text"),
    ("first_name", "text"),
    ("infix", "text"),
    ("last_name", "text"),
    ("email", "text"),
    ("email_key", "text"),
    ("company_id", "text"),
    ("department_id", "text"),
    ("function_ids", "text"),
    ("cost_centre", "text"),
    ("language", "text"),
    ("active", "bool"),
    ("manager", "bool"),
    ("terms_accepted", "bool"),
    ("ever_accepted_terms", "bool"),
    ("deleted", "bool"),
    ("version", "int8"),
    ("invitation_id", "text"),
    ("generation", "int4"),
    ("invitation_status", "text"),
    ("invitation_expires_at", "timestamptz"),
    ("invitation_email_key", "text"),
    ("administrator", "bool"),
)
_NAMES: Final = [name for name, _ in _COLUMNS]
_FUNCTION_IDS: Final = _NAMES.index("function_ids")
_INVITATION: Final = _NAMES.index("invitation_id")
_ADMINISTRATOR: Final = _NAMES.index("administrator")
PERSON: Final = ", ".join(f"p.{name}" for name in _NAMES)
"""What `to_user` reads of `person AS p`."""


@lru_cache(maxsize=256)
def _update(columns: tuple[int, ...]) -> str:
    # Arrays of arrays cannot be unnested into arrays: the ids of functions travel as one text.
    written = [_COLUMNS[i] for i in columns]
    keyed = ("academy", "text"), ("number_key", "text"), *written
    names = ", ".join(name for name, _ in keyed)
    arrays = ", ".join(f"${i}::{type_}[]" for i, (_, type_) in enumerate(keyed, 1))
    values = ", ".join(
        f"{name} = " + (f"string_to_array(k.{name}, ',')" if name == "function_ids" else f"k.{name}")
        for name, _ in written
    )
    # `sort_key` is computed from `number_key`: PostgreSQL 18 prepares the expressions of all generated columns anew for
    # each row where an update touches none of them, which costs more than to compute the cheapest.
    return f"""UPDATE person AS p SET number_key = p.number_key, {values} FROM unnest({arrays}) AS k ({names})
        WHERE p.academy = k.academy AND p.number_key = k.number_key"""  # noqa: S608


def _row(academy: str, user: User) -> tuple[Any, ...]:
    return academy, *user[: _INVITATION - 1], *user.invitation, user.administrator


def to_user(row: asyncpg.Record) -> User:
    """The person of a row that begins with the columns of `PERSON`."""
    functions = tuple(row[_FUNCTION_IDS])
    invitation = InvitationState._make(row[_INVITATION:_ADMINISTRATOR])
    plain = row[_FUNCTION_IDS + 1 : _INVITATION]
    return User._make((*row[1:_FUNCTION_IDS], functions, *plain, invitation, row[_ADMINISTRATOR]))


async def now(connection: Connection) -> datetime:
    """The database's clock: all expiry is by it."""
    moment: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return moment


async def load_users(connection: Connection, keys: Collection[PersonKey], *, lock: bool) -> dict[PersonKey, User]:
    """Those of the people who exist, deleted ones included; with `lock` nobody else can change them meanwhile."""
    ordered = sorted(keys)
    rows = await connection.fetch(
        f"""SELECT {PERSON} FROM unnest($1::text[], $2::text[]) AS k (academy, number_key)
            CROSS JOIN LATERAL (SELECT * FROM person p
                WHERE p.academy = k.academy AND p.number_key = k.number_key LIMIT 1 {"FOR UPDATE" if lock else ""}) AS p""",  # noqa: S608
        [k[0] for k in ordered],
        [k[1] for k in ordered],
    )
    users = map(to_user, rows)
    return {(row[0], user.number_key): user for row, user in zip(rows, users, strict=True)}


async def count_administrators(connection: Connection, academies: Collection[str], *, lock: bool) -> dict[str, int]:
    """How many active administrators each academy has; with `lock` nobody else who counted so can make it fewer."""
    ordered = sorted(academies)
    if lock:
        for academy in ordered:
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended('administrators/' || $1, 0))", academy
            )
    rows = await connection.fetch(
        """SELECT academy, count(*) AS administrators FROM person
           WHERE academy = ANY ($1::text[]) AND administrator AND active AND NOT deleted GROUP BY academy""",
        ordered,
    )
    return dict.fromkeys(ordered, 0) | {row["academy"]: row["administrators"] for row in rows}


async def lock_places(connection: Connection, academies: Collection[str], *, shared: bool) -> None:
    """Keep the academies' departments in their companies until the transaction ends, together with all others who do so;
    not `shared`, wait until nobody does."""
    lock = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    await connection.execute(
        f"SELECT {lock}(hashtextextended('places/' || academy, 0)) FROM unnest($1::text[]) AS academy",  # noqa: S608
        sorted(academies),
    )


async def find_left_behind(connection: Connection, places: Mapping[Department, str]) -> dict[Department, list[str]]:
    """The number keys of those who have one of these departments, but not its company."""
    ordered = sorted(places)
    rows = await connection.fetch(
        """SELECT k.academy, k.department_id, p.number_key
           FROM unnest($1::text[], $2::text[], $3::text[]) AS k (academy, department_id, company_id)
           JOIN person p ON p.academy = k.academy AND p.department_id = k.department_id AND p.company_id <> k.company_id
           ORDER BY p.number_key""",
        [k[0] for k in ordered],
        [k[1] for k in ordered],
        [places[k] for k in ordered],
    )
    found: dict[Department, list[str]] = {}
    for academy, department_id, number_key in rows:
        found.setdefault((academy, department_id), []).append(number_key)
    return found


async def load_holders(connection: Connection, keys: Collection[AddressKey]) -> dict[AddressKey, AddressHolder]:
    """Who holds the addresses; those that nobody holds are absent."""
    ordered = sorted(keys)
    rows = await connection.fetch(
        """SELECT k.academy, k.email_key, p.*
           FROM unnest($1::text[], $2::text[]) AS k (academy, email_key)
           CROSS JOIN LATERAL (SELECT a.number_key FROM user_address a
               WHERE a.academy = k.academy AND a.email_key = k.email_key LIMIT 1) AS a
           CROSS JOIN LATERAL (SELECT p.number, p.number_key, p.first_name, p.infix, p.last_name FROM person p
               WHERE p.academy = k.academy AND p.number_key = a.number_key LIMIT 1) AS p""",
        [k[0] for k in ordered],
        [k[1] for k in ordered],
    )
    return {
        (r["academy"], r["email_key"]): AddressHolder(
            r["number"], r["number_key"], display_name(r["first_name"], r["infix"], r["last_name"])
        )
        for r in rows
    }


async def claim_addresses(
    connection: Connection, claims: Mapping[AddressKey, str], *, all_free: bool = False
) -> Collection[AddressKey]:
    """Claim each address for a number key; return those that were won. Waits for a rival that is not committed yet.

    `all_free` bets that none of them is taken, which costs half: where one is, asyncpg.UniqueViolationError is raised.
    """
    ordered = sorted(claims)
    if all_free:
        records = ((*key, claims[key]) for key in ordered)
        names = ("academy", "email_key", "number_key")
        await connection.copy_records_to_table("user_address", columns=names, records=records)
        return claims.keys()
    rows = await connection.fetch(
        """INSERT INTO user_address (academy, email_key, number_key)
           SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
           ON CONFLICT DO NOTHING RETURNING academy, email_key""",
        [k[0] for k in ordered],
        [k[1] for k in ordered],
        [claims[k] for k in ordered],
    )
    return {(r["academy"], r["email_key"]) for r in rows}


async def release_addresses(connection: Connection, addresses: Mapping[AddressKey, str]) -> None:
    """Give up each address that the number key holds."""
    ordered = sorted(addresses)
    await connection.execute(
        """DELETE FROM user_address AS a USING unnest($1::text[], $2::text[], $3::text[]) AS k (academy, email_key, number_key)
           WHERE a.academy = k.academy AND a.email_key = k.email_key AND a.number_key = k.number_key""",
        [k[0] for k in ordered],
        [k[1] for k in ordered],
        [addresses[k] for k in ordered],
    )


class Creation(NamedTuple):
    """By whom somebody was taken in: the first line of their history."""

    at: datetime
    by: str
    version: int
    invitation: str


_CREATION: Final = ("created_at", "created_by", "created_version", "created_invitation")


async def insert_users(
    connection: Connection, users: Mapping[PersonKey, User], creations: Mapping[PersonKey, Creation] | None = None
) -> None:
    """Insert new people. A twin that was faster raises asyncpg.UniqueViolationError: roll back and decide again."""
    ordered = sorted(users)
    records: Iterable[tuple[Any, ...]] = (_row(key[0], users[key]) for key in ordered)
    names = _NAMES
    if creations is not None:
        records = (row + creations[key] for key, row in zip(ordered, records, strict=True))
        names = [*_NAMES, *_CREATION]
    await connection.copy_records_to_table("person", columns=names, records=records)


async def update_users(
    connection: Connection, before: Mapping[PersonKey, User], after: Mapping[PersonKey, User]
) -> None:
    """Write what differs of people who are locked. `before` is how they stand in the table.

    Columns in which nobody differs are left out: what is computed from them need not be computed again, and where no
    index has any of them, no index is written.
    """
    ordered = sorted(after)
    old = zip(*(_row(key[0], before[key]) for key in ordered), strict=True)
    new = list(zip(*(_row(key[0], after[key]) for key in ordered), strict=True))
    written = tuple(i for i, column in enumerate(old) if column != new[i])
    if not written:
        return
    values = [[",".join(ids) for ids in new[i]] if i == _FUNCTION_IDS else new[i] for i in written]
    await connection.execute(_update(written), [k[0] for k in ordered], [k[1] for k in ordered], *values)


async def get_user(connection: Connection, academy: str, number_key: str) -> User | None:
    """One person, deleted or not."""
    found = await load_users(connection, [(academy, number_key)], lock=False)
    return found.get((academy, number_key))


async def mark_invitations_failed(connection: Connection, failed: Mapping[str, int]) -> None:
    """Mark open invitations whose present generation (by invitation id) could not be delivered."""
    ordered = sorted(failed)
    await only_index_plans(connection)
    # In the order in which requests lock people.
    await connection.execute(
        "SELECT FROM person WHERE invitation_id = ANY ($1::text[]) ORDER BY academy, number_key FOR UPDATE", ordered
    )
    await connection.execute(
        """UPDATE person AS p SET invitation_status = 'failed'
           FROM unnest($1::text[], $2::int[]) AS k (invitation_id, generation)
           WHERE p.invitation_id = k.invitation_id AND p.generation = k.generation AND p.invitation_status = 'open'""",
        ordered,
        [failed[i] for i in ordered],
    )


async def discard_claims(connection: Connection, addresses: Collection[AddressKey]) -> None:
    """Give up claims of this transaction that no decision took in the end."""
    ordered = sorted(addresses)
    await connection.execute(
        """DELETE FROM user_address AS a USING unnest($1::text[], $2::text[]) AS k (academy, email_key)
           WHERE a.academy = k.academy AND a.email_key = k.email_key""",
        [k[0] for k in ordered],
        [k[1] for k in ordered],
    )


async def raise_versions(connection: Connection, incarnation: int) -> None:
    """Have every person's version be above all that was told of them before this incarnation."""
    await connection.execute(
        "UPDATE person SET version = ($1::bigint << $2) | (version & ((1::bigint << $2) - 1))",
        incarnation,
        BITS,
        timeout=LONGEST,
    )


async def versions_above(connection: Connection) -> int:
    """Where the versions of people who are new begin."""
    incarnation: int = await connection.fetchval("SELECT incarnation FROM outbox_cursor WHERE id = 1")
    return incarnation << BITS
