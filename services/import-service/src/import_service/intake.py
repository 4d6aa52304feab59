"""From an uploaded file to rows: claimed by one instance at a time, read by a process of its own, judged, stored.

What is stored is checked while the rest is read. Who reads on where another died reads from the start, for only so it is
known what is twice in the file, and stores what is not yet. Every write is fenced by the claim's epoch, so that a reader
that was taken for dead writes nothing after its successor.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from chassis.database import Connection, Pool, is_transient
from chassis.outbox import enqueue
from chassis.replica import StateReplica
from contracts.errors import ErrorCode, Problem, WarningCode
from contracts.events.imports import ImportRefused
from import_service import row_store, store
from import_service.domain import State, end_reading
from import_service.feeding import Feeder
from import_service.judge import Judge, Judged
from import_service.messages import import_events
from import_service.reading.reader import FileHeader, FileWarning, Reading, open_file
from import_service.reading.refused import FileRefused

LEASE: Final = 10.0
"""Seconds that a file waits for another reader when its own died without a word."""
KEEP_EVERY: Final = 3.0
LONGEST_BACKOFF: Final = 30.0
IDLE: Final = 0.5
COPY_ROWS: Final = 4_000
"""Rows per COPY and commit."""
TRIES: Final = 5
"""How often a file is tried that brings down whoever reads it; then the import has failed."""


class _ClaimLost(Exception):
    """Another instance reads this file now."""


@dataclass(slots=True)
class _Claim:
    """What an instance reads."""

    import_id: str
    academy: str
    filename: str
    epoch: int
    last_row: int
    """Rows up to here are stored."""


class Intake:
    """Reads the files of imports, one at a time for each `run`."""

    def __init__(self, pool: Pool, replica: StateReplica, feeder: Feeder, log: structlog.stdlib.BoundLogger) -> None:
        self._pool, self._replica, self._feeder, self._log = pool, replica, feeder, log
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """A file was uploaded."""
        self._wake.set()

    async def run(self) -> None:
        """Read for ever; returns only by raising."""
        while True:
            self._wake.clear()
            if not await self.read_next():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(IDLE):
                        await self._wake.wait()

    async def read_next(self) -> bool:
        """Read one file that nobody reads; False if there is none."""
        record = await store.claim_unread(self._pool, LEASE)
        if record is None:
            return False
        claim = _Claim(
            str(record["id"]), record["academy"], record["filename"], record["read_epoch"], record["last_row"]
        )
        keeping = asyncio.create_task(self._keep(claim))
        try:
            await self._read(claim)
        except FileRefused as refused:
            await self._refuse(claim, "refused", Problem(code=ErrorCode(refused.code), params=refused.params))
        except _ClaimLost:
            self._log.warning("import.claim_lost", import_id=claim.import_id)
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):  # whoever comes next gets it when the claim runs out
                await asyncio.shield(store.give_up_claim(self._pool, claim.import_id, claim.epoch, 0))
            raise
        except Exception as error:
            await self._try_later(claim, error)
        finally:
            keeping.cancel()
        return True

    async def _keep(self, claim: _Claim) -> None:
        while True:
            await asyncio.sleep(KEEP_EVERY)
            with contextlib.suppress(Exception):  # the next write finds out whether the claim still holds
                await store.keep_claim(self._pool, claim.import_id, claim.epoch, LEASE)

    async def _read(self, claim: _Claim) -> None:
        with tempfile.TemporaryDirectory(prefix="instroom-import-") as folder:
            path = Path(folder) / "upload"
            with path.open("wb") as file:
                async for data in store.upload_chunks(self._pool, claim.import_id):
                    file.write(data)
            async with open_file(path, claim.filename) as reading:
                await self._store_columns(claim, reading.header)
                await self._store_rows(claim, reading)
        header = reading.header
        await self._finish(claim, [*header.warnings, *self._template_warnings(claim, header), *reading.warnings])

    @contextlib.asynccontextmanager
    async def _claimed(self, claim: _Claim) -> AsyncIterator[Connection]:
        """A transaction in which the claim holds; raises _ClaimLost where it does not any more."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await store.keep_claim(connection, claim.import_id, claim.epoch, LEASE):
                raise _ClaimLost
            yield connection

    async def _store_columns(self, claim: _Claim, header: FileHeader) -> None:
        columns = {name: {"letter": c.letter, "header": c.header} for name, c in header.columns.items()}
        async with self._claimed(claim) as connection:
            await store.save_columns(connection, claim.import_id, columns)

    async def _store_rows(self, claim: _Claim, reading: Reading) -> None:
        judge = Judge()
        pending: list[Judged] = []
        async for chunk in reading:
            for number, values in zip(chunk.numbers, chunk.rows, strict=True):
                judged = judge.judge(number, values, chunk.faults.get(number, ()))
                if number > claim.last_row:
                    pending.append(judged)
            if len(pending) >= COPY_ROWS:
                await self._copy(claim, pending)
                pending = []
        if pending:
            await self._copy(claim, pending)

    async def _copy(self, claim: _Claim, rows: list[Judged]) -> None:
        async with self._claimed(claim) as connection:
            await row_store.copy_rows(connection, claim.import_id, rows)
            await store.add_rows(connection, claim.import_id, len(rows), rows[-1].row)
        if claim.last_row == 0 and len(rows) >= COPY_ROWS:
            await row_store.analyze_rows(self._pool)
        claim.last_row = rows[-1].row
        self._feeder.wake()

    def _template_warnings(self, claim: _Claim, header: FileHeader) -> list[FileWarning]:
        if header.stamp is None or header.stamp[0] != claim.academy:
            return []
        revision = header.stamp[1]
        if revision >= self._replica.revision(claim.academy):
            return []
        return [FileWarning(WarningCode.OLD_TEMPLATE, None, {"revision": revision})]

    async def _finish(self, claim: _Claim, warnings: Sequence[FileWarning]) -> None:
        told = [{"code": w.code, "field": w.field, "params": w.params} for w in warnings]
        async with self._claimed(claim) as connection:
            import_ = (await store.lock_imports(connection, [claim.import_id]))[claim.import_id]
            messages = end_reading(import_)
            await store.save_end_of_file(connection, claim.import_id, told)
            if messages:
                await store.save_counts(connection, [import_])
                await enqueue(connection, import_events(import_, messages))
        self._feeder.wake()

    async def _refuse(self, claim: _Claim, state: State, problem: Problem) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            if not await store.keep_claim(connection, claim.import_id, claim.epoch, LEASE):
                return
            import_ = (await store.lock_imports(connection, [claim.import_id]))[claim.import_id]
            await store.save_refusal(connection, import_, state, [problem.model_dump(mode="json")])
            await row_store.clear_rows(connection, claim.import_id)
            refused = ImportRefused(import_id=claim.import_id, errors=[problem])
            await enqueue(connection, import_events(import_, [refused]))

    async def _try_later(self, claim: _Claim, error: Exception) -> None:
        self._log.warning("import.reading_failed", import_id=claim.import_id, epoch=claim.epoch, exc_info=error)
        if is_transient(error) or claim.epoch < TRIES:
            await store.give_up_claim(self._pool, claim.import_id, claim.epoch, min(2.0**claim.epoch, LONGEST_BACKOFF))
        else:
            await self._refuse(claim, "failed", Problem(code=ErrorCode.UNREADABLE_FILE))
