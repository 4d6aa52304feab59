"""Stopping a platform from outside."""

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from instroom import home as homes
from instroom.stack import control
from instroom.stack.identity import Identity

WAITS = "input()"


def running(stack: contextlib.ExitStack, code: str, *words: str) -> "subprocess.Popen[str]":
    """A process that is ended with the stack."""
    command = [sys.executable, "-c", code, *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    stack.callback(process.communicate)
    stack.callback(process.kill)
    return process


def identity(process: "subprocess.Popen[str]") -> dict[str, Any]:
    found = Identity.of(process.pid)
    assert found is not None
    return {"pid": found.pid, "created": found.created}


def test_stopping_a_platform_leaves_the_next_one_alone(tmp_path: Path) -> None:
    homes.prepare(tmp_path)
    told, told_next = tmp_path / "run" / "supervisor.json", tmp_path / "next.json"
    ends = (
        "import os, signal, sys\n"
        "def end(*_): os.replace(*sys.argv[1:]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('ready', flush=True)\n"
        "signal.pause()"
    )
    with contextlib.ExitStack() as stack:
        supervisor = running(stack, ends, str(told_next), str(told))
        service, next_supervisor, next_service = (running(stack, WAITS) for _ in range(3))
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "ready\n"
        for file, keeper, kept in ((told, supervisor, service), (told_next, next_supervisor, next_service)):
            state = {"name": "web"} | identity(kept)
            homes.write_private(file, identity(keeper) | {"state": "ready", "processes": [state]})
        assert control.stop(tmp_path) is True
        assert [process.poll() is None for process in (service, next_service, next_supervisor)] == [False, True, True]
