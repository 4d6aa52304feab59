"""SQL of looking people up: the list with its filters, and what became of one person."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from chassis.database import Connection
from user_service.domain.documents import timestamp
from user_service.domain.person import User
from user_service.store import PERSON, PersonKey, to_user

Status = Literal["active", "inactive", "deleted"]
Standing = Literal["none", "waiting", "already_invited", "already_accepted", "failed", "expired", "withdrawn"]

_PHASES: Final = {"already_invited": "open", "expired": "open", "already_accepted": "accepted"}
_STATES: Final = {
    None: "NOT deleted",
    "active": "NOT deleted AND active",
    "inactive": "NOT deleted AND NOT active",
    "deleted": "deleted",
}


class Filter(NamedTuple):
    """Which people are asked for; what is None or empty leaves nobody out. Deleted ones are there only when asked."""

    search: str = ""
    company: str | None = None
    department: str | None = None
    function: str | None = None
    status: Status | None = None
    invitation: Standing | None = None
    language: str | None = None


class Page(NamedTuple):
    users: Sequence[User]
    next: str | None


COUNTED: Final = 10_000
"""People that are counted where each of them must be looked at, as for a search; the others stand in one index."""


class Total(NamedTuple):
    """How many people fit; not exact: there are more."""

    people: int
    exact: bool


async def list_people(connection: Connection, academy: str, wanted: Filter, *, after: str, limit: int) -> Page:
    """A page by last name, first name and number, from behind the cursor `after`."""
    where = _where(academy, wanted)
    if where is None:
        return Page([], None)
    conditions, values = where
    if after:
        values.append(_key(after))
        conditions.append(f"sort_key > ${len(values)}")
    values.append(limit + 1)
    chosen = f"{' AND '.join(conditions)} ORDER BY sort_key LIMIT ${len(values)}"
    rows = await connection.fetch(f"SELECT {PERSON}, sort_key FROM person AS p WHERE {chosen}", *values)  # noqa: S608
    found = rows[:limit]
    return Page([to_user(row) for row in found], _cursor(found[-1]["sort_key"]) if len(rows) > limit else None)


async def count_people(connection: Connection, academy: str, wanted: Filter) -> Total:
    """How many people fit; where many must be looked at one by one, COUNTED at most."""
    where = _where(academy, wanted)
    if where is None:
        return Total(0, True)
    conditions, values = where
    most = COUNTED if wanted.search or wanted.function or wanted.language else None
    values.append(None if most is None else most + 1)
    counted: int = await connection.fetchval(
        f"SELECT count(*) FROM (SELECT FROM person WHERE {' AND '.join(conditions)} LIMIT ${len(values)}) AS found",  # noqa: S608
        *values,
    )
    return Total(counted, True) if most is None or counted <= most else Total(most, False)


def _where(academy: str, wanted: Filter) -> tuple[list[str], list[Any]] | None:
    """The conditions of the filter and their values; None where nobody can fit."""
    values: list[Any] = [academy]
    conditions = ["academy = $1", _STATES[wanted.status]]

    def add(condition: str, value: Any) -> None:
        values.append(value)
        conditions.append(condition.replace("?", f"${len(values)}"))

    if wanted.company:
        add("company_id = ?", wanted.company)
    if wanted.department:
        add("department_id = ?", wanted.department)
    if wanted.function:
        add("function_ids @> ARRAY[?::text]", wanted.function)
    if wanted.language:
        add("language = ?", wanted.language)
    if wanted.invitation:
        add("invitation_status = ?", _PHASES.get(wanted.invitation, wanted.invitation))
        if wanted.invitation == "already_invited":
            conditions.append("invitation_expires_at > statement_timestamp()")
        elif wanted.invitation == "expired":
            conditions.append("invitation_expires_at <= statement_timestamp()")
    words = re.findall(r"[^\W_]+", wanted.search.lower())
    if words:
        add("search @@ ?::tsquery", " & ".join(f"'{word}':*" for word in words))
    elif wanted.search.strip():
        return None
    return conditions, values


def _cursor(key: str) -> str:
    return urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _key(cursor: str) -> str:
    """Of a cursor that nobody gave out: an order of its own, never an error."""
    try:
        return urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode().replace("\0", "")
    except ValueError:
        return cursor


class Happened(NamedTuple):
    """What became of a request about a person who was there before."""

    academy: str
    number_key: str
    at: datetime
    actor: str
    type: str
    version: int
    changes: Mapping[str, Any]
    restored: bool
    invitation: str


async def record_history(connection: Connection, happened: Sequence[Happened]) -> None:
    """Keep what happened, in that order."""
    await connection.copy_records_to_table("person_history", columns=Happened._fields, records=happened)


async def changes_since(
    connection: Connection, since: Mapping[PersonKey, datetime]
) -> dict[PersonKey, list[tuple[datetime, int]]]:
    """When each of the people was changed after that moment, and to which version."""
    ordered = sorted(since)
    rows = await connection.fetch(
        """SELECT k.academy, k.number_key, h.at, h.version
           FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS k (academy, number_key, since)
           CROSS JOIN LATERAL (
               SELECT at, version FROM person_history h
               WHERE h.academy = k.academy AND h.number_key = k.number_key AND h.at > k.since
               UNION ALL
               SELECT created_at, created_version FROM person p
               WHERE p.academy = k.academy AND p.number_key = k.number_key AND p.created_at > k.since) AS h""",
        [k[0] for k in ordered],
        [k[1] for k in ordered],
        [since[k] for k in ordered],
    )
    changes: dict[PersonKey, list[tuple[datetime, int]]] = {}
    for row in rows:
        changes.setdefault((row["academy"], row["number_key"]), []).append((row["at"], row["version"]))
    return changes


async def history(connection: Connection, academy: str, number_key: str, *, limit: int = 1_000) -> list[dict[str, Any]]:
    """What happened to a person, newest first; an actor who is a person of the academy with their name."""
    rows = await connection.fetch(
        """SELECT h.*, (SELECT concat_ws(' ', p.first_name, p.infix, p.last_name) FROM person p
                WHERE p.user_id = substr(h.actor, 6) AND p.academy = $1 AND p.ever_accepted_terms
                    AND h.actor LIKE 'user:%' LIMIT 1) AS actor_name
           FROM (SELECT seq, at, actor, type, version, changes, restored, invitation
                 FROM person_history WHERE academy = $1 AND number_key = $2
                 UNION ALL
                 SELECT 0, created_at, created_by, 'created', created_version, '{}', false, created_invitation
                 FROM person WHERE academy = $1 AND number_key = $2 AND created_at IS NOT NULL) AS h
           ORDER BY seq DESC LIMIT $3""",
        academy,
        number_key,
        limit,
    )
    return [
        {
            "at": timestamp(row["at"]),
            "actor": row["actor"],
            "actor_name": row["actor_name"],
            "type": row["type"],
            "version": row["version"],
            "changes": row["changes"],
            "restored": row["restored"],
            "invitation": row["invitation"],
        }
        for row in rows
    ]
