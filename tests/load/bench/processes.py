"""What the processes of a platform cost: processor seconds, and memory at its highest (Linux)."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

SERVICES: Final = ("org-service", "user-service", "import-service", "notify-service")
EVERY: Final = 0.05
MIB: Final = 1024**2


def cpu_seconds(pids: dict[str, int]) -> dict[str, float]:
    """Processor seconds so far of each process and of all that it started, also of those that have ended."""
    return {name: sum(_seconds(member) for member in _family(pid)) for name, pid in pids.items()}


def _family(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


def spent(before: dict[str, float], after: dict[str, float], rows: int) -> dict[str, float]:
    """Processor microseconds per row of each process between the two."""
    return {name: round((after[name] - before[name]) * 1e6 / rows, 1) for name in after}


def machine_seconds() -> dict[str, float]:
    """Seconds of all cores so far: at work, waiting for nothing but work, and taken by other guests of the host."""
    times = psutil.cpu_times()
    idle, steal = times.idle + times.iowait, times.steal
    return {"busy": times.user + times.nice + times.system + times.irq + times.softirq, "idle": idle, "steal": steal}


def shares(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Percent of all cores' time between the two."""
    spent = {name: after[name] - before[name] for name in after}
    return {name: round(100 * seconds / sum(spent.values()), 1) for name, seconds in spent.items()}


@dataclass
class Peaks:
    """Highest resident memory in MiB while it was watched."""

    services: dict[str, float] = field(default_factory=dict)
    helpers: dict[str, float] = field(default_factory=dict)
    """Of the processes that a service started and that do one thing: reading a workbook."""
    left: list[str] = field(default_factory=list)
    """Helpers that still ran when the watch was over."""


@contextlib.contextmanager
def watched(pids: dict[str, int]) -> Iterator[Peaks]:
    """Watch the memory of the services until the end of the block."""
    services = {name: pid for name, pid in pids.items() if name in SERVICES}
    for pid in services.values():
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak counts from here on
    peaks, stop = Peaks(), threading.Event()
    watching = threading.Thread(target=_watch_helpers, args=(services, peaks, stop), daemon=True)
    watching.start()
    try:
        yield peaks
    finally:
        stop.set()
        watching.join()
        peaks.services = {name: _peak(pid) for name, pid in services.items()}
        peaks.left = [name for name, pid in services.items() if psutil.Process(pid).children()]


def _watch_helpers(services: dict[str, int], peaks: Peaks, stop: threading.Event) -> None:
    while not stop.wait(EVERY):
        for name, pid in services.items():
            for helper in psutil.Process(pid).children(recursive=True):
                with contextlib.suppress(OSError, StopIteration, psutil.NoSuchProcess):
                    peaks.helpers[name] = max(peaks.helpers.get(name, 0.0), _peak(helper.pid))


def _peak(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith("VmHWM"))
    return round(int(line.split()[1]) * 1024 / MIB, 1)
