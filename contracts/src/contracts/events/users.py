"""People: what is asked about them, what was decided, what is true of them."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from contracts.errors import Problem
from contracts.events.base import Message, Value

Outcome = Literal["created", "updated", "unchanged", "rejected"]
InvitationStatus = Literal["none", "queued", "waiting", "already_invited", "already_accepted", "withdrawn"]


def _flag_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "x" if value else "-"
    return value


Text = str | None
Flag = Annotated[str | None, BeforeValidator(_flag_text, json_schema_input_type=str | bool | None)]


class PersonFields(Value):
    """What may be asked of a person, as a JSON merge patch: absent leaves the value, null (or `-`) clears it.

    Every value is plain text as a person would write it; units by name, code or id; flags as in a workbook
    (`x`, `ja`, `-` …) or as JSON booleans.
    """

    personnel_number: Text = None
    first_name: Text = None
    infix: Text = None
    last_name: Text = None
    email: Text = None
    company: Text = None
    department: Text = None
    functions: list[str] | None = Field(
        default=None, description="replaces the functions; each text is split like a cell"
    )
    cost_centre: Text = None
    invite: Flag = None
    active: Flag = None
    language: Text = None
    manager: Flag = None
    terms_accepted: Flag = None


class Planned(Value):
    """The decision of the check that a request carries out."""

    outcome: Outcome
    user_version: int = Field(description="0 if there was no such person")
    org_revision: int


class UserRequested(Message):
    """Take this person in. Answered by exactly one UserCreated, UserUpdated, UserUnchanged or UserRejected."""

    TYPE: ClassVar[str] = "instroom.user.requested.v1"

    mode: Literal["create", "update", "upsert"] = "upsert"
    person: PersonFields
    min_org_revision: int = Field(default=0, description="wait up to 5 s for this revision of the organisation")
    planned: Planned | None = None


class UserCheckRequested(Message):
    """What would you do with this? Answered by one UserChecked; nothing is written."""

    TYPE: ClassVar[str] = "instroom.user.check-requested.v1"

    mode: Literal["create", "update", "upsert"] = "upsert"
    person: PersonFields
    min_org_revision: int = 0
    round: int = 1


class _OnePerson(Message):
    personnel_number: str = Field(description="also in the key of the record")


class ActivateUser(_OnePerson):
    """Let the person log in. Answered by UserActivated, UserUnchanged or UserRejected(not_found)."""

    TYPE: ClassVar[str] = "instroom.user.activate.v1"


class DeactivateUser(_OnePerson):
    """Keep the person from logging in. Answered by UserDeactivated, UserUnchanged or UserRejected(not_found)."""

    TYPE: ClassVar[str] = "instroom.user.deactivate.v1"


class DeleteUser(_OnePerson):
    """Take the person out. Answered by UserDeleted or UserRejected(not_found)."""

    TYPE: ClassVar[str] = "instroom.user.delete.v1"


class ResendInvitation(_OnePerson):
    """Send a new invitation, over an open one too. Answered by UserUpdated, UserUnchanged or UserRejected(not_found)."""

    TYPE: ClassVar[str] = "instroom.user.resend-invitation.v1"


class WithdrawInvitation(_OnePerson):
    """Make the open invitation invalid. Answered by UserUpdated, UserUnchanged or UserRejected(not_found)."""

    TYPE: ClassVar[str] = "instroom.user.withdraw-invitation.v1"


class GrantAdministrator(_OnePerson):
    """Make the person an administrator of the academy. Answered by UserUpdated, UserUnchanged or UserRejected."""

    TYPE: ClassVar[str] = "instroom.user.grant-administrator.v1"


class RevokeAdministrator(_OnePerson):
    """The person is no administrator any more. Answered by UserUpdated, UserUnchanged or UserRejected.

    The last active administrator of an academy stays one: UserRejected(last_administrator).
    """

    TYPE: ClassVar[str] = "instroom.user.revoke-administrator.v1"


COMMANDS = (
    UserRequested,
    ActivateUser,
    DeactivateUser,
    DeleteUser,
    ResendInvitation,
    WithdrawInvitation,
    GrantAdministrator,
    RevokeAdministrator,
)


class UnitRef(Value):
    id: str
    name: str


class Person(Value):
    """A person as they are now."""

    user_id: str
    personnel_number: str
    first_name: str
    infix: str | None = None
    last_name: str
    email: str
    company: UnitRef
    department: UnitRef
    functions: list[UnitRef] = []
    cost_centre: str | None = None
    language: str
    active: bool
    manager: bool
    terms_accepted: bool
    deleted: bool = False
    administrator: bool = False


class Recipient(Value):
    email: str
    name: str
    language: str


class Invitation(Value):
    """What became of the invitation, apart from the outcome of the data.

    `queued` and `withdrawn` name the invitation and generation, and so does `waiting` where one had gone out before;
    `queued` says to whom it goes and until when it is valid; `already_invited` says until when the open one is valid.
    """

    status: InvitationStatus = "none"
    invitation_id: str | None = None
    generation: int | None = None
    expires_at: str | None = None
    recipient: Recipient | None = None


class Notice(Value):
    """A warning: worth a look, stops nothing."""

    code: str
    field: str | None = None
    params: dict[str, Any] = {}


Changes = dict[str, tuple[Any, Any]]


class UserChecked(Message):
    """The decision on a UserCheckRequested. `user_version` is 0 where there is no such person."""

    TYPE: ClassVar[str] = "instroom.user.checked.v1"

    outcome: Outcome
    round: int = 1
    user_version: int
    org_revision: int
    name: str | None = Field(default=None, description="the name that the person has or would have")
    changes: Changes = Field(default_factory=dict, description="field → [old, new]", json_schema_extra={"default": {}})
    restored: bool = False
    invitation: InvitationStatus = "none"
    invitation_expires_at: str | None = Field(default=None, description="of an open one: already_invited")
    errors: list[Problem] = Field(default_factory=list, json_schema_extra={"default": []})
    warnings: list[Notice] = Field(default_factory=list, json_schema_extra={"default": []})


class UserCreated(Message):
    """There was no such person; now there is."""

    TYPE: ClassVar[str] = "instroom.user.created.v1"

    version: int
    org_revision: int
    person: Person
    invitation: Invitation = Invitation()


class UserUpdated(Message):
    """The person was changed; `changes` says what. `restored` if they had been deleted."""

    TYPE: ClassVar[str] = "instroom.user.updated.v1"

    version: int
    org_revision: int
    person: Person
    changes: Changes = {}
    restored: bool = False
    invitation: Invitation = Invitation()


class UserUnchanged(Message):
    """The person is as the request wants them; nothing was written. The invitation may have been sent all the same."""

    TYPE: ClassVar[str] = "instroom.user.unchanged.v1"

    version: int
    org_revision: int
    invitation: Invitation = Invitation()


class UserRejected(Message):
    """Nothing was changed. `version` is 0 where there is no such person."""

    TYPE: ClassVar[str] = "instroom.user.rejected.v1"

    version: int = 0
    org_revision: int = 0
    errors: list[Problem]


class _StateAnswer(Message):
    version: int
    person: Person
    invitation: Invitation = Invitation()


class UserActivated(_StateAnswer):
    """Answers ActivateUser. An invitation that waited for it goes out."""

    TYPE: ClassVar[str] = "instroom.user.activated.v1"


class UserDeactivated(_StateAnswer):
    """Answers DeactivateUser. An invitation that was queued is withdrawn."""

    TYPE: ClassVar[str] = "instroom.user.deactivated.v1"


class UserDeleted(_StateAnswer):
    """Answers DeleteUser. The same personnel number brings the person back, with their history."""

    TYPE: ClassVar[str] = "instroom.user.deleted.v1"


class InvitationAccepted(_StateAnswer):
    """The invited person chose a password and accepted the terms of use: they can log in. Nobody asked for it."""

    TYPE: ClassVar[str] = "instroom.user.invitation-accepted.v1"

    terms_version: int = Field(description="of the terms that were accepted")


class PasswordResetRequested(Message):
    """Somebody wants to choose a new password; a mail with a link is to be sent. Nothing about the person changed."""

    TYPE: ClassVar[str] = "instroom.user.password-reset-requested.v1"

    reset_id: str = Field(description="a UUID; one mail is sent for each")
    expires_at: str = Field(description="until when the link works, RFC 3339")
    recipient: Recipient


EVENTS = (
    UserCreated,
    UserUpdated,
    UserUnchanged,
    UserRejected,
    UserActivated,
    UserDeactivated,
    UserDeleted,
    InvitationAccepted,
    PasswordResetRequested,
)
