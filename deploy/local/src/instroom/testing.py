"""Whole platforms for tests, driven from outside: by the command line, HTTP and Kafka, as people and programs do.

`pytest_plugins = ["instroom.testing"]`.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from instroom import home as homes
from instroom.client import AccessTokens
from instroom.stack.mails import Mail, read_mails

AnyPlatform = TypeVar("AnyPlatform", bound="Platform")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command gave."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output as the one document it must be."""
        return json.loads(self.out)


@dataclass
class Platform:
    """One platform of its own: broker, database, mail sink and the four services."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str | Path, timeout: float = 120, environment: dict[str, str] | None = None) -> Ran:
        """Run `instroom` with these arguments, no terminal on its standard input."""
        ended = subprocess.run(
            [sys.executable, "-m", "instroom", *map(str, arguments)],
            env=os.environ | {"INSTROOM_HOME": str(self.home)} | self.environment | (environment or {}),
            cwd=self.home.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(ended.returncode, ended.stdout, ended.stderr)

    def popen(self, *arguments: str | Path) -> "subprocess.Popen[str]":
        """Start `instroom` and let it run beside the test."""
        return subprocess.Popen(
            [sys.executable, "-m", "instroom", *map(str, arguments)],
            env=os.environ | {"INSTROOM_HOME": str(self.home)} | self.environment,
            cwd=self.home.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ok(self, *arguments: str | Path, timeout: float = 120) -> Ran:
        """Like `run`, and it must end with 0."""
        ran = self.run(*arguments, timeout=timeout)
        assert ran.code == 0, f"instroom {' '.join(map(str, arguments))} ended with {ran.code}\n{ran.out}\n{ran.err}"
        return ran

    def up(self) -> None:
        """Start it and wait until everything is ready."""
        self.ok("up", "--detach", timeout=180)

    def down(self) -> None:
        """Stop it; the data stays."""
        self.run("down", timeout=90)

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = self.run("status", "--json").json()
        return document

    def address(self, name: str) -> str:
        """The address of broker, database, mail, org, user, import or notify."""
        return str(self.status()["addresses"][name])

    def http(self, timeout: float = 60) -> httpx.Client:
        """For questions to the services as an operator."""
        credential = homes.credential(self.home, {})
        assert credential is not None, "a platform that was started has an operator's token"
        auth = AccessTokens(homes.addresses(self.home).services["user-service"], credential)
        return httpx.Client(auth=auth, timeout=timeout, trust_env=False)

    def database(self) -> str:
        """The DSN, password included, of whoever may make databases."""
        return homes.addresses(self.home).database

    def pid(self, process: str) -> int:
        """The process id of one process of the platform."""
        return next(int(p["pid"]) for p in self.status()["processes"] if p["name"] == process)

    def kill(self, process: str) -> None:
        """kill -9; the supervisor starts it again."""
        os.kill(self.pid(process), signal.SIGKILL)

    def mails(self) -> list[Mail]:
        """What the mail sink received, oldest first."""
        return read_mails(self.home)

    def define(
        self, academy: str, companies: dict[str, Sequence[str]], functions: Sequence[str] = (), **settings: Any
    ) -> None:
        """Define an organisation of companies with departments, and functions."""
        document = {
            "academy": {"id": academy, "name": f"Academy {academy}"} | settings,
            "companies": [{"name": c, "departments": [{"name": d} for d in ds]} for c, ds in companies.items()],
            "functions": [{"name": f} for f in functions],
        }
        file = self.home.parent / f"{academy}.yaml"
        file.write_text(json.dumps(document), "utf-8")  # JSON is YAML
        self.ok("org", "apply", file, "--academy", academy)


@contextlib.contextmanager
def running(platform: AnyPlatform) -> Iterator[AnyPlatform]:
    """The platform, up; at the end it is gone with all its data."""
    try:
        platform.up()
        yield platform
    finally:
        platform.down()
        shutil.rmtree(platform.home.parent, ignore_errors=True)


def new_home(prefix: str = "instroom-test-", *, on_disk: bool = False) -> Path:
    """A folder that no other test run touches: PostgreSQL runs in it under an account of its own.

    It is in INSTROOM_TEST_FOLDER, if there is one, unless it is to be on a disk.
    """
    folder = None if on_disk else os.environ.get("INSTROOM_TEST_FOLDER")
    return Path(tempfile.mkdtemp(prefix=prefix, dir=folder)) / "home"


def wait_until(
    condition: Callable[[], Any], *, timeout: float = 60, every: float = 0.1, what: str | Callable[[], str] = ""
) -> Any:
    """Wait until `condition()` is true and return what it gave; fail after `timeout` seconds, saying `what` was not."""
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() >= deadline  # before it is looked at: it may come true in a pause of this machine
        if value := condition():
            return value
        assert not late, f"not within {timeout} s: {(what() if callable(what) else what) or condition}"
        time.sleep(every)


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """One platform for all tests that kill nothing; each uses academies of its own.

    INSTROOM_TEST_HOME names one that runs already, for quick rounds while developing; it is left running.
    """
    if home := os.environ.get("INSTROOM_TEST_HOME"):
        yield Platform(Path(home))
    else:
        with running(Platform(new_home())) as own:
            yield own


@pytest.fixture
def own_platform() -> Iterator[Platform]:
    """A platform of this test's own, to be killed and started again."""
    with running(Platform(new_home())) as own:
        yield own
