"""Accepting an invitation: once, by whoever has the newest link, in one transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import orjson

from chassis import outbox
from chassis.database import Connection
from chassis.records import Event, new_id, now_text
from contracts.envelope import Envelope
from contracts.events.base import Message
from contracts.events.users import InvitationAccepted
from contracts.topics import USER_EVENTS
from user_service import messages, store
from user_service.domain.organisation import Organisation
from user_service.domain.person import User
from user_service.identity import people
from user_service.identity.people import Somebody
from user_service.people import Happened, record_history
from user_service.tokens import InvitationClaim

State = Literal["valid", "expired", "replaced", "accepted", "not_active", "unknown"]


def state_of(claim: InvitationClaim | None, user: User | None, now: datetime) -> State:
    """What can be said of the claim: only the newest generation of an active person can be valid."""
    if claim is None or user is None or user.invitation.invitation_id != claim.invitation_id:
        return "unknown"
    invitation = user.invitation
    if invitation.status == "accepted" and not user.deleted:
        return "accepted"
    if user.deleted or claim.generation != invitation.generation:
        return "replaced"
    if invitation.status == "waiting":
        return "not_active"
    if invitation.status != "open":
        return "replaced"
    if not invitation.is_valid(now) or claim.expires_at <= now:
        return "expired"
    return "valid" if user.active else "not_active"


async def accept(
    connection: Connection,
    somebody: Somebody,
    password_hash: str | None,
    terms_version: int,
    organisation: Organisation,
) -> None:
    """Write it and tell it. The person is locked, and their invitation valid, or they logged in without a password."""
    before = somebody.user
    after = before._replace(
        terms_accepted=True,
        ever_accepted_terms=True,
        version=before.version + 1,
        invitation=before.invitation._replace(status="accepted"),
    )
    key = (somebody.academy, after.number_key)
    await store.update_users(connection, {key: before}, {key: after})
    await people.set_terms(connection, somebody.academy, after.number_key, terms_version)
    if password_hash is not None:
        await people.set_password(connection, somebody.academy, after.number_key, password_hash)
    body = {
        "version": after.version,
        "person": messages.person_json(after, organisation),
        "invitation": {"status": "already_accepted", "invitation_id": after.invitation.invitation_id},
        "terms_version": terms_version,
    }
    await tell(connection, InvitationAccepted, somebody.academy, after, body, somebody.subject)


async def tell(
    connection: Connection, model: type[Message], academy: str, user: User, body: Mapping[str, Any], actor: str
) -> None:
    """Publish that a person changed without a request, and keep it in their history."""
    await outbox.enqueue(connection, [event_of(model, academy, user, body, actor)])
    happened = Happened(
        academy,
        user.number_key,
        await store.now(connection),
        actor,
        model.TYPE.split(".")[2],
        user.version,
        dict(body.get("changes", {})),
        False,
        body.get("invitation", {}).get("status", "none"),
    )
    await record_history(connection, [happened])


def event_of(model: type[Message], academy: str, user: User, body: Mapping[str, object], actor: str) -> Event:
    """An event about a person that answers no request."""
    envelope = Envelope(
        id=new_id(),
        type=model.TYPE,
        source=messages.SOURCE,
        academy=academy,
        time=now_text(),
        subject=user.number,
        actor=actor,
    )
    return Event(USER_EVENTS.name, f"{academy}/{user.number_key}", envelope, orjson.dumps(body))
