"""Decisions to events. Pure."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from chassis.records import Event
from contracts.envelope import Envelope
from contracts.errors import ErrorCode, Problem
from contracts.events.users import (
    UserActivated,
    UserChecked,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserRejected,
    UserUnchanged,
    UserUpdated,
)
from contracts.fields import number_key
from contracts.topics import USER_EVENTS, USER_VERDICTS
from user_service.domain import documents
from user_service.domain.decision import Decision, Verdict
from user_service.domain.organisation import Organisation
from user_service.domain.person import User

SOURCE = "instroom/user-service"

_TYPES: Mapping[Verdict, str] = {
    "created": UserCreated.TYPE,
    "updated": UserUpdated.TYPE,
    "unchanged": UserUnchanged.TYPE,
    "rejected": UserRejected.TYPE,
    "activated": UserActivated.TYPE,
    "deactivated": UserDeactivated.TYPE,
    "deleted": UserDeleted.TYPE,
}


def outcome_event(
    request: Envelope,
    key: str,
    decision: Decision,
    after: User | None,
    organisation: Organisation,
    *,
    id: str,
    time: str,
) -> Event:
    """The one outcome of a request about the person with that number key, with the reference of whoever asked."""
    envelope = _answer(request, _TYPES[decision.outcome], decision.number, id=id, time=time)
    value = orjson.dumps(_outcome(decision, after, organisation))
    return Event(USER_EVENTS.name, f"{request.academy}/{key}", envelope, value)


def replay(request: Envelope, outcome: Verdict, value: bytes, *, number: str, id: str, time: str) -> Event:
    """An outcome with a value that was made before."""
    envelope = _answer(request, _TYPES[outcome], number, id=id, time=time)
    return Event(USER_EVENTS.name, f"{request.academy}/{number_key(number)}", envelope, value)


def followed_event(
    cause: Envelope, before: User, after: User, organisation: Organisation, *, id: str, time: str
) -> Event:
    """That somebody has another company since their department moved. It answers no request about them."""
    envelope = Envelope(
        id=id,
        type=UserUpdated.TYPE,
        source=SOURCE,
        academy=cause.academy,
        time=time,
        subject=after.number,
        actor=cause.actor,
        correlation_id=cause.correlation_id,
        causation_id=cause.id,
        traceparent=cause.traceparent,
    )
    body = {
        "version": after.version,
        "org_revision": organisation.revision,
        "person": person_json(after, organisation),
        "changes": company_change(before, after, organisation),
    }
    return Event(USER_EVENTS.name, f"{cause.academy}/{after.number_key}", envelope, orjson.dumps(body))


def company_change(before: User, after: User, organisation: Organisation) -> dict[str, Any]:
    return {"company": [organisation.company_name(each.company_id) for each in (before, after)]}


def _answer(request: Envelope, type_: str, number: str, *, id: str, time: str) -> Envelope:
    """The envelope of an answer: the reference, attempt, trace and actor of whoever asked."""
    return Envelope(
        id=id,
        type=type_,
        source=SOURCE,
        academy=request.academy,
        time=time,
        subject=number,
        actor=request.actor,
        correlation_id=request.correlation_id,
        causation_id=request.id,
        request_source=request.request_source,
        request_id=request.request_id,
        attempt=request.attempt,
        traceparent=request.traceparent,
    )


def _outcome(decision: Decision, after: User | None, organisation: Organisation) -> dict[str, Any]:
    version = after.version if after is not None else 0
    body: dict[str, Any] = {"version": version}
    if decision.outcome in ("created", "updated", "unchanged", "rejected"):
        body["org_revision"] = decision.org_revision
    if decision.outcome == "rejected":
        body["errors"] = [problem_json(problem) for problem in decision.errors]
        return body
    if decision.outcome != "unchanged" and after is not None:
        body["person"] = person_json(after, organisation)
    if decision.outcome == "updated":
        body["changes"] = decision.changes
        if decision.restored:
            body["restored"] = True
    if invitation := documents.invitation(decision, after):
        body["invitation"] = invitation
    return body


def checked_event(request: Envelope, key: str, decision: Decision, round: int, *, id: str, time: str) -> Event:
    """The verdict on a check of the person with that number key."""
    body: dict[str, Any] = {
        "outcome": decision.outcome,
        "round": round,
        "user_version": decision.user_version,
        "org_revision": decision.org_revision,
        "name": decision.name,
        "invitation": decision.invitation.status,
    }
    if decision.invitation.status == "already_invited":
        body["invitation_expires_at"] = documents.invitation(decision, decision.after)["expires_at"]
    if decision.changes:
        body["changes"] = decision.changes
    if decision.restored:
        body["restored"] = True
    if decision.errors:
        body["errors"] = [problem_json(problem) for problem in decision.errors]
    envelope = _answer(request, UserChecked.TYPE, decision.number, id=id, time=time)
    return Event(USER_VERDICTS.name, f"{request.academy}/{key}", envelope, orjson.dumps(body))


def problem_json(problem: Problem) -> dict[str, Any]:
    """A problem without its empty members."""
    return problem.model_dump(mode="json", exclude_defaults=True)


def linked_problem_json(problem: Problem, academy: str) -> dict[str, Any]:
    """A problem for whoever asked over HTTP: where somebody else is in the way, `user` is that person's resource."""
    body = problem_json(problem)
    if problem.code in (ErrorCode.PERSONNEL_NUMBER_CONFLICT, ErrorCode.EMAIL_IN_USE):
        body["user"] = f"/academies/{academy}/users/{quote(problem.params['personnel_number'], safe='')}"
    return body


def person_json(user: User, organisation: Organisation) -> dict[str, Any]:
    """contracts' Person as plain data: made by hand, for there is one in nearly every event."""
    company, department = organisation.companies.get(user.company_id), organisation.departments.get(user.department_id)
    functions = organisation.functions
    return {
        "user_id": user.user_id,
        "personnel_number": user.number,
        "first_name": user.first_name,
        "infix": user.infix,
        "last_name": user.last_name,
        "email": user.email,
        "company": {"id": user.company_id, "name": company.name if company else user.company_id},
        "department": {"id": user.department_id, "name": department.name if department else user.department_id},
        "functions": [{"id": f, "name": functions[f].name if f in functions else f} for f in user.function_ids],
        "cost_centre": user.cost_centre,
        "language": user.language,
        "active": user.active,
        "manager": user.manager,
        "terms_accepted": user.terms_accepted,
        "deleted": user.deleted,
        "administrator": user.administrator,
    }


def not_processed(request: Envelope, key: str, dead_letter: str, *, id: str, time: str) -> Event:
    """The answer to a request that went to the dead letters."""
    number = key.partition("/")[2]
    problem = Problem(code=ErrorCode.NOT_PROCESSED, params={"dead_letter": dead_letter})
    value = orjson.dumps({"version": 0, "org_revision": 0, "errors": [problem_json(problem)]})
    event = replay(request, "rejected", value, number=number, id=id, time=time)
    return Event(event.topic, key, event.envelope, value)


def command_not_processed(dead_letter: str) -> dict[str, Any]:
    """What is found under a command over HTTP that went to the dead letters."""
    problem = Problem(code=ErrorCode.NOT_PROCESSED, params={"dead_letter": dead_letter})
    return {
        "code": "rejected",
        "version": 0,
        "changes": {},
        "restored": False,
        "invitation": "none",
        "errors": [problem_json(problem)],
    }


def check_not_processed(request: Envelope, key: str, dead_letter: str, *, id: str, time: str) -> Event:
    """The answer to a check that went to the dead letters."""
    event = not_processed(request, key, dead_letter, id=id, time=time)
    problem = Problem(code=ErrorCode.NOT_PROCESSED, params={"dead_letter": dead_letter})
    body = {"outcome": "rejected", "user_version": 0, "org_revision": 0, "errors": [problem_json(problem)]}
    envelope = _answer(request, UserChecked.TYPE, event.envelope.subject, id=id, time=time)
    return Event(USER_VERDICTS.name, key, envelope, orjson.dumps(body))
