"""What a platform consists of, and how it is asked."""

from pathlib import Path
from typing import Any

import asyncpg
import pytest

from instroom import home as homes
from instroom.stack import probes, table


@pytest.mark.parametrize("server", ["127.0.0.1", "127.0.0.1:2", "127.0.0.1:1,127.0.0.1:2"])
async def test_a_database_of_somebody_else_on_this_machine_is_asked_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    asked: list[str] = []

    async def connect(dsn: str, **_: Any) -> None:
        asked.append(dsn)
        raise OSError("not there")

    monkeypatch.setattr(asyncpg, "connect", connect)
    dsn = f"postgresql://admin:secret@{server}/postgres"
    known = {"kafka": "127.0.0.1:3", "database": dsn, "smtp": "127.0.0.1:4", "services": {}}
    homes.Platform(ports={"postgres": 1}, addresses=known).save(tmp_path)
    with pytest.raises(probes.NotReady, match="cannot connect: not there"):
        await table.status_probes(tmp_path)["postgres"]()
    assert asked == [dsn]


async def test_every_service_is_asked_whether_it_is_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def live(url: str) -> None:
        asked.append(url)

    monkeypatch.setattr(probes, "live", live)
    built = table.build(tmp_path, None, environment={})
    for spec in built.processes:
        if spec.live is not None:
            await spec.live()
    known = homes.Platform.load(tmp_path).addresses
    assert asked == [f"{url}/livez" for url in (*known["services"].values(), known["console"])]
    assert len(asked) == len(homes.SERVICES) + 1
