"""Starting, stopping and asking a platform from outside its supervisor."""

import asyncio
import contextlib
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import psutil

from instroom import home as homes
from instroom.stack import databases
from instroom.stack.__main__ import READY
from instroom.stack.identity import end
from instroom.stack.last_words import last_lines, last_words
from instroom.stack.spec import State, ask
from instroom.stack.supervised import AGAIN, EX_CONFIG
from instroom.stack.supervisor import Running, running
from instroom.stack.table import status_probes

READY_SECONDS: Final = 90.0
"""Without a step: each process that is ready, and each step of an installation, gives it anew; one that ends does not.
Most of it is for a broker that recovers its log on a busy machine."""
STOP_SECONDS: Final = 60.0

Say = Callable[[str], None]


class NotStarted(Exception):
    """The platform did not become ready; the message says why."""


def start(home: Path, say: Say) -> None:
    """Start the supervisor in the background and return when everything is ready. NotStarted if it does not get so far."""
    with (home / "logs" / "supervisor.log").open("ab") as log:
        supervisor = subprocess.Popen(
            _command(home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    words: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(supervisor.stdout, words), daemon=True).start()
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            word = words.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise NotStarted(f"not ready in time: {_why(home)}") from None
        if word == READY:
            return
        if word is None:
            raise NotStarted(f"the supervisor ended: {last_words(home / 'logs' / 'supervisor.log')}")
        if f"exit code {EX_CONFIG}" in word:
            raise NotStarted(word)
        if AGAIN not in word:
            deadline = time.monotonic() + READY_SECONDS
        say(word)


def _command(home: Path) -> list[str]:
    return [sys.executable, "-m", "instroom.stack", "--home", str(home), "--platform"]


def _listen(lines: Iterable[str], words: "queue.SimpleQueue[str | None]") -> None:
    for line in lines:
        words.put(line.rstrip("\n"))
    words.put(None)


def wait_until_ready(home: Path) -> None:
    """Wait for a platform that somebody else started. NotStarted if it ends, or does not become ready in time."""
    deadline = time.monotonic() + READY_SECONDS
    while (state := status(home)["state"]) != "ready":
        if state == "down":
            raise NotStarted("it was stopped before it was ready")
        if time.monotonic() > deadline:
            raise NotStarted(f"not ready in time: {_why(home)}")
        time.sleep(0.2)


def wait_until_stopped(home: Path) -> None:
    """Wait until a platform that was told to stop is gone. NotStarted if it is not in time."""
    deadline = time.monotonic() + STOP_SECONDS
    while (found := running(home)) is not None and found.stopping:
        if time.monotonic() > deadline:
            raise NotStarted("it is still being stopped")
        time.sleep(0.2)


def stop(home: Path) -> bool:
    """Stop the platform in order, and whatever a killed supervisor left; returns whether anything ran."""
    last = Running.read(home)
    if last is None:
        return False
    process = last.supervisor.process()
    found = process is not None or any(leftover.process() for leftover in last.leftovers())
    if process is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(STOP_SECONDS)
    now = Running.read(home)
    # By now it may be that of the next platform, which somebody started as soon as this one was gone.
    end((now if now is not None and now.supervisor == last.supervisor else last).leftovers())
    return found


def status(home: Path) -> dict[str, Any]:
    """What runs, asked now: the document of `instroom status --json`."""
    found = Running.read(home)
    alive = found is not None and found.alive
    states = [_down(state) for state in found.processes] if found is not None else []
    if alive and found is not None:
        states = asyncio.run(_asked(home, found.processes))
        state = "stopping" if found.stopping else "ready" if all(s.ready for s in states) else "not_ready"
    else:
        state = "down"
    known = homes.Platform.load(home).addresses
    return {
        "state": state,
        "home": str(home),
        "processes": [{key: value for key, value in asdict(process).items() if key != "created"} for process in states],
        "addresses": {
            "broker": known.get("kafka"),
            "database": databases.address(known["database"]) if known else None,
            "mail": known.get("smtp"),
            "console": known.get("console"),
            **{name.removesuffix("-service"): url for name, url in known.get("services", {}).items()},
        },
    }


async def _asked(home: Path, states: tuple[State, ...]) -> list[State]:
    probes = status_probes(home)

    async def look(state: State) -> State:
        if (state.pid is not None or state.external) and state.name in probes:
            state.reason, state.warnings = await ask(probes[state.name])
            state.ready = state.reason is None
        return state

    return await asyncio.gather(*(look(state) for state in states))


def _down(state: State) -> State:
    return State(name=state.name, ports=state.ports, reason="not running", external=state.external)


def _why(home: Path) -> str:
    """What is not ready and why; of a process that ended its exit code and the last lines of its log."""
    waiting = [process for process in status(home)["processes"] if not process["ready"]]
    reasons = "; ".join(f"{p['name']}: {p['reason']}" + _before(p) for p in waiting) or "unknown"
    return "\n".join([reasons, *(line for p in waiting if p["restarts"] for line in _log_of(home, p["name"]))])


def _before(process: dict[str, Any]) -> str:
    return f" (ended {process['restarts']} times, last: {process['last_reason']})" if process["last_reason"] else ""


def _log_of(home: Path, name: str) -> list[str]:
    path = home / "logs" / f"{name}.log"
    return [f"{path}:", *(f"  {line}" for line in last_lines(path))]
