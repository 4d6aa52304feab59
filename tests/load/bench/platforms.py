"""The platform that is measured: all services on, as in production."""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from functools import cached_property

import asyncpg

from instroom.samples import large
from instroom.testing import Platform, new_home
from instroom.testing import running as up


class Measured(Platform):
    """A platform whose process ids are known: asking for them costs a Python start each time."""

    @cached_property
    def pids(self) -> dict[str, int]:
        return {process["name"]: process["pid"] for process in self.status()["processes"] if process["pid"]}

    @cached_property
    def addresses(self) -> dict[str, str]:
        known: dict[str, str] = self.status()["addresses"]
        return known

    def address(self, name: str) -> str:
        return self.addresses[name]

    def restarted(self) -> float:
        """Stop it and start it again: the seconds until all of it was ready."""
        self.down()
        for name in ("pids", "addresses"):
            self.__dict__.pop(name, None)
        began = time.perf_counter()
        self.up()
        return time.perf_counter() - began

    def organise(self, academy: str) -> str:
        """Give the academy the large organisation."""
        file = self.home.parent / f"{academy}.json"
        file.write_text(json.dumps(large.organisation(academy)), "utf-8")
        self.ok("org", "apply", file, "--academy", academy)
        return academy


@contextlib.contextmanager
def running(environment: dict[str, str] | None = None) -> Iterator[Measured]:
    """A platform of its own, gone with all its data at the end."""
    with up(Measured(new_home("instroom-bench-", on_disk=True), environment or {})) as platform:
        yield platform


def make_database(platform: Platform, name: str) -> str:
    """A new database on the platform's server; its DSN."""

    async def make() -> None:
        connection = await asyncpg.connect(platform.database())
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(make())
    return f"{platform.database().rpartition('/')[0]}/{name}"
