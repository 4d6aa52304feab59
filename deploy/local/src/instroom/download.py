"""A workbook from import-service into a file."""

import os
import stat
from pathlib import Path
from typing import Any

from instroom.client import READ_SECONDS, Client
from instroom.failure import Exit, Failure
from instroom.output import Output


def download(
    client: Client, out: Output, path: str, target: Path, *, read_seconds: float = READ_SECONDS, **params: Any
) -> None:
    """Write it to `target`: a file whole or not at all, with the mode it had; a device or a pipe as it comes."""
    if str(target) == "-":
        raise Failure("wrong_use", out.say("name_a_file"), Exit.WRONG_USE)
    content = client.send("import-service", "GET", path, params=params, read_seconds=read_seconds).content
    try:
        mode = target.stat().st_mode if target.exists() else None
        if mode is None or stat.S_ISREG(mode):
            _replace(Path(os.path.realpath(target)), content, mode)
            out.line(out.say("written", path=target))
        else:
            target.write_bytes(content)
    except OSError as error:
        reason = out.say("cannot_write", path=target, reason=error.strerror or type(error).__name__)
        raise Failure("cannot_write", reason, Exit.WRONG_USE) from None


def _replace(target: Path, content: bytes, mode: int | None) -> None:
    partial = target.with_name(f".instroom-{os.getpid()}.part")
    partial.unlink(missing_ok=True)  # of a process that was killed
    try:
        # Never open to more eyes than the file that it takes the place of.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if mode is not None:
                os.fchmod(descriptor, stat.S_IMODE(mode))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
