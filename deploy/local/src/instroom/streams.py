"""Standard output and error that outlive their readers: `| head -1` must not stop work that was asked for."""

import errno
import io
import os
import sys
from typing import Any, TextIO

from instroom.failure import Exit


class _Outliving(io.FileIO):
    """From the first thing that cannot be written on everything is thrown away; `trouble` tells why."""

    trouble: OSError | None = None

    def write(self, data: Any, /) -> int:
        if self.trouble is None:
            try:
                return super().write(data)
            except OSError as error:
                self.trouble = error
        return len(data)


def outliving(descriptor: int) -> TextIO:
    """A text stream onto an open file that never fails."""
    raw = _Outliving(descriptor, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), errors="backslashreplace", line_buffering=raw.isatty())


def take() -> None:
    """Make the standard streams such ones. One that was closed is nowhere: its number must not become a socket's."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for as long as the process
        else:
            setattr(sys, name, outliving(stream.fileno()))


def unread() -> bool:
    """Whether what is written to standard output goes nowhere."""
    return _trouble() is not None


def ended(code: int) -> int:
    """The exit code at the end: 3 if standard output could not be written for another reason than a reader who left."""
    sys.stdout.flush()
    trouble = _trouble()
    if trouble is not None and trouble.errno != errno.EPIPE:
        print(f"instroom: standard output: {trouble.strerror}", file=sys.stderr)
        code = Exit.UNAVAILABLE
    sys.stderr.flush()
    return code


def _trouble() -> OSError | None:
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.trouble if isinstance(raw, _Outliving) else None
