"""The explicit commands about one person."""

from typing import Any

import pytest

from contracts.events.users import (
    ActivateUser,
    DeactivateUser,
    DeleteUser,
    Invitation,
    ResendInvitation,
    WithdrawInvitation,
)
from user_service.domain.documents import invitation

NUMBER = {"personnel_number": "1001"}


def test_activation_sends_the_invitation_that_waits(world: Any) -> None:
    user = world.jan(invite="x")
    decision = world.command(ActivateUser(**NUMBER), user)
    after = world.settle(decision)
    assert (decision.outcome, decision.invitation.status, decision.changes) == (
        "activated",
        "queued",
        {"active": (False, True)},
    )
    assert (after.active, after.version, after.invitation.generation) == (True, 2, 1)
    assert world.settle(world.command(ActivateUser(**NUMBER), after)) is after


def test_deactivation_takes_back_an_open_invitation_until_activation(world: Any) -> None:
    user = world.jan(invite="x", active="x")
    decision = world.command(DeactivateUser(**NUMBER), user)
    after = world.settle(decision)
    assert (decision.outcome, decision.invitation.status, after.active) == ("deactivated", "waiting", False)
    told = Invitation.model_validate(invitation(decision, after))
    assert (told.invitation_id, told.generation, told.recipient) == (user.invitation.invitation_id, 1, None)
    assert world.command(DeactivateUser(**NUMBER), after).outcome == "unchanged"


def test_deactivation_leaves_an_accepted_or_expired_invitation_as_it_is(world: Any) -> None:
    user = world.jan(invite="x", active="x")
    accepted = user._replace(invitation=user.invitation._replace(status="accepted"))
    for person, at in ((accepted, world), (user, world.at(days=31))):
        decision = at.command(DeactivateUser(**NUMBER), person)
        assert decision.invitation.status == "none"
        assert at.settle(decision).invitation == person.invitation


def test_deletion_ends_access_acceptance_and_the_invitation_and_keeps_the_rest(world: Any) -> None:
    user = world.jan(invite="x", active="x")._replace(terms_accepted=True, ever_accepted_terms=True)
    decision = world.command(DeleteUser(**NUMBER), user)
    after = world.settle(decision)
    assert (decision.outcome, decision.invitation.status) == ("deleted", "withdrawn")
    assert (after.deleted, after.active, after.terms_accepted, after.ever_accepted_terms) == (True, False, False, True)
    assert (after.name, after.email, after.invitation.status) == (user.name, user.email, "withdrawn")
    assert world.command(DeleteUser(**NUMBER), after).outcome == "rejected"


def test_sending_again_replaces_an_open_invitation(world: Any) -> None:
    user = world.jan(invite="x", active="x")
    decision = world.command(ResendInvitation(**NUMBER), user)
    after = world.settle(decision)
    assert (decision.outcome, decision.invitation.status, after.invitation.generation) == ("updated", "queued", 2)
    told = Invitation.model_validate(invitation(decision, after))
    assert told.recipient is not None
    assert (told.recipient.email, told.recipient.name, told.recipient.language) == (
        "jan@acme.example",
        "Jan de Vries",
        "nl",
    )
    assert told.expires_at == "2026-03-31T09:30:00Z"


def test_sending_again_to_somebody_who_is_not_active_waits(world: Any) -> None:
    waiting = world.settle(world.command(ResendInvitation(**NUMBER), world.jan()))
    assert waiting.invitation.status == "waiting"
    assert world.settle(world.command(ResendInvitation(**NUMBER), waiting)) is waiting


def test_sending_again_after_acceptance_changes_nothing(world: Any) -> None:
    user = world.jan(invite="x", active="x")
    accepted = user._replace(invitation=user.invitation._replace(status="accepted"))
    decision = world.command(ResendInvitation(**NUMBER), accepted)
    assert (decision.outcome, decision.invitation.status) == ("unchanged", "already_accepted")


@pytest.mark.parametrize("active", ["x", "-"])
def test_withdrawing_ends_what_is_open_or_waiting(world: Any, active: str) -> None:
    user = world.jan(invite="x", active=active)
    decision = world.command(WithdrawInvitation(**NUMBER), user)
    after = world.settle(decision)
    assert (decision.outcome, decision.invitation.status) == ("updated", "withdrawn")
    assert not after.invitation.is_valid(world.now)
    assert world.settle(world.command(WithdrawInvitation(**NUMBER), after)) is after
    assert world.command(ActivateUser(**NUMBER), after).invitation.status == "none"
