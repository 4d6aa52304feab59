"""One process: started, asked until it is ready, started again with back-off when it ends or is not live, stopped in
order."""

import asyncio
import contextlib
import os
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from instroom.stack.identity import Identity
from instroom.stack.last_words import last_words
from instroom.stack.spawning import child_setup, let_yield
from instroom.stack.spec import FIRST_PAUSE, LONG_ENOUGH, LONGEST_PAUSE, Spec, State, until_not_live, until_ready

AGAIN: Final = "; starts again in "
"""Stands in what is said of a process that ended by itself."""
LARGEST_LOG: Final = 20 * 1024 * 1024
EX_CONFIG: Final = 78
"""With this exit code a process says that starting it again changes nothing (sysexits.h)."""


class Supervised:
    """Keeps one process running. `changed` is called whenever its state is another."""

    def __init__(self, spec: Spec, home: Path, changed: Callable[[], None], say: Callable[[str], None]) -> None:
        self.spec = spec
        self.state = State(name=spec.name, ports=spec.ports)
        self.refused = False
        """Its last exit said that starting again changes nothing."""
        self._home, self._changed, self._say = home, changed, say
        self._process: Process | None = None
        self._stopping = False
        self._not_live: str | None = None
        """Why the process is ended, if we end it to start another."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_running(), name=self.spec.name)

    async def stop(self) -> None:
        """End it: asked first, killed after its time is up."""
        self._stopping = True
        if self._task is None:
            return
        process = self._process
        if process is None:
            self._task.cancel()
        else:
            await self._end(process)
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _end(self, process: Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.spec.stop_signal)
        try:
            async with asyncio.timeout(self.spec.stop_seconds):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def _keep_running(self) -> None:
        if self.spec.gate is not None:
            await self.spec.gate.passed(self._not_yet)
        pause = FIRST_PAUSE
        while not self._stopping:
            began = time.monotonic()
            reason = await self._run_once()
            if self._stopping:
                break
            if time.monotonic() - began >= LONG_ENOUGH:
                pause = FIRST_PAUSE
            if self.refused:
                pause = LONGEST_PAUSE
            self.state.restarts += 1
            self.state.last_reason = reason
            self._tell(reason=f"{reason}; starts again")
            self._say(f"{self.spec.name}: {reason}{AGAIN}{pause:.1f} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        self._tell(reason="stopped")

    async def _run_once(self) -> str:
        """From start to end; returns why it ended."""
        began = time.monotonic()
        try:
            if self.spec.prepare is not None:
                self._tell(reason="is being prepared")
                await self.spec.prepare()
            with self._open_log() as log:
                self._process = process = await self._spawn(log)
        except Exception as error:  # whatever keeps it from starting is shown, and tried again
            return f"cannot be started: {str(error) or type(error).__name__}"
        identity = Identity.of(process.pid)
        self.state.pid, self.state.created = process.pid, identity.created if identity else None
        self._tell(reason="is starting")
        self._not_live = None
        probing = asyncio.create_task(self._watch(process, began))
        try:
            code = await process.wait()
        finally:
            probing.cancel()
            self._process = None
        self.refused = code == EX_CONFIG
        _end_group(process.pid)
        self.state.pid = self.state.created = None
        self._tell(reason="ended")
        return self._not_live or self._why(code)

    async def _watch(self, process: Process, began: float) -> None:
        """Tell whether it is ready; end it once it is not live."""
        await until_ready(self.spec.probe, self._not_yet)
        self._tell(reason=None)
        if self.spec.nice:
            let_yield(process.pid, self.spec.nice)
        self._say(f"{self.spec.name}: ready after {time.monotonic() - began:.1f} s")
        if self.spec.live is not None:
            self._not_live = await until_not_live(self.spec.live, self.spec.live_seconds)
            self._tell(reason=self._not_live)
            await self._end(process)

    async def _spawn(self, log: BinaryIO) -> Process:
        return await asyncio.create_subprocess_exec(
            *self.spec.command(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self._home,
            env=self.spec.environment,
            start_new_session=True,  # Ctrl-C in the terminal is for the supervisor, which stops all in order
            preexec_fn=child_setup(self.spec.stop_signal, self.spec.user),
        )

    def _not_yet(self, reason: str) -> None:
        if reason != self.state.reason:
            self._tell(reason=reason)

    def _tell(self, *, reason: str | None) -> None:
        self.state.ready, self.state.reason = reason is None, reason
        self._changed()

    @property
    def _log_file(self) -> Path:
        return self._home / "logs" / f"{self.spec.name}.log"

    def _open_log(self) -> BinaryIO:
        with contextlib.suppress(FileNotFoundError):
            if self._log_file.stat().st_size > LARGEST_LOG:
                self._log_file.replace(self._log_file.with_suffix(".log.1"))
        return self._log_file.open("ab")

    def _why(self, code: int) -> str:
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"ended by {signal.Signals(-code).name}"
            return f"ended by signal {-code}"
        last = last_words(self._log_file)
        return f"exit code {code}" + (f": {last}" if last else "")


def _end_group(pid: int) -> None:
    """What the process had started itself ends with it."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
