"""The whole service as a process, between a real broker and a real database."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from chassis.records import new_id
from chassis.testing import ACCESS_KEYS, bearer, eventually, free_port
from contracts.envelope import Envelope
from contracts.events import org
from contracts.events.base import Message

FILE = {
    "academy": {"name": "Demo Academy", "languages": ["nl", "en"]},
    "companies": [{"name": "Acme BV", "code": "ACME", "departments": [{"name": "Verkoop"}]}],
    "functions": [{"name": "Adviseur", "learning_activities": ["Privacy basis"]}],
}


def settings(stack: dict[str, str], database: str) -> dict[str, str]:
    """The environment of a service at a port that was free a moment ago."""
    port = free_port()
    return os.environ | {
        "INSTROOM_KAFKA": stack["kafka"],
        "INSTROOM_DATABASE": database,
        "INSTROOM_HTTP_PORT": str(port),
        "INSTROOM_ACCESS_KEYS": json.dumps(ACCESS_KEYS),
    }


@pytest.fixture
async def service(stack: dict[str, str], database: str) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to a running org-service that is ready."""
    environment = settings(stack, database)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "org_service", env=environment)

    async def ready() -> bool:
        assert process.returncode is None, "org-service ended"
        try:
            return (await client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    address = f"http://127.0.0.1:{environment['INSTROOM_HTTP_PORT']}"
    async with httpx.AsyncClient(base_url=address, timeout=30, headers=bearer(seconds=600)) as client:
        try:
            await eventually(ready, timeout=60, what="org-service is ready")
            yield client
        finally:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 30)
            except TimeoutError:
                process.kill()
                await process.wait()
    assert process.returncode == 0


async def read(kafka: str, topic: str, academy: str) -> list[tuple[str, Envelope, Any]]:
    """Key, envelope and value of all that the topic holds of an academy; what was published again counts once."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        found: dict[str, tuple[str, Envelope, Any]] = {}
        while await consumer.position(partition) < end:
            for record in (await consumer.getmany(partition, timeout_ms=200)).get(partition, []):
                key = record.key.decode()
                if key.split("/")[0] == academy:
                    envelope = Envelope.from_headers(record.headers)
                    found.setdefault(envelope.id, (key, envelope, record.value))
        return list(found.values())
    finally:
        await consumer.stop()


async def test_a_posted_structure_is_on_the_topic_when_its_command_is_done(
    service: httpx.AsyncClient, stack: dict[str, str], academy: str
) -> None:
    posted = await service.post(f"/academies/{academy}/structure", json=FILE)
    command = (await service.get(posted.headers["Location"], params={"wait": 30}, timeout=60)).json()
    assert command["outcome"] == {"code": "applied", "revision": 1, "changed": True}

    async def published() -> list[Any]:
        events = await read(stack["kafka"], "org.structure", academy)
        return events if len(events) == 4 else []

    events = await eventually(published, what="four events on org.structure")
    assert [envelope.type.split(".")[2] for _, envelope, _ in events] == [
        "company-changed",
        "department-changed",
        "function-changed",
        "academy-changed",
    ]
    last = org.AcademyChanged.model_validate_json(events[-1][2])
    assert (last.id, last.languages, last.revision) == (academy, ["nl", "en"], 1)


async def test_commands_of_an_outside_sender_are_applied_and_a_bad_one_among_them_is_set_aside(
    service: httpx.AsyncClient, stack: dict[str, str], academy: str
) -> None:
    def headers(command: type[Message]) -> list[tuple[str, bytes]]:
        return Envelope(id=new_id(), type=command.TYPE, source="hr", academy=academy).headers()

    async with AIOKafkaProducer(bootstrap_servers=stack["kafka"], acks="all") as producer:
        for command, value in (
            (org.ApplyStructure, orjson.dumps(FILE)),
            (org.DefineCompany, b"{not json"),
            (org.RenameUnit, orjson.dumps({"kind": "company", "unit": "ACME", "name": "Acme Groep"})),
            (org.RemoveUnit, orjson.dumps({"kind": "department", "unit": "Verkoop"})),
        ):
            await producer.send_and_wait("org.commands", value, key=academy.encode(), headers=headers(command))

    async def structure() -> Any:
        document = (await service.get(f"/academies/{academy}/structure")).json()
        done = document.get("companies") and document["companies"][0]["departments"][0]["removed"]
        return document if done else None

    document = await eventually(structure, what="the department is removed")
    assert (document["companies"][0]["name"], document["companies"][0]["former_names"]) == ("Acme Groep", ["Acme BV"])

    async def dead_letter() -> list[Any]:
        return await read(stack["kafka"], "org.commands.dlq", academy)

    ((_, envelope, value),) = await eventually(dead_letter, what="the bad command is in the dead letters")
    assert (envelope.type, value) == (org.DefineCompany.TYPE, b"{not json")

    async def tombstone() -> list[Any]:
        return [each for each in await read(stack["kafka"], "org.structure", academy) if each[2] is None]

    ((key, envelope, _),) = await eventually(tombstone, what="the tombstone of the department")
    assert key.startswith(f"{academy}/department/")
    assert envelope.type == "instroom.org.department-removed.v1"


async def test_it_does_not_start_on_a_database_that_may_lose_what_it_confirmed_and_says_so(
    stack: dict[str, str], database: str
) -> None:
    connection = await asyncpg.connect(database)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    await connection.close()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "org_service"), env=settings(stack, database), stdout=asyncio.subprocess.PIPE
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    (refused,) = [line for line in map(orjson.loads, said.splitlines()) if line["event"] == "start.refused"]
    assert process.returncode == 78
    assert "synchronous_commit = off" in refused["error"]
