"""The bare pipeline beside the product: the same broker, the same server, a database and topics of its own."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from load.bench.platforms import Measured, make_database
from load.bench.processes import cpu_seconds, spent
from load.bench.programs import HERE, run

PROGRAM = "sketch.py"


@dataclass
class Sketch:
    """Running; `importing` takes a workbook through it."""

    environment: dict[str, str]
    pids: dict[str, int]
    number: int = 0

    def importing(self, file: Path) -> dict[str, Any]:
        """Seconds of reading and of the way through, and what each process spent."""
        self.number += 1
        before = cpu_seconds(self.pids)
        measured = run(PROGRAM, "importing", file, self.number, **self.environment)
        costs = spent(before, cpu_seconds(self.pids), measured["rows"])
        costs["importing"] = round(measured.pop("cpu_s") * 1e6 / measured["rows"], 1)
        return measured | {"cpu_us": costs}


@contextlib.contextmanager
def sketch(platform: Measured, name: str) -> Iterator[Sketch]:
    """Its process that decides, until the end of the block."""
    environment = {
        "SKETCH_KAFKA": platform.address("broker"),
        "SKETCH_DATABASE": make_database(platform, name),
        "SKETCH_TOPICS": name,
    }
    run(PROGRAM, "prepare", **environment)
    with subprocess.Popen(
        [sys.executable, HERE / PROGRAM, "users"], env=os.environ | environment, stdout=subprocess.PIPE
    ) as users:
        assert users.stdout is not None
        users.stdout.readline()
        infrastructure = {name: platform.pids[name] for name in ("postgres", "kafka")}
        try:
            yield Sketch(environment, infrastructure | {"users": users.pid})
        finally:
            users.terminate()
