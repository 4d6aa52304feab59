"""What the tests of this service share: events of people as they arrive, and the settings they are read with."""

import base64
import itertools
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from chassis.records import Record
from contracts.envelope import Envelope
from contracts.events.base import Message
from contracts.events.users import (
    Invitation,
    PasswordResetRequested,
    Person,
    Recipient,
    UnitRef,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserUnchanged,
    UserUpdated,
)
from contracts.fields import number_key
from notify_service.tokens import Signer

SEED = base64.urlsafe_b64encode(bytes(range(32))).decode()
EXPIRES = "2031-02-03T12:00:00+00:00"


class People:
    """Makes events of people as user-service publishes them, each at the next offset."""

    def __init__(self, academy: str) -> None:
        self.academy = academy
        self._offsets = itertools.count()
        self._invitations = itertools.count(1)

    def invitation(self) -> UUID:
        return UUID(f"01980000-0000-7000-8000-{next(self._invitations):012x}")

    def record(self, number: str, message: Message, *, offset: int | None = None) -> Record[Any]:
        offset = next(self._offsets) if offset is None else offset
        envelope = Envelope(
            id=f"e-{offset}",
            type=message.TYPE,
            source="instroom/user-service",
            academy=self.academy,
            time="2031-01-04T12:00:00Z",
            subject=number,
            correlation_id="c-1",
            actor="an administrator",
            request_source="import",
            request_id="row-1",
            traceparent="00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
        )
        key = f"{self.academy}/{number_key(number)}"
        return Record("cluster", "user.events", 0, offset, key, message.model_dump_json().encode(), envelope, message)

    def person(self, number: str, **changes: Any) -> Person:
        fields: dict[str, Any] = {
            "user_id": f"u-{number}",
            "personnel_number": number,
            "first_name": "Jan",
            "last_name": "Bakker",
            "email": f"{number}@example.test",
            "company": UnitRef(id="c", name="Company"),
            "department": UnitRef(id="d", name="Department"),
            "language": "nl",
            "active": True,
            "manager": False,
            "terms_accepted": False,
        }
        return Person(**fields | changes)

    def queued(self, number: str, id: UUID, generation: int = 1, **recipient: str) -> Invitation:
        to = {"email": f"{number}@example.test", "name": "Jan Bakker", "language": "nl"} | recipient
        return Invitation(
            status="queued",
            invitation_id=str(id),
            generation=generation,
            expires_at=EXPIRES,
            recipient=Recipient(**to),
        )

    def withdrawn(self, id: UUID, generation: int = 1) -> Invitation:
        return Invitation(status="withdrawn", invitation_id=str(id), generation=generation)

    def created(self, number: str, id: UUID, **recipient: str) -> Record[Any]:
        message = UserCreated(
            version=1,
            org_revision=1,
            person=self.person(number),
            invitation=self.queued(number, id, **recipient),
        )
        return self.record(number, message)

    def updated(self, number: str, version: int, invitation: Invitation | None = None, **more: Any) -> Record[Any]:
        message = UserUpdated(
            version=version,
            org_revision=1,
            person=self.person(number),
            invitation=invitation or Invitation(),
            **more,
        )
        return self.record(number, message)

    def unchanged(self, number: str, version: int, invitation: Invitation) -> Record[Any]:
        return self.record(number, UserUnchanged(version=version, org_revision=1, invitation=invitation))

    def deactivated(self, number: str, version: int) -> Record[Any]:
        return self.record(number, UserDeactivated(version=version, person=self.person(number, active=False)))

    def deleted(self, number: str, version: int) -> Record[Any]:
        return self.record(number, UserDeleted(version=version, person=self.person(number, deleted=True)))

    def reset(self, number: str, id: UUID, *, expires_at: str = EXPIRES, **recipient: str) -> Record[Any]:
        to = {"email": f"{number}@example.test", "name": "Jan Bakker", "language": "nl"} | recipient
        return self.record(
            number, PasswordResetRequested(reset_id=str(id), expires_at=expires_at, recipient=Recipient(**to))
        )


@pytest.fixture
def make_people() -> Callable[[str], People]:
    return People


@pytest.fixture
def people() -> People:
    return People("acme")


@pytest.fixture
def seed() -> str:
    return SEED


@pytest.fixture
def signer() -> Signer:
    return Signer.from_text(SEED, "2031-a")
