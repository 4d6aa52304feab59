"""Decisions on the explicit commands about one person."""

from datetime import datetime

from contracts.errors import ErrorCode, Problem
from contracts.events.users import (
    ActivateUser,
    DeactivateUser,
    DeleteUser,
    GrantAdministrator,
    InvitationStatus,
    ResendInvitation,
    RevokeAdministrator,
    WithdrawInvitation,
)
from user_service.domain.decision import Decision, InvitationDecision, Verdict
from user_service.domain.invitations import NOTHING, decide_invitation, waiting, withdrawn
from user_service.domain.person import User
from user_service.domain.reading import told

Command = (
    ActivateUser
    | DeactivateUser
    | DeleteUser
    | ResendInvitation
    | WithdrawInvitation
    | GrantAdministrator
    | RevokeAdministrator
)


def decide_command(
    command: Command, user: User | None, org_revision: int, now: datetime, *, last_administrator: bool = False
) -> Decision:
    """What the command makes of `user`, the person with that number. Nobody, or somebody deleted: not found.

    `last_administrator` says that nobody else administers the academy: then they go on doing it.
    """
    if user is None or user.deleted:
        return _not_found(command.personnel_number, user, org_revision)
    if last_administrator and isinstance(command, DeactivateUser | DeleteUser | RevokeAdministrator):
        return _rejected(user, Problem(code=ErrorCode.LAST_ADMINISTRATOR), org_revision)
    match command:
        case ActivateUser():
            return _set_active(user, True, org_revision, now)
        case DeactivateUser():
            return _set_active(user, False, org_revision, now)
        case DeleteUser():
            return _delete(user, org_revision)
        case ResendInvitation():
            return _resend(user, org_revision)
        case WithdrawInvitation():
            return _withdraw(user, org_revision, now)
        case GrantAdministrator():
            return _set_administrator(user, True, org_revision)
        case RevokeAdministrator():
            return _set_administrator(user, False, org_revision)


def _rejected(user: User, problem: Problem, org_revision: int) -> Decision:
    invitation = NOTHING._replace(after=user.invitation)
    return Decision(
        "rejected",
        user.number,
        user.version,
        org_revision,
        user,
        invitation,
        errors=(problem,),
        refused_name=user.name,
    )


def _not_found(number: str, user: User | None, org_revision: int) -> Decision:
    problem = Problem(code=ErrorCode.NOT_FOUND, field="personnel_number", value=told(number))
    invitation = NOTHING if user is None else NOTHING._replace(after=user.invitation)
    version = user.version if user else 0
    return Decision("rejected", told(number), version, org_revision, user, invitation, errors=(problem,))


def _decision(outcome: Verdict, user: User, after: User, invitation: InvitationDecision, org_revision: int) -> Decision:
    if invitation.after is not after.invitation:
        after = after._replace(invitation=invitation.after)
    changes = {
        field: (old, new)
        for field, old, new in (
            ("active", user.active, after.active),
            ("administrator", user.administrator, after.administrator),
        )
        if old != new
    }
    return Decision(outcome, user.number, user.version, org_revision, after, invitation, changes)


def _unchanged(user: User, status: InvitationStatus, org_revision: int) -> Decision:
    return _decision("unchanged", user, user, InvitationDecision(status, user.invitation), org_revision)


def _set_active(user: User, active: bool, org_revision: int, now: datetime) -> Decision:
    if user.active == active:
        return _unchanged(user, "none", org_revision)
    after = user._replace(active=active)
    invitation = decide_invitation(user.invitation, asked=False, after=after, now=now)
    return _decision("activated" if active else "deactivated", user, after, invitation, org_revision)


def _set_administrator(user: User, administrator: bool, org_revision: int) -> Decision:
    if user.administrator == administrator:
        return _unchanged(user, "none", org_revision)
    after = user._replace(administrator=administrator)
    return _decision("updated", user, after, InvitationDecision("none", user.invitation), org_revision)


def _delete(user: User, org_revision: int) -> Decision:
    """A deleted person keeps their history, but neither access, role, acceptance nor a usable invitation."""
    after = user._replace(deleted=True, active=False, terms_accepted=False, administrator=False)
    state = withdrawn(user.invitation)
    status: InvitationStatus = "none" if state is user.invitation else "withdrawn"
    return _decision("deleted", user, after, InvitationDecision(status, state), org_revision)


def _resend(user: User, org_revision: int) -> Decision:
    state = user.invitation
    if state.status == "accepted":
        return _unchanged(user, "already_accepted", org_revision)
    if user.active:
        return _decision("updated", user, user, InvitationDecision("queued", state, new_generation=True), org_revision)
    if state.status == "waiting":
        return _unchanged(user, "waiting", org_revision)
    return _decision("updated", user, user, InvitationDecision("waiting", waiting(state)), org_revision)


def _withdraw(user: User, org_revision: int, now: datetime) -> Decision:
    state = user.invitation
    if state.status == "accepted":
        return _unchanged(user, "already_accepted", org_revision)
    if state.status != "waiting" and not state.is_valid(now):
        return _unchanged(user, "none", org_revision)
    return _decision("updated", user, user, InvitationDecision("withdrawn", withdrawn(state)), org_revision)
