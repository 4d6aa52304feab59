import itertools
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.resources import files
from typing import Any

import httpx
import orjson
import pytest
import structlog

from chassis.access import Verifier
from chassis.commands import Commands
from chassis.database import Pool
from chassis.http import Health, make_app
from chassis.records import Record, decode_headers, new_id
from chassis.testing import ACCESS_KEYS, bearer
from contracts.envelope import Envelope
from contracts.events import MESSAGES
from contracts.events.base import Message
from org_service import api, subscribers
from org_service.app import NAME
from org_service.store import Store
from org_service.use_cases import apply_commands


class Running:
    """The service on a real database: commands go in as records, events are read from the outbox in the relay's order."""

    def __init__(self, pool: Pool, academy: str) -> None:
        self.pool, self.academy = pool, academy
        self.commands = Commands(pool, NAME)
        self.store = Store(pool, self.commands)
        self.handle = subscribers.commands(
            partial(apply_commands, self.store, new_id=new_id), structlog.get_logger()
        ).handle
        routers = [self.commands.router, api.router(self.store, self.commands)]
        app = make_app(NAME, routers, Health(started=True), Verifier(ACCESS_KEYS))
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://org", timeout=30, headers=bearer(seconds=600)
        )
        self._offsets = itertools.count()

    def record(self, command: Message, id_: str = "", attempt: int = 1, academy: str = "") -> Record[Any]:
        """A command as an outside sender's record."""
        academy = academy or self.academy
        id_ = id_ or new_id()
        envelope = Envelope(
            id=id_,
            type=command.TYPE,
            source="hr",
            academy=academy,
            request_source="hr",
            request_id=id_,
            attempt=attempt,
        )
        return Record("cluster", "org.commands", 0, next(self._offsets), academy, b"{}", envelope, command)

    async def give(self, *commands: Message) -> None:
        await self.handle([self.record(command) for command in commands])

    async def events(self, topic: str = "org.structure") -> list[tuple[str, Envelope, Any]]:
        """Key, envelope and decoded value of all that was published until now, in order."""
        rows = await self.pool.fetch("SELECT key, headers, value FROM outbox WHERE topic = $1 ORDER BY seq", topic)
        return [
            (
                row["key"].decode(),
                Envelope.from_headers(decode_headers(row["headers"])),
                None if row["value"] is None else orjson.loads(row["value"]),
            )
            for row in rows
        ]

    async def consume_submitted(self) -> None:
        """Handle the commands that came over HTTP, as the broker would bring them, all of them again each time."""
        records = []
        for offset, (key, envelope, value) in enumerate(await self.events("org.commands")):
            message = MESSAGES[envelope.type].model_validate(value)
            records.append(Record("cluster", "org.commands", 0, offset, key, b"{}", envelope, message))
        await self.handle(records)

    async def outcome(self, id_: str) -> Any:
        row = await self.pool.fetchrow("SELECT attempt, outcome FROM request_log WHERE id = $1", id_)
        assert row is not None
        return row["attempt"], orjson.loads(row["outcome"])

    async def structure(self, academy: str = "") -> Any:
        return (await self.http.get(f"/academies/{academy or self.academy}/structure")).json()


@pytest.fixture
async def service(make_migrated_pool: Callable[..., Awaitable[Pool]], academy: str) -> Any:
    """org-service without its consumer."""
    pool = await make_migrated_pool((NAME, files("org_service") / "migrations"))
    running = Running(pool, academy)
    yield running
    await running.http.aclose()
