"""The process that reads a file nobody vouches for: `python -m import_service.reading.process PATH SUFFIX`.

It limits itself before it looks at the file, and writes frames to its output: four bytes of length, then JSON. A file
that is refused is a frame too; a process that dies says only by its death that the file was too much.
"""

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from import_service.reading.limits import CPU_SECONDS, MEMORY_BYTES
from import_service.reading.refused import FileRefused
from import_service.reading.source import open_source
from import_service.reading.table import Frame, frames


def main(arguments: list[str]) -> int:
    """Read one file; 0 when its frames, or its refusal, are out."""
    path, suffix = Path(arguments[0]), arguments[1]
    _limit()
    output = os.fdopen(os.dup(1), "wb", buffering=0)
    try:
        for frame in _read(path, suffix):
            _write(output, frame)
    except BrokenPipeError:
        return 1
    return 0


def _read(path: Path, suffix: str) -> Iterator[Frame]:
    try:
        yield from frames(open_source(path, suffix), suffix)
    except FileRefused as refused:
        yield {"kind": "refused", "code": refused.code, "params": refused.params}
    except MemoryError:
        yield {"kind": "refused", "code": "file_too_large", "params": {}}


def _write(output: BinaryIO, frame: Frame) -> None:
    data = orjson.dumps(frame)
    message = memoryview(len(data).to_bytes(4, "big") + data)
    while message:
        message = message[output.write(message) :]


def _limit() -> None:
    """Bound what this process may take; a limit that the machine does not know is left to the parent's clock."""
    for kind, soft, hard in (
        (resource.RLIMIT_AS, MEMORY_BYTES, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS, CPU_SECONDS + 5),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, 32, 32),
    ):
        try:
            resource.setrlimit(kind, (soft, hard))
        except (OSError, ValueError):
            continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
