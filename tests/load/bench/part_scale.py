"""Does a large import run at the rate of a small one, and in how much memory?"""

from pathlib import Path
from statistics import median
from typing import Any

from load.bench import part_imports
from load.bench.platforms import Measured
from load.bench.product import Imports
from load.bench.workbooks import write

TIMES = 3
"""Of the small one: it is over soon, and one look at it says little."""


def sizes(rows: int) -> tuple[int, int]:
    """250,000 and 10,000 where a full run has 100,000 rows."""
    return rows * 5 // 2, rows // 10


def measure(platform: Measured, folder: Path, rows: int) -> dict[str, Any]:
    """Create of both sizes, each in an academy of its own."""
    large, small = sizes(rows)
    runs = [_one(platform, folder, small, f"small{n}") for n in range(TIMES)]
    big = _one(platform, folder, large, "large")
    rates = {phase: median(small / run[f"{phase}_s"] for run in runs) for phase in ("check", "apply")}
    return {
        "large_rows": large,
        "small_rows": small,
        "large": big,
        "small": runs,
        "small_check_rate": round(rates["check"]),
        "small_apply_rate": round(rates["apply"]),
        "large_check_rate": round(large / big["check_s"]),
        "large_apply_rate": round(large / big["apply_s"]),
    }


def _one(platform: Measured, folder: Path, rows: int, academy: str) -> dict[str, Any]:
    book = write(folder / "scale.xlsx", rows)
    before = part_imports.received(platform)
    with platform.http(timeout=120) as http:
        found = part_imports.one(
            platform, Imports(platform.address("import"), platform.organise(academy), http), book, rows
        )
    part_imports.mailed(platform, before + found["invited"])
    return found
