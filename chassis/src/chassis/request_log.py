"""Idempotent commands: what was asked before, and what came of it.

The row is written in the transaction that applies the command, so a command is applied once however often it comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from chassis import database
from chassis.database import Connection, Pool
from contracts.envelope import Envelope

KEEP = timedelta(days=14)
"""Command topics keep 7 days; a duplicate can come no later than that."""

RequestKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Logged:
    """A command that was applied: the highest attempt seen, and its outcome as JSON."""

    attempt: int
    outcome: bytes


def key_of(envelope: Envelope) -> RequestKey:
    """What names a command: (academy, source, id)."""
    return envelope.academy, envelope.source, envelope.id


async def known(connection: Connection, envelopes: Sequence[Envelope]) -> dict[RequestKey, Logged]:
    """Those of the commands that were applied before."""
    keys = list(map(key_of, envelopes))
    rows = await connection.fetch(
        """SELECT l.academy, l.source, l.id, l.attempt, l.outcome
           FROM unnest($1::text[], $2::text[], $3::text[]) AS k (academy, source, id)
           CROSS JOIN LATERAL (SELECT * FROM request_log r
               WHERE r.academy = k.academy AND r.source = k.source AND r.id = k.id LIMIT 1) AS l""",
        [k[0] for k in keys],
        [k[1] for k in keys],
        [k[2] for k in keys],
    )
    return {(r["academy"], r["source"], r["id"]): Logged(r["attempt"], r["outcome"]) for r in rows}


async def record(connection: Connection, entries: Sequence[tuple[Envelope, bytes]]) -> None:
    """Write down the outcomes. A twin that was faster raises asyncpg.UniqueViolationError: roll back, do it again."""
    await connection.copy_records_to_table(
        "request_log",
        columns=("academy", "source", "id", "attempt", "outcome"),
        records=[(e.academy, e.source, e.id, e.attempt, outcome) for e, outcome in entries],
    )


async def raise_attempts(connection: Connection, envelopes: Sequence[Envelope]) -> None:
    """Remember that the commands were asked again with a higher attempt."""
    await connection.execute(
        """UPDATE request_log AS l SET attempt = k.attempt
           FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS k (academy, source, id, attempt)
           WHERE l.academy = k.academy AND l.source = k.source AND l.id = k.id AND l.attempt < k.attempt""",
        [e.academy for e in envelopes],
        [e.source for e in envelopes],
        [e.id for e in envelopes],
        [e.attempt for e in envelopes],
    )


async def purge(pool: Pool) -> None:
    """Forget what no duplicate can ask for any more."""
    await database.purge(pool, "request_log", KEEP)
