"""Keeps a platform running: `python -m instroom.stack.supervisor --home DIR` (people say `instroom up`).

What runs is written to `run/supervisor.json` at every change, so that `status` can tell and so that the next start
finds what this one, if it is killed, leaves behind.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import fasteners  # type: ignore[import-untyped]
import psutil

from instroom.home import prepare, read_json, write_private
from instroom.stack.identity import Identity, end
from instroom.stack.spec import External, State, Table, until_ready
from instroom.stack.supervised import Supervised

Say = Callable[[str], None]


class AlreadyRunning(Exception):
    """Another supervisor keeps this platform."""


@dataclass(frozen=True)
class Running:
    """What a supervisor wrote about itself."""

    supervisor: Identity
    state: str
    processes: tuple[State, ...]

    @classmethod
    def read(cls, home: Path) -> "Running | None":
        """The last words of the last supervisor; None if there never was one."""
        document: Mapping[str, Any] = read_json(_file(home))
        if not document:
            return None
        return cls(
            Identity(document["pid"], document["created"]),
            document["state"],
            tuple(State.of(process) for process in document["processes"]),
        )

    @property
    def alive(self) -> bool:
        return self.supervisor.process() is not None

    @property
    def stopping(self) -> bool:
        """It was told to stop, whether or not it has done so."""
        return self.state in ("stopping", "stopped")

    def leftovers(self) -> list[Identity]:
        """What it had started, whether or not it still runs."""
        return [Identity(p.pid, p.created) for p in self.processes if p.pid is not None and p.created is not None]


def running(home: Path) -> Running | None:
    """The supervisor of this platform, if one is alive."""
    found = Running.read(home)
    return found if found is not None and found.alive else None


class Supervisor:
    """Runs a table until it is told to stop. Only one at a time in a home: the others get AlreadyRunning."""

    def __init__(self, home: Path, table: Callable[[], Table], say: Say) -> None:
        self._home, self._make_table, self._say = home, table, say
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self._supervised: list[Supervised] = []
        self._externals: list[tuple[External, State]] = []
        self._background: list[asyncio.Task[None]] = []
        self._state = "starting"
        self._me = Identity(os.getpid(), psutil.Process().create_time())

    async def run(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Start everything, keep it running, stop it in order once `stop` was called or a signal says so."""
        prepare(self._home)
        lock = fasteners.InterProcessLock(str(self._home / "run" / "lock"))
        if not lock.acquire(blocking=False):
            raise AlreadyRunning(f"the platform in {self._home} is kept by another process")
        try:
            before = Running.read(self._home)
            if before is not None:
                end(before.leftovers())
            self._start(self._make_table())
            with self._signals():
                await self._until_stopped(on_ready)
                await self._stop()
        finally:
            lock.release()

    def stop(self) -> None:
        self._stopping.set()

    @property
    def ready(self) -> bool:
        return all(state.ready for state in self.states())

    @property
    def refused(self) -> list[State]:
        """Processes that said that starting them again changes nothing."""
        return [supervised.state for supervised in self._supervised if supervised.refused]

    def states(self) -> list[State]:
        return [supervised.state for supervised in self._supervised] + [state for _, state in self._externals]

    def _start(self, table: Table) -> None:
        for spec in table.processes:
            self._supervised.append(Supervised(spec, self._home, self._note, self._say))
        for external in table.externals:
            self._externals.append((external, State(name=external.name, external=True)))
        self._publish()
        self._background = [asyncio.create_task(gate.run()) for gate in table.gates]
        self._background += [asyncio.create_task(self._watch(*pair)) for pair in self._externals]
        for supervised in self._supervised:
            supervised.start()

    async def _until_stopped(self, on_ready: Callable[[], None]) -> None:
        stopping = asyncio.create_task(self._stopping.wait())
        while not stopping.done():
            changed = asyncio.create_task(self._changed.wait())
            await asyncio.wait({stopping, changed}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
            self._changed.clear()
            if self.ready and self._state == "starting":
                self._state = "ready"
                self._publish()
                on_ready()
            else:
                self._publish()

    async def _watch(self, external: External, state: State) -> None:
        def not_yet(reason: str) -> None:
            state.reason = reason
            self._note()

        await until_ready(external.probe, not_yet)
        state.ready, state.reason = True, None
        self._note()

    async def _stop(self) -> None:
        self._state = "stopping"
        self._publish()
        for task in self._background:
            task.cancel()
        for last in (False, True):
            began = time.monotonic()
            wave = [supervised for supervised in self._supervised if supervised.spec.stops_last is last]
            await asyncio.gather(*(supervised.stop() for supervised in wave))
            if wave:
                names = ", ".join(supervised.spec.name for supervised in wave)
                self._say(f"stopped {names} ({time.monotonic() - began:.1f} s)")
        self._state = "stopped"
        self._publish()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            with contextlib.suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in numbers:
                with contextlib.suppress(NotImplementedError):
                    loop.remove_signal_handler(number)

    def _note(self) -> None:
        self._changed.set()

    def _publish(self) -> None:
        write_private(
            _file(self._home),
            {
                "pid": self._me.pid,
                "created": self._me.created,
                "state": self._state,
                "processes": [asdict(state) for state in self.states()],
            },
        )


def _file(home: Path) -> Path:
    return home / "run" / "supervisor.json"
