"""A mail server in the place of the platform's own, whose mood changes while it runs. It lives in the test's process."""

import asyncio
import contextlib
import random
import threading
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Final

from instroom.stack.mails import Mailbox
from instroom.stack.ports import LOOPBACK
from instroom.stack.smtp_session import Receiver, Session


class Mood(Enum):
    """How mails are met."""

    WELL = "takes every mail"
    DOWN = "is away: nobody listens"
    DEFERS = "answers nine of ten with 4xx: to the recipient, to the content, or 421 before it hangs up"
    HANGS = "does not answer any more: no greeting, or nothing to the recipient"
    CUTS = "takes the mail and hangs up before it says so"
    SLOW = "takes its time for every recipient"


SLOWNESS: Final = 1.0
"""Seconds before a slow server answers to a recipient."""
NEVER: Final = 3_600.0
DEFERRED: Final = 0.7
"""Share of the recipients, and then of the contents, that a server in that mood defers."""

HANGING: Final = 0.5
"""Share of the connections, and then of the recipients, to which a hanging server says nothing."""


class MailServer:
    """Keeps what it takes in the mailbox of `home`."""

    def __init__(self, home: Path, port: int) -> None:
        self._kept = Mailbox(home)
        self._port = port
        self._mood = Mood.DOWN
        self.troubles = 0
        """How often a client met the present mood; of one that is away nobody knows."""
        self._loop = asyncio.new_event_loop()
        self._listening: asyncio.Server | None = None
        self._connections: set[asyncio.BaseTransport] = set()
        self._chance = random.Random(port)

    @contextlib.contextmanager
    def running(self) -> Iterator["MailServer"]:
        """It runs in a thread of its own for as long as this lasts."""
        self._kept.open()
        thread = threading.Thread(target=self._loop.run_forever, name="mail server")
        thread.start()
        try:
            self.become(Mood.WELL)
            yield self
            self.become(Mood.DOWN)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._kept.close()

    def become(self, mood: Mood) -> None:
        """Change the mood; who is connected is cut off where the server was away or mute, or is to be away."""
        asyncio.run_coroutine_threadsafe(self._become(mood), self._loop).result(30)

    async def _become(self, mood: Mood) -> None:
        before, self._mood, self.troubles = self._mood, mood, 0
        if self._listening is not None and mood is Mood.DOWN:
            self._listening.close()
            self._listening = None
        if Mood.DOWN in (before, mood) or before is Mood.HANGS:
            for connection in list(self._connections):
                connection.abort()
        if self._listening is None and mood is not Mood.DOWN:
            self._listening = await self._loop.create_server(self._session, LOOPBACK, self._port, reuse_address=True)

    def _session(self) -> asyncio.BaseProtocol:
        return _Mute(self._connections) if self._hangs() else _Speaking(self, self._connections)

    def answer(self, recipient: str) -> tuple[str, float]:
        """The reply to RCPT, and after how many seconds it is given."""
        if self._hangs():
            return "250 OK", NEVER
        if self._mood is Mood.SLOW:
            self.troubles += 1
            return "250 OK", SLOWNESS
        return self._deferral() or "250 OK", 0.0

    def take(self, sender: str, recipients: list[str], content: bytes) -> str | None:
        """Keep the mail, unless it is deferred; None where the connection is to be cut."""
        if deferral := self._deferral():
            return deferral
        made = self._kept.append(sender, recipients, content)
        if self._mood is Mood.CUTS:
            self.troubles += 1
            return None
        return f"250 OK {made}"

    def _hangs(self) -> bool:
        if self._mood is not Mood.HANGS or self._chance.random() > HANGING:
            return False
        self.troubles += 1
        return True

    def _deferral(self) -> str | None:
        if self._mood is not Mood.DEFERS or self._chance.random() > DEFERRED:
            return None
        self.troubles += 1
        return self._chance.choice(
            ("450 4.2.1 busy", "451 4.3.0 try again later", "452 4.3.1 full", "421 4.7.0 closing")
        )


class _Mute(asyncio.Protocol):
    """A connection on which nothing is ever said."""

    def __init__(self, connections: set[asyncio.BaseTransport]) -> None:
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connections.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self._transport)


class _Speaking(Session):
    """A connection that can be cut from outside."""

    def __init__(self, receiver: Receiver, connections: set[asyncio.BaseTransport]) -> None:
        super().__init__(receiver)
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connections.add(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self._transport)
        super().connection_lost(exc)
