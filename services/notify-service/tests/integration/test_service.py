"""The whole service as a process, between a real broker, a real database and a mail server."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from chassis.testing import ACCESS_KEYS, bearer, eventually, free_port
from contracts.envelope import Envelope
from contracts.events import org
from contracts.topics import INVITATION_EVENTS, USER_EVENTS, Topic


@dataclass
class Running:
    process: asyncio.subprocess.Process
    http: httpx.AsyncClient


Start = Callable[[], Awaitable[Running]]


@pytest.fixture
async def start(stack: dict[str, str], database: str, sink: Any, seed: str) -> AsyncIterator[Start]:
    """Starts a notify-service and waits until it is ready."""
    started: list[Running] = []

    async def start() -> Running:
        port = free_port()
        environment = os.environ | {
            "INSTROOM_KAFKA": stack["kafka"],
            "INSTROOM_SESSION_TIMEOUT": "4",  # how long a killed process keeps its partitions
            "INSTROOM_MAIL_LEASE": "10",  # and its mails
            "INSTROOM_SMTP_TIMEOUT": "20",
            "INSTROOM_DATABASE": database,
            "INSTROOM_HTTP_PORT": str(port),
            "INSTROOM_ACCESS_KEYS": json.dumps(ACCESS_KEYS),
            "INSTROOM_SMTP": f"127.0.0.1:{sink.port}",
            "INSTROOM_PUBLIC_URL": "https://people.example",
            "INSTROOM_SIGNING_KEY": seed,
            "INSTROOM_SIGNING_KEY_ID": "2031-a",
        }
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "notify_service", env=environment)
        http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, headers=bearer(seconds=600))
        running = Running(process, http)
        started.append(running)

        async def ready() -> bool:
            assert process.returncode is None, "notify-service ended"
            try:
                return (await running.http.get("/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(ready, timeout=120, what="notify-service is ready")
        return running

    yield start
    for running in started:
        await running.http.aclose()
        if running.process.returncode is None:
            running.process.terminate()
            try:
                await asyncio.wait_for(running.process.wait(), 30)
            except TimeoutError:
                running.process.kill()
                await running.process.wait()
            assert running.process.returncode == 0


async def publish(kafka: str, *records: Any) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        for record in records:
            await producer.send_and_wait(
                record.topic, record.value, key=record.key.encode(), headers=record.envelope.headers()
            )


async def publish_academy(kafka: str, academy: str, name: str) -> None:
    terms = org.TermsChanged(version=1, texts={"nl": "Houd je wachtwoord geheim."}, revision=1)
    about = org.AcademyChanged(id=academy, name=name, default_language="nl", languages=["nl"], revision=1)
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        for kind, message in (("terms", terms), ("academy", about)):
            envelope = Envelope(
                id=f"{kind}-{academy}", type=message.TYPE, source="org-service", academy=academy, org_revision=1
            )
            await producer.send_and_wait(
                "org.structure",
                message.model_dump_json().encode(),
                key=f"{academy}/{kind}/{academy}".encode(),
                headers=envelope.headers(),
            )


async def read(kafka: str, topic: Topic, academy: str) -> list[str]:
    """The types of all that the topic holds of an academy, in order per key; what was published again counts once."""
    async with AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False) as consumer:
        partitions = [TopicPartition(topic.name, n) for n in range(topic.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found: dict[str, str] = {}
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                for record in (await consumer.getmany(partition, timeout_ms=200)).get(partition, []):
                    if record.key.decode().split("/")[0] == academy:
                        envelope = Envelope.from_headers(record.headers)
                        found.setdefault(envelope.id, envelope.type)
        return list(found.values())


def mails_of(sink: Any, academy: str) -> list[tuple[str, bytes]]:
    """Number and content; the broker is shared, so mails of other tests come along."""
    return [(to[len(academy) + 1 :].partition("@")[0], c) for to, c in sink.mails if to.startswith(f"{academy}-")]


async def test_an_invitation_on_kafka_becomes_one_mail_and_is_told_over_kafka(
    start: Start, stack: dict[str, str], sink: Any, make_people: Any, academy: str
) -> None:
    service = await start()
    people = make_people(academy)
    await publish_academy(stack["kafka"], academy, "Zorggroep De Linde")
    record = people.created(f"{academy}-1001", people.invitation())
    await publish(stack["kafka"], record, record)

    async def sent() -> Any:
        answer = await service.http.get(f"/academies/{academy}/invitations")
        found = answer.json().get("invitations", [])
        return found[0] if found and found[0]["status"] == "sent" else None

    entry = await eventually(sent, what="the invitation is sent")
    assert entry["personnel_number"] == f"{academy}-1001"
    ((_, content),) = mails_of(sink, academy)
    assert b"Subject: Je uitnodiging voor Zorggroep De Linde\r\n" in content

    async def told() -> bool:
        return await read(stack["kafka"], INVITATION_EVENTS, academy) == [
            "instroom.invitation.queued.v1",
            "instroom.invitation.sent.v1",
        ]

    await eventually(told, what="queued and sent are on invitation.events")
    metrics = (await service.http.get("/metrics")).text
    assert 'instroom_mails_total{result="sent"}' in metrics


@pytest.mark.slow
async def test_a_service_killed_at_work_sends_the_rest_after_its_start_and_nobody_twice(
    start: Start, stack: dict[str, str], sink: Any, make_people: Any, academy: str
) -> None:
    service = await start()
    people = make_people(academy)
    await publish_academy(stack["kafka"], academy, "Zorggroep De Linde")
    records = [people.created(f"{academy}-{n}", people.invitation()) for n in range(200)]
    sink.hold = asyncio.Event()
    await publish(stack["kafka"], *records)
    await eventually(lambda: sink.holding >= 1, what="a mail is under way")
    service.process.kill()
    await service.process.wait()
    sink.hold.set()
    await start()
    await publish(stack["kafka"], *records[:50])
    await eventually(lambda: len(dict(mails_of(sink, academy))) == 200, timeout=180, what="everybody has a mail")
    by_person: dict[str, set[bytes]] = {}
    for number, content in mails_of(sink, academy):
        by_person.setdefault(number, set()).add(content)
    assert all(len(contents) == 1 for contents in by_person.values())
    assert len(mails_of(sink, academy)) - 200 <= 8  # the mails that were under way on the lines of the killed process


async def test_a_reset_on_kafka_becomes_one_mail_and_nothing_is_told_over_kafka(
    start: Start, stack: dict[str, str], sink: Any, make_people: Any, academy: str
) -> None:
    service = await start()
    people = make_people(academy)
    await publish_academy(stack["kafka"], academy, "Zorggroep De Linde")
    record = people.reset(f"{academy}-1001", people.invitation())
    await publish(stack["kafka"], record, record, people.created(f"{academy}-1002", people.invitation()))
    await eventually(lambda: set(dict(mails_of(sink, academy))) == {"1001", "1002"}, what="both are mailed")
    (content,) = [content for number, content in mails_of(sink, academy) if number == "1001"]
    assert b"Subject: Een nieuw wachtwoord voor Zorggroep De Linde\r\n" in content

    async def told() -> bool:
        return await read(stack["kafka"], INVITATION_EVENTS, academy) == [
            "instroom.invitation.queued.v1",
            "instroom.invitation.sent.v1",
        ]

    await eventually(told, what="only the invitation is on invitation.events")
    listed = (await service.http.get(f"/academies/{academy}/invitations")).json()["invitations"]
    assert [entry["personnel_number"] for entry in listed] == [f"{academy}-1002"]


async def test_an_event_that_cannot_be_mailed_is_set_aside_and_its_neighbours_go_out(
    start: Start, stack: dict[str, str], sink: Any, make_people: Any, academy: str
) -> None:
    await start()
    people = make_people(academy)
    await publish_academy(stack["kafka"], academy, "Zorggroep De Linde")
    nameless = people.queued("1002", people.invitation()).model_copy(update={"recipient": None})
    await publish(
        stack["kafka"],
        people.created(f"{academy}-1001", people.invitation()),
        people.updated(f"{academy}-1002", 2, nameless),
        people.created(f"{academy}-1003", people.invitation()),
    )
    await eventually(lambda: set(dict(mails_of(sink, academy))) == {"1001", "1003"})

    async def set_aside() -> bool:
        return await read(stack["kafka"], USER_EVENTS.dlq, academy) == ["instroom.user.updated.v1"]

    await eventually(set_aside, what="the event is in the dead letters")
