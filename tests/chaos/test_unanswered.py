"""Rows that nobody answers: set aside and told so, or asked again until they are answered."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from harm import PATIENCE, freeze, until_back
from kafka_outside import Seen, once
from ledger import Ledger
from people import Workforce

from instroom.testing import Platform, wait_until

pytestmark = pytest.mark.case(
    "unanswered",
    "a row that nobody answers is set aside and told so, or asked again until it is answered",
)

BULK = "user.requests.bulk"


def test_a_row_that_cannot_be_handled_is_rejected_as_not_processed_and_its_neighbours_go_in(ledger: Ledger) -> None:
    workforce = Workforce(ledger.academy, 1_500, invite_every=50)
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    with _nobody_can_write(ledger, "00777"):
        ledger.start(import_id)
        completed = ledger.until(import_id, "completed")

    wrong = sum(outcome == "rejected" for outcome in workforce.outcomes.values())
    assert (completed["created"], completed["rejected"], completed["not_attempted"]) == (
        1_500 - wrong - 1,
        wrong + 1,
        0,
    )
    results = {result["row"]: result for result in ledger.document(import_id)["results"]}
    assert {row for row, result in results.items() if result["outcome"] != workforce.outcomes[row]} == {778}
    (problem,) = results[778]["errors"]
    assert problem["code"] == "not_processed"
    (dead,) = ledger.set_aside()
    asked = ledger.kafka.read(ledger.academy, BULK)
    (request,) = once(record for record in asked if record.key.endswith("/00777"))
    assert (dead.topic, dead.key, dead.value) == (f"{BULK}.dlq", request.key, request.value)
    assert dead.headers[: len(request.headers)] == request.headers, "byte for byte"
    assert dead.header("x-original-topic") == BULK
    assert dead.header("x-dead-letter-id") in problem["message"]
    ledger.no_twins()
    ledger.versions_have_no_gap()
    ledger.close()


@contextmanager
def _nobody_can_write(ledger: Ledger, number: str) -> Iterator[None]:
    """A database that refuses one person, for a reason that does not pass: as a mistake in the service would."""
    name = "refuse_" + ledger.academy.replace("-", "_")
    ledger.ask(
        "user",
        f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE EXCEPTION 'not this one'; END$$""",
    )
    ledger.ask(
        "user",
        f"""CREATE TRIGGER {name} BEFORE INSERT ON person FOR EACH ROW
            WHEN (NEW.academy = '{ledger.academy}' AND NEW.number = '{number}') EXECUTE FUNCTION {name}()""",
    )
    try:
        yield
    finally:
        ledger.ask("user", f"DROP FUNCTION {name} CASCADE")


def test_a_corrupted_copy_of_a_request_or_check_is_set_aside_and_the_row_keeps_its_outcome(ledger: Ledger) -> None:
    workforce = Workforce(ledger.academy, 500, invite_every=20)
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    ledger.until(import_id, "completed")
    ledger.until_mailed(len(workforce.mailed))
    before = ledger.document(import_id)

    asked = [*ledger.kafka.read(ledger.academy, "user.checks")[:20], *ledger.kafka.read(ledger.academy, BULK)[:20]]
    ledger.kafka.publish(_corrupted(asked))
    ledger.until_quiet()

    assert ledger.document(import_id) == before
    assert len(ledger.set_aside()) == len(asked)
    ledger.people_are(workforce)
    ledger.close(corrupted=len(asked))


def _corrupted(records: list[Seen]) -> list[Seen]:
    return [replace(record, value=(record.value or b"")[:-1] + b"\xff") for record in records]


def test_rows_that_were_passed_over_are_asked_again_and_the_stalled_import_completes_by_itself(
    impatient: Platform, open_ledger: Callable[[Platform], Ledger]
) -> None:
    ledger = open_ledger(impatient)
    workforce = Workforce(ledger.academy, 1_000, invite_every=50)
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")

    frozen = freeze(impatient, "user-service")
    ledger.start(import_id)
    wait_until(lambda: ledger.kafka.read(ledger.academy, BULK), timeout=PATIENCE, what="rows are asked about")
    stalled = wait_until(lambda: ledger.progress(import_id)["stalled"], timeout=PATIENCE, what="the import is stalled")
    assert stalled["reason"] == "no_answer"
    assert stalled["message"]
    group = f"user-service.{BULK}"

    def pass_over_half() -> dict[int, int]:
        ends = {p: end for p, (_, end) in ledger.kafka.positions(group, BULK).items() if p % 2 == 0}
        return ends if ledger.kafka.move(group, BULK, ends) else {}

    skipped = wait_until(pass_over_half, timeout=PATIENCE, every=0.5, what="the frozen instance is out of its group")
    # A position that the service stored itself, before the one of its group, would have it go back.
    ledger.ask(
        "user",
        """INSERT INTO consumer_position (cluster_id, topic, partition, next_offset)
           SELECT c.cluster_id, $1, k.* FROM outbox_cursor c, unnest($2::int[], $3::bigint[]) AS k
           ON CONFLICT (cluster_id, topic, partition) DO UPDATE SET next_offset = excluded.next_offset""",
        BULK,
        list(skipped),
        list(skipped.values()),
    )
    os.kill(frozen, signal.SIGKILL)
    until_back(impatient, "user-service", frozen)
    completed = ledger.until(import_id, "completed")

    assert completed["stalled"] is None
    ledger.balance(workforce, import_id, asked_again=True)
    lost = {
        record.reference
        for record in ledger.kafka.read(ledger.academy, BULK)
        if record.offset < skipped.get(record.partition, 0) and not record.header("ce_attempt")
    }
    assert lost, "some rows were passed over"
    outcomes = ledger.outcomes(lambda record: record.reference in lost)
    attempts = {int(record.header("ce_attempt") or 1) for records in outcomes.values() for record in records}
    assert min(attempts) > 1
    ledger.close(passed_over=len(lost))
