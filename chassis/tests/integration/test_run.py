"""A service as a process: what it says of itself when too much fails."""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from aiokafka import AIOKafkaProducer

from chassis.records import new_id
from chassis.testing import eventually, free_port
from chassis.topics import ensure_topics
from contracts.envelope import Envelope
from contracts.topics import Topic


async def test_a_service_that_halts_because_everything_fails_is_not_ready_but_alive_so_that_nobody_restarts_it(
    stack: dict[str, str], database: str
) -> None:
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

    async def answer(path: str) -> tuple[int, Any]:
        assert process.returncode is None, "the service ended"
        try:
            found = await client.get(path)
        except httpx.TransportError:
            return 0, {"reasons": []}
        return found.status_code, found.json()

    async def ready() -> bool:
        return (await answer("/readyz"))[0] == 200

    async def halted() -> list[str]:
        return [reason for reason in (await answer("/readyz"))[1]["reasons"] if "records failed" in reason]

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        try:
            await eventually(ready, timeout=60, what="the service is ready")
            async with AIOKafkaProducer(bootstrap_servers=stack["kafka"], acks="all") as producer:
                for _ in range(5):
                    headers = Envelope(id=new_id(), type="test.asked.v1", source="test", academy="a").headers()
                    await producer.send_and_wait(topic.name, b'{"n":1}', key=b"a/1", headers=headers)
            (reason,) = await eventually(halted, what="the consumer has halted")
            assert reason.startswith(f"{topic.name}: 2 records failed")
            assert await answer("/livez") == (200, {"live": True, "reasons": []})
            metrics = (await client.get("/metrics")).text
            assert f'instroom_consumer_halted{{topic="{topic.name}"}} 1.0' in metrics
            connection = await asyncpg.connect(database)
            assert await connection.fetchval("SELECT count(*) FROM dead_letter") == 2
            await connection.close()
        finally:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 90)
            except TimeoutError:
                process.kill()
                await process.wait()
    assert process.returncode == 0
