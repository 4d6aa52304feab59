"""The embedded stack as a process of its own, the way other tests start it too."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from instroom.stack.supervisor import Running


class Stack:
    """`python -m instroom.stack --home … --only …`, running."""

    def __init__(self, home: Path, only: str) -> None:
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, "-m", "instroom.stack", "--home", str(home), "--only", only],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the stack did not start"
        self.at: dict[str, str] = json.loads(line)

    def states(self) -> dict[str, Any]:
        running = Running.read(self.home)
        assert running is not None
        return {state.name: state for state in running.processes}

    def everything(self) -> list[psutil.Process]:
        """The supervisor and all that it started, and all that these started."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def kill_everything(self) -> None:
        """`kill -9` of every process at once."""
        processes = self.everything()
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(processes[1:], timeout=20)
        self.process.wait(20)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            finally:
                self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def start_stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path, str], Stack]]:
    """Starts stacks that are stopped at the end of the test. Nothing that runs outside is used."""
    for name in [name for name in os.environ if name.startswith("INSTROOM_") and name != "INSTROOM_CACHE"]:
        monkeypatch.delenv(name)
    started: list[Stack] = []

    def start(home: Path, only: str) -> Stack:
        started.append(Stack(home, only))
        return started[-1]

    yield start
    for stack in started:
        stack.stop()


@pytest.fixture
def until() -> Callable[..., Any]:
    """Waits for a condition, with a deadline."""

    def wait(condition: Callable[[], Any], timeout: float = 30.0) -> Any:
        deadline = time.monotonic() + timeout
        while not (value := condition()):
            assert time.monotonic() < deadline, f"not within {timeout} s"
            time.sleep(0.02)
        return value

    return wait
