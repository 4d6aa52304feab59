"""The report as a workbook, from the service's side: the rows go to a process, a file comes back."""

import asyncio
import contextlib
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from typing import IO, Any, Final

import orjson

from chassis.database import Pool
from import_service import document, use_cases

SECONDS: Final = 180.0
PIECE: Final = 256 * 1024


class ReportFailed(RuntimeError):
    """The process that writes the report did not come to its end."""


class Reporter:
    """Writes reports, one at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._one = asyncio.Lock()

    async def report(self, record: document.Stored, language: str) -> AsyncIterator[bytes]:
        """The workbook of an import, in pieces. Raises ReportFailed before the first of them."""
        with tempfile.TemporaryFile() as file:
            async with self._one:
                await self._write(record, language, file)
            file.seek(0)
            while piece := file.read(PIECE):
                yield piece

    async def _write(self, record: document.Stored, language: str, file: IO[bytes]) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "import_service.report_process", language, stdin=PIPE, stdout=file
        )
        assert process.stdin is not None  # noqa: S101
        try:
            async with asyncio.timeout(SECONDS):
                # a process that dies early says so by its exit code
                with contextlib.suppress(ConnectionError):
                    async for lines in self._lines(record, language):
                        process.stdin.write(lines)
                        await process.stdin.drain()
                    process.stdin.close()
                code = await process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if code != 0:
            raise ReportFailed(f"the process that writes the report ended with {code}")

    async def _lines(self, record: document.Stored, language: str) -> AsyncIterator[bytes]:
        yield _line(document.summary(record, language))
        async for told in use_cases.results(self._pool, record, language, with_texts=True):
            yield b"".join(map(_line, told))


def _line(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
