"""Which letters there are, what they hold, and what was done with them."""

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import asyncpg

from chassis import database
from chassis.database import Pool
from chassis.dead_letters.documents import SHOWN, Actions, ActionTaken, Letter, Page, Wanted, WholeLetter
from chassis.problems import Problem
from chassis.records import decode_headers

KEEP: Final = timedelta(days=30)
"""As long as the topics of dead letters."""
KEEP_ACTIONS: Final = timedelta(days=365)

_CONDITIONS: Final[Mapping[str, str]] = {
    "id": "l.id = ANY (?::text[])",
    "topic": "l.topic = ?",
    "academy": "l.academy = ?",
    "type": "l.type = ?",
    "group": "l.consumer_group = ?",
    "reason": "position(lower(?) IN lower(l.reason)) > 0",
    "state": "l.state = ?",
    "since": "l.created_at >= ?",
    "until": "l.created_at < ?",
}
ORDER: Final = 'l.topic, l.partition, l."offset", l.cluster_id'
COLUMNS: Final = f"""
    l.id, l.state, l.topic, l.partition, l."offset", l.consumer_group AS "group", l.academy, l.type,
    substring(r.key FOR {SHOWN}) AS key, l.reason, l.created_at AS at,
    coalesce(octet_length(r.key), 0) + coalesce(octet_length(r.headers), 0) + coalesce(octet_length(r.value), 0) AS size
"""
FROM: Final = "dead_letter l LEFT JOIN dead_letter_record r ON r.id = l.id"


async def page(pool: Pool, wanted: Wanted, *, after: str | None, limit: int) -> Page:
    """The letters behind the letter `after`. Raises Problem where that one is not there."""
    values: list[Any] = []
    conditions = ["true"]
    for name, value in wanted.model_dump(exclude_none=True, exclude_defaults=True).items():
        values.append(value)
        conditions.append(_CONDITIONS[name].replace("?", f"${len(values)}"))
    if after:
        place = await pool.fetchrow(f"SELECT {ORDER} FROM dead_letter l WHERE id = $1", after)  # noqa: S608
        if place is None:
            raise Problem(422, "invalid_request", "`after` must be the `next` of an earlier page")
        places = ", ".join(f"${len(values) + n}" for n in range(1, 5))
        values += place.values()
        conditions.append(f"({ORDER}) > ({places})")
    rows = await pool.fetch(
        f"SELECT {COLUMNS} FROM {FROM} WHERE {' AND '.join(conditions)} ORDER BY {ORDER} LIMIT {limit + 1}",  # noqa: S608
        *values,
    )
    letters = [Letter.model_validate(_shown(row)) for row in rows[:limit]]
    return Page(dead_letters=letters, next=letters[-1].id if len(rows) > limit else None)


async def find(pool: Pool, id_: str) -> WholeLetter:
    """A letter with what it holds. Raises Problem where there is none."""
    row = await pool.fetchrow(
        f"SELECT {COLUMNS}, l.truncated, r.headers, r.value FROM {FROM} WHERE l.id = $1",  # noqa: S608
        id_,
    )
    if row is None:
        raise Problem(404, "not_found", f"there is no dead letter {id_[:100]}")
    headers, value = row["headers"], row["value"]
    return WholeLetter.model_validate(
        _shown(row)
        | {
            "truncated": row["truncated"],
            "headers": None if headers is None else [(n, text(v)) for n, v in decode_headers(headers)],
            "value": text(value),
            "value_base64": None if value is None else base64.b64encode(value).decode(),
            "actions": (await actions(pool, letter=id_)).actions,
        }
    )


async def actions(
    pool: Pool, *, letter: str | None = None, run: str | None = None, after: int = 0, limit: int = 1_000
) -> Actions:
    """What people did, with one letter or all, in one run or all."""
    rows = await pool.fetch(
        """SELECT id, created_at AS at, run, actor, action, letter, topic, forced, outcome, nullif(reason, '') AS reason
           FROM dead_letter_action
           WHERE id > $1 AND ($2::text IS NULL OR letter = $2) AND ($3::text IS NULL OR run = $3)
           ORDER BY id LIMIT $4""",
        after,
        letter,
        run,
        limit + 1,
    )
    taken = [ActionTaken.model_validate(dict(row)) for row in rows[:limit]]
    return Actions(actions=taken, next=taken[-1].id if len(rows) > limit else None)


async def purge(pool: Pool) -> None:
    """Forget letters that their topic has forgotten, and acts of long ago."""
    await database.purge(pool, "dead_letter", KEEP)
    await database.purge(pool, "dead_letter_action", KEEP_ACTIONS)


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    return {name: row[name] for name in Letter.model_fields if name != "key"} | {"key": text(row["key"])}


def text(raw: bytes | None) -> str | None:
    """Bytes as text, whatever they are."""
    return None if raw is None else raw.decode(errors="backslashreplace")
