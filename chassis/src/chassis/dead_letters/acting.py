"""Letters are sent again or dropped: what speaks against it, and the one transaction that does it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from prometheus_client import Counter

from chassis import outbox
from chassis.consuming import Rebuilt, SetAside, Subscription, Unreadable, read_envelope, read_record
from chassis.database import Connection, Pool
from chassis.dead_letters.documents import UNLESS_FORCED, Action, Dealt, Outcome, Reason
from chassis.dead_letters.looking import COLUMNS, FROM, ORDER, text
from chassis.records import REPLAY_OF, Headers, RawEvent, Record, decode_headers
from contracts.envelope import Envelope, EnvelopeError

MOST_BYTES: Final = 16 * 2**20
"""The act ends with the letter that reaches so many, so that large ones fit in memory and in a transaction's time."""
ROOM: Final = 1_000
"""Bytes of a record batch around its only record, and more."""
ATTEMPT: Final = "ce_attempt"

_acted = Counter("instroom_dead_letter_actions_total", "Dead letters dealt with by people", ["action", "outcome"])


@dataclass(slots=True)
class _Candidate:
    """A letter that is to be sent again: as what, and what speaks against it."""

    row: asyncpg.Record
    event: RawEvent | None = None
    attempt: int | None = None
    record: Record[Any] | None = None
    reason: Reason | None = None
    detail: str = ""


class Acting:
    """Deals with the dead letters of one service."""

    def __init__(self, pool: Pool, subscriptions: Sequence[Subscription]) -> None:
        self._pool = pool
        self._subscriptions = {subscription.topic.name: subscription for subscription in subscriptions}

    async def act(
        self, action: Action, ids: Sequence[str], *, run: str, actor: str, force: bool = False, dry_run: bool = False
    ) -> list[Dealt]:
        """Send the letters again, or drop them, in their order: a beginning of them, as much as one transaction holds.

        What the same `run` did already is told as it was and not done again. `dry_run` changes nothing and tells what
        would become of them.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await _lock(connection, ids)
            dealt = [_unknown(id_) for id_ in ids if id_ not in {row["id"] for row in rows}]
            done = await _done_before(connection, run, rows)
            dealt += done.values()
            todo = _beginning([row for row in rows if row["id"] not in done])
            if action == "replay":
                candidates = await self._candidates(connection, todo)
            else:
                candidates = [_Candidate(row, reason=_already(row)) for row in todo]
            fresh = [_dealt(candidate, force) for candidate in candidates]
            if not dry_run:
                await self._write(connection, action, candidates, fresh, force)
                await _write_down(connection, action, [*fresh, *dealt], run=run, actor=actor, forced=force)
        if not dry_run:
            for each in fresh:
                _acted.labels(action, each.outcome).inc()
        return dealt + fresh

    async def _candidates(self, connection: Connection, rows: Sequence[asyncpg.Record]) -> list[_Candidate]:
        kept = {
            record["id"]: record
            for record in await connection.fetch(
                "SELECT * FROM dead_letter_record WHERE id = ANY ($1::text[])", [row["id"] for row in rows]
            )
        }
        candidates = [self._candidate(row, kept.get(row["id"])) for row in rows]
        readable: dict[str, list[_Candidate]] = defaultdict(list)
        for candidate in candidates:
            if candidate.record is not None and candidate.reason is None:
                readable[candidate.row["topic"]].append(candidate)
        for topic, found in readable.items():
            if (changed_later := self._subscriptions[topic].changed_later) is not None:
                changed = await changed_later(connection, await _set_aside(connection, topic, found))
                for candidate in found:
                    if candidate.row["id"] in changed:
                        candidate.reason = Reason.CHANGED_LATER
        return candidates

    def _candidate(self, row: asyncpg.Record, kept: asyncpg.Record | None) -> _Candidate:
        """What stands for ever is found first: against that no force helps."""
        subscription = self._subscriptions.get(row["topic"])
        if kept is None:
            return _Candidate(row, reason=Reason.NOT_KEPT)
        if row["truncated"] is not None:
            return _Candidate(row, reason=Reason.TRUNCATED)
        if subscription is None:
            return _Candidate(row, reason=Reason.NOT_CONSUMED)
        if subscription.topic.cleanup == "compact":
            return _Candidate(row, reason=Reason.COMPACTED)
        headers = decode_headers(kept["headers"])
        raw = Rebuilt(row["topic"], row["partition"], row["offset"], kept["key"], kept["value"], headers)
        candidate = _Candidate(row)
        envelope: Envelope | None = None
        try:
            envelope = read_envelope(raw)
            candidate.record = read_record(raw, subscription, row["cluster_id"])
        except Unreadable as error:
            candidate.reason, candidate.detail = Reason.UNREADABLE, str(error)
        is_request = subscription.answer is not None or subscription.outcome is not None
        if envelope is not None and is_request:
            candidate.attempt = max(envelope.attempt, row["attempt"]) + 1
        event = RawEvent(row["topic"], kept["key"], _again(headers, row["id"], candidate.attempt), kept["value"])
        if event.size() > subscription.topic.max_message_bytes - ROOM:
            return _Candidate(row, reason=Reason.TOO_LARGE)
        candidate.event = event
        candidate.reason = _already(row) or candidate.reason
        return candidate

    async def _write(
        self,
        connection: Connection,
        action: Action,
        candidates: Sequence[_Candidate],
        dealt: Sequence[Dealt],
        force: bool,
    ) -> None:
        taken = [c for c, each in zip(candidates, dealt, strict=True) if each.outcome == "done"]
        events = [c.event for c in taken if c.event is not None]
        await outbox.enqueue(connection, events)
        await connection.execute(
            """UPDATE dead_letter AS l SET state = $1, attempt = greatest(l.attempt, k.attempt)
               FROM unnest($2::text[], $3::bigint[]) AS k (id, attempt) WHERE l.id = k.id""",
            "replayed" if action == "replay" else "dropped",
            [c.row["id"] for c in taken],
            [c.attempt or 0 for c in taken],
        )


def _again(headers: Sequence[tuple[str, bytes | None]], letter: str, attempt: int | None) -> Headers:
    """The headers of a letter that is sent again: its own, the letter's id, and of a request the attempt."""
    ours: Headers = [(REPLAY_OF, letter.encode())]
    if attempt is not None:
        ours.append((ATTEMPT, str(attempt).encode()))
    replaced = {name for name, _ in ours}
    return [*((name, value) for name, value in headers if name not in replaced), *ours]


async def _lock(connection: Connection, ids: Sequence[str]) -> list[asyncpg.Record]:
    """The letters in their order; nobody else deals with them meanwhile."""
    return await connection.fetch(
        f"""SELECT {COLUMNS}, l.cluster_id, l.attempt, l.truncated FROM {FROM}
            WHERE l.id = ANY ($1::text[]) ORDER BY {ORDER} FOR UPDATE OF l""",  # noqa: S608
        list(ids),
    )


async def _done_before(connection: Connection, run: str, rows: Sequence[asyncpg.Record]) -> dict[str, Dealt]:
    """What this run has done already: its answer was lost, and it is asked again."""
    found = await connection.fetch(
        "SELECT letter, outcome, reason FROM dead_letter_action WHERE run = $1 AND letter = ANY ($2::text[])",
        run,
        [row["id"] for row in rows],
    )
    acted = {row["letter"]: row for row in found}
    dealt = {}
    for row in rows:
        if (before := acted.get(row["id"])) is not None:
            reason = Reason(before["reason"]) if before["reason"] else None
            dealt[row["id"]] = _told(row, before["outcome"], reason)
    return dealt


async def _set_aside(connection: Connection, topic: str, candidates: Sequence[_Candidate]) -> list[SetAside]:
    """The letters with the requests before them, of the same key, that were sent again."""
    rows = await connection.fetch(
        """SELECT l.cluster_id, l."offset", r.key, r.headers
           FROM (SELECT DISTINCT key FROM unnest($2::bytea[]) AS k (key)) AS k
           JOIN dead_letter_record r ON r.key = k.key JOIN dead_letter l ON l.id = r.id
           WHERE l.topic = $1 AND l.state = 'replayed'""",
        topic,
        [c.record.key.encode() for c in candidates if c.record is not None],
    )
    replayed: dict[tuple[str, bytes], list[tuple[int, Envelope]]] = defaultdict(list)
    for row in rows:
        try:
            envelope = Envelope.from_headers(decode_headers(row["headers"]))
        except EnvelopeError:
            continue  # it was forced, and nobody could read it
        replayed[row["cluster_id"], row["key"]].append((row["offset"], envelope))
    letters = []
    for candidate in candidates:
        row, record = candidate.row, candidate.record
        assert record is not None  # noqa: S101 - the caller chose those that can be read
        before = replayed[row["cluster_id"], record.key.encode()]
        sent = [envelope for offset, envelope in before if offset < row["offset"]]
        letters.append(SetAside(row["id"], record, row["at"], sent))
    return letters


def _beginning(rows: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    taken, size = [], 0
    for row in rows:
        taken.append(row)
        size += row["size"]
        if size >= MOST_BYTES:
            break
    return taken


def _already(row: asyncpg.Record) -> Reason | None:
    return {"replayed": Reason.ALREADY_REPLAYED, "dropped": Reason.ALREADY_DROPPED}.get(row["state"])


def _dealt(candidate: _Candidate, force: bool) -> Dealt:
    reason = candidate.reason
    if reason is None or (force and reason in UNLESS_FORCED):
        return _told(candidate.row, "done", None)
    return _told(candidate.row, "skipped", reason, candidate.detail)


def _told(row: asyncpg.Record, outcome: Outcome, reason: Reason | None, detail: str = "") -> Dealt:
    return Dealt(
        id=row["id"],
        topic=row["topic"],
        key=text(row["key"]),
        outcome=outcome,
        reason=reason,
        detail=detail,
        forceable=reason in UNLESS_FORCED,
    )


def _unknown(id_: str) -> Dealt:
    return Dealt(id=id_, topic="", outcome="skipped", reason=Reason.UNKNOWN)


async def _write_down(
    connection: Connection, action: Action, dealt: Sequence[Dealt], *, run: str, actor: str, forced: bool
) -> None:
    await connection.execute(
        """INSERT INTO dead_letter_action (run, actor, action, forced, letter, topic, outcome, reason)
           SELECT $1, $2, $3, $4, * FROM unnest($5::text[], $6::text[], $7::text[], $8::text[])
           ON CONFLICT DO NOTHING""",
        run,
        actor,
        action,
        forced,
        [each.id for each in dealt],
        [each.topic for each in dealt],
        [each.outcome for each in dealt],
        [each.reason or "" for each in dealt],
    )
