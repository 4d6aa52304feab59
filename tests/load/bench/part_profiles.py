"""Where the time of each service goes, in an import apart: looking costs time itself."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from load.bench import counts, part_imports
from load.bench.platforms import Measured
from load.bench.processes import SERVICES
from load.bench.product import Imports
from load.bench.profiles import profiled, summary


def measure(platform: Measured, folder: Path, rows: int, keep: Path | None = None) -> dict[str, Any]:
    """Functions of each service by their own time, and the slowest statements, of check and apply of each kind.

    Mails go out all the while. The folded stacks go into `keep`: speedscope and flamegraph.pl read them.
    """
    books = part_imports.files(folder, rows)
    academy = platform.organise("profiled")
    found: dict[str, Any] = {}
    with platform.http(timeout=120) as http:
        imports = Imports(platform.address("import"), academy, http)
        for kind, changed in part_imports.KINDS.items():
            asyncio.run(counts.forget_statements(platform.database()))
            with _profiled(platform, (keep or folder) / kind / "check") as check:
                checked = imports.check(books[changed])
            with _profiled(platform, (keep or folder) / kind / "apply") as apply:
                imports.start(checked)
            statements = asyncio.run(counts.statements(platform.database()))
            found[kind] = {"check": check, "apply": apply, "statements": statements}
    return found


@contextlib.contextmanager
def _profiled(platform: Measured, folder: Path) -> Iterator[dict[str, Any]]:
    """Filled at the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    with profiled({name: pid for name, pid in platform.pids.items() if name in SERVICES}, folder) as files:
        yield found
    found |= {name: summary(file) for name, file in files.items()}
