"""The programs that are measured beside the product: each a process of its own that prints one line of JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def run(program: str, *arguments: object, **environment: str) -> dict[str, Any]:
    """Run a program of this folder to its end; what it printed."""
    ran = subprocess.run(
        [sys.executable, HERE / program, *map(str, arguments)],
        env=os.environ | environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    told: dict[str, Any] = json.loads(ran.stdout or "{}")
    return told
