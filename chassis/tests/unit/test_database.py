"""A database that may lose what it confirmed is refused."""

from types import SimpleNamespace
from typing import Any

import pytest

from chassis.database import UnsafeSettings, check_safety

SAFE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


class Server:
    def __init__(self, version: int = 17, **settings: str) -> None:
        self._version, self._settings = version, SAFE | settings

    def get_server_version(self) -> Any:
        return SimpleNamespace(major=self._version)

    async def fetchval(self, _: str, name: str) -> str:
        return self._settings[name]


@pytest.mark.parametrize(
    "server",
    [Server(), Server(18), Server(synchronous_commit="remote_apply"), Server(synchronous_commit="remote_write")],
)
async def test_a_database_that_keeps_what_it_confirmed_is_taken(server: Server) -> None:
    await check_safety(server)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (Server(16), "PostgreSQL 16 is too old: 17 or newer"),
        (Server(fsync="off"), "fsync = off"),
        (Server(full_page_writes="off"), "full_page_writes = off"),
        (Server(synchronous_commit="off"), "synchronous_commit = off"),
        (Server(synchronous_commit="local"), "synchronous_commit = local"),
    ],
)
async def test_a_database_that_is_too_old_or_may_lose_what_it_confirmed_is_refused(server: Server, reason: str) -> None:
    with pytest.raises(UnsafeSettings, match=reason):
        await check_safety(server)  # type: ignore[arg-type]
