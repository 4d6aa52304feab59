"""Fixtures for tests on real PostgreSQL and real Kafka: `pytest_plugins = ["chassis.testing"]`.

The stack is started once for a test run, by the command that also serves people; every test has its own database and
its own academies.
"""

import asyncio
import contextlib
import itertools
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from chassis.database import Pool, chassis_migrations, make_pool, migrate
from contracts.access import AUDIENCE, ISSUER, TOKEN_SECONDS, AccessClaims, Role

_numbers = itertools.count(1)


_KEY = OKPKey.generate_key("Ed25519", auto_kid=False)
ACCESS_KEYS = {"test": str(_KEY.as_dict(private=False)["x"])}
"""What services under test are told: INSTROOM_ACCESS_KEYS."""


def access_token(role: Role = Role.OPERATOR, academy: str = "", *, seconds: int = TOKEN_SECONDS, **claims: str) -> str:
    """An access token that services under test take."""
    now = int(time.time())
    said = AccessClaims(
        iss=ISSUER,
        aud=AUDIENCE,
        role=role,
        academy=academy,
        iat=now,
        exp=now + seconds,
        **({"sub": role.value} | claims),
    )
    return jwt.encode({"alg": "Ed25519", "kid": "test"}, said.model_dump(mode="json"), _KEY, algorithms=["Ed25519"])


def bearer(role: Role = Role.OPERATOR, academy: str = "", **claims: Any) -> dict[str, str]:
    """The headers of whoever has that role."""
    return {"Authorization": f"Bearer {access_token(role, academy, **claims)}"}


def free_port() -> int:
    """A port for a process that is about to start: not of the range that outgoing connections take meanwhile."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(10_000, 20_000)))
            return int(probe.getsockname()[1])


async def eventually(
    condition: Callable[[], Any], *, timeout: float = 30.0, every: float = 0.05, what: str = ""
) -> Any:
    """Wait until `condition()` (plain or awaitable) is true and return what it gave; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() > deadline  # before it is looked at: it may come true in a pause of this machine
        value = condition()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        if late:
            raise AssertionError(f"not within {timeout} s: {what or condition}")
        await asyncio.sleep(every)


@pytest.fixture(scope="session")
def stack() -> Iterator[dict[str, str]]:
    """Addresses of a running PostgreSQL, Kafka and mail sink: {"kafka", "postgres", "smtp", "home"}."""
    if running := os.environ.get("INSTROOM_STACK"):  # a stack that runs already, for quick rounds while developing
        yield json.loads(running)
        return
    # Not under pytest's own folder, which other runs reset: PostgreSQL works in here under an account of its own.
    folder = Path(tempfile.mkdtemp(prefix="instroom-stack-", dir=os.environ.get("INSTROOM_TEST_FOLDER")))
    home = folder / "home"
    with subprocess.Popen(
        [sys.executable, "-m", "instroom.stack", "--home", str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, "the embedded stack did not start: see its words above"
            yield json.loads(line) | {"home": str(home)}
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def database(stack: dict[str, str]) -> AsyncIterator[str]:
    """The DSN of a database of this test's own, dropped at its end."""
    name = f"t_{os.getpid()}_{next(_numbers)}"
    admin = await asyncpg.connect(stack["postgres"])
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        base, _, query = stack["postgres"].partition("?")
        yield f"{base.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


MakePool = Callable[..., Awaitable[Pool]]


@pytest.fixture
async def make_migrated_pool(database: str) -> AsyncIterator[MakePool]:
    """Makes pools on the test's database, with the chassis' tables and those of the given folders."""
    pools: list[Pool] = []

    async def make(*folders: tuple[str, Traversable]) -> Pool:
        pool = make_pool(database)
        await pool
        pools.append(pool)
        async with pool.acquire() as connection:
            await migrate(connection, chassis_migrations(), *folders)
        return pool

    yield make
    for pool in pools:
        async with asyncio.timeout(30):
            await pool.close()


@pytest.fixture
def academy() -> str:
    """The id of an academy that no other test has."""
    return f"a{os.getpid()}-{next(_numbers)}-{time.time_ns() % 1_000_000}"
