"""What the supervisor is told about a process, and what it tells about it."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from instroom.stack.probes import NotLive, NotReady, Probe
from instroom.stack.spawning import User

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 10.0
LONG_ENOUGH: Final = 30.0
"""Seconds after which a process counts as having worked: the pause before its next start is short again."""

NOT_LIVE: Final = 3
"""How many times in a row a process says that it is not live before it is started again."""


class Gate:
    """Something that must have been done before certain processes start; tried until it works."""

    def __init__(self, work: Callable[[], Awaitable[None]], what: str) -> None:
        self._work = work
        self._done = asyncio.Event()
        self._reason = f"waits for {what}"
        self._told: list[Callable[[str], None]] = []

    async def run(self) -> None:
        """Do the work; with back-off again until it is done."""
        pause = FIRST_PAUSE
        while not self._done.is_set():
            try:
                await self._work()
            except Exception as error:  # whatever it is, the reason is shown and it is tried again
                self._reason = str(error) or type(error).__name__
                for told in self._told:
                    told(self._reason)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                self._done.set()

    async def passed(self, reason: Callable[[str], None]) -> None:
        """Wait until the work is done, telling why it is not: now, and after each attempt that fails."""
        self._told.append(reason)
        reason(self._reason)
        await self._done.wait()


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A process to keep running."""

    name: str
    command: Callable[[], Sequence[str]]
    """Asked anew before each start."""
    probe: Probe
    live: Probe | None = None
    """Asked every `live_seconds` once it is ready: while it raises NotLive, a new process would mend it."""
    live_seconds: float = 10.0
    ports: Mapping[str, int] = field(default_factory=dict)
    prepare: Callable[[], Awaitable[None]] | None = None
    """Done before each start."""
    gate: Gate | None = None
    environment: Mapping[str, str] | None = None
    user: User | None = None
    nice: int = 0
    """How far it yields to the others once it is ready, as in nice(1)."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    """How long it has to end in order before it is killed."""
    stops_last: bool = False
    """Others depend on it: they are stopped before."""


@dataclass(frozen=True, kw_only=True)
class External:
    """Something that was running already and is used instead of a process of our own."""

    name: str
    address: str
    probe: Probe


@dataclass(frozen=True, kw_only=True)
class Table:
    """Everything that a platform consists of."""

    processes: Sequence[Spec]
    externals: Sequence[External] = ()
    gates: Sequence[Gate] = ()


@dataclass(kw_only=True)
class State:
    """A process as `status` shows it."""

    name: str
    pid: int | None = None
    created: float | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    ready: bool = False
    reason: str | None = "not started yet"
    """Why it is not ready."""
    restarts: int = 0
    last_reason: str | None = None
    """Why it ended last."""
    external: bool = False
    warnings: Sequence[str] = ()
    """What it says that is worth knowing although it is ready."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "State":
        """From what a supervisor wrote, be it one of another version."""
        known = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in document.items() if key in known})


async def until_ready(probe: Probe, reason: Callable[[str], None], pause: float = 0.03) -> None:
    """Ask until it is ready, telling each time why it is not."""
    while True:
        try:
            await probe()
        except NotReady as not_ready:
            reason(str(not_ready))
        else:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 1.03, 0.25)


async def until_not_live(probe: Probe, pause: float) -> str:
    """Ask until it was not live NOT_LIVE times in a row; returns why it is not."""
    times = 0
    while True:
        await asyncio.sleep(pause)
        try:
            await probe()
        except NotLive as not_live:
            times += 1
            if times == NOT_LIVE:
                return f"not live: {not_live}"
        else:
            times = 0


async def ask(probe: Probe) -> tuple[str | None, Sequence[str]]:
    """Ask once: why it is not ready, None if it is, and what is worth knowing all the same."""
    try:
        return None, await probe() or ()
    except NotReady as reason:
        return str(reason), ()
