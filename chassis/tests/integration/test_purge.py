"""What nobody asks for any more is forgotten, however much of it has gathered."""

from datetime import timedelta

import pytest

from chassis import database, request_log
from chassis.commands import KEEP as COMMANDS_KEEP
from chassis.commands import Commands
from chassis.database import Pool
from chassis.testing import MakePool


async def fill(pool: Pool, table: str, columns: str, values: str, old: int, age: timedelta) -> None:
    """Rows that are too old, and among them three that are not."""
    await pool.execute(
        f"""INSERT INTO {table} ({columns}, created_at)
            SELECT {values}, now() - CASE WHEN n % 10 = 1 AND n < 30 THEN $1 - interval '1 hour' ELSE $1 END
            FROM generate_series(1, $2) AS n""",
        age,
        old + 3,
    )


async def statements(pool: Pool, table: str) -> int:
    """How many transactions deleted rows of the table."""
    return int(await pool.fetchval(f"SELECT count(DISTINCT xid) FROM deleted_{table}"))


async def note_transactions(pool: Pool, table: str) -> None:
    await pool.execute(
        f"""CREATE TABLE deleted_{table} (xid xid8);
            CREATE FUNCTION note_{table}() RETURNS trigger LANGUAGE plpgsql AS
                $$BEGIN INSERT INTO deleted_{table} VALUES (pg_current_xact_id()); RETURN NULL; END$$;
            CREATE TRIGGER note AFTER DELETE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION note_{table}()"""
    )


@pytest.mark.parametrize("old", [20, 25])
async def test_old_requests_and_commands_are_forgotten_a_chunk_at_a_time_and_the_rest_stays(
    make_migrated_pool: MakePool, monkeypatch: pytest.MonkeyPatch, old: int
) -> None:
    monkeypatch.setattr(database, "PURGE_CHUNK", 10)
    pool = await make_migrated_pool()
    await fill(
        pool, "request_log", "academy, source, id, attempt, outcome", "'a', 's', n, 1, ''", old, request_log.KEEP
    )
    await fill(pool, "command", "id, academy, type, digest", "n, 'a', 't', ''", old, COMMANDS_KEEP)
    for table, purge in (
        ("request_log", lambda: request_log.purge(pool)),
        ("command", Commands(pool, "test").purge),
    ):
        await note_transactions(pool, table)
        await purge()
        assert await pool.fetch(f"SELECT id FROM {table} ORDER BY id") == [("1",), ("11",), ("21",)]
        assert await statements(pool, table) == 3
