"""What a process that stands still keeps of the database is taken from it, so that others can work on.

PostgreSQL looks at its time limits between the commands of a transaction and while it works. It does not while a COPY
waits for rows, or an answer for its client to take it: a process that froze there would keep its locks for as long as it
exists.
"""

import asyncio
from typing import Final

import structlog

from chassis.database import Connection, connect

LOOK_EVERY: Final = 5.0
"""Seconds. What froze loses its locks this long after `transaction_timeout`, before the broker gives its partitions away."""

# Who is patient with a long transaction has another name; those of other programs may well copy for hours.
_END: Final = """
SELECT pid, extract(epoch FROM clock_timestamp() - xact_start)::float AS seconds, pg_terminate_backend(pid) AS ended
FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user
  AND application_name = current_setting('application_name')
  AND state = 'active' AND wait_event_type = 'Client'
  AND xact_start < clock_timestamp() - current_setting('transaction_timeout')::interval
"""


async def watch(dsn: str, log: structlog.stdlib.BoundLogger) -> None:
    """End the sessions of frozen processes, for ever. Returns only by raising."""
    connection = await connect(dsn)
    try:
        while True:
            for pid, seconds in (await end_sessions(connection)).items():
                log.warning("database.frozen_session_ended", pid=pid, seconds=round(seconds))
            await asyncio.sleep(LOOK_EVERY)
    finally:
        connection.terminate()


async def end_sessions(connection: Connection) -> dict[int, float]:
    """End the sessions named as this one whose transactions wait for their clients beyond `transaction_timeout`.

    By process of the server, how many seconds each has taken.
    """
    return {row["pid"]: row["seconds"] for row in await connection.fetch(_END) if row["ended"]}
