"""Contract events ⇄ what the service works with. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import Field

from chassis.records import Event, Record, make_event, new_ids, now_text
from chassis.replica import Entry
from contracts import topics
from contracts.envelope import Envelope
from contracts.errors import ErrorCode, Problem
from contracts.events.base import Message, Value
from contracts.events.org import AcademyChanged, CompanyChanged, DepartmentChanged, FunctionChanged
from contracts.events.users import (
    Changes,
    InvitationStatus,
    Outcome,
    UserChecked,
    UserCheckRequested,
    UserCreated,
    UserRejected,
    UserRequested,
    UserUnchanged,
    UserUpdated,
)
from import_service.domain import Answer, Import, Phase, rank
from import_service.template import TemplateCompany, TemplateStructure
from import_service.turns import Feed, Sendable

SOURCE: Final = "instroom/import-service"
_REFERENCE: Final = "import/"


def is_ours(envelope: Envelope) -> bool:
    """Whether the event answers a row of an import."""
    return envelope.request_source.startswith(_REFERENCE)


def import_events(import_: Import, messages: Sequence[Message]) -> list[Event]:
    """Messages about an import as events, in this order."""
    time = now_text()
    key = f"{import_.academy}/{import_.id}"
    return [
        make_event(
            topics.IMPORT_EVENTS,
            key,
            Envelope(
                id=id_,
                type=message.TYPE,
                source=SOURCE,
                academy=import_.academy,
                time=time,
                subject=import_.id,
                actor=import_.actor,
                correlation_id=import_.id,
                traceparent=import_.traceparent,
            ),
            message,
        )
        for id_, message in zip(new_ids(len(messages)), messages, strict=True)
    ]


def row_events(feed: Feed, rows: Iterable[Sendable]) -> list[Event]:
    """The requests of rows of one import, in the phase that it is in.

    An id is made of import, phase, round and row, so that a row has the same one whenever it is sent. The values are
    written by hand: the stored fields are JSON already, and a model per row would cost a third of the throughput.
    """
    check = feed.phase is Phase.CHECK
    topic = (topics.USER_CHECKS if check else topics.USER_REQUESTS_BULK).name
    type_ = UserCheckRequested.TYPE if check else UserRequested.TYPE
    head = b'{"mode":"upsert","person":'
    tail = b',"min_org_revision":%d' % feed.min_org_revision
    end = b'%s,"round":%d}' % (tail, feed.round)
    id_, academy, time = feed.import_id, feed.academy, now_text()
    source = _REFERENCE + feed.import_id
    prefix = f"{id_}/{feed.phase.name.lower()}/{feed.round}/"
    events = []
    for row in rows:
        number = str(row.row)
        if not check:
            end = b'%s,"planned":{"outcome":"%s","user_version":%d,"org_revision":%d}}' % (
                tail,
                row.outcome.encode(),
                row.user_version,
                row.org_revision,
            )
        envelope = Envelope(
            id=f"{prefix}{number}",
            type=type_,
            source=SOURCE,
            academy=academy,
            time=time,
            subject=row.number_key,
            actor=feed.actor,
            correlation_id=id_,
            request_source=source,
            request_id=number,
            attempt=feed.attempt,
            traceparent=feed.traceparent,
        )
        events.append(Event(topic, f"{academy}/{row.number_key}", envelope, head + row.fields + end))
    return events


def verdicts(records: Sequence[Record[UserChecked]]) -> list[Answer]:
    """The answers to checks; what does not name a row is left out."""
    answers = []
    for record in records:
        message, envelope = record.message, record.envelope
        if (reference := _row_of(envelope)) is None:
            continue
        answers.append(
            Answer(
                *reference,
                round=message.round,
                rank=rank(message.round, envelope.attempt, processed=_processed(message.errors)),
                outcome=message.outcome,
                invitation=message.invitation,
                restored=message.restored,
                user_version=message.user_version,
                org_revision=message.org_revision,
                detail=_detail(
                    name=None if message.outcome == "created" else message.name,
                    invited_until=message.invitation_expires_at,
                    changes=message.changes,
                    errors=message.errors,
                    warnings=message.warnings,
                ),
            )
        )
    return answers


class _InvitationView(Value):
    status: InvitationStatus = "none"
    expires_at: str | None = None


class OutcomeView(Value):
    """What a row's report needs of an outcome, whichever of the four it is; the person is not read at all."""

    version: int = 0
    org_revision: int = 0
    changes: Changes = Field(default_factory=dict)
    restored: bool = False
    invitation: _InvitationView = _InvitationView()
    errors: tuple[Problem, ...] = ()


_OUTCOMES: Final[dict[str, Outcome]] = {
    UserCreated.TYPE: "created",
    UserUpdated.TYPE: "updated",
    UserUnchanged.TYPE: "unchanged",
    UserRejected.TYPE: "rejected",
}
OUTCOME_TYPES: Final = frozenset(_OUTCOMES)


def outcomes(records: Sequence[Record[OutcomeView]]) -> list[Answer]:
    """The answers to requests; what does not name a row is left out."""
    answers = []
    for record in records:
        message, envelope = record.message, record.envelope
        if (reference := _row_of(envelope)) is None:
            continue
        answers.append(
            Answer(
                *reference,
                round=1,
                rank=rank(1, envelope.attempt, processed=_processed(message.errors)),
                outcome=_OUTCOMES[envelope.type],
                invitation=message.invitation.status,
                restored=message.restored,
                user_version=message.version,
                org_revision=message.org_revision,
                detail=_detail(
                    invited_until=message.invitation.expires_at
                    if message.invitation.status == "already_invited"
                    else None,
                    changes=message.changes,
                    errors=message.errors,
                ),
            )
        )
    return answers


def template_structure(academy: str, entries: Mapping[str, Entry]) -> TemplateStructure:
    """What a template tells of an academy: all that is not removed."""
    present = [entry.message for entry in entries.values() if not entry.removed]
    about = next(message for message in present if isinstance(message, AcademyChanged))
    departments: dict[str, list[str]] = {}
    for message in present:
        if isinstance(message, DepartmentChanged):
            departments.setdefault(message.company_id, []).append(message.name)
    return TemplateStructure(
        academy=academy,
        academy_name=about.name,
        revision=about.revision,
        languages=tuple(about.languages),
        companies=tuple(
            TemplateCompany(m.name, tuple(departments.get(m.id, ()))) for m in present if isinstance(m, CompanyChanged)
        ),
        functions=tuple(m.name for m in present if isinstance(m, FunctionChanged)),
    )


def _row_of(envelope: Envelope) -> tuple[str, str, int] | None:
    """Import, academy and row of the reference that an answer carries."""
    digits, import_id = envelope.request_id, _import_of(envelope.request_source)
    if import_id is None or not (digits.isascii() and digits.isdigit() and len(digits) < 9):
        return None
    return import_id, envelope.academy, int(digits)


@lru_cache(maxsize=256)
def _import_of(source: str) -> str | None:
    try:
        return str(UUID(source[len(_REFERENCE) :]))
    except ValueError:
        return None


def _processed(errors: Sequence[Problem]) -> bool:
    return all(problem.code is not ErrorCode.NOT_PROCESSED for problem in errors)


def _detail(
    *,
    name: str | None = None,
    invited_until: str | None = None,
    changes: Any = None,
    errors: Sequence[Problem] = (),
    warnings: Sequence[Any] = (),
) -> bytes | None:
    detail: dict[str, Any] = {}
    if name is not None:
        detail["name"] = name
    if invited_until is not None:
        detail["invited_until"] = invited_until
    if changes:
        detail["changes"] = changes
    if errors:
        detail["errors"] = [problem.model_dump(mode="json", exclude_defaults=True) for problem in errors]
    if warnings:
        detail["warnings"] = [notice.model_dump(mode="json", exclude_defaults=True) for notice in warnings]
    return orjson.dumps(detail) if detail else None
