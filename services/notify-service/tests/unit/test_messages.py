from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from contracts.events.users import (
    Invitation,
    PasswordResetRequested,
    UserCreated,
    UserDeleted,
    UserUnchanged,
    UserUpdated,
)
from notify_service.domain import Bar, Fact, Invite, Origin, Recall, Recorded, Reset
from notify_service.messages import fact_event, outcome_event, says_nothing, wishes

ID = UUID(int=7)
HEARD = datetime(2031, 1, 1, tzinfo=UTC)


def test_every_event_with_a_queued_invitation_asks_for_a_mail(people: Any) -> None:
    queued = people.queued("1001", ID)
    for record in (
        people.created("1001", ID),
        people.updated("1001", 2, queued),
        people.unchanged("1001", 2, queued),
    ):
        (wish,) = wishes(record, HEARD)
        assert isinstance(wish, Invite)
        assert (wish.academy, wish.personnel_number, wish.invitation_id) == ("acme", "1001", ID)


@pytest.mark.parametrize("status", ["none", "waiting", "already_invited", "already_accepted"])
def test_an_event_without_a_queued_or_withdrawn_invitation_asks_for_nothing(people: Any, status: Any) -> None:
    assert wishes(people.updated("1001", 2, Invitation(status=status)), HEARD) == []


def test_a_withdrawn_invitation_recalls_the_mail(people: Any) -> None:
    (wish,) = wishes(people.unchanged("1001", 2, people.withdrawn(ID, 3)), HEARD)
    assert isinstance(wish, Recall)
    assert wish.generation == 3


def test_deactivating_and_deleting_bar_the_person(people: Any) -> None:
    switched_off = UserUpdated(
        version=3, org_revision=1, person=people.person("1001", active=False), changes={"active": (True, False)}
    )
    for record in (
        people.deactivated("1001", 3),
        people.deleted("1001", 3),
        people.record("1001", switched_off),
    ):
        (wish,) = wishes(record, HEARD)
        assert isinstance(wish, Bar)
        assert wish.version == 3


def test_a_reset_of_a_password_asks_for_its_own_mail(people: Any) -> None:
    (wish,) = wishes(people.reset("1001", ID, email="jan@example.test"), HEARD)
    assert isinstance(wish, Reset)
    assert (wish.key, wish.number_key, wish.email) == (("acme", ID, 1), "1001", "jan@example.test")
    assert wish.expires_at.isoformat() == "2031-02-03T12:00:00+00:00"


@pytest.mark.parametrize(
    "broken", [{"reset_id": "nonsense"}, {"expires_at": "soon"}, {"expires_at": "2031-01-01T00:00:00"}]
)
def test_a_reset_that_lacks_what_a_mail_needs_is_refused(people: Any, broken: dict[str, Any]) -> None:
    record = people.reset("1001", ID)
    with pytest.raises(ValueError):
        wishes(people.record("1001", record.message.model_copy(update=broken)), HEARD)


def test_what_tells_neither_time_nor_subject_is_mailed_as_of_when_it_was_heard(people: Any) -> None:
    for record in (people.reset("1001", ID), people.unchanged("1001", 2, people.queued("x", ID))):
        (wish,) = wishes(replace(record, envelope=replace(record.envelope, time="", subject="")), HEARD)
        assert (wish.queued_at, wish.personnel_number) == (HEARD, "1001")


def test_the_number_of_somebody_unchanged_is_that_of_the_subject(people: Any) -> None:
    (wish,) = wishes(people.unchanged("00-A/b", 2, people.queued("x", ID)), HEARD)
    assert (wish.number_key, wish.personnel_number) == ("00-a/b", "00-A/b")


@pytest.mark.parametrize(
    "broken",
    [
        {"recipient": None},
        {"invitation_id": "nonsense"},
        {"invitation_id": None},
        {"generation": None},
        {"generation": 2**31},
        {"expires_at": None},
        {"expires_at": "2031-01-01T00:00:00"},
    ],
)
def test_an_invitation_that_lacks_what_a_mail_needs_is_refused(people: Any, broken: dict[str, Any]) -> None:
    invitation = people.queued("1001", ID).model_copy(update=broken)
    with pytest.raises(ValueError):
        wishes(people.updated("1001", 2, invitation), HEARD)


def test_our_events_go_on_the_trace_but_do_not_carry_the_senders_reference(people: Any) -> None:
    (wish,) = wishes(people.created("1001", ID), HEARD)
    assert isinstance(wish, Invite)
    event = fact_event(Fact("queued", wish.key, "A1001", wish.origin), id="i", time="t")
    assert event.topic == "invitation.events"
    assert event.key == "acme/a1001", "the key of the person on every topic, whatever the case of the number"
    assert event.envelope.subject == "A1001"
    assert event.envelope.source == "instroom/notify-service"
    assert event.envelope.causation_id == "e-0"
    assert event.envelope.correlation_id == "c-1"
    assert event.envelope.traceparent.startswith("00-0123")
    assert event.envelope.request_source == event.envelope.request_id == ""


@pytest.mark.parametrize(
    ("state", "type_"),
    [
        ("sent", "instroom.invitation.sent.v1"),
        ("failed", "instroom.invitation.failed.v1"),
        ("withdrawn", "instroom.invitation.withdrawn.v1"),
    ],
)
def test_what_became_of_a_mail_is_told_by_its_own_type(state: Any, type_: str) -> None:
    event = outcome_event(Recorded(("acme", ID, 1), state, "1001", Origin(), "<m>", "550 no"), id="i", time="t")
    assert event.envelope.type == type_


@pytest.mark.parametrize(
    ("type_", "value", "skipped"),
    [
        (UserCreated.TYPE, b'{"version":1,"person":{"active":true}}', True),
        (UserCreated.TYPE, b'{"version":1,"invitation":{"status":"queued"}}', False),
        (UserUpdated.TYPE, b'{"version":2,"changes":{"active":[true,false]}}', False),
        (UserUpdated.TYPE, b'{"version":2,"changes":{"infix":[null,"de"]}}', True),
        (UserDeleted.TYPE, b'{"version":3}', False),
        (PasswordResetRequested.TYPE, b'{"reset_id":"x"}', False),
        (UserUnchanged.TYPE, b"{not json", False),
        (UserUnchanged.TYPE, b'["no object"]', False),
    ],
)
def test_only_a_whole_event_that_surely_says_nothing_is_passed_over_undecoded(
    type_: str, value: bytes, skipped: bool
) -> None:
    assert says_nothing(type_, value) is skipped
