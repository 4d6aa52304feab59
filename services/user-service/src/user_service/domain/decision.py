"""What is decided about one request, and what it makes of the person."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from contracts.errors import Problem
from contracts.events.users import InvitationStatus
from user_service.domain.person import INVITATION_VALIDITY, InvitationState, User

Verdict = Literal["created", "updated", "unchanged", "rejected", "activated", "deactivated", "deleted"]
"""UserRequested has the first four; activated, deactivated and deleted answer the explicit commands."""


class InvitationDecision(NamedTuple):
    """What becomes of the invitation. `after` is the state without what only `apply` knows.

    With `new_generation` the status is `queued`: a mail goes out, with the id, generation and expiry that `apply`
    gives.
    """

    status: InvitationStatus
    after: InvitationState
    new_generation: bool = False


class Decision(NamedTuple):
    """The answer to one request. `after` is the person as they will be, without user id and version if they are new.

    `after` is None only where there is no such person afterwards. `user_version` is the version decided on, 0 where there
    was no such person.
    """

    outcome: Verdict
    number: str
    user_version: int
    org_revision: int
    after: User | None
    invitation: InvitationDecision
    changes: Mapping[str, tuple[Any, Any]] = {}
    restored: bool = False
    errors: tuple[Problem, ...] = ()
    refused_name: str | None = None

    @property
    def name(self) -> str | None:
        """What the person is called, or would be; None where nothing is known of it."""
        return self.refused_name if self.outcome == "rejected" or self.after is None else self.after.name


def apply(
    decision: Decision, *, now: datetime, user_id: str = "", invitation_id: str = "", versions_above: int = 0
) -> User | None:
    """The person after `decision`; None if there is none (a rejected create).

    `user_id` is taken for a created person only, `invitation_id` for a person's first invitation only. The version
    rises, above `versions_above`, unless the outcome is unchanged or rejected. `now` is the database's clock. Where
    nothing is to be written the result is the very object that was decided on.
    """
    after = decision.after
    outcome = decision.outcome
    if after is None or outcome == "rejected":
        return after
    invitation = decision.invitation.after
    if decision.invitation.new_generation:
        invitation = next_generation(invitation, after, invitation.invitation_id or invitation_id, now)
    elif outcome == "unchanged":
        return after
    if outcome == "unchanged":
        return after._replace(invitation=invitation)
    version = max(after.version, versions_above) + 1
    return after.next_version(version, user_id if outcome == "created" else after.user_id, invitation)


def next_generation(state: InvitationState, user: User, id: str, now: datetime) -> InvitationState:
    """The next mail of the person's invitation `id`, valid from now on; all earlier ones cannot be used any more."""
    return InvitationState(
        id,
        state.generation + 1,
        "open",
        _expiry(now),
        user.email_key,
    )


@lru_cache(maxsize=16)  # one object for a batch: it is compared, hashed and told many times
def _expiry(now: datetime) -> datetime:
    return (now + INVITATION_VALIDITY).replace(microsecond=0)
