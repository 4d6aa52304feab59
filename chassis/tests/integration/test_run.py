"""A service as a process: what it says of itself when too much fails, and what it does for others."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaProducer

from chassis.database import connect
from chassis.records import new_id
from chassis.testing import eventually, free_port
from chassis.topics import ensure_topics
from contracts.envelope import Envelope
from contracts.topics import Topic


class Process:
    """The service, asked over HTTP."""

    def __init__(self, process: asyncio.subprocess.Process, client: httpx.AsyncClient, topic: str) -> None:
        self._process, self._client, self.topic = process, client, topic

    async def answer(self, path: str) -> tuple[int, Any]:
        assert self._process.returncode is None, "the service ended"
        try:
            found = await self._client.get(path)
        except httpx.TransportError:
            return 0, {"reasons": []}
        return found.status_code, found.json()

    async def metrics(self) -> str:
        return (await self._client.get("/metrics")).text

    async def is_ready(self) -> bool:
        return (await self.answer("/readyz"))[0] == 200

    async def why_halted(self) -> list[str]:
        return [reason for reason in (await self.answer("/readyz"))[1]["reasons"] if "records failed" in reason]


@pytest.fixture
async def service(stack: dict[str, str], database: str) -> AsyncIterator[Process]:
    """`service_that_fails.py`, ready. It must end in order."""
    topic = Topic(
        name=f"test.run.{os.getpid()}.{time.time_ns()}",
        key="k",
        partitions=1,
        retention_ms=3_600_000,
        owner="test",
        producers=("test",),
        consumers=("test",),
    )
    await ensure_topics(stack["kafka"], [topic, topic.dlq])
    port = free_port()
    environment = os.environ | {
        "INSTROOM_KAFKA": stack["kafka"],
        "INSTROOM_DATABASE": database,
        "INSTROOM_HTTP_PORT": str(port),
        "TOPIC": topic.name,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("service_that_fails.py")), env=environment
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            service = Process(process, client, topic.name)
            await eventually(service.is_ready, timeout=60, what="the service is ready")
            yield service
            process.terminate()
            await asyncio.wait_for(process.wait(), 90)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0


async def test_a_service_that_halts_because_everything_fails_is_not_ready_but_alive_so_that_nobody_restarts_it(
    stack: dict[str, str], database: str, service: Process
) -> None:
    async with AIOKafkaProducer(bootstrap_servers=stack["kafka"], acks="all") as producer:
        for _ in range(5):
            headers = Envelope(id=new_id(), type="test.asked.v1", source="test", academy="a").headers()
            await producer.send_and_wait(service.topic, b'{"n":1}', key=b"a/1", headers=headers)
    (reason,) = await eventually(service.why_halted, what="the consumer has halted")
    assert reason.startswith(f"{service.topic}: 2 records failed")
    assert await service.answer("/livez") == (200, {"live": True, "reasons": []})
    assert f'instroom_consumer_halted{{topic="{service.topic}"}} 1.0' in await service.metrics()
    connection = await asyncpg.connect(database)
    assert await connection.fetchval("SELECT count(*) FROM dead_letter") == 2
    await connection.close()


@pytest.mark.usefixtures("service")
async def test_a_service_ends_the_session_of_another_process_that_froze_in_a_copy(database: str) -> None:
    frozen, looking = await connect(database, transaction_timeout="1h"), await connect(database)
    session = frozen.get_server_pid()

    async def rows() -> AsyncIterator[bytes]:
        yield b"2000-01-01\n"
        await asyncio.Event().wait()

    async def copy() -> None:
        async with frozen.transaction():
            await frozen.execute("CREATE TABLE thing (day date)")
            await frozen.copy_to_table("thing", source=rows(), format="text")

    async def state() -> str | None:
        found = await looking.fetchval("SELECT wait_event FROM pg_stat_activity WHERE pid = $1", session)
        return None if found is None else str(found)

    async def copies() -> bool:
        return await state() == "ClientRead" and not copying.done()

    async def is_gone() -> bool:
        return await state() is None

    copying = asyncio.create_task(copy())
    try:
        await eventually(copies, what="the session waits for rows")
        await eventually(is_gone, what="the session is ended")
    finally:
        frozen.terminate()
        copying.cancel()
        await asyncio.gather(copying, return_exceptions=True)
        await looking.close()
