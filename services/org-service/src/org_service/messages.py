"""The structure as events, outcomes and documents. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from chassis.records import Event, make_event
from contracts import errors
from contracts.envelope import Envelope
from contracts.events import org
from contracts.events.base import Message
from contracts.sentences import render
from contracts.topics import ORG_STRUCTURE
from contracts.wording.terms import DEFAULT_TERMS, DEFAULT_TERMS_VERSION
from org_service.domain import Refused
from org_service.refusals import Problem
from org_service.units import Academy, Kind, Structure, Terms, Unit
from org_service.work import Applied, Outcome, Work

SOURCE: Final = "instroom/org-service"
MAX_ERRORS: Final = 100
"""Told of one command; who sends ten thousand mistakes needs the first hundred."""

_KINDS: Final[tuple[Kind, ...]] = ("company", "department", "function")


def events_of(work: Work, new_ids: Callable[[int], Sequence[str]], now: str) -> list[Event]:
    """What the transaction changed, or everything on a republish; AcademyChanged last, so that whoever has seen it
    has seen all of its revision."""
    academy = work.structure.academy
    if work.cause is None or academy is None:
        return []
    cause = work.cause
    if work.republish:
        units = [(unit, work.units.get(unit.id, (unit, cause))[1]) for unit in work.structure.units()]
    else:
        units = list(work.units.values())
    units.sort(key=lambda each: _KINDS.index(each[0].kind))
    revision = work.next_revision
    ids = iter(new_ids(len(units) + 2))
    answers: dict[tuple[str, str], Envelope] = {}

    def envelope(by: Envelope, type_: str, subject: str) -> Envelope:
        answer = answers.get((by.source, by.id))
        if answer is None:
            answer = by.answer(id="", type="", source=SOURCE, time=now)
            answers[by.source, by.id] = answer = replace(answer, org_revision=revision)
        return replace(answer, id=next(ids), type=type_, subject=subject)

    events = []
    for unit, by in units:
        subject = f"{unit.kind}/{unit.id}"
        key = f"{academy.id}/{subject}"
        if unit.removed:
            events.append(Event(ORG_STRUCTURE.name, key, envelope(by, removed_type(unit.kind), subject), None))
        else:
            change = unit_message(unit, revision)
            events.append(make_event(ORG_STRUCTURE, key, envelope(by, change.TYPE, subject), change))
    terms = work.structure.terms
    if work.terms is not None or (work.republish and terms.version):
        by = work.terms[1] if work.terms is not None else cause
        subject = f"terms/{academy.id}"
        told = org.TermsChanged(version=terms.version, texts=dict(terms.texts), revision=revision)
        events.append(make_event(ORG_STRUCTURE, f"{academy.id}/{subject}", envelope(by, told.TYPE, subject), told))
    message = org.AcademyChanged(
        id=academy.id,
        name=academy.name,
        default_language=academy.default_language,
        languages=list(academy.languages),
        revision=revision,
        entries=sum(not unit.removed for unit in work.structure.units()) + bool(terms.version),
    )
    subject = f"academy/{academy.id}"
    events.append(make_event(ORG_STRUCTURE, f"{academy.id}/{subject}", envelope(cause, message.TYPE, subject), message))
    return events


def removed_type(kind: Kind) -> str:
    """The `ce_type` of the tombstone of a unit."""
    return f"instroom.org.{kind}-removed.v1"


def unit_message(unit: Unit, revision: int) -> Message:
    """The whole state of a unit that is not removed."""
    former = list(unit.former_names)
    if unit.kind == "company":
        return org.CompanyChanged(id=unit.id, name=unit.name, code=unit.code, former_names=former, revision=revision)
    if unit.kind == "department":
        return org.DepartmentChanged(
            id=unit.id,
            company_id=unit.company_id,
            name=unit.name,
            code=unit.code,
            former_names=former,
            revision=revision,
        )
    return org.FunctionChanged(
        id=unit.id,
        name=unit.name,
        code=unit.code,
        former_names=former,
        learning_activities=list(unit.learning_activities),
        revision=revision,
    )


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """What a follower of the command is told."""
    if isinstance(outcome, Applied):
        return {"code": "applied", "revision": outcome.revision, "changed": outcome.changed}
    return {"code": "refused", "errors": error_documents(outcome)}


def not_processed(dead_letter: str) -> dict[str, Any]:
    """What is found under a command over HTTP that went to the dead letters."""
    fault = errors.Problem(code=errors.ErrorCode.NOT_PROCESSED, params={"dead_letter": dead_letter})
    english, dutch = render(fault, "en"), render(fault, "nl")
    error = {"code": fault.code.value, "message": english, "message_nl": dutch, "path": ""}
    return {"code": "refused", "errors": [error]}


def error_documents(refused: Refused) -> list[dict[str, str]]:
    return [error_document(problem) for problem in refused.problems[:MAX_ERRORS]]


def error_document(problem: Problem) -> dict[str, str]:
    english, dutch = problem.sentences()
    return {"code": problem.reason.value, "message": english, "message_nl": dutch, "path": problem.path}


def academy_document(academy: Academy) -> dict[str, Any]:
    return {
        "id": academy.id,
        "name": academy.name,
        "default_language": academy.default_language,
        "languages": list(academy.languages),
    }


def terms_document(terms: Terms) -> dict[str, Any]:
    """The terms that hold; `default` where the academy has defined none of its own."""
    if terms.version:
        return {"version": terms.version, "texts": dict(terms.texts), "default": False}
    return {"version": DEFAULT_TERMS_VERSION, "texts": dict(DEFAULT_TERMS), "default": True}


def structure_document(structure: Structure, revision: int) -> dict[str, Any]:
    """The whole structure, removed units too, each list in the order of names."""
    assert structure.academy is not None  # noqa: S101 - the caller has found it
    companies = [
        {
            **_unit_document(company),
            "departments": [_unit_document(each) for each in _sorted(structure.siblings(("department", company.id)))],
        }
        for company in _sorted(structure.siblings(("company", "")))
    ]
    functions = [
        {**_unit_document(function), "learning_activities": list(function.learning_activities)}
        for function in _sorted(structure.siblings(("function", "")))
    ]
    return {
        "academy": academy_document(structure.academy),
        "revision": revision,
        "companies": companies,
        "functions": functions,
    }


def _sorted(siblings: Any) -> Iterator[Unit]:
    units: Iterable[Unit] = siblings.values()
    return iter(sorted(units, key=lambda unit: (unit.removed, unit.name.casefold(), unit.id)))


def _unit_document(unit: Unit) -> dict[str, Any]:
    return {
        "id": unit.id,
        "name": unit.name,
        "code": unit.code,
        "former_names": list(unit.former_names),
        "removed": unit.removed,
    }
