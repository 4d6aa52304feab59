"""Which process is meant: a pid alone is reused by the system, a pid with its time of creation is not."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import psutil

STOP_SECONDS: Final = 3.0
"""How long a left-over process has to end by itself before it is killed."""


@dataclass(frozen=True, slots=True)
class Identity:
    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """Of a running process; None if there is none."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    def process(self) -> psutil.Process | None:
        """The process, if it still runs."""
        try:
            process = psutil.Process(self.pid)
            # The time of creation is derived from the clock of the boot, which may be adjusted a little.
            if abs(process.create_time() - self.created) < 2 and process.status() != psutil.STATUS_ZOMBIE:
                return process
        except psutil.Error:
            pass
        return None


def end(leftovers: Iterable[Identity], patience: float = STOP_SECONDS) -> None:
    """End left-over processes and their children: asked first, killed after `patience` seconds."""
    processes: set[psutil.Process] = set()
    for leftover in leftovers:
        process = leftover.process()
        if process is not None:
            processes.add(process)
            with contextlib.suppress(psutil.Error):
                processes.update(process.children(recursive=True))
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    alive = psutil.wait_procs(list(processes), timeout=patience)[1]
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=patience)
