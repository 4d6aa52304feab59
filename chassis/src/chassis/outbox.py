"""The transactional outbox: an event is written in the transaction that changes the state, the relay publishes it."""

import weakref
from collections.abc import Sequence
from typing import Final, Protocol

from chassis.database import Connection
from chassis.records import (
    MAX_EVENT_BYTES,
    MAX_LETTER_BYTES,
    Event,
    EventTooLarge,
    RawEvent,
    encode_attributes,
    encode_headers,
)

_relays: "weakref.WeakSet[Wakeable]" = weakref.WeakSet()


BETWEEN: Final = """
    SELECT ctid AS place, * FROM outbox
    WHERE txid >= pg_snapshot_xmax($1::text::pg_snapshot) AND txid < pg_snapshot_xmax($2::text::pg_snapshot)
      AND pg_visible_in_snapshot(txid, $2::text::pg_snapshot)
    UNION ALL
    SELECT ctid AS place, * FROM outbox
    WHERE txid = ANY (ARRAY(
        SELECT x FROM pg_snapshot_xip($1::text::pg_snapshot) AS x
        WHERE pg_visible_in_snapshot(x, $2::text::pg_snapshot)))
"""
"""The rows, with their places in the table, that became visible between snapshots $1 and $2: new transactions, and those
in progress at $1 that ended."""


class Wakeable(Protocol):
    """Something that wants to know at once that an outbox of this process has grown."""

    def wake(self) -> None:
        """Look now."""


def register(relay: Wakeable) -> None:
    """Have the relay woken by every enqueue of this process (polling stays the fallback)."""
    _relays.add(relay)


def fits(event: Event) -> bool:
    """Whether `enqueue` takes the event."""
    try:
        _row(event)
    except EventTooLarge:
        return False
    return True


def _row(event: Event | RawEvent) -> tuple[str, bytes | None, bytes, bytes | None]:
    key: bytes | None
    if isinstance(event, Event):
        key, headers, limit = event.key.encode(), encode_attributes(event.envelope), MAX_EVENT_BYTES
        size = len(key) + len(headers) + len(event.value or b"")
    else:
        key, headers, limit = event.key, encode_headers(event.headers), MAX_LETTER_BYTES
        size = event.size()
    if size > limit:
        raise EventTooLarge(f"an event for {event.topic} has {size} bytes; {limit} are allowed")
    return event.topic, key, headers, event.value


async def enqueue(connection: Connection, events: Sequence[Event | RawEvent]) -> None:
    """Write the events into the outbox, in this order, inside the caller's transaction.

    Per key, events come out in the order of commits if the caller holds a lock on the thing that the key names.
    Raises EventTooLarge, before anything is written, for an event that the broker would refuse.
    """
    if not events:
        return
    rows = [_row(event) for event in events]
    await connection.copy_records_to_table("outbox", records=rows, columns=("topic", "key", "headers", "value"))
    for relay in _relays:
        relay.wake()
