"""Harm done to a platform, and waiting until it is well again."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from instroom.home import Platform as Kept
from instroom.home import Secrets, addresses
from instroom.stack.ports import LOOPBACK, choose
from instroom.stack.spec import State
from instroom.stack.supervisor import Running
from instroom.stack.table import service_environment
from instroom.testing import Platform, wait_until

HERE = Path(__file__).parent
PATIENCE = 300.0
"""Seconds; much more than anything takes, for machines that are busy with other things."""


def process(platform: Platform, name: str) -> State:
    """A process as the supervisor knows it."""
    running = Running.read(platform.home)
    assert running is not None
    return next(state for state in running.processes if state.name == name)


def kill(platform: Platform, name: str) -> int:
    """kill -9, and wait until the supervisor has seen it; returns the process id that it had."""

    def killed() -> int | None:
        pid = process(platform, name).pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself a moment ago
                os.kill(pid, signal.SIGKILL)
                return pid
        return None

    pid = int(wait_until(killed, timeout=PATIENCE, every=0.01, what=f"{name} runs"))
    wait_until(
        lambda: process(platform, name).pid != pid,
        timeout=PATIENCE,
        every=0.01,
        what=f"the supervisor sees that {name} is gone",
    )
    return pid


def freeze(platform: Platform, name: str) -> int:
    """Stop it from running without ending it."""
    pid = process(platform, name).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    return pid


@contextlib.contextmanager
def frozen(platform: Platform, name: str) -> Iterator[None]:
    """It stands still for as long as this lasts."""
    pid = freeze(platform, name)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def held(platform: Platform, name: str) -> Iterator[None]:
    """It stands still for a moment, if it runs at all: what is seen meanwhile is still so a moment later."""
    pid = process(platform, name).pid
    with contextlib.suppress(ProcessLookupError):
        if pid is not None:
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            if pid is not None:
                os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def away(platform: Platform, name: str) -> Iterator[None]:
    """kill -9, and it stays away for as long as this lasts: who would start it again stands still meanwhile."""
    running = Running.read(platform.home)
    assert running is not None
    os.kill(running.supervisor.pid, signal.SIGSTOP)
    try:
        pid = process(platform, name).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        yield
    finally:
        os.kill(running.supervisor.pid, signal.SIGCONT)
    until_back(platform, name, pid)


def until_back(platform: Platform, name: str, killed: int) -> None:
    """Wait until the supervisor has started it again and it is ready."""

    def is_back() -> bool:
        state = process(platform, name)
        return state.ready and state.pid != killed

    wait_until(is_back, timeout=PATIENCE, every=0.02, what=f"{name} is back")


def kill_everything(platform: Platform) -> None:
    """kill -9 of every process and all their children, the supervisor too, within some milliseconds."""
    running = Running.read(platform.home)
    assert running is not None
    top = [psutil.Process(state.pid) for state in running.processes if state.pid is not None]
    everything = [*top, *(child for one in top for child in one.children(recursive=True))]
    everything.append(psutil.Process(running.supervisor.pid))
    for one in everything:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    gone = psutil.wait_procs(everything, timeout=30)[1]
    assert all(one.status() == psutil.STATUS_ZOMBIE for one in gone)


@dataclass(frozen=True, slots=True)
class Instance:
    """One more process of a service, beside the supervisor's own."""

    url: str
    process: "subprocess.Popen[bytes]"


@contextlib.contextmanager
def second_instance(
    platform: Platform,
    service: str,
    *,
    through: str = "",
    environment: Mapping[str, str] | None = None,
    until_ready: bool = True,
) -> Iterator[Instance]:
    """Another instance of `org`, `user`, `import` or `notify`, told the same as the supervisor's and `environment`.

    `through` is a program of this folder that runs it in a way of its own. It may end before this does.
    """
    port = choose([service], {})[service]
    assert Kept.load(platform.home).addresses
    told = service_environment(
        service,
        port,
        addresses(platform.home),
        Secrets.load_or_make(platform.home),
        os.environ | platform.environment,
    )
    module = f"{service}_service"
    program = [str(HERE / through), module] if through else ["-m", module]
    told_of = platform.home / "logs" / f"{service}-service.{port}.log"
    with told_of.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *program], env=told | (environment or {}), cwd=platform.home, stdout=log, stderr=log
        )
    instance = Instance(f"http://{LOOPBACK}:{port}", process)

    def is_ready() -> bool:
        assert process.poll() is None, (
            f"the second {service}-service ended: {told_of.read_text('utf-8', errors='replace')[-2000:]}"
        )
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{instance.url}/readyz").status_code == 200
        return False

    try:
        if until_ready:
            wait_until(is_ready, timeout=PATIENCE, what=f"the second {service}-service is ready")
        yield instance
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
