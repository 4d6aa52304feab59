"""SQL for imports, their files and leases; for rows and answers see `row_store`."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import fields
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis.database import Connection, Pool
from import_service.domain import Import, Phase, State, Tally
from import_service.turns import Feed

Executor = Connection | Pool

_LOCK: Final = """SELECT id, academy, actor, traceparent, state, phase, round, rows, done, created, updated, unchanged, rejected,
    invited, waiting, already_invited, report_version, reading, extract(epoch FROM clock_timestamp() - progressed_at)::float8 AS progress_age
    FROM import WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE"""


# uploads


async def add_upload_chunk(on: Executor, import_id: str, part: int, data: bytes) -> None:
    await on.execute("INSERT INTO upload_chunk (import_id, part, data) VALUES ($1, $2, $3)", import_id, part, data)


async def upload_chunks(on: Executor, import_id: str) -> AsyncIterator[bytes]:
    """The file of an import, chunk by chunk."""
    part = 0
    while (data := await on.fetchval("SELECT data FROM upload_chunk WHERE import_id = $1 AND part = $2", import_id, part)) is not None:  # fmt: skip
        yield data
        part += 1


async def add_import(
    on: Executor, import_: Import, *, filename: str, size: int, min_org_revision: int, errors: Sequence[Any] = ()
) -> None:
    await on.execute(
        """INSERT INTO import (id, academy, actor, traceparent, state, filename, size, min_org_revision, errors)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        import_.id,
        import_.academy,
        import_.actor,
        import_.traceparent,
        import_.state,
        filename,
        size,
        min_org_revision,
        list(errors),
    )


# imports


async def lock_imports(on: Connection, ids: Sequence[str]) -> dict[str, Import]:
    """The imports, locked in the order of their ids: whoever changes counts holds this lock."""
    records = await on.fetch(_LOCK, ids)
    return {str(record["id"]): _import(record) for record in records}


def _import(record: asyncpg.Record) -> Import:
    return Import(
        id=str(record["id"]),
        academy=record["academy"],
        actor=record["actor"],
        traceparent=record["traceparent"],
        state=record["state"],
        phase=Phase(record["phase"]),
        round=record["round"],
        rows=record["rows"],
        done=record["done"],
        tally=Tally(**{field.name: record[field.name] for field in fields(Tally)}),
        report_version=record["report_version"],
        progress_age=record["progress_age"],
        reading=record["reading"],
    )


async def save_counts(on: Connection, imports: Sequence[Import]) -> None:
    """Write back what answers changed. An answer has come: nothing is stalled."""
    await on.executemany(
        """UPDATE import SET state = $2, done = $3, created = $4, updated = $5, unchanged = $6, rejected = $7,
               invited = $8, waiting = $9, already_invited = $12, report_version = $10, quiet_since = now(), resends = 0, stalled = NULL,
               progressed_at = CASE WHEN $11 THEN clock_timestamp() ELSE progressed_at END
           WHERE id = $1""",
        [
            (
                i.id,
                i.state,
                i.done,
                i.tally.created,
                i.tally.updated,
                i.tally.unchanged,
                i.tally.rejected,
                i.tally.invited,
                i.tally.waiting,
                i.report_version,
                i.progress_age == 0.0,
                i.tally.already_invited,
            )
            for i in imports
        ],
    )


async def save_start(on: Connection, import_: Import, plan: dict[str, Any]) -> None:
    """Begin to carry out the plan: nothing is sent yet, and what is decided already need not be sent.

    The attempt is higher in each incarnation: what was asked before the database was restored is answered again.
    """
    await save_counts(on, [import_])
    await on.execute(
        """UPDATE import SET phase = $2, cursor = 0, sent = done, progressed_at = '-infinity',
               attempt = 1 + (SELECT incarnation FROM outbox_cursor), plan = $3
           WHERE id = $1""",
        import_.id,
        import_.phase,
        plan,
    )


async def import_record(on: Executor, academy: str, import_id: str) -> asyncpg.Record | None:
    return await on.fetchrow("SELECT * FROM import WHERE academy = $1 AND id = $2", academy, import_id)


async def import_records(on: Executor, academy: str, after: UUID, limit: int) -> list[asyncpg.Record]:
    """The imports of an academy that are older than `after`, the newest first."""
    return await on.fetch(
        "SELECT * FROM import WHERE academy = $1 AND id < $2 ORDER BY id DESC LIMIT $3", academy, after, limit
    )


async def state_of(on: Executor, academy: str, import_id: str) -> State | None:
    state: State | None = await on.fetchval(
        "SELECT state FROM import WHERE academy = $1 AND id = $2", academy, import_id
    )
    return state


# reading


async def claim_unread(on: Executor, lease: float) -> asyncpg.Record | None:
    """An import whose file nobody reads, for `lease` seconds; `read_epoch` is the claimant's own, and rows up to
    `last_row` are stored by one that was before it.

    The academy comes first of which fewest files were begun in the last minutes, so that nobody waits for twenty files of
    somebody else.
    """
    return await on.fetchrow(
        """UPDATE import SET read_epoch = read_epoch + 1, lease_until = now() + make_interval(secs => $1)
           WHERE id = (SELECT id FROM import i
                       WHERE state = 'checking' AND reading AND (lease_until IS NULL OR lease_until < now())
                       ORDER BY (SELECT count(*) FROM import o WHERE o.academy = i.academy AND o.read_epoch > 0
                                 AND o.created_at > now() - interval '10 minutes'), id
                       LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING id, academy, filename, size, min_org_revision, read_epoch, last_row""",
        lease,
    )


async def keep_claim(on: Executor, import_id: str, epoch: int, lease: float) -> bool:
    """Whether the claim still holds; it does for `lease` seconds more, and for as long as the transaction lasts."""
    kept = await on.fetchval(
        """UPDATE import SET lease_until = now() + make_interval(secs => $3)
           WHERE id = $1 AND read_epoch = $2 AND state = 'checking' AND reading RETURNING 1""",
        import_id,
        epoch,
        lease,
    )
    return kept is not None


async def give_up_claim(on: Executor, import_id: str, epoch: int, delay: float) -> None:
    """Let somebody try again after `delay` seconds."""
    await keep_claim(on, import_id, epoch, delay)


async def save_columns(on: Connection, import_id: str, columns: dict[str, Any]) -> None:
    """What the columns of the file are: verdicts name them."""
    await on.execute("UPDATE import SET columns = $2 WHERE id = $1", import_id, columns)


async def add_rows(on: Connection, import_id: str, rows: int, last_row: int) -> None:
    """So many rows more, up to `last_row`, are stored and may be sent: with the first of them the check begins.

    The attempt is higher in each incarnation: what was asked before the database was restored is answered again.
    """
    await on.execute(
        """UPDATE import SET rows = rows + $2, last_row = $3, phase = $4,
               attempt = CASE WHEN phase = $4 THEN attempt ELSE 1 + (SELECT incarnation FROM outbox_cursor) END
           WHERE id = $1""",
        import_id,
        rows,
        last_row,
        Phase.CHECK,
    )


async def save_end_of_file(on: Connection, import_id: str, warnings: Sequence[Any]) -> None:
    """No row is to come."""
    await on.execute(
        "UPDATE import SET reading = false, phase = $3, warnings = $2, lease_until = NULL WHERE id = $1",
        import_id,
        list(warnings),
        Phase.CHECK,
    )


async def save_refusal(on: Connection, import_: Import, state: State, errors: Sequence[Any]) -> None:
    """Nothing of the file counts, whatever was read and checked of it."""
    import_.state, import_.rows, import_.done, import_.tally = state, 0, 0, Tally()
    await save_counts(on, [import_])
    await on.execute(
        "UPDATE import SET errors = $2, rows = 0, reading = false, lease_until = NULL WHERE id = $1",
        import_.id,
        list(errors),
    )


# sending


async def take_lease(on: Executor, name: str, holder: str, seconds: float) -> bool:
    """Whether `holder` may do what only one process does, for `seconds` by the database's clock."""
    taken = await on.fetchval(
        """INSERT INTO lease AS l (name, holder, until) VALUES ($1, $2, now() + make_interval(secs => $3))
           ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
           WHERE l.until < now() OR l.holder = excluded.holder RETURNING 1""",
        name,
        holder,
        seconds,
    )
    return taken is not None


async def give_back(on: Executor, name: str, holder: str) -> None:
    await on.execute("DELETE FROM lease WHERE name = $1 AND holder = $2", name, holder)


async def open_feeds(on: Executor) -> list[Feed]:
    """The imports with rows to send or to wait for, oldest first."""
    records = await on.fetch(
        """SELECT id, academy, actor, traceparent, min_org_revision, phase, round, attempt, cursor, last_row, sent, done,
                  resends, extract(epoch FROM clock_timestamp() - quiet_since)::float8 AS quiet
           FROM import WHERE state IN ('checking', 'running') AND phase > 0 ORDER BY id"""
    )
    return [Feed(str(r[0]), r[1], r[2], r[3], r[4], Phase(r[5]), *list(r.values())[6:]) for r in records]


async def advance(on: Executor, feed: Feed, until: int, sent: int) -> None:
    """Move the cursor, unless somebody else did. Where nothing was in flight, waiting begins now."""
    await on.execute(
        """UPDATE import SET cursor = $4, sent = sent + $5,
               quiet_since = CASE WHEN sent <= done THEN now() ELSE quiet_since END,
               stalled = nullif(stalled, 'broker')
           WHERE id = $1 AND phase = $2 AND cursor = $3""",
        feed.import_id,
        feed.phase,
        feed.cursor,
        until,
        sent,
    )


async def count_resend(on: Executor, feed: Feed) -> bool:
    """Raise the attempt before rows are sent again, unless somebody else did, or answers have come meanwhile."""
    raised = await on.fetchval(
        """UPDATE import SET attempt = attempt + 1, resends = resends + 1, quiet_since = now(), stalled = 'no_answer'
           WHERE id = $1 AND phase = $2 AND attempt = $3 AND done = $4 RETURNING 1""",
        feed.import_id,
        feed.phase,
        feed.attempt,
        feed.done,
    )
    return raised is not None


async def mark_stalled(on: Executor, ids: Sequence[str], reason: str) -> None:
    await on.execute(
        "UPDATE import SET stalled = $2 WHERE id = ANY($1::uuid[]) AND state IN ('checking', 'running')", ids, reason
    )


async def ask_with_a_higher_attempt(on: Connection, incarnation: int) -> None:
    """The database was restored: rows that it has forgotten to have sent are answered although they come again."""
    await on.execute("UPDATE import SET attempt = attempt + $1 WHERE state IN ('checking', 'running')", incarnation)


async def ask_again_at_once(on: Connection) -> None:
    """The broker has lost what was on its way: rows without an answer are not waited for."""
    await on.execute(
        """UPDATE import SET quiet_since = now() - interval '1 day', resends = 0
           WHERE state IN ('checking', 'running') AND phase > 0"""
    )


# housekeeping


async def too_old_to_start(on: Executor, import_id: str, days: int) -> bool:
    """Whether the rows of an import are gone, or will be within the hour."""
    return bool(
        await on.fetchval(
            "SELECT created_at < now() - make_interval(days => $2) FROM import WHERE id = $1", import_id, days
        )
    )


async def due_for_purge(on: Executor, days: int) -> list[asyncpg.Record]:
    """Imports that nobody works on and, for an hour, that nobody could start: no start can meet its own purge."""
    return await on.fetch(
        """SELECT id, last_row FROM import WHERE purged_at IS NULL AND state NOT IN ('checking', 'running')
           AND created_at < now() - make_interval(days => $1, hours => 1) ORDER BY created_at LIMIT 100""",
        days,
    )


async def finish_purge(on: Executor, import_id: str) -> None:
    await on.execute("DELETE FROM upload_chunk WHERE import_id = $1", import_id)
    await on.execute("UPDATE import SET purged_at = now() WHERE id = $1", import_id)


async def purge_orphans(on: Executor) -> None:
    """Files whose upload never came to its end."""
    await on.execute(
        """DELETE FROM upload_chunk c WHERE created_at < now() - interval '1 day'
           AND NOT EXISTS (SELECT 1 FROM import i WHERE i.id = c.import_id)"""
    )
