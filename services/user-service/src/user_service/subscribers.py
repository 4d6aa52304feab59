"""An event arrives: one call."""

from dataclasses import dataclass
from typing import Any

from chassis.consuming import Subscription, store_positions
from chassis.database import Pool
from chassis.records import Event, Record, deterministic_id, now_text
from contracts.envelope import Envelope
from contracts.events import BY_TOPIC
from contracts.events.invitations import InvitationFailed
from contracts.events.org import REMOVED, DepartmentChanged
from contracts.events.users import UserCheckRequested, UserRequested
from contracts.topics import INVITATION_EVENTS, ORG_STRUCTURE, USER_CHECKS, USER_REQUESTS, USER_REQUESTS_BULK, Topic
from user_service import messages, store
from user_service.applying import Applying
from user_service.changed_later import find_changed_later
from user_service.checking import Checking
from user_service.moving import Moving
from user_service.requests import Decoder


@dataclass
class FailedInvitations:
    """An invitation that could not be delivered may be replaced by a new one."""

    pool: Pool

    async def __call__(self, records: list[Record[InvitationFailed]]) -> None:
        failed: dict[str, int] = {}
        for message in (record.message for record in records):
            failed[message.invitation_id] = max(message.generation, failed.get(message.invitation_id, 0))
        async with self.pool.acquire() as connection, connection.transaction():
            await store.mark_invitations_failed(connection, failed)
            await store_positions(connection, records)


def subscriptions(pool: Pool, applying: Applying, checking: Checking, moving: Moving) -> list[Subscription]:
    """All that user-service listens to."""
    return [
        _requests(USER_REQUESTS, applying, max_records=500),
        _requests(USER_REQUESTS_BULK, applying, max_records=1_000),
        Subscription(
            topic=USER_CHECKS,
            models=_models(USER_CHECKS),
            known=frozenset(_models(USER_CHECKS)),
            handle=checking,
            answer=_answer_check,
            keeps_positions=False,
            max_records=1_000,
        ),
        Subscription(
            topic=INVITATION_EVENTS,
            models={InvitationFailed.TYPE: InvitationFailed},
            known=frozenset(_models(INVITATION_EVENTS)),
            handle=FailedInvitations(pool),
        ),
        Subscription(
            topic=ORG_STRUCTURE,
            models={DepartmentChanged.TYPE: DepartmentChanged},
            known=frozenset((*_models(ORG_STRUCTURE), *REMOVED.values())),
            handle=moving,
        ),
    ]


def _requests(topic: Topic, applying: Applying, *, max_records: int) -> Subscription:
    models = _models(topic)
    return Subscription(
        topic=topic,
        models=models,
        known=frozenset(models),
        handle=applying,
        answer=_answer_request,
        outcome=messages.command_not_processed,
        changed_later=find_changed_later,
        max_records=max_records,
        interactive=topic is USER_REQUESTS,
        members=2 if topic is USER_REQUESTS_BULK else 1,
    )


def _models(topic: Topic) -> dict[str, Any]:
    models: dict[str, Any] = {model.TYPE: model for model in BY_TOPIC[topic]}
    for model in (UserRequested, UserCheckRequested):
        if model.TYPE in models:
            models[model.TYPE] = Decoder(model)
    return models


def _answer_request(request: Envelope, key: str, dead_letter: str) -> list[Event]:
    id_ = deterministic_id("not-processed", dead_letter)
    return [messages.not_processed(request, key, dead_letter, id=id_, time=now_text())]


def _answer_check(request: Envelope, key: str, dead_letter: str) -> list[Event]:
    id_ = deterministic_id("not-processed", dead_letter)
    return [messages.check_not_processed(request, key, dead_letter, id=id_, time=now_text())]
