"""SQL for rows and the answers to them: what every row of every import passes through.

A statement here has one sane plan whatever the tables hold when it is prepared: it goes from the batch into an index,
row by row (`CROSS JOIN LATERAL … LIMIT 1`), or reads one range of a primary key.
"""

from collections.abc import Sequence
from typing import Final

import asyncpg
import orjson

from chassis.database import Connection, only_index_plans
from import_service.domain import Answer, Choice, Phase, Stored
from import_service.judge import Judged
from import_service.store import Executor
from import_service.turns import Feed, Sendable


async def clear_rows(on: Executor, import_id: str) -> None:
    await on.execute("DELETE FROM import_row WHERE import_id = $1", import_id)


async def copy_rows(on: Connection, import_id: str, rows: Sequence[Judged]) -> None:
    await on.copy_records_to_table(
        "import_row",
        columns=("import_id", "row_no", "number_key", "email_key", "fields", "errors"),
        records=[(import_id, r.row, r.number_key, r.email_key, r.fields, r.errors) for r in rows],
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


# Only rows that were sent in the phase take an answer. A row with faults of its own is rejected whatever is answered.
_ANSWERS: Final = """
    SELECT ($1::uuid[])[k.i] AS import_id, k.row_no, k.rank,
           CASE WHEN r.sound THEN k.outcome ELSE 'rejected' END AS outcome,
           CASE WHEN r.sound THEN k.invitation ELSE 'none' END AS invitation,
           k.restored, k.user_version, k.org_revision, k.detail
    FROM unnest($3::int[], $4::int[], $5::bigint[], $6::text[], $7::text[], $8::bool[], $9::bigint[], $10::bigint[],
                $11::bytea[]) AS k (i, row_no, rank, outcome, invitation, restored, user_version, org_revision, detail)
    CROSS JOIN LATERAL (
        SELECT r.errors IS NULL AS sound FROM import_row r
        WHERE r.import_id = ($1::uuid[])[k.i] AND r.row_no = k.row_no LIMIT 1) r
"""
_PLANNED: Final = """
    CROSS JOIN LATERAL (
        SELECT 1 FROM answer p WHERE p.import_id = ($1::uuid[])[k.i] AND p.phase = 1 AND p.row_no = k.row_no
        AND p.outcome <> 'rejected' LIMIT 1) p
"""
_INSERT: Final = """
    WITH kept AS (
        INSERT INTO answer (import_id, phase, row_no, rank, outcome, invitation, restored, user_version, org_revision, detail)
        SELECT k.import_id, $2::smallint, k.row_no, k.rank, k.outcome, k.invitation, k.restored, k.user_version,
               k.org_revision, k.detail
        FROM ({answers}) k
        ON CONFLICT DO NOTHING RETURNING import_id, outcome, invitation)
    SELECT import_id, outcome, invitation, count(*)::int AS rows FROM kept GROUP BY 1, 2, 3
"""
# The outcome of a request that comes again is the stored one; its events may tell less than the first one did.
_REPLACE: Final = """
    WITH pair AS (
        SELECT k.*, a.outcome AS old_outcome, a.invitation AS old_invitation,
               (a.outcome, a.invitation, a.restored, a.detail)
                   IS DISTINCT FROM (k.outcome, k.invitation, k.restored, k.detail) AS differs
        FROM ({answers}) k
        CROSS JOIN LATERAL (
            SELECT a.outcome, a.invitation, a.restored, a.detail FROM answer a
            WHERE a.import_id = k.import_id AND a.phase = $2::smallint AND a.row_no = k.row_no AND a.rank < k.rank
            AND ($2::smallint = 1 OR a.outcome <> k.outcome OR k.outcome = 'rejected') LIMIT 1) a),
    replaced AS (
        UPDATE answer a SET rank = p.rank, outcome = p.outcome, invitation = p.invitation, restored = p.restored,
               user_version = p.user_version, org_revision = p.org_revision, detail = p.detail
        FROM pair p WHERE a.import_id = p.import_id AND a.phase = $2::smallint AND a.row_no = p.row_no)
    SELECT import_id, outcome, invitation, old_outcome, old_invitation, differs, count(*)::int AS rows
    FROM pair GROUP BY 1, 2, 3, 4, 5, 6
"""


async def store_answers(on: Connection, phase: Phase, answers: Sequence[Answer]) -> dict[str, Stored]:
    """Store one answer per row of locked imports; return what that changed for each import.

    A row that has an answer keeps it, unless the new one has a higher rank.
    """
    ids = sorted({answer.import_id for answer in answers})
    index = {import_id: i for i, import_id in enumerate(ids, 1)}
    columns = (
        [index[a.import_id] for a in answers],
        [a.row for a in answers],
        [a.rank for a in answers],
        [a.outcome for a in answers],
        [a.invitation for a in answers],
        [a.restored for a in answers],
        [a.user_version for a in answers],
        [a.org_revision for a in answers],
        [a.detail for a in answers],
    )
    chosen = _ANSWERS + (_PLANNED if phase is Phase.START else "")
    stored = {import_id: Stored() for import_id in ids}
    kept = 0
    for r in await on.fetch(_INSERT.format(answers=chosen), ids, phase, *columns):
        stored[str(r["import_id"])].new.add(r["outcome"], r["invitation"], r["rows"])
        kept += r["rows"]
    if kept < len(answers):
        # rare, and never worth reading a whole table for
        await only_index_plans(on)
        for r in await on.fetch(_REPLACE.format(answers=chosen), ids, phase, *columns):
            one = stored[str(r["import_id"])]
            one.difference.add(r["old_outcome"], r["old_invitation"], -r["rows"])
            one.difference.add(r["outcome"], r["invitation"], r["rows"])
            one.replaced += r["rows"] if r["differs"] else 0
    return stored


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
