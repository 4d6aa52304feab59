"""What a row costs in things that can be counted: they are the same on every machine, where times are not."""

import asyncio
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import asyncpg
from confluent_kafka import Consumer, TopicPartition

DATABASES = ("instroom_user", "instroom_import", "instroom_notify", "instroom_org")
OTHERS = ("_", "sketch")
"""What the names of topics begin with that are not the platform's."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Since the server was started: what matters is the difference of two.

    Of pg_stat_statements, whose counts are there at once; those of pg_stat_user_tables come up to ten seconds late.
    """

    statements: int
    """Executed by the services: each is a round trip, `COMMIT` is one."""
    commits: int
    rows: int
    """That statements returned, wrote or copied."""
    blocks: int
    """Of tables and indexes that statements looked at: they grow with the table where a plan reads too much of it."""
    wal_records: int
    """Of PostgreSQL's log: each is a change of a table or index."""
    wal_bytes: int
    """To PostgreSQL's log, and so to the disk: with whole pages after each checkpoint."""
    records: int
    """On Kafka."""
    record_bytes: int
    """The size of Kafka's log."""

    def since(self, before: "Counts", rows: int) -> dict[str, float]:
        """Per row."""
        now, then = asdict(self), asdict(before)
        return {name: round((now[name] - then[name]) / rows, 4) for name in now}


def count(dsn: str, kafka: str, home: Path) -> Counts:
    """As it is now."""
    return Counts(**asyncio.run(_database(dsn)), records=_records(kafka), record_bytes=_log_bytes(home))


async def _database(dsn: str) -> dict[str, int]:
    connection = await _connect(dsn)
    try:
        record = await connection.fetchrow(
            """SELECT coalesce(sum(calls), 0)::bigint AS statements, coalesce(sum(rows), 0)::bigint AS rows,
                      coalesce(sum(calls) FILTER (WHERE query LIKE 'COMMIT%'), 0)::bigint AS commits,
                      coalesce(sum(shared_blks_hit + shared_blks_read), 0)::bigint AS blocks,
                      coalesce(sum(wal_records), 0)::bigint AS wal_records,
                      coalesce(sum(wal_bytes), 0)::bigint AS wal_bytes
               FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
               WHERE d.datname = ANY($1) AND s.toplevel""",
            DATABASES,
        )
    finally:
        await connection.close()
    return dict(record)


async def statements(dsn: str, most: int = 12) -> list[dict[str, Any]]:
    """Those that took most time since `forget_statements`."""
    connection = await _connect(dsn)
    try:
        found = await connection.fetch(
            """SELECT d.datname AS database, s.calls, round(s.total_exec_time)::int AS milliseconds, s.rows,
                      left(regexp_replace(s.query, '\\s+', ' ', 'g'), 160) AS statement
               FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
               WHERE d.datname = ANY($1) AND s.toplevel ORDER BY s.total_exec_time DESC LIMIT $2""",
            DATABASES,
            most,
        )
    finally:
        await connection.close()
    return [dict(record) for record in found]


async def forget_statements(dsn: str) -> None:
    """Begin to count anew."""
    connection = await _connect(dsn)
    try:
        await connection.execute("SELECT pg_stat_statements_reset()")
    finally:
        await connection.close()


async def _connect(dsn: str) -> "asyncpg.Connection[asyncpg.Record]":
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    return connection


def _records(kafka: str) -> int:
    """All records that were ever written to topics of the platform: the sum of their end offsets."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "bench-counts"})
    try:
        topics = consumer.list_topics(timeout=30).topics
        return sum(
            consumer.get_watermark_offsets(TopicPartition(name, number), timeout=30)[1]
            for name, topic in topics.items()
            if not name.startswith(OTHERS)
            for number in topic.partitions
        )
    finally:
        consumer.close()


def _log_bytes(home: Path) -> int:
    """Of the log segments of the platform's topics."""
    return sum(
        segment.stat().st_size
        for segment in (home / "kafka").rglob("*.log")
        if segment.parent.name.rpartition("-")[2].isdigit() and not segment.parent.name.startswith(OTHERS)
    )
