from typing import Any

import orjson

from chassis.records import Record
from contracts.envelope import Envelope
from contracts.errors import Problem
from contracts.events.base import Message, Value
from contracts.events.users import (
    Invitation,
    Person,
    UnitRef,
    UserChecked,
    UserCheckRequested,
    UserCreated,
    UserRejected,
    UserRequested,
    UserUnchanged,
    UserUpdated,
)
from import_service import messages
from import_service.domain import Phase
from import_service.turns import Feed, Sendable

IMPORT = "01990000-0000-7000-8000-000000000001"
FEED = Feed(IMPORT, "demo", "local", "", 7, Phase.CHECK, 1, 1, 0, 10, 0, 0, 0, 0.0)
FIELDS = orjson.dumps({"personnel_number": "Ä 1", "functions": None})
PERSON = Person(
    user_id="u", personnel_number="1", first_name="J", last_name="V", email="j@v.example",
    company=UnitRef(id="c", name="C"), department=UnitRef(id="d", name="D"), language="nl",
    active=True, manager=False, terms_accepted=False,
)  # fmt: skip


def record(message: Message, source: str = f"import/{IMPORT}", row: str = "5", attempt: int = 1) -> Record[Any]:
    envelope = Envelope(
        id="e", type=message.TYPE, source="user-service", academy="demo",
        request_source=source, request_id=row, attempt=attempt,
    )  # fmt: skip
    read: Value = message
    if message.TYPE in messages.OUTCOME_TYPES:
        read = messages.OutcomeView.model_validate_json(message.model_dump_json(exclude_unset=True))
    return Record("k", "t", 0, 0, "demo/1", b"", envelope, read)


def test_a_check_is_a_valid_message_with_the_rows_own_reference() -> None:
    [event] = messages.row_events(FEED, [Sendable(5, "ä 1", FIELDS)])
    message = UserCheckRequested.model_validate_json(event.value or b"")
    assert (message.mode, message.min_org_revision, message.round) == ("upsert", 7, 1)
    assert message.person.model_dump(exclude_unset=True) == {"personnel_number": "Ä 1", "functions": None}
    assert (event.topic, event.key) == ("user.checks", "demo/ä 1")
    assert (event.envelope.request_source, event.envelope.request_id) == (f"import/{IMPORT}", "5")
    assert Envelope.from_headers(event.envelope.headers()) == event.envelope


def test_a_request_carries_the_plan_that_it_applies() -> None:
    start = Feed(IMPORT, "demo", "local", "", 7, Phase.START, 1, 3, 0, 10, 0, 0, 0, 0.0)
    [event] = messages.row_events(start, [Sendable(5, "ä 1", FIELDS, "updated", 2**41, 8)])
    message = UserRequested.model_validate_json(event.value or b"")
    assert message.planned is not None
    assert (message.planned.outcome, message.planned.user_version, message.planned.org_revision) == (
        "updated",
        2**41,
        8,
    )
    assert (event.topic, event.envelope.attempt) == ("user.requests.bulk", 3)


def test_the_id_of_a_row_is_the_same_whenever_it_is_sent_and_another_in_another_phase() -> None:
    again = Feed(IMPORT, "demo", "local", "", 7, Phase.CHECK, 1, 9, 0, 10, 0, 0, 0, 0.0)
    start = Feed(IMPORT, "demo", "local", "", 7, Phase.START, 1, 1, 0, 10, 0, 0, 0, 0.0)
    rows = [Sendable(5, "1", FIELDS), Sendable(6, "2", FIELDS)]
    ids = [[event.envelope.id for event in messages.row_events(feed, rows)] for feed in (FEED, again, start)]
    assert ids[0] == ids[1]
    assert len({*ids[0], *ids[2]}) == 4


def test_a_verdict_keeps_what_the_plan_needs() -> None:
    verdict = UserChecked(
        outcome="updated", user_version=3, org_revision=4, name="J V", changes={"infix": (None, "de")},
        invitation="waiting", restored=True,
    )  # fmt: skip
    [answer] = messages.verdicts([record(verdict)])
    assert (answer.import_id, answer.academy, answer.row) == (IMPORT, "demo", 5)
    assert (answer.outcome, answer.invitation, answer.restored) == ("updated", "waiting", True)
    assert (answer.user_version, answer.org_revision) == (3, 4)
    assert orjson.loads(answer.detail or b"") == {"name": "J V", "changes": {"infix": [None, "de"]}}


def test_each_outcome_is_told_by_its_type() -> None:
    events: list[Message] = [
        UserCreated(version=1, org_revision=1, person=PERSON, invitation=Invitation(status="queued")),
        UserUpdated(version=2, org_revision=1, person=PERSON, changes={"infix": (None, "de")}, restored=True),
        UserUnchanged(version=2, org_revision=1),
        UserRejected(errors=[Problem(code="email_in_use", field="email", value="j@v.example")]),
    ]
    created, updated, unchanged, rejected = messages.outcomes([record(event) for event in events])
    assert [a.outcome for a in (created, updated, unchanged, rejected)] == [
        "created",
        "updated",
        "unchanged",
        "rejected",
    ]
    assert (created.invitation, created.detail) == ("queued", None)
    assert updated.restored
    assert orjson.loads(updated.detail or b"") == {"changes": {"infix": [None, "de"]}}
    assert orjson.loads(rejected.detail or b"") == {
        "errors": [{"code": "email_in_use", "field": "email", "value": "j@v.example"}]
    }


def test_an_answer_that_was_not_processed_gives_way_to_one_that_was() -> None:
    dead = UserRejected(errors=[Problem(code="not_processed", params={"dead_letter": "d"})])
    lost, decided, replayed = messages.outcomes(
        [record(dead), record(UserUnchanged(version=1, org_revision=1)), record(dead, attempt=2)]
    )
    assert lost.rank < decided.rank < replayed.rank


def test_what_does_not_name_a_row_is_left_out() -> None:
    unchanged = UserUnchanged(version=1, org_revision=1)
    strange = [
        record(unchanged, source="import/5"),
        record(unchanged, row=""),
        record(unchanged, row="-1"),
        record(unchanged, row="²"),
        record(unchanged, row="9" * 20),
    ]
    assert messages.outcomes(strange) == []
