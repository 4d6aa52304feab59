"""A start with unsafe settings, a changed migration or a differing topic is refused, with what to do."""

import os
import time
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from chassis.database import MigrationChanged, UnsafeSettings, check_safety, is_transient, migrate
from chassis.testing import MakePool
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


async def test_a_database_that_may_lose_what_it_confirmed_is_refused(make_migrated_pool: MakePool) -> None:
    pool = await make_migrated_pool()
    async with pool.acquire() as connection:
        await check_safety(connection)
        await connection.execute("SET synchronous_commit = off")
        with pytest.raises(UnsafeSettings, match="synchronous_commit"):
            await check_safety(connection)
        await connection.execute("RESET synchronous_commit")


async def test_a_topic_with_other_partitions_or_another_clean_up_is_refused(stack: dict[str, str]) -> None:
    topic = a_topic()
    await ensure_topics(stack["kafka"], [topic])
    await ensure_topics(stack["kafka"], [topic])
    with pytest.raises(UnsafeSettings, match="partitions"):
        await ensure_topics(stack["kafka"], [replace(topic, partitions=3)])
    with pytest.raises(UnsafeSettings, match=r"cleanup\.policy"):
        await ensure_topics(stack["kafka"], [replace(topic, cleanup="compact")])


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
