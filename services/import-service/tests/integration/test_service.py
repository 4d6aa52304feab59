"""The whole service as a process, between a real broker and a real database; user-service is played by the test."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from chassis.records import new_id, now_text
from chassis.testing import ACCESS_KEYS, bearer, eventually, free_port
from contracts.envelope import Envelope
from contracts.events.base import Message
from contracts.events.org import AcademyChanged
from contracts.events.users import UserChecked, UserCheckRequested, UserUnchanged


def as_operator(request: httpx.Request) -> httpx.Request:
    """Every request has a token of its own: a test may take longer than one lasts."""
    request.headers.update(bearer())
    return request


class Service:
    """A running import-service that can be killed and started again."""

    def __init__(self, stack: dict[str, str], database: str) -> None:
        port = free_port()
        self._environment = os.environ | {
            "INSTROOM_KAFKA": stack["kafka"],
            "INSTROOM_SESSION_TIMEOUT": "4",  # how long a killed process keeps its partitions
            "INSTROOM_DATABASE": database,
            "INSTROOM_HTTP_PORT": str(port),
            "INSTROOM_ACCESS_KEYS": json.dumps(ACCESS_KEYS),
        }
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, auth=as_operator)
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "import_service", env=self._environment
        )
        await eventually(self._ready, timeout=90, what="import-service is ready")

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        try:
            return await asyncio.wait_for(self.process.wait(), 30)
        except TimeoutError:
            await self.kill()
            raise

    async def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, "import-service ended"
        try:
            return (await self.http.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
async def service(stack: dict[str, str], database: str) -> AsyncIterator[Service]:
    service = Service(stack, database)
    await service.start()
    try:
        yield service
    finally:
        code = await service.stop()
        await service.http.aclose()
    assert code == 0


@pytest.fixture
async def producer(stack: dict[str, str]) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=stack["kafka"], acks="all") as producer:
        yield producer


async def publish(
    producer: AIOKafkaProducer, topic: str, key: str, message: Message, **attributes: Any
) -> "asyncio.Future[Any]":
    academy = key.partition("/")[0]
    envelope = Envelope(id=new_id(), type=message.TYPE, source="test", academy=academy, time=now_text(), **attributes)
    value = message.model_dump_json(exclude_unset=True).encode()
    sent: asyncio.Future[Any] = await producer.send(topic, value, key=key.encode(), headers=envelope.headers())
    return sent


async def define(producer: AIOKafkaProducer, academy: str) -> None:
    """The academy appears on org.structure."""
    about = AcademyChanged(id=academy, name="Demo", default_language="nl", languages=["nl"], revision=1)
    await (await publish(producer, "org.structure", f"{academy}/academy/{academy}", about, org_revision=1))


@pytest.fixture
async def user_service(
    stack: dict[str, str], producer: AIOKafkaProducer, academy: str
) -> AsyncIterator[list[Envelope]]:
    """Answers every check and request of the academy, and each request once more; keeps what it was asked."""
    asked: list[Envelope] = []
    consumer = AIOKafkaConsumer(
        "user.checks", "user.requests.bulk", bootstrap_servers=stack["kafka"], enable_auto_commit=False
    )

    async def work() -> None:
        async for record in consumer:
            envelope = Envelope.from_headers(record.headers)
            if envelope.academy != academy:
                continue
            asked.append(envelope)
            reference = {
                "request_source": envelope.request_source,
                "request_id": envelope.request_id,
                "attempt": envelope.attempt,
            }
            key = record.key.decode()
            if envelope.type == UserCheckRequested.TYPE:
                verdict = UserChecked(outcome="unchanged", user_version=1, org_revision=1)
                await publish(producer, "user.verdicts", key, verdict, **reference)
            else:
                for _ in range(2):
                    outcome = UserUnchanged(version=1, org_revision=1)
                    await publish(producer, "user.events", key, outcome, **reference)

    await consumer.start()
    await consumer.seek_to_end()
    working = asyncio.create_task(work())
    try:
        yield asked
    finally:
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
        await consumer.stop()


async def uploaded(service: Service, academy: str, data: bytes) -> str:
    params = {"filename": "p.csv", "min_org_revision": 1}

    async def known() -> httpx.Response | None:
        answer = await service.http.post(f"/academies/{academy}/imports", params=params, content=data)
        return answer if answer.status_code != 404 else None

    response: httpx.Response = await eventually(known, timeout=120, what="import-service knows the academy")
    assert response.status_code == 202, response.text
    return str(response.headers["Location"])


async def reached(service: Service, location: str, state: str, done: int = 0) -> dict[str, Any]:
    async def look() -> Any:
        with contextlib.suppress(httpx.TransportError):
            document = (await service.http.get(location)).json()
            return document if document["state"] == state and document["done"] >= done else None

    found: dict[str, Any] = await eventually(look, timeout=120, what=f"the import is {state}")
    return found


async def test_an_import_goes_through_a_real_broker(
    service: Service, producer: AIOKafkaProducer, user_service: list[Envelope], academy: str, tools: Any
) -> None:
    await define(producer, academy)
    location = await uploaded(service, academy, tools.csv(1200))
    assert (await reached(service, location, "checked"))["unchanged"] == 1200
    assert (await service.http.post(f"{location}/start")).status_code == 202
    document = await reached(service, location, "completed")
    assert (document["rows"], document["unchanged"], document["not_attempted"]) == (1200, 1200, 0)
    assert len({(e.type, e.id) for e in user_service}) == 2400


@pytest.mark.slow
async def test_a_kill_in_the_middle_of_a_check_and_of_a_start_loses_no_row_and_counts_none_twice(
    service: Service, producer: AIOKafkaProducer, user_service: list[Envelope], academy: str, tools: Any
) -> None:
    await define(producer, academy)
    location = await uploaded(service, academy, tools.csv(12_000))
    await reached(service, location, "checking", done=500)
    await service.kill()
    await service.start()
    assert (await reached(service, location, "checked"))["unchanged"] == 12_000
    assert (await service.http.post(f"{location}/start")).status_code == 202
    await reached(service, location, "running", done=500)
    await service.kill()
    await service.start()
    document = await reached(service, location, "completed")
    assert (document["unchanged"], document["not_attempted"], document["report_version"]) == (12_000, 0, 1)
    assert len({e.request_id for e in user_service if e.type != UserCheckRequested.TYPE}) == 12_000
