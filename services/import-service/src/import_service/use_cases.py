"""One function per operation. Each runs one transaction; what it says goes out with it."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from chassis.database import Connection, Pool
from chassis.outbox import enqueue
from contracts.errors import ErrorCode, Problem
from contracts.events.base import Message
from contracts.events.imports import ImportRefused, ImportUploaded
from import_service import document, row_store, store
from import_service.domain import Answer, Choice, Import, Phase, State, Tally, begin_start, best_of, may_answer, settle
from import_service.messages import import_events
from import_service.reading.limits import MAX_FILE_BYTES

RESULTS_AT_ONCE: Final = 500
"""Rows of a document made in one go: some 10 ms of the event loop."""
UPLOAD_CHUNK: Final = 1024 * 1024
KEEP_DAYS: Final = 30
PURGE_ROWS: Final = 20_000
"""Rows deleted in one statement, so that it ends well within the time that a transaction has."""


async def upload(
    pool: Pool,
    body: AsyncIterator[bytes],
    *,
    import_id: str,
    academy: str,
    actor: str,
    traceparent: str,
    filename: str,
    min_org_revision: int,
) -> None:
    """Store the file as it comes in, then make it an import; before that nobody sees anything of it.

    What comes beyond the largest file is not stored, and the import is refused.
    """
    pending, part, size = bytearray(), 0, 0
    async for piece in body:
        size += len(piece)
        if size > MAX_FILE_BYTES:
            pending.clear()
            continue
        pending += piece
        if len(pending) >= UPLOAD_CHUNK:
            await store.add_upload_chunk(pool, import_id, part, bytes(pending))
            pending.clear()
            part += 1
    if pending:
        await store.add_upload_chunk(pool, import_id, part, bytes(pending))
    import_ = Import(import_id, academy, actor, traceparent, "checking", Phase.READING, 1, 0, 0, Tally(), reading=True)
    messages: list[Message] = [ImportUploaded(import_id=import_id, filename=filename, size=size)]
    errors: list[Problem] = []
    if size > MAX_FILE_BYTES:
        import_.state = "refused"
        errors = [Problem(code=ErrorCode.FILE_TOO_LARGE, params={"limit": MAX_FILE_BYTES})]
        messages.append(ImportRefused(import_id=import_id, errors=errors))
    async with pool.acquire() as connection, connection.transaction():
        await store.add_import(
            connection,
            import_,
            filename=filename,
            size=size,
            min_org_revision=min_org_revision,
            errors=[problem.model_dump(mode="json") for problem in errors],
        )
        await enqueue(connection, import_events(import_, messages))


class TooOld(Exception):
    """The file and rows of the import are not kept any more: it has to be uploaded again."""


async def start(pool: Pool, academy: str, import_id: str) -> State | None:
    """Carry out the plan of a checked import; starting again is the same start. Return the state, None if unknown.

    Raises TooOld for one that was uploaded more than KEEP_DAYS ago.
    """
    async with pool.acquire() as connection, connection.transaction():
        import_ = (await store.lock_imports(connection, [import_id])).get(import_id)
        if import_ is None or import_.academy != academy:
            return None
        if import_.state == "checked" and await store.too_old_to_start(connection, import_id, KEEP_DAYS):
            raise TooOld
        plan = import_.counts()
        if messages := begin_start(import_):
            await store.save_start(connection, import_, plan.model_dump())
            await enqueue(connection, import_events(import_, messages))
        return import_.state


async def take_answers(connection: Connection, phase: Phase, answers: Sequence[Answer]) -> None:
    """Store answers and count them, inside the caller's transaction; a fixed number of statements for any batch.

    Twice, late or shuffled changes nothing. The last missing answer concludes the phase, exactly once: the import is
    locked before its answers are stored.
    """
    imports = await store.lock_imports(connection, sorted({answer.import_id for answer in answers}))
    wanted = [
        answer
        for answer in best_of(answers)
        if (import_ := imports.get(answer.import_id)) is not None and may_answer(import_, answer, phase)
    ]
    if not wanted:
        return
    events = []
    changed = []
    for import_id, stored in (await row_store.store_answers(connection, phase, wanted)).items():
        import_ = imports[import_id]
        events += import_events(import_, settle(import_, stored))
        changed.append(import_)
    await store.save_counts(connection, changed)
    await enqueue(connection, events)


async def purge(pool: Pool) -> None:
    """Forget the files and rows of imports of long ago; their counts stay."""
    for record in await store.due_for_purge(pool, KEEP_DAYS):
        for first in range(0, record["last_row"] + 1, PURGE_ROWS):
            await row_store.purge_rows(pool, record["id"], first, first + PURGE_ROWS - 1)
        await store.finish_purge(pool, record["id"])
    await store.purge_orphans(pool)


async def page(
    pool: Pool, record: document.Stored, language: str, choice: Choice | None, after: int, limit: int
) -> list[dict[str, Any]]:
    """The next results of an import after row `after`, of all its rows or of one kind, in file order."""
    import_id, phase = str(record["id"]), Phase(record["phase"])
    if phase is Phase.READING or record["state"] in ("refused", "failed"):
        return []
    if choice is None:
        records = await row_store.document_rows(pool, import_id, after, limit)
    else:
        async with pool.acquire() as connection, connection.transaction():
            records = await row_store.chosen_rows(connection, import_id, phase, choice, after, limit)
    rows = _counted(record, records)
    return await _told(pool, import_id, phase, record["columns"], language, rows)


def _counted(record: document.Stored, records: Sequence[document.Stored]) -> list[document.Row]:
    """Those of the rows that `record` counts: while the file is read there may be more by now."""
    return [document.read_row(r) for r in records if r["row_no"] <= record["last_row"]]


async def _told(
    pool: Pool, import_id: str, phase: Phase, columns: document.Columns, language: str, rows: Sequence[document.Row]
) -> list[dict[str, Any]]:
    owners = document.owners(rows)
    rows_of = await row_store.rows_that_free_addresses(pool, import_id, phase, sorted(owners)) if owners else {}
    return [document.result(row, phase, columns, language, rows_of) for row in rows]


async def results(
    pool: Pool, record: document.Stored, language: str, *, with_texts: bool = False
) -> AsyncIterator[list[dict[str, Any]]]:
    """The results of an import in file order, some hundreds at a time: no process holds all rows of a large file.

    While the file is being read there are those of the rows that `record` counts.
    `with_texts` makes each `{"result", "texts"}`, with the texts of the file for a rejected row.
    """
    import_id, after = str(record["id"]), 0
    phase, columns = Phase(record["phase"]), record["columns"]
    while phase is not Phase.READING and record["state"] not in ("refused", "failed"):
        records = await row_store.document_rows(pool, import_id, after, RESULTS_AT_ONCE)
        if not records:
            return
        after = records[-1]["row_no"]
        rows = _counted(record, records)
        told = await _told(pool, import_id, phase, columns, language, rows)
        if with_texts:
            told = [{"result": one, "texts": document.texts(row, one)} for row, one in zip(rows, told, strict=True)]
        yield told
