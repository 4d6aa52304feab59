from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notify_service.domain import (
    LONGEST_BACKOFF,
    Bar,
    Fact,
    Invite,
    Mail,
    MailKey,
    Origin,
    PersonKey,
    Plan,
    Recall,
    Wish,
    backoff,
    decide,
    mail_language,
)

X, Y = UUID(int=1), UUID(int=2)
NOW = datetime(2031, 1, 1, tzinfo=UTC)
WHO: PersonKey = ("acme", "1001")


def invite(version: int, id: UUID = X, generation: int = 1) -> Invite:
    return Invite(
        academy="acme",
        number_key="1001",
        personnel_number="1001",
        version=version,
        origin=Origin(),
        invitation_id=id,
        generation=generation,
        email="a@b.test",
        name="Jan",
        language="nl",
        expires_at=NOW,
        queued_at=NOW,
    )


def recall(version: int, id: UUID = X, generation: int = 1) -> Recall:
    return Recall(
        academy="acme",
        number_key="1001",
        personnel_number="1001",
        version=version,
        origin=Origin(),
        invitation_id=id,
        generation=generation,
        at=NOW,
    )


def bar(version: int) -> Bar:
    return Bar(academy="acme", number_key="1001", personnel_number="1001", version=version, origin=Origin())


class Table:
    """What the database would hold, by plans alone."""

    def __init__(self) -> None:
        self.mails: dict[MailKey, Mail] = {}
        self.bars: dict[PersonKey, int] = {}
        self.facts: list[Fact] = []

    def take(self, wishes: Sequence[Wish]) -> Plan:
        plan = decide(wishes, {WHO: list(self.mails.values())}, self.bars)
        for key, (wish, state) in plan.insert.items():
            assert key not in self.mails
            self.mails[key] = Mail(key, wish.version, state)
        for key in plan.withdraw:
            self.mails[key].state = "withdrawn"
        for key in plan.withdraw_later:
            self.mails[key].withdrawing = True
        self.bars |= plan.bars
        self.facts += plan.facts
        return plan

    @property
    def queued(self) -> list[tuple[UUID, int]]:
        return [key[1:] for key, mail in self.mails.items() if mail.state == "queued"]

    def told(self) -> list[tuple[str, int]]:
        return [(fact.kind, fact.key[2]) for fact in self.facts]


def test_an_invitation_is_queued_and_told_once_however_often_it_comes() -> None:
    table = Table()
    table.take([invite(1), invite(1)])
    table.take([invite(1)])
    assert table.queued == [(X, 1)]
    assert table.told() == [("queued", 1)]


def test_a_newer_generation_replaces_what_is_still_queued() -> None:
    table = Table()
    table.take([invite(1)])
    table.take([invite(2, generation=2)])
    assert table.queued == [(X, 2)]
    assert table.told() == [("queued", 1), ("queued", 2), ("withdrawn", 1)]


def test_a_newer_generation_leaves_what_was_sent_as_it_is() -> None:
    table = Table()
    table.take([invite(1)])
    table.mails["acme", X, 1].state = "sent"
    plan = table.take([invite(2, generation=2)])
    assert not plan.withdraw
    assert not plan.withdraw_later


def test_an_older_generation_that_comes_late_is_not_mailed() -> None:
    table = Table()
    table.take([invite(2, generation=2)])
    table.mails["acme", X, 2].state = "sent"
    table.take([invite(1)])
    assert table.queued == []
    assert table.told() == [("queued", 2), ("withdrawn", 1)]


def test_a_withdrawal_that_comes_first_prevents_the_mail() -> None:
    table = Table()
    table.take([recall(2)])
    table.take([invite(1)])
    assert table.queued == []
    assert table.told() == [("withdrawn", 1)]


def test_a_withdrawal_of_a_sent_mail_changes_nothing() -> None:
    table = Table()
    table.take([invite(1)])
    table.mails["acme", X, 1].state = "sent"
    table.take([recall(2)])
    assert table.mails["acme", X, 1].state == "sent"
    assert table.told() == [("queued", 1)]


def test_a_person_who_was_deactivated_gets_no_mail_asked_for_before() -> None:
    for order in ([invite(1), bar(2)], [bar(2), invite(1)]):
        table = Table()
        for wish in order:
            table.take([wish])
        assert table.queued == []


def test_a_deactivation_that_is_replayed_leaves_a_later_invitation_alone() -> None:
    table = Table()
    table.take([bar(2), invite(3)])
    table.take([bar(2)])
    assert table.queued == [(X, 1)]


def test_a_mail_that_is_being_sent_is_withdrawn_only_if_that_attempt_does_not_deliver_it() -> None:
    table = Table()
    table.take([invite(1)])
    table.mails["acme", X, 1].leased = True
    plan = table.take([recall(2)])
    assert plan.withdraw_later == [("acme", X, 1)]
    assert not plan.facts
    assert not table.take([recall(2)]).withdraw_later


def test_another_invitation_replaces_the_one_asked_for_at_a_lower_version() -> None:
    table = Table()
    table.take([invite(1, X, generation=4)])
    table.take([invite(2, Y, generation=1)])
    assert table.queued == [(Y, 1)]


def test_a_withdrawal_takes_back_what_its_invitation_would_have_replaced() -> None:
    table = Table()
    table.take([invite(1, X)])
    table.take([recall(3, Y)])
    table.take([invite(2, Y)])
    assert table.queued == []


@st.composite
def histories(draw: st.DrawFn) -> list[Wish]:
    wishes: list[Wish] = []
    id, generation = X, 0
    for version in range(1, draw(st.integers(1, 8)) + 1):
        kind = draw(st.sampled_from(["again", "another", "recall", "bar"]))
        if kind == "another":
            id, generation = UUID(int=id.int + 1), 1
            wishes.append(invite(version, id, generation))
        elif kind == "again":
            generation += 1
            wishes.append(invite(version, id, generation))
        elif kind == "recall" and generation:
            wishes.append(recall(version, id, generation))
        else:
            wishes.append(bar(version))
    return wishes


@settings(max_examples=500, deadline=None)
@given(histories(), st.data())
def test_whatever_the_order_the_batches_and_the_repeats_the_same_mails_are_queued(
    history: list[Wish], data: st.DataObject
) -> None:
    in_order = Table()
    for wish in history:
        in_order.take([wish])
    arrival = data.draw(st.permutations(history + data.draw(st.lists(st.sampled_from(history), max_size=8))))
    table = Table()
    while arrival:
        size = data.draw(st.integers(1, len(arrival)))
        table.take(arrival[:size])
        arrival = arrival[size:]
    assert table.queued == in_order.queued
    told = [(fact.kind, fact.key) for fact in table.facts]
    assert len(told) == len(set(told))


@pytest.mark.parametrize(
    ("wanted", "default", "gets"),
    [
        ("nl", "en", "nl"),
        ("nl-NL", "en", "nl"),
        ("EN_gb", "nl", "en"),
        ("de", "nl", "nl"),
        ("de", "fr", "en"),
        ("", "", "en"),
    ],
)
def test_a_language_without_translation_gets_the_academys_default_else_english(
    wanted: str, default: str, gets: str
) -> None:
    assert mail_language(wanted, default) == gets


def test_back_off_doubles_from_its_first_delay_to_an_hour_and_is_spread() -> None:
    assert [backoff(attempt, 30, 0.5) for attempt in (1, 2, 3)] == [30, 60, 120]
    assert backoff(500, 30, 0.5) == LONGEST_BACKOFF
    assert backoff(1, 30, 0.0) < 30 < backoff(1, 30, 0.999)
