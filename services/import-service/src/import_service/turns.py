"""Whose rows go out next: by turns between academies, never more in flight than is worked off quickly. Pure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from import_service.domain import Phase

WINDOW: Final = 8_000
"""Rows in flight over all imports and both phases: what one waits behind another's import stays under a second."""
CHUNK: Final = 500
"""Rows per turn of an academy."""
TURNS: Final = 4
"""Chunks that go out together, with one await of the broker for all of them."""
LONGEST_BACKOFF: Final = 600.0


@dataclass(slots=True)
class Feed:
    """An import with rows to send, or to wait for."""

    import_id: str
    academy: str
    actor: str
    traceparent: str
    min_org_revision: int
    phase: Phase
    round: int
    attempt: int
    cursor: int
    last_row: int
    sent: int
    done: int
    resends: int
    quiet: float
    """Seconds since an answer came, or since rows were sent while none were in flight."""

    @property
    def in_flight(self) -> int:
        # An answer may be counted before the cursor that sent its row.
        return max(0, self.sent - self.done)


class Sendable(NamedTuple):
    """A row to send; the last three are those of its plan, and empty in the check."""

    row: int
    number_key: str
    fields: bytes
    outcome: str = ""
    user_version: int = 0
    org_revision: int = 0


def share_out(feeds: Sequence[Feed], last: str, *, room: int, turns: int = TURNS) -> tuple[list[tuple[Feed, int]], str]:
    """Who sends how many chunks now, and which academy had the last turn.

    Academies take turns, beginning after `last`; within one, imports go in the order of their upload. A chunk is given
    out only where the whole of it fits into `room`.
    """
    waiting: dict[str, deque[list[int]]] = {}
    for index, feed in enumerate(feeds):
        chunks = -(-(feed.last_row - feed.cursor) // CHUNK)
        if chunks > 0:
            waiting.setdefault(feed.academy, deque()).append([index, chunks])
    names = sorted(waiting)
    order = deque([name for name in names if name > last] + [name for name in names if name <= last])
    given: dict[int, int] = {}
    for _ in range(min(turns, room // CHUNK)):
        if not order:
            break
        last = order.popleft()
        queue = waiting[last]
        index, left = queue[0]
        given[index] = given.get(index, 0) + 1
        if left > 1:
            queue[0][1] = left - 1
        else:
            queue.popleft()
        if queue:
            order.append(last)
    return [(feeds[index], chunks) for index, chunks in given.items()], last


def is_stalled(feed: Feed, stall_after: float) -> bool:
    """Whether rows without an answer are due to be sent again: ever later, without end."""
    wait = stall_after * 2.0 ** min(feed.resends, 20)  # a float ends at 2 to the 1,024th
    return feed.in_flight > 0 and feed.quiet >= min(wait, max(stall_after, LONGEST_BACKOFF))
