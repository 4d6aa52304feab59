"""Turns for the event loop by time and not by count: a refusal costs a hundred times what a good row does."""

import time
from typing import Final

TURN: Final = 0.005
"""Seconds of one go; heartbeats, HTTP and the other lane wait no longer."""


class Pace:
    """Tells when a loop should give way: `if pace.due(): await asyncio.sleep(0)`."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since = time.monotonic()

    def due(self) -> bool:
        """Whether a turn has gone by; the next one begins now."""
        now = time.monotonic()
        if now - self._since < TURN:
            return False
        self._since = now
        return True
