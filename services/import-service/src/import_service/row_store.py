"""SQL for rows and the answers to them: what every row of every import passes through.

A statement here has one sane plan whatever the tables hold when it is prepared: it goes from the batch into an index,
row by row (`CROSS JOIN LATERAL … LIMIT 1`), or reads one range of a primary key.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import orjson

from chassis.database import Connection, only_index_plans
from import_service.domain import Answer, Choice, Phase, Stored, replaces
from import_service.judge import Judged
from import_service.store import Executor
from import_service.turns import Feed, Sendable


async def clear_rows(on: Executor, import_id: str) -> None:
    """Forget the rows and what was answered about them."""
    for table in ("import_row", "answer"):
        await on.execute(f"DELETE FROM {table} WHERE import_id = $1", import_id)  # noqa: S608 - two constants


async def copy_rows(on: Connection, import_id: str, rows: Sequence[Judged]) -> None:
    await on.copy_records_to_table(
        "import_row",
        columns=("import_id", "row_no", "number_key", "email_key", "fields", "errors"),
        records=[(import_id, *row) for row in rows],
    )


async def analyze_rows(on: Executor) -> None:
    """Tell the planner what a bulk load put into the table."""
    await on.execute("ANALYZE import_row")


_TO_CHECK: Final = """SELECT r.row_no, coalesce(r.number_key, ''), r.fields FROM import_row r
    WHERE r.import_id = $1 AND r.row_no > $2 AND r.row_no <= $3 {unanswered} ORDER BY r.row_no"""
_TO_START: Final = """SELECT r.row_no, r.number_key, r.fields, a.outcome, a.user_version, a.org_revision FROM import_row r
    CROSS JOIN LATERAL (SELECT a.outcome, a.user_version, a.org_revision FROM answer a
                        WHERE a.import_id = r.import_id AND a.phase = 1 AND a.row_no = r.row_no LIMIT 1) a
    WHERE r.import_id = $1 AND r.row_no > $2 AND r.row_no <= $3 AND a.outcome <> 'rejected' {unanswered}
    ORDER BY r.row_no"""
_UNANSWERED: Final = """AND (SELECT true FROM answer x WHERE x.import_id = r.import_id AND x.phase = {phase}
                             AND x.row_no = r.row_no LIMIT 1) IS NULL"""
_SENDABLE: Final = {
    Phase.CHECK: _TO_CHECK.format(unanswered=""),
    Phase.START: _TO_START.format(unanswered=""),
}
_UNANSWERED_ROWS: Final = {
    Phase.CHECK: _TO_CHECK.format(unanswered=_UNANSWERED.format(phase=1)),
    Phase.START: _TO_START.format(unanswered=_UNANSWERED.format(phase=2)),
}


async def rows_to_send(on: Executor, feed: Feed, until: int) -> list[Sendable]:
    """The rows after the cursor up to row `until` that are to be sent in this phase."""
    return [Sendable(*r) for r in await on.fetch(_SENDABLE[feed.phase], feed.import_id, feed.cursor, until)]


async def unanswered(on: Executor, feed: Feed) -> list[Sendable]:
    """The rows that were sent in this phase and have no answer: no more than may be in flight."""
    return [Sendable(*r) for r in await on.fetch(_UNANSWERED_ROWS[feed.phase], feed.import_id, 0, feed.cursor)]


# Only rows that were sent in the phase take an answer: all of the file in the check, then those that are not to be
# rejected. `sound` is null for others, and false for a row with faults of its own, which is rejected whatever is answered.
_SOUND: Final = {
    Phase.CHECK: """SELECT r.errors IS NULL AS sound FROM import_row r
        WHERE r.import_id = ($1::uuid[])[k.i] AND r.row_no = k.row_no LIMIT 1""",
    Phase.START: """SELECT true AS sound FROM answer p
        WHERE p.import_id = ($1::uuid[])[k.i] AND p.phase = 1 AND p.row_no = k.row_no AND p.outcome <> 'rejected'
        LIMIT 1""",
}
_EXCEPTIONS: Final = """
    SELECT k.n - 1 AS n, r.sound, a.rank, a.outcome, a.invitation, a.restored, a.detail
    FROM unnest($3::int[], $4::int[]) WITH ORDINALITY AS k (i, row_no, n)
    LEFT JOIN LATERAL ({sound}) r ON true
    LEFT JOIN LATERAL (SELECT a.rank, a.outcome, a.invitation, a.restored, a.detail FROM answer a
        WHERE a.import_id = ($1::uuid[])[k.i] AND a.phase = $2::smallint AND a.row_no = k.row_no LIMIT 1) a ON true
    WHERE r.sound IS NOT TRUE OR a.rank IS NOT NULL
"""
_REPLACE: Final = """
    UPDATE answer SET rank = $4, outcome = $5, invitation = $6, restored = $7, user_version = $8, org_revision = $9,
        detail = $10
    WHERE import_id = $1 AND phase = $2 AND row_no = $3
"""


async def store_answers(on: Connection, phase: Phase, answers: Sequence[Answer]) -> dict[str, Stored]:
    """Store one answer per row of imports that are locked, so that nobody else does; return what that changed for each.

    A row that has an answer keeps it, unless the new one replaces it.
    """
    ids = sorted({answer.import_id for answer in answers})
    index = {import_id: i for i, import_id in enumerate(ids, 1)}
    places, rows = [index[a.import_id] for a in answers], [a.row for a in answers]
    statement = _EXCEPTIONS.format(sound=_SOUND[phase])
    exceptions = {r["n"]: r for r in await on.fetch(statement, ids, phase, places, rows)}
    stored = {import_id: Stored() for import_id in ids}
    new, replacing = [], []
    for n, answer in enumerate(answers):
        if (found := exceptions.get(n)) is not None:
            if found["sound"] is None:
                continue
            if not found["sound"]:
                answer.outcome, answer.invitation = "rejected", "none"
            if found["rank"] is not None:
                if replaces(answer, found["rank"], found["outcome"], phase):
                    replacing.append(answer)
                    one = stored[answer.import_id]
                    one.difference.add(found["outcome"], found["invitation"], -1)
                    one.difference.add(answer.outcome, answer.invitation, 1)
                    old = found["outcome"], found["invitation"], found["restored"], found["detail"]
                    one.replaced += old != (answer.outcome, answer.invitation, answer.restored, answer.detail)
                continue
        new.append(answer)
    for (import_id, outcome, invitation), count in Counter(
        [(a.import_id, a.outcome, a.invitation) for a in new]
    ).items():
        stored[import_id].new.add(outcome, invitation, count)
    await on.copy_records_to_table("answer", columns=_ANSWER, records=[_record(phase, a) for a in new])
    if replacing:
        await on.executemany(_REPLACE, [_record(phase, a) for a in replacing])
    return stored


_ANSWER: Final = (
    *("import_id", "phase", "row_no", "rank", "outcome", "invitation", "restored", "user_version", "org_revision"),
    "detail",
)


def _record(phase: Phase, answer: Answer) -> tuple[Any, ...]:
    """The answer in the order of `_ANSWER`."""
    return (
        answer.import_id,
        phase,
        answer.row,
        answer.rank,
        answer.outcome,
        answer.invitation,
        answer.restored,
        answer.user_version,
        answer.org_revision,
        answer.detail,
    )


_DOCUMENT: Final = """
    SELECT r.row_no, r.fields, r.errors,
           v.outcome AS v_outcome, v.invitation AS v_invitation, v.restored AS v_restored, v.detail AS v_detail,
           o.outcome AS o_outcome, o.invitation AS o_invitation, o.restored AS o_restored, o.detail AS o_detail
    FROM ({rows}) r
    LEFT JOIN LATERAL (SELECT * FROM answer a
                       WHERE a.import_id = $1 AND a.phase = 1 AND a.row_no = r.row_no LIMIT 1) v ON true
    LEFT JOIN LATERAL (SELECT * FROM answer a
                       WHERE a.import_id = $1 AND a.phase = 2 AND a.row_no = r.row_no LIMIT 1) o ON true
    ORDER BY r.row_no
"""
_NEXT_ROWS: Final = _DOCUMENT.format(
    rows="""SELECT row_no, fields, errors FROM import_row WHERE import_id = $1 AND row_no > $2
            ORDER BY row_no LIMIT $3"""
)
_THESE_ROWS: Final = _DOCUMENT.format(
    rows="""SELECT f.* FROM unnest($2::int[]) AS k (row_no)
            CROSS JOIN LATERAL (SELECT row_no, fields, errors FROM import_row f
                                WHERE f.import_id = $1 AND f.row_no = k.row_no LIMIT 1) f"""
)


async def document_rows(on: Executor, import_id: str, after: int, limit: int) -> list[asyncpg.Record]:
    """Rows in file order, each with its verdict (v_…) and outcome (o_…)."""
    return await on.fetch(_NEXT_ROWS, import_id, after, limit)


_ANSWERED: Final = """SELECT row_no FROM answer
    WHERE import_id = $1 AND phase = {phase} AND row_no > $2 AND {that} ORDER BY row_no LIMIT $3"""
_DRIFTED: Final = """SELECT o.row_no FROM answer o
    CROSS JOIN LATERAL (SELECT v.outcome, v.detail FROM answer v
                        WHERE v.import_id = $1 AND v.phase = 1 AND v.row_no = o.row_no LIMIT 1) v
    WHERE o.import_id = $1 AND o.phase = 2 AND o.row_no > $2 AND (v.outcome <> o.outcome OR (o.outcome = 'updated'
        AND coalesce(convert_from(v.detail, 'UTF8')::jsonb -> 'changes', '{}')
         <> coalesce(convert_from(o.detail, 'UTF8')::jsonb -> 'changes', '{}')))
    ORDER BY o.row_no LIMIT $3"""


def _chosen(choice: Choice, phase: Phase) -> str:
    """The statement for the numbers of the rows that `document.result` would show as `choice`."""
    if choice == "drifted":
        return _DRIFTED
    if choice == "waiting":
        return _ANSWERED.format(phase=int(phase), that="invitation = 'waiting' AND outcome <> 'rejected'")
    answered = _ANSWERED.format(phase=int(phase), that=f"outcome = '{choice}'")
    if choice == "rejected" and phase is Phase.START:  # what the check rejected is never asked again
        planned = _ANSWERED.format(phase=int(Phase.CHECK), that="outcome = 'rejected'")
        return f"SELECT row_no FROM (({planned}) UNION ALL ({answered})) both_ ORDER BY row_no LIMIT $3"  # noqa: S608 - constants
    return answered


async def chosen_rows(
    on: Connection, import_id: str, phase: Phase, choice: Choice, after: int, limit: int
) -> list[asyncpg.Record]:
    """As `document_rows`, of the rows of one kind: read from the answers of this import, which lie together.

    Runs in a transaction of the caller.
    """
    if phase is Phase.READING or (choice == "drifted" and phase is not Phase.START):
        return []
    await only_index_plans(on)
    numbers = [r["row_no"] for r in await on.fetch(_chosen(choice, phase), import_id, after, limit)]
    return await on.fetch(_THESE_ROWS, import_id, numbers) if numbers else []


async def rows_that_free_addresses(
    on: Executor, import_id: str, phase: Phase, number_keys: Sequence[str]
) -> dict[str, int]:
    """The rows of this file that give these people another address, as far as their answer in this phase says so."""
    records = await on.fetch(
        """SELECT k.number_key, r.row_no, a.detail FROM unnest($2::text[]) AS k (number_key)
           CROSS JOIN LATERAL (SELECT row_no FROM import_row
                               WHERE import_id = $1 AND number_key = k.number_key ORDER BY row_no LIMIT 1) r
           CROSS JOIN LATERAL (SELECT detail FROM answer a
                               WHERE a.import_id = $1 AND a.phase = $3 AND a.row_no = r.row_no
                               AND a.outcome <> 'rejected' AND a.detail IS NOT NULL LIMIT 1) a""",
        import_id,
        number_keys,
        phase,
    )
    return {r["number_key"]: r["row_no"] for r in records if "email" in orjson.loads(r["detail"]).get("changes", {})}


async def purge_rows(on: Executor, import_id: str, first: int, last: int) -> None:
    for table in ("import_row", "answer"):
        await on.execute(
            f"DELETE FROM {table} WHERE import_id = $1 AND row_no BETWEEN $2 AND $3",  # noqa: S608 - two constants
            import_id,
            first,
            last,
        )
