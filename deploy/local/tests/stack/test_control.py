"""Stopping a platform from outside."""

import contextlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from instroom import cli
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


CRASHES = """
import asyncio, sys
from pathlib import Path
from instroom.stack.probes import NotReady
from instroom.stack.spec import Spec, Table
from instroom.stack.supervisor import Supervisor

async def never():
    raise NotReady("nothing listens")

async def here():
    pass

def process(name, code, probe):
    return Spec(name=name, command=lambda: [sys.executable, "-c", code], probe=probe)

table = Table(processes=[
    process("steady", "import signal; signal.pause()", here),
    process("user-service", "print('reading settings'); print('no such database'); raise SystemExit(3)", never),
])
asyncio.run(Supervisor(Path(sys.argv[1]), lambda: table, lambda text: print(text, flush=True)).run())
"""


def test_up_gives_up_on_a_service_that_ends_again_and_again_and_says_which_and_why(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes.prepare(home)
    monkeypatch.setattr(control, "_command", lambda home: [sys.executable, "-c", CRASHES, str(home)])
    monkeypatch.setattr(control, "READY_SECONDS", 4.0)
    began, words = time.monotonic(), ["up", "--detach"]
    try:
        result = CliRunner().invoke(cli.root_for(words), words)
    finally:
        control.stop(home)
    assert time.monotonic() - began < 60
    assert result.exit_code == 3
    told = result.stderr
    assert "not ready in time" in told
    assert "user-service" in told
    assert "exit code 3" in told
    assert "steady" not in told
    assert told.index("reading settings") < told.rindex("no such database")
