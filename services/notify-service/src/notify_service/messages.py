"""Events of people → wishes; facts → events of invitations. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from chassis.records import Event, RawRecord, Record, make_event
from contracts.envelope import Envelope
from contracts.events import invitations
from contracts.events.base import Message
from contracts.events.users import (
    Invitation,
    PasswordResetRequested,
    UserActivated,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserUnchanged,
    UserUpdated,
)
from contracts.fields import number_key
from contracts.topics import INVITATION_EVENTS
from notify_service.domain import Bar, Ended, Fact, Invite, MailKey, Origin, Recall, Recorded, Reset, State, Wish

SOURCE = "instroom/notify-service"

CONSUMED: tuple[type[Message], ...] = (
    UserCreated,
    UserUpdated,
    UserUnchanged,
    UserActivated,
    UserDeactivated,
    UserDeleted,
    PasswordResetRequested,
)
"""Of `user.events`: all that can carry an invitation or end one, and resets of passwords."""

_ALWAYS = frozenset((UserDeactivated.TYPE, UserDeleted.TYPE, PasswordResetRequested.TYPE))


def says_nothing(type_: str, value: bytes) -> bool:
    """Whether an event surely neither carries an invitation nor ends an access, told without decoding it.

    Most events of an import are of this kind; decoding them all would cost half of this service's time. What is no
    JSON object says something: that it belongs to the dead letters.
    """
    if type_ in _ALWAYS or b'"invitation"' in value or b'"active"' in value.partition(b'"changes"')[2]:
        return False
    try:
        return isinstance(orjson.loads(value), dict)
    except orjson.JSONDecodeError:
        return False


UserEvent = UserCreated | UserUpdated | UserUnchanged | UserActivated | UserDeactivated | UserDeleted


def wishes(record: Record[UserEvent | PasswordResetRequested], heard: datetime) -> list[Wish]:
    """What the event asks of us. `heard` counts as its time where it tells none: an event need not.

    Raises ValueError if its invitation or reset lacks what a mail needs.
    """
    message = record.message
    if message is None:
        return []
    if isinstance(message, PasswordResetRequested):
        return [_reset(record, message, heard)]
    invitation = message.invitation
    bars = _ends_access(message)
    if not bars and invitation.status not in ("queued", "withdrawn"):
        return []
    envelope = record.envelope
    # Somebody unchanged is not told again; the key has their number in its normal form only.
    number = _subject(record) if isinstance(message, UserUnchanged) else message.person.personnel_number
    origin = Origin(envelope.actor, envelope.correlation_id, envelope.id, envelope.traceparent)
    academy, key, version = envelope.academy, number_key(number), message.version
    found: list[Wish] = []
    if bars:
        found.append(Bar(academy=academy, number_key=key, personnel_number=number, version=version, origin=origin))
    if invitation.status == "withdrawn":
        found.append(
            Recall(
                academy=academy,
                number_key=key,
                personnel_number=number,
                version=version,
                origin=origin,
                invitation_id=_invitation_id(invitation),
                generation=_generation(invitation),
                at=_time(envelope, heard),
            )
        )
    elif invitation.status == "queued":
        recipient = invitation.recipient
        if recipient is None:
            raise ValueError("a queued invitation names no recipient")
        found.append(
            Invite(
                academy=academy,
                number_key=key,
                personnel_number=number,
                version=version,
                origin=origin,
                invitation_id=_invitation_id(invitation),
                generation=_generation(invitation),
                email=recipient.email,
                name=recipient.name,
                language=recipient.language,
                expires_at=_moment(invitation.expires_at or "", "expires_at"),
                queued_at=_time(envelope, heard),
            )
        )
    return found


def _reset(record: Record[Any], message: PasswordResetRequested, heard: datetime) -> Reset:
    envelope, number = record.envelope, _subject(record)
    return Reset(
        academy=envelope.academy,
        number_key=number_key(number),
        personnel_number=number,
        version=0,
        origin=Origin(envelope.actor, envelope.correlation_id, envelope.id, envelope.traceparent),
        invitation_id=_uuid(message.reset_id, "reset_id"),
        generation=1,
        email=message.recipient.email,
        name=message.recipient.name,
        language=message.recipient.language,
        expires_at=_moment(message.expires_at, "expires_at"),
        queued_at=_time(envelope, heard),
    )


def _subject(record: Record[Any]) -> str:
    """The number of the person; its normal form where nobody tells how they write it."""
    return record.envelope.subject or record.key.partition("/")[2]


def _time(envelope: Envelope, heard: datetime) -> datetime:
    return _moment(envelope.time, "ce_time") if envelope.time else heard


def _ends_access(message: UserEvent) -> bool:
    if isinstance(message, UserUpdated):
        change = message.changes.get("active")
        return change is not None and change[1] is False
    return isinstance(message, UserDeactivated | UserDeleted)


def _invitation_id(invitation: Invitation) -> UUID:
    return _uuid(invitation.invitation_id or "", "invitation_id")


def _uuid(text: str, name: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError(f"{name} is not a UUID") from None


def _generation(invitation: Invitation) -> int:
    generation = invitation.generation
    if generation is None or not 0 <= generation < 2**31:
        raise ValueError("generation is missing or out of range")
    return generation


def _moment(text: str, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name} is not a time") from None
    if moment.tzinfo is None:
        raise ValueError(f"{name} has no time zone")
    return moment


def event(
    message: invitations.InvitationQueued
    | invitations.InvitationSent
    | invitations.InvitationFailed
    | invitations.InvitationWithdrawn,
    *,
    academy: str,
    origin: Origin,
    id: str,
    time: str,
) -> Event:
    """The event, in the trace of what caused it, without the reference of whoever asked: that is the outcome's."""
    envelope = Envelope(
        id=id,
        type=message.TYPE,
        source=SOURCE,
        academy=academy,
        time=time,
        subject=message.personnel_number,
        actor=origin.actor,
        correlation_id=origin.correlation_id,
        causation_id=origin.causation_id,
        traceparent=origin.traceparent,
    )
    return make_event(INVITATION_EVENTS, f"{academy}/{number_key(message.personnel_number)}", envelope, message)


def fact_event(fact: Fact, *, id: str, time: str) -> Event:
    """The event of a decision."""
    model = invitations.InvitationQueued if fact.kind == "queued" else invitations.InvitationWithdrawn
    return event(
        model(**_names(fact.key, fact.personnel_number)), academy=fact.key[0], origin=fact.origin, id=id, time=time
    )


def outcome_event(mail: Recorded, *, id: str, time: str) -> Event:
    """The event of a mail that was sent, failed for good, or was withdrawn while it waited for another attempt."""
    names = _names(mail.key, mail.personnel_number)
    message: invitations.InvitationSent | invitations.InvitationFailed | invitations.InvitationWithdrawn
    if mail.state == "sent":
        message = invitations.InvitationSent(**names, message_id=mail.message_id or "")
    elif mail.state == "failed":
        message = invitations.InvitationFailed(**names, reason=mail.reason or "")
    else:
        message = invitations.InvitationWithdrawn(**names)
    return event(message, academy=mail.key[0], origin=mail.origin, id=id, time=time)


def _names(key: MailKey, personnel_number: str) -> dict[str, Any]:
    return {"invitation_id": str(key[1]), "generation": key[2], "personnel_number": personnel_number}


_EndModel = type[invitations.InvitationSent | invitations.InvitationFailed | invitations.InvitationWithdrawn]
_ENDS: Final[Mapping[str, tuple[_EndModel, State]]] = {
    invitations.InvitationSent.TYPE: (invitations.InvitationSent, "sent"),
    invitations.InvitationFailed.TYPE: (invitations.InvitationFailed, "failed"),
    invitations.InvitationWithdrawn.TYPE: (invitations.InvitationWithdrawn, "withdrawn"),
}


def ended(raw: RawRecord) -> Ended | None:
    """The mail that one of our own events tells to be done with. Raises ValueError where it cannot be read."""
    type_ = next((value for name, value in raw.headers if name == "ce_type" and value), b"").decode()
    if type_ not in _ENDS or raw.value is None:
        return None
    model, state = _ENDS[type_]
    envelope, told = Envelope.from_headers(raw.headers), model.model_validate_json(raw.value)
    return Ended(
        key=(envelope.academy, _uuid(told.invitation_id, "invitation_id"), told.generation),
        personnel_number=told.personnel_number,
        state=state,
        at=_moment(envelope.time, "ce_time"),
        message_id=getattr(told, "message_id", None),
        reason=getattr(told, "reason", None),
    )
