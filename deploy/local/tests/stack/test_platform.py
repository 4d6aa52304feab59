"""The whole platform by the command line: up, status, down, up again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from instroom.failure import Exit

pytestmark = pytest.mark.slow

PROCESSES = {
    *("postgres", "kafka", "mail", "org-service", "user-service", "import-service", "notify-service"),
    "web-console",
}


class CommandLine:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("INSTROOM_")}
        self.environment["INSTROOM_SESSION_TIMEOUT"] = "4"
        if "INSTROOM_CACHE" in os.environ:
            self.environment["INSTROOM_CACHE"] = os.environ["INSTROOM_CACHE"]

    def __call__(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "instroom.cli", *words]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=200
        )

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self("status", "--json").stdout)
        return document

    def pids(self) -> dict[str, int]:
        return {process["name"]: process["pid"] for process in self.status()["processes"]}


@pytest.fixture
def instroom(tmp_path: Path) -> Iterator[CommandLine]:
    command = CommandLine(tmp_path)
    yield command
    command("down")


def test_the_platform_comes_up_survives_kills_and_goes_down(instroom: CommandLine, until: Callable[..., Any]) -> None:
    assert instroom("status").returncode == Exit.UNAVAILABLE
    up = instroom("up", "--detach")
    assert up.returncode == 0, up.stdout + up.stderr
    status = instroom.status()
    assert status["state"] == "ready"
    assert {process["name"] for process in status["processes"]} == PROCESSES
    addresses = status["addresses"]
    again = instroom("up", "--detach")
    assert again.returncode == 0
    assert instroom.pids() == {process["name"]: process["pid"] for process in status["processes"]}

    killed = instroom.pids()["user-service"]
    os.kill(killed, signal.SIGKILL)
    until(lambda: instroom.pids()["user-service"] not in (None, killed) and instroom.status()["state"] == "ready", 60)
    user = next(process for process in instroom.status()["processes"] if process["name"] == "user-service")
    assert (user["restarts"], user["last_reason"]) == (1, "ended by SIGKILL")

    running = json.loads((instroom.folder / ".instroom" / "run" / "supervisor.json").read_text())
    for pid in [running["pid"], *instroom.pids().values()]:
        os.kill(pid, signal.SIGKILL)
    until(lambda: instroom.status()["state"] == "down")
    assert instroom("up", "--detach").returncode == 0
    assert instroom.status()["addresses"] == addresses

    pids = instroom.pids()
    assert instroom("down").returncode == 0
    assert not any(psutil.pid_exists(pid) for pid in pids.values())
    assert instroom.status()["state"] == "down"
    assert instroom("down").returncode == 0
