"""What a process said last, from its log: the reason that `status` shows for its end."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

_READ: Final = 16_384
_LONGEST: Final = 300


def last_words(path: Path) -> str:
    """The last error of a structured log, else its last line; empty if there is none."""
    return _words(_lines(path))[:_LONGEST]


def last_lines(path: Path, count: int = 10) -> list[str]:
    """The last lines of a log, as they are."""
    return [line[:_LONGEST] for line in _lines(path)[-count:]]


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _READ))
            return [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        return []


def _words(lines: Sequence[str]) -> str:
    """A line of text after structured ones is where a traceback ends: then that is the reason."""
    entries = [_entry(line) for line in reversed(lines)]
    if not lines or entries[0] is None:
        return lines[-1] if lines else ""
    errors = [entry for entry in entries if entry is not None and entry.get("level") in ("error", "critical")]
    told = next((entry for entry in errors if "error" in entry), errors[0] if errors else entries[0])
    return ": ".join(str(told[key]) for key in ("event", "error") if key in told) or lines[-1]


def _entry(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
