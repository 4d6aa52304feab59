"""Handing out rows to user-service and waiting for its answers.

One instance feeds at a time (a lease). A frozen one that wakes can only send again what was sent: ids are fixed, and its
cursor no longer moves.
"""

import asyncio
import contextlib
import time
from typing import Final

import structlog

from chassis.database import Pool
from chassis.dispatch import Dispatcher
from chassis.records import Event, new_id
from import_service import messages, row_store, store
from import_service.turns import CHUNK, WINDOW, Feed, is_stalled, share_out

LEASE: Final = 3.0
RENEW: Final = 1.0
IDLE: Final = 0.25
BUSY: Final = 0.03
"""Seconds until the database is asked again while nothing, or something, is in flight: the answers may come to another
instance. In this process a wake comes first."""
LOOK_FOR_STALLED: Final = 1.0


class Feeder:
    """Sends the rows of all imports as they come to be sent, and again those that stay without an answer."""

    def __init__(
        self, pool: Pool, dispatcher: Dispatcher, log: structlog.stdlib.BoundLogger, *, stall_after: float
    ) -> None:
        self._pool, self._dispatcher, self._log = pool, dispatcher, log
        self._stall_after = stall_after
        self._holder = new_id()
        self._wake = asyncio.Event()
        self._last_academy = ""
        self._lease_end = 0.0
        self._next_look = 0.0

    def wake(self) -> None:
        """There is room, or there are rows to send."""
        self._wake.set()

    async def run(self) -> None:
        """Feed for ever; returns only by raising, and gives the lease back then."""
        try:
            while True:
                self._wake.clear()
                pause = await self.step()
                if pause:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(pause):
                            await self._wake.wait()
        finally:
            self._lease_end = 0.0
            with contextlib.suppress(Exception):  # whoever waits gets it when it runs out
                await asyncio.shield(store.give_back(self._pool, "feeder", self._holder))

    async def step(self) -> float:
        """Send what there is room for; return how long to wait before the next look (0: there may be more)."""
        if not await self._hold_lease():
            return IDLE
        feeds = await store.open_feeds(self._pool)
        in_flight = sum(feed.in_flight for feed in feeds)
        given, self._last_academy = share_out(feeds, self._last_academy, room=WINDOW - in_flight)
        if given:
            await self._send(given)
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + min(LOOK_FOR_STALLED, self._stall_after)
            for feed in feeds:
                if is_stalled(feed, self._stall_after):
                    await self._send_again(feed)
        return 0.0 if given else BUSY if in_flight else IDLE

    async def _hold_lease(self) -> bool:
        now = time.monotonic()
        if now < self._lease_end - (LEASE - RENEW):
            return True
        if await store.take_lease(self._pool, "feeder", self._holder, LEASE):
            self._lease_end = now + LEASE
            return True
        return False

    async def _send(self, given: list[tuple[Feed, int]]) -> None:
        events: list[Event] = []
        moves = []
        for feed, chunks in given:
            until = min(feed.cursor + chunks * CHUNK, feed.last_row)
            rows = await row_store.rows_to_send(self._pool, feed, until)
            events += messages.row_events(feed, rows)
            moves.append((feed, until, len(rows)))
        if await self._dispatch(events, [feed for feed, _ in given]):
            for feed, until, sent in moves:
                await store.advance(self._pool, feed, until, sent)

    async def _send_again(self, feed: Feed) -> None:
        rows = await row_store.unanswered(self._pool, feed)
        if not await store.count_resend(self._pool, feed):
            return
        feed.attempt += 1
        self._log.warning(
            "import.stalled", import_id=feed.import_id, rows=len(rows), attempt=feed.attempt, quiet=round(feed.quiet)
        )
        await self._dispatch(messages.row_events(feed, rows), [feed])

    async def _dispatch(self, events: list[Event], feeds: list[Feed]) -> bool:
        """Whether the broker has the events; not if another instance may have taken over meanwhile."""
        if time.monotonic() >= self._lease_end:
            return False
        try:
            await self._dispatcher.send(events)
        except Exception:
            await store.mark_stalled(self._pool, [feed.import_id for feed in feeds], "broker")
            raise
        return True
