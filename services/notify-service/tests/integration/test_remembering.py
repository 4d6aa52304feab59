"""A restored database learns from the service's own events which mails are done with, before anything is mailed."""

import uuid
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from chassis.database import Pool
from chassis.publishing import Publisher
from chassis.records import RawEvent, decode_headers
from chassis.testing import eventually
from chassis.topics import ensure_topics
from contracts.topics import INVITATION_EVENTS
from notify_service.remembering import remember


@pytest.fixture
async def publish(stack: dict[str, str], pool: Pool) -> Any:
    """Publishes what the outbox has, as the relay would."""
    await ensure_topics(stack["kafka"], [INVITATION_EVENTS])

    async def publish() -> None:
        rows = await pool.fetch(
            "SELECT topic, key, headers, value FROM outbox WHERE topic = $1 ORDER BY seq", INVITATION_EVENTS.name
        )
        publisher = Publisher(stack["kafka"], "test")
        await publisher.publish(
            [RawEvent(r["topic"], r["key"], decode_headers(r["headers"]), r["value"]) for r in rows]
        )
        await publisher.stop()

    return publish


async def remembering(stack: dict[str, str], pool: Pool, cluster: str = "cluster") -> None:
    await remember(stack["kafka"], pool, cluster, structlog.get_logger())


@pytest.mark.parametrize("dumped", ["before they were queued", "while they were queued"])
async def test_what_was_sent_after_the_dump_is_not_sent_again(
    stack: dict[str, str], pool: Pool, take: Any, people: Any, delivering: Any, sink: Any, publish: Any, dumped: str
) -> None:
    unique = uuid.uuid4().hex
    asked = [people.created(f"{unique}-{n}", uuid.uuid4()) for n in range(5)]
    refused = people.created(f"{unique}-x", uuid.uuid4(), email=f"{unique}@refused.example")
    sink.to_rcpt[f"{unique}@refused.example"] = ["550 no such mailbox"]
    await take(*asked, refused)
    if dumped == "while they were queued":
        await pool.execute("CREATE TABLE dump AS SELECT * FROM mail")
    async with delivering():
        await eventually(lambda: pool.fetchval("SELECT count(*) = 0 FROM mail WHERE state = 'queued'"))
    await publish()
    mails = len(sink.mails)
    await pool.execute("TRUNCATE mail, outbox")
    if dumped == "while they were queued":
        await pool.execute("INSERT INTO mail SELECT * FROM dump")

    await remembering(stack, pool)
    await take(*asked, refused)  # the consumer reads them again
    later = people.created(f"{unique}-later", uuid.uuid4())
    await take(later)
    async with delivering():
        await eventually(lambda: len(sink.mails) > mails, what="the new one is mailed")
        await eventually(lambda: pool.fetchval("SELECT count(*) = 0 FROM mail WHERE state = 'queued'"))
    assert len(sink.mails) == mails + 1
    rows = await pool.fetch(
        "SELECT state, message_id, reason, email FROM mail WHERE personnel_number LIKE $1", f"{unique}%"
    )
    assert sorted(row["state"] for row in rows) == ["failed", *["sent"] * 6]
    assert all((row["message_id"] or row["reason"]) and row["email"] for row in rows)


async def test_the_next_start_reads_only_what_came_since(
    stack: dict[str, str], pool: Pool, take: Any, people: Any, delivering: Any, publish: Any
) -> None:
    await take(people.created(uuid.uuid4().hex, uuid.uuid4()))
    async with delivering():
        await eventually(lambda: pool.fetchval("SELECT count(*) = 0 FROM mail WHERE state = 'queued'"))
    await publish()
    await remembering(stack, pool)
    await pool.execute("TRUNCATE mail")
    await remembering(stack, pool)
    assert await pool.fetchval("SELECT count(*) FROM mail") == 0
    await remembering(stack, pool, "another cluster")
    assert await pool.fetchval("SELECT count(*) FROM mail") > 0


async def test_what_cannot_be_read_keeps_no_mail_from_going_out(
    stack: dict[str, str], pool: Pool, publish: Any
) -> None:
    publisher = Publisher(stack["kafka"], "test")
    bad = ([("ce_type", b"instroom.invitation.sent.v1")], [("ce_type", b"\xff")])
    await publisher.publish([RawEvent(INVITATION_EVENTS.name, b"poison/1", headers, b"{") for headers in bad])
    await publisher.stop()
    with capture_logs() as lines:
        await remembering(stack, pool)
    assert len([line for line in lines if line["event"] == "mail.not_remembered"]) >= 2
