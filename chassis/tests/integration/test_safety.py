"""A start with unsafe settings, a changed migration or a differing topic is refused, with what to do."""

import asyncio
import contextlib
import os
import time
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from chassis.database import MigrationChanged, UnsafeSettings, check_safety, is_transient, migrate
from chassis.testing import MakePool, eventually
from chassis.topics import ensure_topics
from contracts.topics import Topic


def a_topic() -> Topic:
    return Topic(
        name=f"test.safety.{os.getpid()}.{time.time_ns()}",
        key="k",
        partitions=2,
        retention_ms=3_600_000,
        owner="test",
        producers=("test",),
        consumers=("test",),
    )


async def made(stack: dict[str, str], topic: Topic) -> None:
    """Make it and wait until the broker lists it, which may be a moment after it was made."""
    await ensure_topics(stack["kafka"], [topic])
    admin = AIOKafkaAdminClient(bootstrap_servers=stack["kafka"])
    await admin.start()

    async def listed() -> bool:
        return topic.name in await admin.list_topics()

    try:
        await eventually(listed, what="the topic is listed")
    finally:
        await admin.close()


async def test_a_database_that_may_lose_what_it_confirmed_is_refused(make_migrated_pool: MakePool) -> None:
    pool = await make_migrated_pool()
    async with pool.acquire() as connection:
        await check_safety(connection)
        await connection.execute("SET synchronous_commit = off")
        with pytest.raises(UnsafeSettings, match="synchronous_commit"):
            await check_safety(connection)
        await connection.execute("RESET synchronous_commit")


async def test_a_transaction_left_open_does_not_reach_the_next_user_of_its_connection(
    make_migrated_pool: MakePool,
) -> None:
    pool = await make_migrated_pool()
    connection = await pool.acquire()
    server = connection.get_server_pid()
    await connection.execute("BEGIN; SET LOCAL lock_timeout = '1ms'; CREATE TABLE left_open ()")
    await pool.release(connection)
    async with pool.acquire() as again:
        assert again.get_server_pid() == server
        assert not again.is_in_transaction()
        assert await again.fetchval("SHOW lock_timeout") == "10s"
        assert await again.fetchval("SELECT to_regclass('left_open')") is None


async def test_a_topic_with_other_partitions_or_another_clean_up_is_refused(stack: dict[str, str]) -> None:
    topic = a_topic()
    await made(stack, topic)
    await ensure_topics(stack["kafka"], [topic])
    with pytest.raises(UnsafeSettings, match="partitions"):
        await ensure_topics(stack["kafka"], [replace(topic, partitions=3)])
    with pytest.raises(UnsafeSettings, match=r"cleanup\.policy"):
        await ensure_topics(stack["kafka"], [replace(topic, cleanup="compact")])


async def test_a_topic_that_forgets_sooner_than_the_registry_says_is_refused_and_one_that_keeps_longer_is_not(
    stack: dict[str, str],
) -> None:
    topic = a_topic()
    await made(stack, topic)
    await ensure_topics(stack["kafka"], [replace(topic, retention_ms=3_599_999)])
    with pytest.raises(UnsafeSettings, match=r"retention\.ms=3600000: the registry says 3600001"):
        await ensure_topics(stack["kafka"], [replace(topic, retention_ms=3_600_001)])


async def test_a_topic_that_never_forgets_is_taken(stack: dict[str, str]) -> None:
    topic = a_topic()
    await made(stack, replace(topic, retention_ms=-1))
    await ensure_topics(stack["kafka"], [topic])


async def test_a_migration_is_applied_once_and_must_not_change_afterwards(
    make_migrated_pool: MakePool, tmp_path: Path
) -> None:
    pool = await make_migrated_pool()
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (n int)")
    async with pool.acquire() as connection:
        await migrate(connection, ("x", tmp_path))
        await migrate(connection, ("x", tmp_path))
        (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (n bigint)")
        with pytest.raises(MigrationChanged, match="add a new migration"):
            await migrate(connection, ("x", tmp_path))


async def test_a_migration_that_fails_leaves_nothing_behind(make_migrated_pool: MakePool, tmp_path: Path) -> None:
    pool = await make_migrated_pool()
    (tmp_path / "0001_half.sql").write_text("CREATE TABLE half (n int); SELECT 1/0")
    async with pool.acquire() as connection:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await migrate(connection, ("x", tmp_path))
        assert await connection.fetchval("SELECT to_regclass('half') IS NULL")
        assert await connection.fetchval("SELECT count(*) FROM migration WHERE name LIKE 'x/%'") == 0


async def test_a_frozen_transaction_is_ended_by_the_server_and_counts_as_passing(make_migrated_pool: MakePool) -> None:
    pool = await make_migrated_pool()
    async with pool.acquire() as connection:
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "15s"
        assert await connection.fetchval("SHOW lock_timeout") == "10s"
        await connection.execute("SET transaction_timeout = '200ms'")
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)) as ended:
            await connection.execute("SELECT pg_sleep(5)")
        assert is_transient(ended.value)


@pytest.mark.parametrize("in_transaction", [True, False])
async def test_a_connection_that_is_lost_between_two_statements_counts_as_passing(
    make_migrated_pool: MakePool, in_transaction: bool
) -> None:
    pool = await make_migrated_pool()

    async def lose_it() -> None:
        async with pool.acquire() as connection, contextlib.AsyncExitStack() as transaction:
            if in_transaction:
                await transaction.enter_async_context(connection.transaction())
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            await pool.execute("SELECT pg_terminate_backend($1)", pid)
            await eventually(connection.is_closed)
            await connection.execute("SELECT 1")

    with pytest.raises(asyncpg.InterfaceError) as lost:
        await lose_it()
    assert is_transient(lost.value)


async def test_a_pool_that_closes_counts_as_passing(make_migrated_pool: MakePool) -> None:
    pool = await make_migrated_pool()
    await pool.close()
    with pytest.raises(asyncpg.InterfaceError) as closed:
        await pool.fetchval("SELECT 1")
    assert is_transient(closed.value)


async def test_a_mistake_in_the_code_does_not_count_as_passing(make_migrated_pool: MakePool) -> None:
    pool = await make_migrated_pool()
    async with pool.acquire() as connection:
        with pytest.raises(asyncpg.InterfaceError) as arguments:
            await connection.fetchval("SELECT $1::int", 1, 2)
        two = connection.execute("SELECT pg_sleep(0.1)"), connection.execute("SELECT 1")
        _, twice = await asyncio.gather(*two, return_exceptions=True)
        assert isinstance(twice, asyncpg.InterfaceError)
        with pytest.raises(asyncpg.DataError) as value:
            await connection.fetchval("SELECT $1::int", 2**40)
    assert [is_transient(error) for error in (arguments.value, twice, value.value)] == [False, False, False]
