"""Dead letters are sent again when their cause is mended: rows get their outcome, nothing twice, nothing undone."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from outside import books, broker
from outside.academy import Academy

from chassis.records import encode_headers
from instroom.testing import wait_until

BULK = "user.requests.bulk"
REQUESTED = "instroom.user.requested.v1"


def ask_database(academy: Academy, *statements: str, copy: Sequence[tuple[str, Sequence[str], Any]] = ()) -> None:
    """Of user-service, as whoever may do everything there."""
    dsn = urlunsplit(urlsplit(academy.platform.database())._replace(path="/instroom_user"))

    async def ask() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            for statement in statements:
                await connection.execute(statement)
            for table, columns, records in copy:
                await connection.copy_records_to_table(table, columns=columns, records=records)
        finally:
            await connection.close()

    asyncio.run(ask())


@contextmanager
def nobody_can_write(academy: Academy, *numbers: str) -> Iterator[None]:
    """A database that refuses these people, for a reason that does not pass: as a mistake in the service would."""
    name = "refuse_" + academy.id.replace("-", "_")
    listed = ", ".join(f"'{number}'" for number in numbers)
    ask_database(
        academy,
        f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE EXCEPTION 'not this one'; END$$""",
        f"""CREATE TRIGGER {name} BEFORE INSERT ON person FOR EACH ROW
            WHEN (NEW.academy = '{academy.id}' AND NEW.number IN ({listed})) EXECUTE FUNCTION {name}()""",
    )
    try:
        yield
    finally:
        ask_database(academy, f"DROP FUNCTION {name} CASCADE")


def dlq(academy: Academy, *words: str, code: int = 0) -> dict[str, Any]:
    """`instroom dlq … --json`, which must end with `code`."""
    ran = academy.platform.run("dlq", *words, "--json")
    assert ran.code == code, f"{ran.code}\n{ran.out}\n{ran.err}"
    document: dict[str, Any] = ran.json()
    return document


def by_row(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {result["personnel_number"]: result for result in document["results"]}


def dealt_with(document: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [(each["key"].rpartition("/")[2], each["outcome"], each["reason"]) for each in document["dead_letters"]]


def test_rows_that_were_not_processed_are_replayed_once_their_cause_is_mended(acme: Academy) -> None:
    people = [acme.person(number, invite="x", active="x") for number in ("1001", "1002", "1003", "1004")]
    checked = acme.check(books.workbook(people))
    with nobody_can_write(acme, "1002", "1003"):
        document = acme.start(checked["import_id"])
    assert (document["created"], document["rejected"]) == (2, 2)
    assert [by_row(document)[number]["errors"][0]["code"] for number in ("1002", "1003")] == ["not_processed"] * 2
    assert acme.add("1003", first_name="Anders", invite=False, active=True)["code"] == "created"
    path = acme.path("imports", document["import_id"])
    version = acme.client.get("import-service", path)["report_version"]

    def listed(*words: str) -> dict[str, str]:
        letters = dlq(acme, "list", "--academy", acme.id, *words)["dead_letters"]
        return {letter["key"].rpartition("/")[2]: letter["id"] for letter in letters}

    def mailed() -> list[int]:
        return [len(acme.mails(person["personnel_number"])) for person in people]

    def report() -> dict[str, Any]:
        found: dict[str, Any] = acme.client.get("import-service", path + "/document")
        return found

    ids = listed()
    assert set(ids) == {"1002", "1003"}
    expected = {("1002", "done", None), ("1003", "skipped", "changed_later")}
    mine = ("--academy", acme.id, "--topic", BULK, "--reason", "while it was handled")
    assert set(dealt_with(dlq(acme, "replay", *mine, "--dry-run", code=1))) == expected
    assert listed() == ids
    assert dlq(acme, "audit", ids["1002"])["actions"] == []

    replayed = dlq(acme, "replay", *mine, code=1)
    assert set(dealt_with(replayed)) == expected
    wait_until(lambda: by_row(report())["1002"]["outcome"] == "created", what="the row's outcome is replaced")
    assert (report()["created"], report()["rejected"]) == (3, 1)
    wait_until(lambda: acme.client.get("import-service", path)["report_version"] == version + 1, what="a new report")
    assert acme.show("1003")["first_name"] == "Anders"

    assert dealt_with(dlq(acme, "replay", ids["1002"], code=1)) == [("1002", "skipped", "already_replayed")]
    assert dealt_with(dlq(acme, "replay", "--academy", acme.id, code=1)) == [("1003", "skipped", "changed_later")]
    assert dealt_with(dlq(acme, "replay", ids["1003"], "--force")) == [("1003", "done", None)]
    wait_until(lambda: by_row(report())["1003"]["outcome"] == "updated", what="what was forced is applied")
    assert acme.show("1003")["first_name"] == "Jan"
    assert report()["rejected"] == 0
    wait_until(lambda: mailed() == [1] * 4, what="everybody is invited")

    actions = dlq(acme, "audit", "--run", replayed["run"])["actions"]
    assert {(each["actor"], each["outcome"]) for each in actions} == {("operator", "done"), ("operator", "skipped")}
    history = dlq(acme, "audit", ids["1003"])["actions"]
    assert [(each["outcome"], each["reason"], each["forced"]) for each in history] == [
        ("skipped", "changed_later", False),
        ("skipped", "changed_later", False),
        ("done", None, True),
    ]
    assert set(listed("--state", "replayed")) == {"1002", "1003"}
    assert dlq(acme, "replay", ids["1002"], "--force")["done"] == 1, "it was applied before, and stays so"
    wait_until(lambda: _attempts(acme, "1002") == [1, 2, 3], what="it is answered again")
    assert acme.show("1002")["first_name"] == "Jan"
    assert mailed() == [1] * 4


def _attempts(academy: Academy, number: str) -> list[int]:
    """Of the outcomes of somebody's requests."""
    key = f"{academy.id}/{number}".encode()
    found = broker.read(academy.platform.address("broker"), ["user.events"], lambda r: r.key == key)
    return sorted({int(r.header("ce_attempt") or 1) for r in found if r.type != "instroom.invitation.accepted.v1"})


def test_a_command_that_was_set_aside_has_the_outcome_of_its_replay(acme: Academy) -> None:
    with nobody_can_write(acme, "1001"):
        refused = acme.add("1001")
    assert [error["code"] for error in refused["errors"]] == ["not_processed"]
    (letter,) = dlq(acme, "list", "--academy", acme.id)["dead_letters"]
    shown = dlq(acme, "show", letter["id"])
    command = dict(shown["headers"])["ce_requestid"]
    dlq(acme, "replay", letter["id"])
    wait_until(
        lambda: acme.client.get("user-service", f"/commands/{command}")["outcome"]["code"] == "created",
        what="the command has its real outcome",
    )


def test_poison_is_dropped_or_sent_byte_for_byte_by_force_and_comes_back_as_a_new_letter(acme: Academy) -> None:
    kafka = acme.platform.address("broker")
    poison = broker.event("user.requests", f"{acme.id}/1001", REQUESTED, b"{")
    broker.publish(kafka, [poison, poison])

    def listed(*words: str) -> list[dict[str, Any]]:
        letters: list[dict[str, Any]] = dlq(acme, "list", "--academy", acme.id, *words)["dead_letters"]
        return letters

    wait_until(lambda: len(listed()) == 2, every=0.5, what="both are set aside")
    one, two = (letter["id"] for letter in listed())
    assert dlq(acme, "drop", one)["done"] == 1
    assert [letter["id"] for letter in listed()] == [two]
    assert dealt_with(dlq(acme, "replay", one, two, code=1)) == [
        ("1001", "skipped", "already_dropped"),
        ("1001", "skipped", "unreadable"),
    ]
    dlq(acme, "replay", two, "--force")
    (again,) = wait_until(
        lambda: [letter for letter in listed() if letter["id"] != two], every=0.5, what="it is set aside again"
    )
    assert dict(dlq(acme, "show", again["id"])["headers"])["x-replay-of"] == two
    assert {letter["id"]: letter["state"] for letter in listed("--state", "all")} == {
        one: "dropped",
        two: "replayed",
        again["id"]: "open",
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_letters_are_replayed_in_order_past_a_kill_while_people_go_on_working(acme: Academy) -> None:
    people, times = 100, 20
    acme.add("1001")
    _write_letters(acme, people, times)
    first = acme.platform.popen("dlq", "replay", "--academy", acme.id, "--rate", "20", "--json")

    def replayed() -> int:
        return len(dlq(acme, "list", "--academy", acme.id, "--state", "replayed")["dead_letters"])

    wait_until(replayed, timeout=120, what="some are sent")
    added = itertools.count(5001)
    during = 0
    while first.poll() is None and during < 5:
        assert acme.add(next(added))["code"] == "created"
        during += first.poll() is None
    assert during == 5, "whoever works waits for no end of the replay"
    first.kill()
    first.communicate()
    assert 0 < replayed() < people * times
    rest = dlq(acme, "replay", "--academy", acme.id, "--rate", "10000")
    assert rest["skipped"] == 0, "what the letters before them changed does not count"

    numbers = {str(2000 + n) for n in range(people)}

    def done() -> bool:
        found = {user["personnel_number"]: user["cost_centre"] for user in acme.users()}
        return {number for number, centre in found.items() if centre == f"K{times}"} == numbers

    wait_until(done, timeout=180, every=1, what="everybody has the last of their values")
    kafka = acme.platform.address("broker")
    sent = broker.once(broker.read(kafka, [BULK], lambda r: (r.key or b"").startswith(acme.id.encode())))
    assert len(sent) == people * times
    assert {record.header("ce_attempt") for record in sent} == {"2"}
    order: dict[bytes, list[str]] = {}
    for record in sent:
        order.setdefault(record.key or b"", []).append(record.json()["person"]["cost_centre"])
    assert set(map(tuple, order.values())) == {tuple(f"K{n}" for n in range(1, times + 1))}


def _write_letters(academy: Academy, people: int, times: int) -> None:
    """As if user-service had given up on an import that changes everybody `times` times."""
    letters, records = [], []
    for n in range(people * times):
        number, value = 2000 + n % people, n // people + 1
        person = academy.person(number, cost_centre=f"K{value}", functions=["Adviseur"])
        asked = broker.event(
            BULK, f"{academy.id}/{number}", REQUESTED, {"mode": "upsert", "person": person}, ce_id=f"{academy.id}-{n}"
        )
        id_ = f"{academy.id}-{n}"
        letters.append(("gone", BULK, 0, n, id_, "Fault while it was handled", f"user-service.{BULK}", academy.id))
        records.append((id_, asked.key, encode_headers(asked.headers), asked.value))
    columns = ("cluster_id", "topic", "partition", "offset", "id", "reason", "consumer_group", "academy")
    ask_database(
        academy,
        copy=[
            ("dead_letter", columns, letters),
            ("dead_letter_record", ("id", "key", "headers", "value"), records),
        ],
    )
