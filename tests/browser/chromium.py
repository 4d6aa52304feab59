"""Which browser is driven: the machine's own chromium, else one that is installed now."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from browser.leaving_out import leave_out

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
LONGEST_INSTALLATION = 280
"""Seconds, below what a test may take."""


def find_chromium() -> str:
    """The program. INSTROOM_CHROMIUM names another."""
    if named := os.environ.get("INSTROOM_CHROMIUM"):
        return named
    if found := _on_path() or _of_playwright():
        return found
    said = []
    for command in _installers():
        said.append(_run(command))
        if found := _on_path() or _of_playwright():
            return found
    return leave_out(f"no test ran in a browser: there is no chromium and it cannot be installed ({'; '.join(said)})")


def _on_path() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def _of_playwright() -> str | None:
    home = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright"
    return next((str(path) for path in sorted(Path(home).glob("chromium-*/chrome-linux*/chrome"))), None)


def _installers() -> list[list[str]]:
    by_playwright = [sys.executable, "-m", "playwright", "install", "chromium"]
    if os.name == "posix" and os.geteuid() == 0 and shutil.which("apt-get"):
        by_debian = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"]
        return [["apt-get", "update", "-q"], by_debian, by_playwright]
    return [by_playwright]


def _run(command: list[str]) -> str:
    """Why it did not work, in a few words."""
    try:
        done = subprocess.run(
            command,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_INSTALLATION,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {error}"
    return f"{' '.join(command)}: {done.stderr.strip()[-300:] or done.returncode}"
