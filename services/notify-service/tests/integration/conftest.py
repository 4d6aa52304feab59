"""A courier on real PostgreSQL, and a mail server that answers what a test tells it to."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import orjson
import pytest
import structlog
from aiosmtpd.smtp import SMTP as Server

from chassis.consuming import Subscription
from chassis.database import Pool
from chassis.records import Record, decode_headers
from notify_service import subscribers
from notify_service.delivery import Courier
from notify_service.mails import Writer
from notify_service.settings import Settings
from notify_service.smtp import Line
from notify_service.tokens import Signer
from notify_service.use_cases import Academy


@dataclass
class Sink:
    """What a mail server received, and what it answers: per address the next replies to RCPT and to DATA."""

    mails: list[tuple[str, bytes]] = field(default_factory=list)
    to_rcpt: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    to_data: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    to_sender: list[str] = field(default_factory=list)
    hold: asyncio.Event | None = None
    """While it is not set, the content of a mail is not answered."""
    holding: int = 0
    connections: int = 0
    port: int = 0
    server: asyncio.Server | None = None

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.to_sender:
            return self.to_sender.pop(0)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.to_rcpt[address]:
            return self.to_rcpt[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        (address,) = envelope.rcpt_tos
        if self.hold is not None:
            self.holding += 1
            await self.hold.wait()
        if self.to_data[address]:
            reply = self.to_data[address].pop(0)
            if reply == "cut":
                self.mails.append((address, envelope.original_content))
                server.transport.abort()
            return reply
        self.mails.append((address, envelope.original_content))
        return "250 OK"

    def sent_to(self, address: str) -> list[bytes]:
        return [content for to, content in self.mails if to == address]

    async def open(self) -> None:
        loop = asyncio.get_running_loop()

        def protocol() -> Server:
            self.connections += 1
            return Server(self, hostname="sink", enable_SMTPUTF8=False, loop=loop)

        self.server = await loop.create_server(protocol, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self.server is not None:
            self.server.close()
            self.server = None


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    await sink.open()
    yield sink
    await sink.close()


@pytest.fixture
async def pool(make_migrated_pool: Callable[..., Awaitable[Pool]]) -> Pool:
    return await make_migrated_pool(("notify-service", files("notify_service") / "migrations"))


@pytest.fixture
def subscription(pool: Pool) -> Subscription:
    academies = {"acme": Academy("Acme B.V.", "nl"), "zeta": Academy("Zeta", "en")}

    async def known(_: set[str]) -> None:
        return None

    return subscribers.user_events(pool, academies.get, known, lambda: None)


@pytest.fixture
def take(subscription: Subscription) -> Callable[..., Awaitable[None]]:
    """Has the service handle these records as one batch."""

    async def take(*records: Record[Any]) -> None:
        await subscription.handle(list(records))

    return take


@pytest.fixture
def make_settings(sink: Sink, seed: str) -> Callable[..., Settings]:
    def make(**changes: Any) -> Settings:
        told = {"smtp": f"127.0.0.1:{sink.port}", "smtp_connections": 4, "mail_first_retry": 0.2, "smtp_timeout": 60}
        return Settings(
            kafka="-",
            database="-",
            http_port=1,
            public_url="https://people.example",
            signing_key=seed,
            signing_key_id="2031-a",
            **told | changes,
        )

    return make


@pytest.fixture
def make_courier(pool: Pool, make_settings: Callable[..., Settings], signer: Signer) -> Callable[..., Courier]:
    def make(**changes: Any) -> Courier:
        settings = make_settings(**changes)
        return Courier(
            pool=pool,
            writer=Writer(
                signer=signer, public_url=settings.public_url, sender="no-reply@mail.example", time_zone="UTC"
            ),
            open_line=lambda: Line(settings),
            connections=settings.smtp_connections,
            first_retry=settings.mail_first_retry,
            lease=settings.mail_lease,
            send_timeout=settings.smtp_timeout,
            log=structlog.get_logger(),
        )

    return make


@pytest.fixture
def delivering(make_courier: Callable[..., Courier]) -> Callable[..., contextlib.AbstractAsyncContextManager[Courier]]:
    """A courier that delivers while the block runs."""

    @contextlib.asynccontextmanager
    async def delivering(**changes: Any) -> AsyncIterator[Courier]:
        courier = make_courier(**changes)
        task = asyncio.create_task(courier.run())
        try:
            yield courier
        finally:
            task.cancel()
            await asyncio.wait((task,))
            assert task.cancelled(), task.exception()

    return delivering


@pytest.fixture
def told(pool: Pool) -> Callable[[], Awaitable[list[tuple[str, dict[str, Any]]]]]:
    """The events in the outbox, in order: (what happened, value)."""

    async def told() -> list[tuple[str, dict[str, Any]]]:
        rows = await pool.fetch("SELECT headers, value FROM outbox WHERE topic = 'invitation.events' ORDER BY seq")
        events = []
        for row in rows:
            type_ = dict(decode_headers(row["headers"]))["ce_type"] or b""
            events.append((type_.decode().split(".")[-2], orjson.loads(row["value"])))
        return events

    return told


@pytest.fixture
def states(pool: Pool) -> Callable[[], Awaitable[dict[str, int]]]:
    """How many mails there are in each state."""

    async def states() -> dict[str, int]:
        return {
            row["state"]: row["n"] for row in await pool.fetch("SELECT state, count(*) AS n FROM mail GROUP BY state")
        }

    return states
