"""Each step of an import alone, as fast as it can be."""

from pathlib import Path
from typing import Any

from load.bench.platforms import Measured, make_database
from load.bench.programs import run
from load.bench.workbooks import write


def measure(platform: Measured, folder: Path, rows: int) -> dict[str, Any]:
    """Rows per second of reading with calamine, `COPY`, and an upsert with foreign keys."""
    book = write(folder / "floors.xlsx", rows)
    measured = run("floors.py", book, BENCH_FLOORS_DATABASE=make_database(platform, "floors"))
    return {name: round(rows / seconds) for name, seconds in measured["seconds"].items()}
