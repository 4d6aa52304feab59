"""A disk of its own for a folder, which can be full for a while: a tmpfs, so it needs Linux and root."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harm import PATIENCE

from instroom.testing import wait_until

ROOMY = 4 * 2**30


def why_impossible() -> str | None:
    """What keeps this machine from it; None where nothing does."""
    if sys.platform != "linux":
        return "a disk of its own for a folder is a tmpfs of Linux"
    with tempfile.TemporaryDirectory() as folder:
        tried = _mount(Path(folder), f"size={ROOMY}")
        if tried.returncode == 0:
            _unmount(Path(folder))
            return None
    return f"a disk of its own for a folder needs the right to mount a tmpfs, as root has: {tried.stderr.strip()}"


@contextlib.contextmanager
def disk_of_its_own(folder: Path) -> Iterator[None]:
    """Move a folder that nobody uses to a disk of its own, which is gone afterwards."""
    before = folder.rename(folder.with_name(f"{folder.name}.before"))
    folder.mkdir()
    _mount(folder, f"size={ROOMY}").check_returncode()
    try:
        subprocess.run(["cp", "-a", f"{before}/.", folder], check=True)
        shutil.rmtree(before)
        yield
    finally:
        _unmount(folder)


@contextlib.contextmanager
def full(folder: Path) -> Iterator[None]:
    """There is no room on the folder's disk for as long as this lasts."""

    def made() -> bool:
        # What is written meanwhile may be more than that: then it is refused.
        return _mount(folder, f"remount,size={shutil.disk_usage(folder).used}").returncode == 0

    wait_until(made, timeout=PATIENCE, every=0.01, what=f"the disk of {folder} is full")
    try:
        yield
    finally:
        _mount(folder, f"remount,size={ROOMY}").check_returncode()


def _mount(folder: Path, options: str) -> "subprocess.CompletedProcess[str]":
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", folder], check=True)
