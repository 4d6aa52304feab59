"""Starting a child so that it never outlives its parent for long, and PostgreSQL so that it runs for root too."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PREPARE_SECONDS: Final = 120.0
"""Longest time in which a program prepares a folder: some seconds, more on a slow disk that others use too."""

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_KEEPCAPS: Final = 8
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_RAISE: Final = 2
_CAPABILITY_VERSION_3: Final = 0x20080522
_CAP_DAC_OVERRIDE: Final = 1


@dataclass(frozen=True, slots=True)
class User:
    """The user that a process runs as."""

    uid: int
    gid: int


def unprivileged_user() -> User | None:
    """Whom PostgreSQL runs as when we are root, which it refuses to be; None if we are not root."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd

    nobody = pwd.getpwnam("nobody")
    return User(nobody.pw_uid, nobody.pw_gid)


def child_setup(death_signal: signal.Signals, user: User | None = None) -> Callable[[], None] | None:
    """What the child does between fork and exec; None where there is nothing to do.

    On Linux the child gets `death_signal` when the supervisor dies, however it dies. With `user` it becomes that
    user, keeping only the right to reach files wherever the home is (root closes its own folder to others).
    """
    if sys.platform != "linux":
        if user is None:
            return None
        return lambda: _become(user, None)
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def setup() -> None:
        if user is not None:
            _become(user, libc)
        # After the change of user: that clears it.
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # it died in between

    return setup


async def why_failed(command: Sequence[str], user: User | None = None, seconds: float = PREPARE_SECONDS) -> str | None:
    """Run a program to its end; None if it succeeded, else its last words, or that it was ended after `seconds`."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        preexec_fn=child_setup(signal.SIGKILL, user),
    )
    try:
        async with asyncio.timeout(seconds):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"it did not end within {seconds:g} s"
    return None if process.returncode == 0 else said.decode(errors="replace").strip()[-500:]


def let_yield(pid: int, nice: int) -> None:
    """Have a process of ours yield to the others from now on, as in nice(1); where that cannot be, it does not."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, pid, nice)
    # Where sessions are scheduled as groups, niceness counts within one only; each child has a session.
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(nice))


def _become(user: User, libc: ctypes.CDLL | None) -> None:
    if libc is not None:
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
    if libc is not None:
        mask = 1 << _CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)  # effective, permitted, inheritable
        if libc.capset(header, sets) == 0:
            libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)
