"""What became of an invitation's mail. (`invitation_id`, `generation`) names one mail."""

from typing import ClassVar

from contracts.events.base import Message


class _InvitationMessage(Message):
    invitation_id: str
    generation: int
    personnel_number: str


class InvitationQueued(_InvitationMessage):
    """A mail will be sent as soon as there is room."""

    TYPE: ClassVar[str] = "instroom.invitation.queued.v1"


class InvitationSent(_InvitationMessage):
    """The mail server accepted it."""

    TYPE: ClassVar[str] = "instroom.invitation.sent.v1"

    message_id: str


class InvitationFailed(_InvitationMessage):
    """The mail server refused it for good, or it could not be delivered before it expired."""

    TYPE: ClassVar[str] = "instroom.invitation.failed.v1"

    reason: str


class InvitationWithdrawn(_InvitationMessage):
    """It was taken back before it was sent."""

    TYPE: ClassVar[str] = "instroom.invitation.withdrawn.v1"


EVENTS = (InvitationQueued, InvitationSent, InvitationFailed, InvitationWithdrawn)
