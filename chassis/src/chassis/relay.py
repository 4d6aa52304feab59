"""The relay: publishes the outbox in order, one leader at a time, losing nothing.

PostgreSQL gives sequence numbers before commit, so "everything after number n" misses rows that commit late. The relay
therefore goes from snapshot to snapshot: it reads what became visible between the last one and the present one, in the
order of `seq`. Repeats after a crash are possible and absorbed by the consumers; losses and inversions per key are not.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import prometheus_client as prometheus
import structlog

from chassis import outbox
from chassis.database import connect
from chassis.publishing import Publisher
from chassis.records import RawEvent, decode_headers
from chassis.recovery import StartAgain

LEASE = 3.0
"""Seconds that a leader leads without renewing, by the database's clock; its own deadline counts from before it asked."""
RENEW_EVERY = 1.0
POLL = 0.05
"""Seconds between two looks where nothing woke the relay: what another process wrote is published within it."""
SOON = 0.002
"""Seconds to the next look after a wake, doubled up to POLL: it is woken inside the transaction that wrote, and how long
that takes to commit nobody tells."""
CHUNK = 2_000
CHUNK_BYTES = 16 * 1024 * 1024
"""The chunk ends with the event that reaches so many, so that large ones fit in memory and in the time to publish them."""
KEEP = timedelta(hours=24)
"""How long published rows stay: the replay buffer."""
PURGE_EVERY = 10.0
PURGE_CHUNK = 20_000
"""Rows deleted at a time, 2,000 a second at most: a backlog of old rows is gone within hours and disturbs nobody."""

CONNECTION = {
    # One sane plan whatever the statistics say, the index on (txid, seq), made once and not for every look.
    "enable_seqscan": "off",
    "plan_cache_mode": "force_generic_plan",
    # To start workers takes longer than to read a chunk.
    "max_parallel_workers_per_gather": "0",
    "idle_in_transaction_session_timeout": "10s",
}
"""The settings of the connection that publishes and purges."""

_published = prometheus.Counter("instroom_outbox_published_total", "Events published from the outbox", ["topic"])
_lag = prometheus.Gauge(
    "instroom_outbox_lag_seconds", "Age of the oldest event of the last look, 0 where it found none"
)
_leads = prometheus.Gauge("instroom_outbox_leader", "1 where this process holds the relay's lease")

# No row that became visible after the snapshot $1 has a transaction before its xmin.
_LOOK = """
SELECT pg_current_snapshot()::text AS until,
       EXISTS (SELECT FROM outbox WHERE txid >= pg_snapshot_xmin($1::text::pg_snapshot)) AS found
"""
# Sorted and measured by their places: the events themselves would be copied for each step of that.
_DELTA = f"""
SELECT o.seq, o.topic, o.key, o.headers, o.value, o.created_at, c.found FROM (
    SELECT place, seq, size, count(*) OVER () AS found, sum(size) OVER (ORDER BY seq) AS bytes
    FROM (SELECT place, seq, octet_length(headers) + coalesce(octet_length(value), 0) AS size
          FROM ({outbox.BETWEEN}) AS delta WHERE seq > $3 ORDER BY seq LIMIT $4) AS chunk) AS c
CROSS JOIN LATERAL (SELECT * FROM outbox WHERE ctid = c.place) AS o
WHERE c.bytes - c.size < $5 ORDER BY c.seq
"""  # noqa: S608 - two constants


class LeaseLost(Exception):
    """Another process leads now, or this one was too slow to be sure that it still does."""


@dataclass(slots=True)
class _Position:
    snap: str
    next_snap: str | None
    last_seq: int


class Relay(outbox.Wakeable):
    """Publishes one service's outbox; run `run()` as a task in every instance of the service."""

    def __init__(
        self,
        dsn: str,
        publisher: Publisher,
        *,
        log: structlog.stdlib.BoundLogger,
        incarnation: int = 0,
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._dsn = dsn
        self._publisher = publisher
        self._log = log
        self._incarnation = incarnation
        self._told = told
        self._awake = asyncio.Event()
        self._epoch = 0
        self._deadline = 0.0
        self.leading = False
        outbox.register(self)

    def wake(self) -> None:
        self._awake.set()

    async def run(self) -> None:
        """Lead whenever nobody else does; returns only by being cancelled or raising.

        Raises StartAgain where the database is no longer the one that the process began with.
        """
        connection = await connect(self._dsn, **CONNECTION)
        try:
            while True:
                position = await self._acquire(connection)
                if position is None:
                    _lag.set(0)  # whoever leads tells
                    await asyncio.sleep(LEASE / 6)
                    continue
                keeping = asyncio.create_task(self._keep())
                try:
                    await self._lead(connection, position)
                except LeaseLost:
                    self._log.warning("relay.lease_lost", epoch=self._epoch)
                finally:
                    self.leading = False
                    _leads.set(0)
                    keeping.cancel()
                    await asyncio.wait({keeping})
        finally:
            await self._release(connection)

    async def _acquire(self, connection: "asyncpg.Connection[asyncpg.Record]") -> _Position | None:
        asked = time.monotonic()
        row = await connection.fetchrow(
            """UPDATE outbox_cursor
               SET epoch = epoch + 1, lease_until = clock_timestamp() + make_interval(secs => $1)
               WHERE id = 1 AND lease_until < clock_timestamp()
               RETURNING epoch, snap::text, next_snap::text, last_seq, incarnation""",
            LEASE,
        )
        if row is None:
            return None
        if row["epoch"] <= self._epoch or row["incarnation"] != self._incarnation:
            raise StartAgain("the database was restored while this process ran")
        self._epoch, self._deadline = row["epoch"], asked + LEASE
        self.leading = True
        _leads.set(1)
        self._log.info("relay.leads", epoch=self._epoch)
        return _Position(row["snap"], row["next_snap"], row["last_seq"])

    async def _release(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Let the next one lead at once; where that fails, the lease runs out by itself."""
        try:
            if not connection.is_closed():
                async with asyncio.timeout(1):
                    await connection.execute(
                        "UPDATE outbox_cursor SET lease_until = clock_timestamp() WHERE id = 1 AND epoch = $1",
                        self._epoch,
                    )
                await connection.close(timeout=1)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            self._log.warning("relay.release_failed", error=repr(error))
            connection.terminate()

    async def _keep(self) -> None:
        """Renew the lease each second, on a connection of its own: publishing or purging may take longer than a lease.

        Ends where that fails; the deadline then passes and the leader steps down.
        """
        try:
            connection = await connect(self._dsn)
            try:
                while True:
                    async with asyncio.timeout(LEASE):
                        await self._renew(connection)
                    await asyncio.sleep(RENEW_EVERY)
            finally:
                connection.terminate()
        except (LeaseLost, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            self._log.warning("relay.not_renewed", epoch=self._epoch, error=repr(error)[:200])

    async def _renew(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        asked = time.monotonic()
        epoch = await connection.fetchval(
            """UPDATE outbox_cursor SET lease_until = clock_timestamp() + make_interval(secs => $1)
               WHERE id = 1 AND epoch = $2 RETURNING epoch""",
            LEASE,
            self._epoch,
        )
        if epoch is None:
            raise LeaseLost
        self._deadline = asked + LEASE

    async def _lead(self, connection: "asyncpg.Connection[asyncpg.Record]", position: _Position) -> None:
        purged, pause = time.monotonic(), POLL
        while True:
            if time.monotonic() >= self._deadline:
                raise LeaseLost
            self._awake.clear()
            if time.monotonic() - purged > PURGE_EVERY:
                purged = time.monotonic()
                await self._purge(connection)
            if await self._step(connection, position):
                continue
            try:
                # Not asyncio.wait_for: it swallows a cancellation that comes together with what it waits for.
                async with asyncio.timeout(pause):
                    await self._awake.wait()
            except TimeoutError:
                pause = min(2 * pause, POLL)
            else:
                pause = SOON

    async def _step(self, connection: "asyncpg.Connection[asyncpg.Record]", position: _Position) -> bool:
        """Publish one chunk; whether there are more."""
        until = position.next_snap
        if until is None:
            look = await connection.fetchrow(_LOOK, position.snap)
            assert look is not None  # noqa: S101 - it has no FROM
            until = str(look["until"])
            if not look["found"]:
                position.snap = until
                _lag.set(0)
                return False
        rows = await connection.fetch(_DELTA, position.snap, until, position.last_seq, CHUNK, CHUNK_BYTES)
        _lag.set((datetime.now(UTC) - rows[0]["created_at"]).total_seconds() if rows else 0)
        if rows:
            if time.monotonic() >= self._deadline:
                raise LeaseLost
            await self._publisher.publish(
                RawEvent(r["topic"], r["key"], decode_headers(r["headers"]), r["value"]) for r in rows
            )
            for topic, count in Counter(row["topic"] for row in rows).items():
                _published.labels(topic).inc(count)
        if rows and (rows[0]["found"] == CHUNK or rows[0]["found"] > len(rows)):
            position.next_snap, position.last_seq = until, rows[-1]["seq"]
        else:
            position.snap, position.next_snap, position.last_seq = until, None, 0
        if rows:
            # Nothing was published since the stored position otherwise: reading from there again finds nothing more.
            await self._advance(connection, position)
            self._told(rows[-1]["seq"])
        return position.next_snap is not None

    async def _advance(self, connection: "asyncpg.Connection[asyncpg.Record]", position: _Position) -> None:
        epoch = await connection.fetchval(
            """UPDATE outbox_cursor
               SET snap = $2::text::pg_snapshot, next_snap = $3::text::pg_snapshot, last_seq = $4
               WHERE id = 1 AND epoch = $1 RETURNING epoch""",
            self._epoch,
            position.snap,
            position.next_snap,
            position.last_seq,
        )
        if epoch is None:
            raise LeaseLost

    async def _purge(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Delete a chunk of rows that were published more than KEEP ago, from the oldest on up to the first that stays.

        So it reads what it deletes and one more, however many rows there are. Plain rows and not partitions: the relay
        never reads that far back, so dead rows there cost it nothing, while making a partition waits for every open
        transaction.
        """
        await connection.execute(
            f"""WITH cursor AS MATERIALIZED (SELECT purged, snap FROM outbox_cursor WHERE id = 1),
               stays AS MATERIALIZED (
                   SELECT txid FROM (
                       SELECT txid, created_at FROM outbox WHERE txid >= (SELECT purged FROM cursor)
                       ORDER BY txid, seq LIMIT {PURGE_CHUNK}) AS oldest
                   WHERE created_at >= now() - $1::interval
                      OR NOT pg_visible_in_snapshot(txid, (SELECT snap FROM cursor)) LIMIT 1),
               gone AS (
                   DELETE FROM outbox WHERE ctid = ANY (ARRAY(
                       SELECT ctid FROM outbox
                       WHERE txid >= (SELECT purged FROM cursor)
                         AND txid < coalesce((SELECT txid FROM stays), '18446744073709551615')
                       ORDER BY txid, seq LIMIT {PURGE_CHUNK}))
                   RETURNING txid)
               UPDATE outbox_cursor SET purged = greatest(purged, (SELECT max(txid) FROM gone)) WHERE id = 1""",  # noqa: S608 - a constant that the plan must know
            KEEP,
        )
