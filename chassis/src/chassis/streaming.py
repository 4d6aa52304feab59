"""Events as server-sent events, from the service's own outbox up to where the relay is, with resume.

An event's id is the place after it in the order of the relay: the two snapshots between which it became visible, and
its sequence number. So a client that comes back goes on exactly behind the last event it saw.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import asyncpg
import orjson
from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from chassis.access import allow, caller_of
from chassis.database import Pool
from chassis.outbox import BETWEEN
from chassis.problems import Problem
from chassis.records import decode_headers
from contracts.access import Role
from contracts.envelope import Envelope
from contracts.topics import Topic

LOOK_EVERY: Final = 0.2
CHUNK: Final = 500

_DELTA: Final = f"""
SELECT seq, headers, value FROM ({BETWEEN}) AS delta
WHERE seq > $3 AND topic = ANY ($4::text[]) AND substring(key FOR length($5::bytea)) = $5::bytea
ORDER BY seq LIMIT $6
"""  # noqa: S608 - two constants

LOOKED_AT: Final = 5_000
"""Events of the service among which the latest of one academy are looked for: a quiet one must not cost a whole day's."""
_LATEST: Final = """
SELECT headers, value FROM (
    SELECT * FROM outbox WHERE pg_visible_in_snapshot(txid, (SELECT snap FROM outbox_cursor WHERE id = 1))
    ORDER BY txid DESC, seq DESC LIMIT $1
) AS newest
WHERE topic = ANY ($2::text[]) AND substring(key FOR length($3::bytea)) = $3::bytea
ORDER BY txid DESC, seq DESC LIMIT $4
"""


@dataclass(slots=True)
class Place:
    """Everything up to `seen` between the snapshots `since` and `until` has been sent; `until` None: nothing newer."""

    since: str
    until: str | None = None
    seen: int = 0

    def __str__(self) -> str:
        return f"{self.since};{self.until or ''};{self.seen}"


async def find_place(pool: Pool, last_event_id: str | None) -> Place:
    """Where a client goes on: behind its last event, else behind everything published so far.

    Raises Problem: 400 for an id that is none of ours, 410 where events behind it are no longer kept or it lies ahead of
    what is published: then the database was restored, or all is published again to another broker.
    """
    if not last_event_id:
        return Place(await pool.fetchval("SELECT snap::text FROM outbox_cursor WHERE id = 1"))
    since, _, rest = last_event_id.partition(";")
    until, _, seen = rest.partition(";")
    try:
        gone = await pool.fetchval(
            """SELECT (pg_snapshot_xmin($1::text::pg_snapshot) <= c.purged
                       OR pg_snapshot_xmax($1::text::pg_snapshot) > pg_snapshot_xmax(c.snap))
                      AND $2::text::pg_snapshot IS NOT NULL
               FROM outbox_cursor c WHERE id = 1""",
            since,
            until or since,
        )
        place = Place(since, until or None, int(seen))
    except (asyncpg.DataError, ValueError):
        raise Problem(400, "invalid_request", "Last-Event-ID is not the id of an event of this stream") from None
    if gone:
        raise Problem(410, "gone", "events behind Last-Event-ID are not kept any more: begin anew from a query")
    return place


async def follow(
    pool: Pool, place: Place, academy: str, topics: Sequence[str], until_time: float = math.inf
) -> AsyncIterator[ServerSentEvent]:
    """The academy's events behind `place`, in the order in which they are published, until that Unix time.

    Begins with `place` itself, as an id without an event: whoever is cut off before the first event goes on there.
    """
    prefix = f"{academy}/".encode()
    yield ServerSentEvent(id=str(place), comment="from here")
    while time.time() < until_time:
        until = place.until or await pool.fetchval("SELECT snap::text FROM outbox_cursor WHERE id = 1")
        rows = []
        if until != place.since:
            rows = await pool.fetch(_DELTA, place.since, until, place.seen, topics, prefix, CHUNK)
        for row in rows:
            place = Place(place.since, until, row["seq"])
            yield _event(row, str(place))
        if len(rows) < CHUNK:
            place = Place(until)
            if not rows:
                await asyncio.sleep(LOOK_EVERY)


async def latest(pool: Pool, academy: str, topics: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """The academy's newest events that were published, the newest first, if they are among the last of the service."""
    rows = await pool.fetch(_LATEST, LOOKED_AT, topics, f"{academy}/".encode(), limit)
    return [_document(row) for row in rows]


def _event(row: asyncpg.Record, id_: str) -> ServerSentEvent:
    document = _document(row)
    return ServerSentEvent(id=id_, event=document["type"], raw_data=orjson.dumps(document).decode())


def _document(row: asyncpg.Record) -> dict[str, Any]:
    """The event as CloudEvents write it in JSON."""
    envelope = Envelope.from_headers(decode_headers(row["headers"]))
    document: dict[str, Any] = {
        name.removeprefix("ce_"): value for name, value in envelope.attributes() if name != "content-type"
    }
    document["data"] = None if row["value"] is None else orjson.loads(row["value"])
    return document


def make_router(pool: Pool, topics: Sequence[Topic]) -> APIRouter:
    """`GET /academies/{academy}/events`: CloudEvents in JSON, one a message; `Last-Event-ID` resumes. Those of before
    are at `/academies/{academy}/events/latest`."""
    router = APIRouter(tags=["events"])
    names = [topic.name for topic in topics]

    async def place(last_event_id: Annotated[str | None, Header(max_length=10_000)] = None) -> Place:
        return await find_place(pool, last_event_id)

    @router.get(
        "/academies/{academy}/events", response_class=EventSourceResponse, dependencies=[allow(Role.ADMINISTRATOR)]
    )
    async def events(
        request: Request,
        academy: Annotated[str, Path(max_length=40)],
        start: Annotated[Place, Depends(place)],
        type: Annotated[list[str], Query(description="only these event types")] = [],  # noqa: B006 - FastAPI copies it
    ) -> AsyncIterator[ServerSentEvent]:
        """Follow the events of one academy, until the access token is over: come back with a new one."""
        async for event in follow(pool, start, academy, names, caller_of(request).exp):
            if not type or event.event is None or event.event in type:
                yield event

    @router.get("/academies/{academy}/events/latest", dependencies=[allow(Role.ADMINISTRATOR)])
    async def latest_events(
        academy: Annotated[str, Path(max_length=40)], limit: Annotated[int, Query(ge=1, le=200)] = 50
    ) -> dict[str, Any]:
        """The newest events of the academy that are still kept, the newest first; `place` is a `Last-Event-ID` with
        which the stream goes on behind them, where some may be told once more."""
        place = await find_place(pool, None)
        return {"events": await latest(pool, academy, names, limit), "place": str(place)}

    return router
