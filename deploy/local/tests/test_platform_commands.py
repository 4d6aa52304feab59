"""`instroom up` beside somebody who starts or stops the same platform."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from instroom import cli
from instroom import home as homes
from instroom.stack import control
from instroom.stack.identity import Identity

Supervised = Callable[[str], "subprocess.Popen[bytes]"]


def up() -> Result:
    words = ["up", "--detach"]
    return CliRunner().invoke(cli.root_for(words), words)


@pytest.fixture
def supervised(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervised]:
    """Makes the home one that is kept by a process in the given state, which ends once somebody waits for it."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    def supervised(state: str) -> "subprocess.Popen[bytes]":
        identity = Identity.of(process.pid)
        assert identity is not None
        homes.prepare(home)
        told = {"pid": identity.pid, "created": identity.created, "state": state}
        web = {"name": "web", "reason": "is starting"}
        homes.write_private(home / "run" / "supervisor.json", told | {"processes": [web]})
        return process

    def wait(_: float) -> None:
        process.kill()
        process.wait()

    monkeypatch.setattr(control.time, "sleep", wait)
    monkeypatch.setattr(control, "READY_SECONDS", 5)
    yield supervised
    process.kill()
    process.communicate()


@pytest.mark.parametrize("state", ["stopping", "stopped"])
def test_up_while_the_platform_stops_starts_it_when_it_is_gone(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    before, ended = supervised(state), []
    monkeypatch.setattr(control, "start", lambda home, say: ended.append(before.returncode is not None))
    result = up()
    assert result.exit_code == 0, result.output
    assert "stopt nog" in result.output
    assert "draait al" not in result.output
    assert ended == [True]


def test_up_fails_if_the_platform_does_not_stop_in_time(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervised("stopping")
    monkeypatch.setattr(control, "STOP_SECONDS", -1)
    result = up()
    assert result.exit_code == 3
    assert "still being stopped" in result.output


def test_who_waits_for_a_platform_is_told_at_once_that_it_was_stopped(supervised: Supervised) -> None:
    supervised("starting")
    result = up()
    assert result.exit_code == 3
    assert "it was stopped before it was ready" in result.output
