"""PostgreSQL: the pool, the migrations, and which errors pass by themselves."""

import hashlib
import re
from collections.abc import Iterable
from datetime import timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

import asyncpg
import orjson

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:  # at run time the classes cannot be subscripted
    Connection, Pool = asyncpg.Connection, asyncpg.Pool

SESSION = {
    # A frozen process must let go of its rows: nobody else could work on these people until it does.
    "lock_timeout": "10s",
    "transaction_timeout": "30s",
    "idle_in_transaction_session_timeout": "15s",
    "application_name": "instroom",
    # A plan made for an empty table would stay while it grows, and read all of it for every batch.
    "plan_cache_mode": "force_custom_plan",
}
MINIMUM_VERSION = 17  # transaction_timeout came with it
PURGE_CHUNK = 10_000
"""Rows deleted in one transaction: a second's work, far below `transaction_timeout`."""

_TRANSIENT = (
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCatalogNameError,
    OSError,
    TimeoutError,
)


# Of all that asyncpg calls an InterfaceError these follow from a connection that was lost or a pool that closes, the rest
# are mistakes in the code; it has no class for either. A connection that the server ended while it was held counts as
# released.
_LOST = re.compile(r"connection is closed|connection has been released back to the pool|pool is clos(ed|ing)")


class UnsafeSettings(RuntimeError):
    """The database or the broker is set so that it may lose what it confirmed. The message says what to change."""


class MigrationChanged(RuntimeError):
    """A migration that was applied differs from the file of that number."""


def is_transient(error: BaseException) -> bool:
    """Whether the same statement may well succeed a little later: it must be tried again, never given up."""
    if isinstance(error, asyncpg.PostgresError) and getattr(error, "sqlstate", "") == "25P04":
        return True  # transaction_timeout
    if isinstance(error, asyncpg.InterfaceError):
        return _LOST.search(str(error)) is not None
    return isinstance(error, _TRANSIENT)


async def _prepare_connection(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda data: orjson.loads(data[1:]),
    )


async def _nothing_to_reset(_: object) -> None:
    """Settings and locks here last no longer than a transaction, and asyncpg itself rolls back one that is open: its own
    reset would be one more round trip each time that a connection is given back."""


def make_pool(dsn: str, *, max_size: int = 10) -> Pool:
    """A pool that opens connections as they are needed. jsonb columns take and give Python objects.

    It opens none when it is awaited: asyncpg closes a pool for good whose first connection fails.
    """
    return asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=max_size,
        init=_prepare_connection,
        reset=_nothing_to_reset,
        server_settings=SESSION,
        command_timeout=60,
    )


async def connect(dsn: str, **settings: str) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection of its own, for who holds one for long."""
    connection = await asyncpg.connect(dsn, server_settings=SESSION | settings, command_timeout=60)
    await _prepare_connection(connection)
    return connection


async def check_safety(connection: Connection) -> None:
    """Refuse a database that would lose what it confirmed."""
    version = connection.get_server_version()
    if version.major < MINIMUM_VERSION:
        raise UnsafeSettings(f"PostgreSQL {version.major} is too old: {MINIMUM_VERSION} or newer is needed")
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        value = await connection.fetchval("SELECT current_setting($1)", name)
        if value == "off" or (name == "synchronous_commit" and value == "local"):
            raise UnsafeSettings(f"PostgreSQL has {name} = {value}: committed data could be lost; set it to on")


def _numbered(folder: Traversable) -> Iterable[tuple[str, str]]:
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if re.fullmatch(r"\d{4}_[a-z0-9_]+\.sql", file.name):
            yield file.name, file.read_text("utf-8")


async def migrate(connection: Connection, *folders: tuple[str, Traversable]) -> None:
    """Apply what is not applied yet, in order, each in a transaction; `folders` are (name, folder with NNNN_x.sql).

    Raises MigrationChanged if a file differs from what was applied under its name.
    """
    await connection.execute("SELECT pg_advisory_lock(76873)")
    try:
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, sha256 text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = {r["name"]: r["sha256"] for r in await connection.fetch("SELECT name, sha256 FROM migration")}
        for owner, folder in folders:
            for file, sql in _numbered(folder):
                name, digest = f"{owner}/{file}", hashlib.sha256(sql.encode()).hexdigest()
                if name in applied:
                    if applied[name] != digest:
                        raise MigrationChanged(f"{name} was changed after it had been applied: add a new migration")
                    continue
                async with connection.transaction():
                    await connection.execute(sql)
                    await connection.execute("INSERT INTO migration (name, sha256) VALUES ($1, $2)", name, digest)
    finally:
        await connection.execute("SELECT pg_advisory_unlock(76873)")


def chassis_migrations() -> tuple[str, Traversable]:
    """What every service's database begins with."""
    return "chassis", files("chassis") / "migrations"


async def purge(pool: Pool, table: str, age: timedelta) -> None:
    """Delete the rows of `table` whose `created_at` is longer ago than `age`.

    A chunk a transaction: a backlog of any size is gone in the end, where one statement would meet its time-out each time.
    """
    deleted = PURGE_CHUNK
    while deleted == PURGE_CHUNK:
        deleted = await pool.fetchval(
            f"""WITH gone AS (
                    DELETE FROM {table} WHERE ctid = ANY (ARRAY(
                        SELECT ctid FROM {table} WHERE created_at < now() - $1::interval LIMIT $2))
                    RETURNING 1)
                SELECT count(*) FROM gone""",  # noqa: S608 - a constant of its caller
            age,
            PURGE_CHUNK,
        )


async def only_index_plans(connection: Connection) -> None:
    """Have this transaction join from the batch into the tables by their indexes, whatever the statistics say.

    So the rows that a batch touches depend on the batch and not on the size of the table.
    """
    await connection.execute(
        "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
    )
