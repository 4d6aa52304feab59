"""Commands over HTTP: stored together with their event, answered 202, followed under /commands/{id}."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Final
from weakref import WeakValueDictionary

import asyncpg
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from chassis import database, outbox, request_log
from chassis.access import allow, caller_of
from chassis.database import Connection, Pool
from chassis.problems import Problem
from chassis.records import Event, deterministic_id, new_id, now_text
from chassis.telemetry import current_traceparent
from contracts.access import AccessClaims, Role
from contracts.envelope import Envelope

COMMAND_SOURCE: Final = "command"
"""The `ce_requestsource` of requests that came over HTTP; their `ce_requestid` is the command's id."""
KEEP: Final = request_log.KEEP + timedelta(days=7)
"""Longer than the request log knows of it, though it may wait 7 days on its topic: a command that is stored anew under a
known id is a duplicate to whoever applies it, and would be pending for ever."""
_LOOK_EVERY: Final = 0.25
"""Seconds between two looks into the table, for outcomes that another instance wrote."""
_SOON: Final = 0.005
"""Seconds to the first look after a wake, doubled up to _LOOK_EVERY: it comes inside the transaction that wrote the
outcome, and how long that takes to commit nobody tells."""


class Commands:
    """The commands of one service."""

    def __init__(self, pool: Pool, service: str) -> None:
        self._pool = pool
        self._source = f"instroom/{service}"
        self._waiting: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()
        """What those who wait for a command share; it goes with the last of them."""
        self.router = APIRouter(tags=["commands"])
        self.router.add_api_route("/commands/{command_id}", self._get, methods=["GET"], dependencies=[allow(*Role)])

    def envelope(
        self, *, type: str, academy: str, subject: str = "", actor: str = "", idempotency_key: str | None = None
    ) -> Envelope:
        """The envelope of a command; the same idempotency key of the same academy makes the same command id. An empty one is none."""
        id_ = new_id() if not idempotency_key else deterministic_id("command", self._source, academy, idempotency_key)
        return Envelope(
            id=id_,
            type=type,
            source=self._source,
            academy=academy,
            time=now_text(),
            subject=subject,
            actor=actor,
            correlation_id=id_,
            request_source=COMMAND_SOURCE,
            request_id=id_,
            traceparent=current_traceparent(),
        )

    async def submit(self, event: Event) -> str:
        """Store the command and its event in one transaction; return its id. A known id is not stored again.

        Raises Problem where the id is that of another command: an idempotency key was used twice.
        """
        id_, digest = event.envelope.request_id, _digest(event)
        async with self._pool.acquire() as connection, connection.transaction():
            new = await connection.fetchval(
                "INSERT INTO command (id, academy, type, digest, actor) VALUES ($1, $2, $3, $4, $5)"
                " ON CONFLICT DO NOTHING RETURNING id",
                id_,
                event.envelope.academy,
                event.envelope.type,
                digest,
                event.envelope.actor,
            )
            if new is not None:
                await outbox.enqueue(connection, [event])
            elif await connection.fetchval("SELECT digest FROM command WHERE id = $1", id_) != digest:
                raise Problem(
                    422, "idempotency_key_reused", "this Idempotency-Key was sent with another request: use a new one"
                )
        return id_

    async def finish(self, connection: Connection, outcomes: Sequence[tuple[Envelope, dict[str, Any]]]) -> None:
        """Store the outcomes of requests in the transaction that made them; the first of a command stands, until one of a
        higher attempt replaces it: of a request that had gone to the dead letters and was sent again.

        Whoever may write to the topic can name any command as its reference: one of another academy is left alone.
        """
        if not outcomes:
            return
        await connection.execute(
            """UPDATE command SET outcome = k.outcome, attempt = k.attempt, finished_at = now()
               FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::bigint[]) AS k (id, academy, outcome, attempt)
               WHERE command.id = k.id AND command.academy = k.academy
                 AND (finished_at IS NULL OR command.attempt < k.attempt)""",
            [request.request_id for request, _ in outcomes],
            [request.academy for request, _ in outcomes],
            [outcome for _, outcome in outcomes],
            [request.attempt for request, _ in outcomes],
        )
        for request, _ in outcomes:
            if (done := self._waiting.pop(request.request_id, None)) is not None:
                done.set()

    @staticmethod
    def accepted(command_id: str) -> JSONResponse:
        """202, with the place to follow."""
        location = f"/commands/{command_id}"
        return JSONResponse({"command_id": command_id, "location": location}, 202, {"Location": location})

    async def _get(
        self, request: Request, command_id: str, wait: Annotated[float, Query(ge=0, le=30)] = 0
    ) -> dict[str, Any]:
        """A command and its outcome, null while it is pending; `wait` seconds for it at most."""
        caller = caller_of(request)
        deadline, pause = asyncio.get_running_loop().time() + wait, _LOOK_EVERY
        while True:
            done = self._waiting.setdefault(command_id, asyncio.Event())
            row = None
            if "\0" not in command_id:  # PostgreSQL has no such text, and refuses to look for one
                row = await self._pool.fetchrow("SELECT * FROM command WHERE id = $1", command_id)
            if row is None or not _may_follow(caller, row):
                raise Problem(404, "not_found", f"there is no command {command_id[:100]}")
            left = deadline - asyncio.get_running_loop().time()
            if row["finished_at"] is not None or left <= 0:
                state = "pending" if row["finished_at"] is None else "done"
                return {k: row[k] for k in ("id", "academy", "type", "outcome")} | {"state": state}
            try:
                async with asyncio.timeout(min(left, pause)):
                    await done.wait()
            except TimeoutError:
                pause = min(2 * pause, _LOOK_EVERY)
            else:
                pause = _SOON
                await asyncio.sleep(pause)

    async def purge(self) -> None:
        """Forget commands that nobody follows any more."""
        await database.purge(self._pool, "command", KEEP)


def _may_follow(caller: AccessClaims, command: asyncpg.Record) -> bool:
    """Whoever gave it, and the administrators of its academy."""
    if caller.role is Role.OPERATOR:
        return True
    mine = caller.role is Role.ADMINISTRATOR or caller.sub == command["actor"]
    return bool(mine and caller.academy == command["academy"])


def _digest(event: Event) -> bytes:
    parts = (event.envelope.type.encode(), event.key.encode(), event.value or b"")
    return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()
