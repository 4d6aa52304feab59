"""Where the time goes in each service: py-spy looks a hundred times a second which function runs."""

import contextlib
import signal
import subprocess
import sysconfig
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

RATE: Final = 100
MOST: Final = 25
PY_SPY: Final = Path(sysconfig.get_path("scripts")) / "py-spy"


@contextlib.contextmanager
def profiled(pids: dict[str, int], folder: Path) -> Iterator[dict[str, Path]]:
    """Profile these processes until the end of the block; the stacks, one a line and how often, are in the files."""
    files = {name: folder / f"{name}.folded" for name in pids}
    how = ("--rate", str(RATE), "--function", "--format", "raw", "--duration", "unlimited")
    watching = [
        subprocess.Popen(
            [PY_SPY, "record", "--pid", str(pid), *how, "--output", str(files[name])],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name, pid in pids.items()
    ]
    try:
        yield files
    finally:
        for each in watching:
            each.send_signal(signal.SIGINT)  # it writes what it has
        for each in watching:
            each.wait(60)


def summary(file: Path) -> dict[str, Any]:
    """How often the process was seen at work, and the functions in which it was, in percent of that: by their own time
    and with what they called."""
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for line in file.read_text().splitlines() if file.exists() else ():  # a service that had nothing to do
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        own[frames[-1]] += int(count)
        for frame in set(frames):
            within[frame] += int(count)
    seen = own.total()
    return {
        "seconds": round(seen / RATE, 2),
        "own": {name: round(100 * count / seen, 1) for name, count in own.most_common(MOST)},
        "within": {name: round(100 * count / seen, 1) for name, count in within.most_common(MOST)},
    }
