"""What a start finds changed: a database that was restored from a dump, a broker that was replaced by an empty one.

A restored database is one on another server than it wrote down, one whose relay has seen transactions that this server
has not come to yet, or one whose outbox has given out fewer numbers than the broker was told of. Then the service may
have said things that it has forgotten, so it begins a new `incarnation`: whatever it counts for others begins above
everything that it can have told before. Either way all events that are kept are published again, the oldest first.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata
from prometheus_client import Gauge

from chassis.database import Connection, connect
from contracts.topics import ORG_STRUCTURE

BITS: Final = 40
"""A version is incarnation · 2^BITS + n: 8,192 incarnations stay exact where numbers are floating-point."""
PATIENT: Final = {
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "application_name": "instroom-patient",
}
LONGEST: Final = 3600.0
"""Seconds for one statement over a whole table."""

_incarnation = Gauge("instroom_incarnation", "How often this service's database was restored from a dump")

Restored = Callable[[Connection, int], Awaitable[None]]
"""What a service does to its tables in a new incarnation, in the transaction that begins it."""
Replaced = Callable[[Connection], Awaitable[None]]
"""What a service does for a broker that has nothing of what was published, in the transaction that notices it."""


class StartAgain(Exception):
    """What this process knows of its database or broker is no longer true: it must end, and another begin."""


@dataclass(frozen=True, slots=True)
class Stock:
    """What a start found. `warnings` say what an operator should know."""

    incarnation: int
    warnings: tuple[str, ...] = ()


class Told:
    """Keeps with the broker up to which number the outbox was published, as the position of a consumer group.

    It is the one thing that a database cannot forget with a restore. It may lag by a second, and the broker keeps it for
    as long as it keeps positions of groups without members (a week, by default).
    """

    EVERY: Final = 1.0
    REPEAT: Final = 3600.0

    def __init__(self, bootstrap: str, service: str) -> None:
        self._bootstrap, self._group = bootstrap, f"{service}.relay"
        self._place = TopicPartition(ORG_STRUCTURE.name, 0)  # any that every broker has
        self._highest = 0
        self._more = asyncio.Event()

    def note(self, seq: int) -> None:
        """The outbox is published up to `seq`."""
        if seq > self._highest:
            self._highest = seq
            self._more.set()

    async def read(self) -> int:
        """The highest number that was told, 0 where the broker knows of none."""
        async with self._consumer() as consumer:
            return await self._read(consumer)

    async def run(self) -> None:
        """Write down what is noted, for ever. Returns only by raising."""
        async with self._consumer() as consumer:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.REPEAT):
                        await self._more.wait()
                self._more.clear()
                self._highest = max(self._highest, await self._read(consumer))
                if self._highest:
                    await consumer.commit({self._place: OffsetAndMetadata(self._highest, "outbox.seq")})
                await asyncio.sleep(self.EVERY)

    async def _read(self, consumer: AIOKafkaConsumer) -> int:
        return int(await consumer.committed(self._place) or 0)

    @contextlib.asynccontextmanager
    async def _consumer(self) -> Any:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, client_id=self._group, group_id=self._group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            consumer.assign([self._place])
            yield consumer
        finally:
            await consumer.stop()


_LOOK: Final = """
SELECT system_id, cluster_id, incarnation, system_identifier::text AS system,
       pg_snapshot_xmax(snap) > pg_snapshot_xmax(pg_current_snapshot()) AS is_ahead,
       (SELECT last_value FROM outbox_seq_seq) AS given_out
FROM outbox_cursor, pg_control_system() WHERE id = 1
"""


async def take_stock(
    dsn: str,
    *,
    cluster: str,
    told: int,
    log: structlog.stdlib.BoundLogger,
    restored: Restored | None = None,
    replaced: Replaced | None = None,
) -> Stock:
    """Compare the database with its server and with the broker, and begin anew what has to be.

    It happens once, in one transaction, however many instances start: the others wait for it and find nothing.
    """
    connection = await connect(dsn, **PATIENT)
    try:
        async with connection.transaction():
            return await _take_stock(connection, cluster, told, log, restored, replaced)
    finally:
        connection.terminate()


async def _take_stock(
    connection: Connection,
    cluster: str,
    told: int,
    log: structlog.stdlib.BoundLogger,
    restored: Restored | None,
    replaced: Replaced | None,
) -> Stock:
    await connection.execute("SELECT FROM outbox_cursor WHERE id = 1 FOR UPDATE")
    found = await connection.fetchrow(_LOOK)  # behind the lock: what a twin did is seen
    assert found is not None  # noqa: S101 - the first migration wrote it
    incarnation, warnings = found["incarnation"], []
    if (reason := _why_restored(found, told)) is not None:
        incarnation += 1
        warnings.append(f"the database was restored ({reason}): events are published again, incarnation {incarnation}")
        log.error("database.restored", reason=reason, incarnation=incarnation)
        # In the order of their numbers, whatever transactions of another server they are from.
        await connection.execute("UPDATE outbox SET txid = pg_current_xact_id()", timeout=LONGEST)
        await connection.execute(f"ALTER SEQUENCE outbox_seq_seq RESTART WITH {max(told, found['given_out']) + 1}")
        if restored is not None:
            await restored(connection, incarnation)
    if found["cluster_id"] not in (None, cluster):
        warnings.append(f"the broker is another one ({cluster}): events are published again")
        log.error("broker.replaced", cluster=cluster, before=found["cluster_id"])
        if replaced is not None:
            await replaced(connection)
    if warnings:
        # The epoch fences whoever still leads.
        await connection.execute(
            """UPDATE outbox_cursor SET epoch = epoch + 1, lease_until = '-infinity', snap = '1:1:', next_snap = NULL,
                   last_seq = 0, purged = '0' WHERE id = 1"""
        )
    if warnings or found["cluster_id"] is None:
        await connection.execute(
            "UPDATE outbox_cursor SET system_id = $1, cluster_id = $2, incarnation = $3 WHERE id = 1",
            found["system"],
            cluster,
            incarnation,
        )
    _incarnation.set(incarnation)
    return Stock(incarnation, tuple(warnings))


def _why_restored(found: asyncpg.Record, told: int) -> str | None:
    if found["system_id"] != found["system"]:
        return "it was on another server"
    if found["is_ahead"]:
        return "its relay has seen later transactions than this server has had"
    if found["given_out"] < told:
        return f"the broker was told of event {told}, its last one is {found['given_out']}"
    return None
