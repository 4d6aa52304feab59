"""A process that stands still in the middle of a statement lets go of the database."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from chassis.database import Connection, connect
from chassis.frozen import end_sessions
from chassis.recovery import PATIENT
from chassis.testing import eventually

SOON = {"transaction_timeout": "1s", "idle_in_transaction_session_timeout": "1s"}


@pytest.fixture
async def frozen(database: str) -> AsyncIterator[asyncio.Task[str]]:
    """What becomes of a session that has a row and then sends no more of what it began to copy."""
    task = await freeze(database, **SOON)
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def freeze(database: str, **settings: str) -> asyncio.Task[str]:
    connection = await connect(database, **settings)
    await connection.execute("CREATE TABLE thing (id int PRIMARY KEY, n int DEFAULT 0)")
    await connection.execute("INSERT INTO thing VALUES (1)")
    stands = asyncio.Event()

    async def rows() -> AsyncIterator[bytes]:
        yield b"2\t0\n"
        stands.set()
        await asyncio.Event().wait()

    async def copy() -> str:
        try:
            async with connection.transaction():
                await connection.execute("UPDATE thing SET n = 1 WHERE id = 1")
                await connection.copy_to_table("thing", source=rows(), format="text")
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return repr(error)
        finally:
            connection.terminate()
        return "it was let be"

    task = asyncio.create_task(copy())
    await stands.wait()
    return task


async def until_late(looking: Connection) -> None:
    """Wait until the copy takes twice the time that it has: that PostgreSQL lets it be is the reason for all this."""

    async def is_late() -> bool:
        return bool(
            await looking.fetchval(
                """SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
                   AND wait_event_type = 'Client' AND query LIKE 'COPY%'
                   AND xact_start < clock_timestamp() - interval '2 s')"""
            )
        )

    await eventually(is_late)


async def test_a_session_that_stands_still_in_a_copy_keeps_its_rows_from_nobody(
    database: str, frozen: asyncio.Task[str]
) -> None:
    waiting = await connect(database, transaction_timeout="0")
    patient, looking = await connect(database, transaction_timeout="30s"), await connect(database, **SOON)
    write = asyncio.create_task(waiting.execute("UPDATE thing SET n = n + 10 WHERE id = 1"))
    await until_late(looking)
    assert not write.done()

    assert await end_sessions(patient) == {}, "it has 30 s"
    assert len(await end_sessions(looking)) == 1
    await write

    assert await looking.fetch("SELECT id, n FROM thing") == [(1, 10)]
    for connection in (waiting, patient, looking):
        await connection.close()


async def test_who_is_patient_with_a_long_transaction_is_let_be(database: str) -> None:
    task = await freeze(database, **(SOON | PATIENT))
    looking = await connect(database, **SOON)
    try:
        await until_late(looking)
        assert await end_sessions(looking) == {}
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await looking.close()
