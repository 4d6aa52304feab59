"""What becomes of a person's invitation, apart from the outcome of the data (`docs/rules.md` 17)."""

from datetime import datetime
from typing import Final

from user_service.domain.decision import InvitationDecision
from user_service.domain.person import NO_INVITATION, InvitationState, User

NOTHING: Final = InvitationDecision("none", NO_INVITATION)


def decide_invitation(before: InvitationState, *, asked: bool, after: User, now: datetime) -> InvitationDecision:
    """The invitation of `after`, the person as the request leaves them, who had `before`.

    An invitation that was asked for once stands until it is accepted, withdrawn, failed or expired: without being
    asked for again it waits while the person is not active, goes out on activation, and follows a changed address
    (the old link went to somebody else, perhaps).
    """
    if before.status == "none" and not asked:
        return InvitationDecision("none", before)
    if before.status == "accepted":
        return InvitationDecision("already_accepted" if asked else "none", before)
    valid = before.is_valid(now)
    wanted = asked or valid or before.status == "waiting"
    if not wanted:
        return InvitationDecision("none", before)
    if not after.active:
        told = asked or before.status != "waiting"
        return InvitationDecision("waiting" if told else "none", waiting(before))
    if valid and before.email_key == after.email_key:
        return InvitationDecision("already_invited" if asked else "none", before)
    return InvitationDecision("queued", before, new_generation=True)


def waiting(before: InvitationState) -> InvitationState:
    """The state that goes out on activation; what was mailed before cannot be used any more."""
    if before.status == "waiting":
        return before
    return before._replace(status="waiting", expires_at=None, email_key=None)


def after_deletion(before: InvitationState) -> InvitationState:
    """The state in which somebody who was deleted comes back: nothing can be used, and what was accepted is none."""
    if before.status == "accepted":
        return before._replace(status="none", expires_at=None, email_key=None)
    return withdrawn(before)


def withdrawn(before: InvitationState) -> InvitationState:
    """The state in which nothing can be used and nothing goes out; what is accepted or closed stays as it is."""
    if before.status not in ("open", "waiting"):
        return before
    return before._replace(status="withdrawn", expires_at=None)
