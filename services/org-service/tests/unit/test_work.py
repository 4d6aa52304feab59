"""What a transaction publishes."""

from typing import Any
from unittest.mock import AsyncMock

import orjson
import pytest
import structlog

from chassis.records import Event, new_id, new_ids
from contracts.envelope import Envelope
from contracts.events import MESSAGES, org
from contracts.events.base import Message
from org_service import subscribers
from org_service.domain import Refused
from org_service.messages import events_of, outcome_document, structure_document
from org_service.refusals import Problem, Reason
from org_service.units import Structure
from org_service.work import Applied, Work

NOW = "2026-03-01T08:00:00.000Z"


def envelope(command: type[Message], id_: str = "c-1") -> Envelope:
    return Envelope(
        id=id_,
        type=command.TYPE,
        source="hr",
        academy="demo",
        actor="piet",
        request_source="hr",
        request_id=id_,
        traceparent="00-1-1-01",
    )


def give(work: Work, *commands: Message) -> list[Event]:
    for number, command in enumerate(commands, 1):
        assert not isinstance(work.decide(command, envelope(type(command), f"c-{number}"), new_id), Refused)
    return events_of(work, new_ids, NOW)


def short(events: list[Event]) -> list[str]:
    return [event.envelope.type.removeprefix("instroom.org.").removesuffix(".v1") for event in events]


@pytest.fixture
def demo() -> Work:
    """An academy at revision 3 with a company, a department and a function."""
    work = Work(Structure("demo"), 0)
    give(
        work,
        org.ApplyStructure.model_validate(
            {
                "academy": {"name": "Demo"},
                "companies": [{"name": "Acme", "code": "A", "departments": [{"name": "Verkoop"}]}],
                "functions": [{"name": "Adviseur", "learning_activities": ["Privacy"]}],
            }
        ),
    )
    return Work(work.structure, 3)


def test_the_change_of_the_academy_comes_last_and_all_carry_one_revision() -> None:
    events = give(
        Work(Structure("demo"), 0),
        org.DefineAcademy(name="Demo"),
        org.DefineFunction(name="Adviseur"),
        org.DefineCompany(name="Acme"),
        org.DefineDepartment(company="Acme", name="Verkoop"),
    )
    assert short(events) == ["company-changed", "department-changed", "function-changed", "academy-changed"]
    assert {event.envelope.org_revision for event in events} == {1}
    assert {orjson.loads(event.value or b"")["revision"] for event in events} == {1}


def test_only_what_changed_is_published_and_then_the_academy(demo: Work) -> None:
    events = give(demo, org.DefineDepartment(company="A", name="Inkoop"))
    assert short(events) == ["department-changed", "academy-changed"]
    assert demo.next_revision == 4


def test_commands_that_change_nothing_raise_no_revision_and_publish_nothing(demo: Work) -> None:
    assert give(demo, org.DefineCompany(name="Acme"), org.EnableLanguage(language="nl")) == []
    assert demo.next_revision == 3


def test_a_removed_unit_is_a_tombstone_of_its_kind(demo: Work) -> None:
    company, department, _ = give(demo, org.RemoveUnit(kind="company", unit="Acme"))
    assert (company.envelope.type, company.value) == ("instroom.org.company-removed.v1", None)
    assert (department.envelope.type, department.value) == ("instroom.org.department-removed.v1", None)
    assert company.envelope.org_revision == 4


def test_a_unit_that_two_commands_of_a_transaction_change_is_published_once(demo: Work) -> None:
    rename = org.RenameUnit(kind="company", unit="A", name="Beta")
    events = give(demo, org.RemoveUnit(kind="company", unit="A"), org.DefineCompany(name="Acme"), rename)
    assert [event.key for event in events if "/company/" in event.key] == [events[0].key]
    assert orjson.loads(events[0].value or b"")["name"] == "Beta"
    assert events[0].envelope.causation_id == "c-3"


def test_events_are_keyed_by_academy_kind_and_id_and_parse_as_what_they_say(demo: Work) -> None:
    events = give(demo, org.RepublishStructure())
    for event in events:
        value = orjson.loads(event.value or b"")
        kind = event.envelope.type.split(".")[2].removesuffix("-changed")
        assert event.topic == "org.structure"
        assert event.key == f"demo/{kind}/{value['id']}"
        assert event.envelope.subject == f"{kind}/{value['id']}"
        MESSAGES[event.envelope.type].model_validate_json(event.value or b"")


def test_republishing_publishes_all_with_the_same_revision_removed_units_as_tombstones(demo: Work) -> None:
    give(demo, org.RemoveUnit(kind="department", unit="Verkoop"))
    later = Work(demo.structure, 4)
    events = give(later, org.RepublishStructure())
    assert short(events) == ["company-changed", "department-removed", "function-changed", "academy-changed"]
    assert {event.envelope.org_revision for event in events} == {4}
    assert later.next_revision == 4


def test_an_event_tells_who_asked_and_what_for(demo: Work) -> None:
    event = give(demo, org.DefineCompany(name="Beta"))[0].envelope
    assert (event.causation_id, event.actor, event.request_source, event.request_id) == ("c-1", "piet", "hr", "c-1")
    assert (event.source, event.time, event.traceparent) == ("instroom/org-service", NOW, "00-1-1-01")


def test_a_refused_command_leaves_the_work_of_the_others(demo: Work) -> None:
    refused = demo.decide(org.DefineDepartment(company="?", name="X"), envelope(org.DefineDepartment), new_id)
    events = give(demo, org.DefineCompany(name="Beta"))
    assert isinstance(refused, Refused)
    assert short(events) == ["company-changed", "academy-changed"]


def test_outcomes_tell_the_revision_or_what_is_wrong_in_two_languages(demo: Work) -> None:
    refused = demo.decide(org.DefineDepartment(company="?", name="X"), envelope(org.DefineDepartment), new_id)
    assert isinstance(refused, Refused)
    assert outcome_document(Applied(revision=7, changed=False)) == {"code": "applied", "revision": 7, "changed": False}
    assert outcome_document(refused) == {
        "code": "refused",
        "errors": [
            {
                "code": "unknown_unit",
                "message": "There is no company “?”; use its name, code or id.",
                "message_nl": "Er is geen bedrijf “?”; gebruik de naam, de code of het id.",
                "path": "company",
            }
        ],
    }


def test_the_errors_of_an_outcome_are_bounded() -> None:
    work = Work(Structure("demo"), 0)
    command = org.ApplyStructure.model_validate({"academy": {"name": "D"}, "companies": [{"name": ""}] * 1_000})
    refused = work.decide(command, envelope(org.ApplyStructure), new_id)
    assert isinstance(refused, Refused)
    assert len(outcome_document(refused)["errors"]) == 100


def test_the_document_shows_removed_units_after_the_others(demo: Work) -> None:
    give(demo, org.RemoveUnit(kind="company", unit="Acme"), org.DefineCompany(name="Beta"))
    document: dict[str, Any] = structure_document(demo.structure, 4)
    assert document["academy"] == {"id": "demo", "name": "Demo", "default_language": "nl", "languages": ["nl"]}
    assert document["revision"] == 4
    assert [(each["name"], each["removed"]) for each in document["companies"]] == [("Beta", False), ("Acme", True)]
    assert [each["name"] for each in document["companies"][1]["departments"]] == ["Verkoop"]
    assert document["functions"][0]["learning_activities"] == ["Privacy"]


async def test_a_command_that_went_to_the_dead_letters_is_refused_with_the_members_of_any_other() -> None:
    told = subscribers.commands(AsyncMock(), structlog.get_logger()).outcome
    assert told is not None
    refused = outcome_document(Refused([Problem(Reason.REQUIRED)]))
    (error,) = told("letter")["errors"]
    assert error.keys() == refused["errors"][0].keys()
    assert (told("letter")["code"], error["code"], "letter" in error["message"]) == ("refused", "not_processed", True)
