"""Reading a file from the service's side: a process is started, watched and, if need be, killed."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, cast

import orjson

from contracts.errors import WarningCode
from import_service.reading.limits import MAX_FRAME_BYTES, MIB, WALL_SECONDS
from import_service.reading.refused import FileCode, FileRefused

Values = tuple[str | None, ...]
"""The texts of a row in the order of `contracts.fields.IMPORT_FIELDS`; None is blank, wrong, or no such column."""

_TOOK_TOO_MUCH: Final = frozenset({signal.SIGABRT, signal.SIGKILL, signal.SIGXCPU})
"""Deaths by a limit: calamine aborts when it gets no memory; the kernel and our own clock kill."""


@dataclass(frozen=True, slots=True)
class FileWarning:
    """Something about the file that is worth a look; see `contracts.sentences.render_notice`."""

    code: WarningCode
    field: str | None
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A known column: its letters (F) and the header as the file has it."""

    letter: str
    header: str


@dataclass(frozen=True, slots=True)
class FileHeader:
    """What the top of the file says."""

    format: str
    sheet: str
    row: int
    columns: dict[str, FoundColumn]
    ignored: list[tuple[str, str]]
    stamp: tuple[str, int] | None
    """Academy id and organisation revision of the template that the file was made from."""
    warnings: list[FileWarning]


@dataclass(frozen=True, slots=True)
class CellFault:
    """A cell that is wrong in itself, whatever the people and units are."""

    code: str
    field: str
    value: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RowChunk:
    """At most 1,000 rows that are not blank. `faults` is by row number; a faulty cell is None in its row."""

    numbers: list[int]
    rows: list[Values]
    faults: dict[int, list[CellFault]]


class Reading:
    """A file that is being read. The header is known; iterate once for the rows; `rows` and `warnings` come last."""

    def __init__(self, frames: "_Frames", header: FileHeader) -> None:
        self.header = header
        self.rows = 0
        self.warnings: list[FileWarning] = []
        self._frames = frames

    async def __aiter__(self) -> AsyncIterator[RowChunk]:
        while (frame := await self._frames.next())["kind"] == "rows":
            yield _chunk(frame)
        self.rows = frame["rows"]
        self.warnings = _warnings(frame)


@contextlib.asynccontextmanager
async def open_file(path: Path, filename: str, *, wall_seconds: float = WALL_SECONDS) -> AsyncIterator[Reading]:
    """Read the file at `path`, uploaded as `filename`. Raises FileRefused here, or on later rows if the file turns
    out to be too much; the process is gone on every way out. The consumer sets the pace: the process waits for it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "import_service.reading.process",
        str(path),
        Path(filename).suffix.lower(),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
        limit=2 * MIB,
        env=_bare_environment(),
        cwd=path.parent,
    )
    frames = _Frames(process, wall_seconds)
    try:
        yield Reading(frames, _header(await frames.next()))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        # a pipe that is left full keeps some versions of asyncio from noticing the end
        await frames.drain()
        await process.wait()


class _Frames:
    """The frames that a process writes; waits no longer than `seconds` for all of them together."""

    def __init__(self, process: Process, seconds: float) -> None:
        assert process.stdout is not None  # noqa: S101
        self._process = process
        self._output = process.stdout
        self._left = seconds

    async def next(self) -> dict[str, Any]:
        since = time.monotonic()
        try:
            async with asyncio.timeout(self._left):
                size = int.from_bytes(await self._output.readexactly(4), "big")
                if size > MAX_FRAME_BYTES:
                    raise FileRefused("unreadable_file")
                data = await self._output.readexactly(size)
        except TimeoutError as error:
            raise FileRefused("file_too_large") from error
        except asyncio.IncompleteReadError:
            await self._died()
        self._left -= time.monotonic() - since
        frame: dict[str, Any] = orjson.loads(data)
        if frame["kind"] == "refused":
            raise FileRefused(cast(FileCode, frame["code"]), **frame["params"])
        return frame

    async def drain(self) -> None:
        """Read what a killed process left in its pipe, and drop it."""
        while await self._output.read(MIB):
            pass

    async def _died(self) -> NoReturn:
        code = await self._process.wait()
        raise FileRefused("file_too_large" if code < 0 and -code in _TOOK_TOO_MUCH else "unreadable_file")


def _bare_environment() -> dict[str, str]:
    """Nothing of the service's settings: a reader that is taken over finds no secret."""
    return {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "LANG", "SYSTEMROOT") if name in os.environ}


def _header(frame: dict[str, Any]) -> FileHeader:
    return FileHeader(
        format=frame["format"],
        sheet=frame["sheet"],
        row=frame["row"],
        columns={field: FoundColumn(letter, header) for field, letter, header in frame["columns"]},
        ignored=[(letter, text) for letter, text in frame["ignored"]],
        stamp=tuple(frame["stamp"]) if frame["stamp"] else None,
        warnings=_warnings(frame),
    )


def _warnings(frame: dict[str, Any]) -> list[FileWarning]:
    return [FileWarning(WarningCode(w["code"]), w["field"], w["params"]) for w in frame["warnings"]]


def _chunk(frame: dict[str, Any]) -> RowChunk:
    faults = {number: [CellFault(*fault) for fault in told] for number, told in frame["problems"]}
    return RowChunk(frame["numbers"], list(zip(*frame["columns"], strict=True)), faults)
