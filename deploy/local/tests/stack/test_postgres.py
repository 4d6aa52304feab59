"""PostgreSQL from the wheel."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from instroom.stack import databases


async def test_data_survives_the_kill_of_everything(start_stack: Callable[..., Any], tmp_path: Path) -> None:
    stack = start_stack(tmp_path / "home", "postgres")
    connection = await asyncpg.connect(stack.at["postgres"])
    await connection.execute("CREATE TABLE kept (n int)")
    await connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
    stack.kill_everything()
    assert (tmp_path / "home" / "postgres" / "postmaster.pid").exists()

    again = start_stack(tmp_path / "home", "postgres")
    assert again.at == stack.at
    connection = await asyncpg.connect(again.at["postgres"])
    assert await connection.fetchval("SELECT count(*) FROM kept") == 1000
    await connection.close()


async def test_it_starts_although_a_foreign_process_has_the_pid_of_the_killed_server(
    start_stack: Callable[..., Any], tmp_path: Path
) -> None:
    stack = start_stack(tmp_path / "home", "postgres")
    stack.kill_everything()
    pid_file = tmp_path / "home" / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().split("\n")
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    start_stack(tmp_path / "home", "postgres")


async def test_it_confirms_nothing_that_it_could_lose(start_stack: Callable[..., Any], tmp_path: Path) -> None:
    stack = start_stack(tmp_path / "home", "postgres")
    connection = await asyncpg.connect(stack.at["postgres"])
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        assert await connection.fetchval("SELECT current_setting($1)", name) == "on"
    await connection.close()


async def test_each_service_has_a_database_that_others_cannot_enter(
    start_stack: Callable[..., Any], tmp_path: Path
) -> None:
    admin = start_stack(tmp_path / "home", "postgres").at["postgres"]
    await databases.ensure(admin, {"org": "one", "user": "two"})
    await databases.ensure(admin, {"org": "changed", "user": "two"})  # again, with a new password
    connection = await asyncpg.connect(databases.service_dsn(admin, "org", "changed"))
    await connection.execute("CREATE TABLE mine (n int)")
    await connection.close()
    foreign = databases.service_dsn(admin, "user", "two").rpartition("/")[0] + "/instroom_org"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(foreign)


def test_a_dsn_that_is_shown_has_no_password() -> None:
    assert databases.address("postgresql://u:secret@h:1/d?sslmode=require") == "postgresql://u@h:1/d?sslmode=require"
    assert databases.address("postgresql:///d?host=/run/pg") == "postgresql:///d?host=/run/pg"
