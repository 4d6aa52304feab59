"""Transactions that somebody holds open for long in the services' databases: whatever else is committed is published."""

import asyncio
import time
from datetime import datetime
from statistics import quantiles

import asyncpg
import pytest
from cases import Size
from harm import PATIENCE
from kafka_outside import Seen, once
from ledger import Ledger
from people import Workforce

from chassis.records import encode_headers, new_id
from contracts.envelope import Envelope
from contracts.events.imports import ImportUploaded
from contracts.topics import IMPORT_EVENTS
from instroom.testing import wait_until

SERVICES = ("user", "import", "notify")
SAID = ("user.events", "import.events", "invitation.events")


@pytest.mark.case(
    "open-transactions",
    "a transaction that keeps its snapshot and has written stays open in each database: imports complete meanwhile, and"
    " its own event is published once, after it ended",
)
def test_a_transaction_that_stays_open_holds_up_no_event_but_its_own(ledger: Ledger, size: Size) -> None:
    academy, until = ledger.academy, time.monotonic() + size.seconds(0, 120)
    with asyncio.Runner() as runner:
        transactions = [runner.run(_begin(ledger, service)) for service in SERVICES]
        try:
            while True:
                workforce = Workforce(ledger.academy, size.rows(2_000, 50_000), invite_every=10)
                import_id = ledger.upload(workforce)
                ledger.until(import_id, "checked")
                ledger.start(import_id)
                ledger.until(import_id, "completed")
                ledger.balance(workforce, import_id)
                events = ledger.kafka.read(ledger.academy, *SAID)
                lags = quantiles([event.published / 1000 - _made(event) for event in events], n=100)
                ledger.close(ms_to_publish_half=1000 * lags[49], ms_to_publish_99_percent=1000 * lags[98])
                if time.monotonic() > until:
                    break
                ledger.begin_again()
            assert _late(ledger, academy) == []
            for transaction in transactions:
                runner.run(transaction.execute("COMMIT"))
            wait_until(
                lambda: len(_late(ledger, academy)) == len(SERVICES), timeout=PATIENCE, what="they are published"
            )
            ledger.until_quiet()
            assert sorted(event.header("ce_subject") for event in _late(ledger, academy)) == sorted(SERVICES)
        finally:
            for transaction in transactions:
                runner.run(transaction.close())


async def _begin(ledger: Ledger, service: str) -> "asyncpg.Connection[asyncpg.Record]":
    """A transaction that sees the service's database as it is now for as long as it lasts, and has an event to tell."""
    connection = await ledger.connect(service)
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    event = ImportUploaded(import_id=new_id(), filename="late.csv", size=0)
    envelope = Envelope(id=new_id(), type=event.TYPE, source="late", academy=ledger.academy, subject=service)
    await connection.execute(
        "INSERT INTO outbox (topic, key, headers, value) VALUES ($1, $2, $3, $4)",
        IMPORT_EVENTS.name,
        f"{ledger.academy}/{event.import_id}".encode(),
        encode_headers(envelope.headers()),
        event.model_dump_json().encode(),
    )
    return connection


def _late(ledger: Ledger, academy: str) -> list[Seen]:
    events = once(ledger.kafka.read(academy, IMPORT_EVENTS.name))
    return [event for event in events if event.header("ce_source") == "late"]


def _made(event: Seen) -> float:
    return datetime.fromisoformat(event.header("ce_time")).timestamp()
