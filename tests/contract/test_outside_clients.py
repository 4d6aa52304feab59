"""Another program, another Kafka client, and nothing but the folder contracts/: what it says is true."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from confluent_kafka.admin import AdminClient
from outside import books, broker
from outside.academy import Academy
from outside.broker import Sent

from instroom import home as homes
from instroom import revisions

CONTRACTS = Path(__file__).parents[2] / "contracts"
CLIENT = CONTRACTS / "examples" / "clients" / "take_in.py"
FRONTEND = CONTRACTS / "examples" / "clients" / "frontend.py"


@pytest.fixture(scope="module")
def asyncapi() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((CONTRACTS / "asyncapi.yaml").read_text("utf-8"))
    return document


@pytest.fixture(scope="module")
def topics(asyncapi: dict[str, Any]) -> list[str]:
    """Every topic of the document but the dead letters, which are what somebody else sent."""
    return [name for name in asyncapi["channels"] if not name.endswith(".dlq")]


def take_in(academy: Academy, **person: Any) -> tuple[int, dict[str, Any]]:
    """Run the example client as it stands in contracts/, in a process that sees nothing of this repository."""
    ran = subprocess.run(
        [sys.executable, "-I", str(CLIENT), academy.platform.address("broker"), academy.id, json.dumps(person)],
        cwd=academy.folder,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ran.returncode in (0, 1), ran.stderr
    return ran.returncode, json.loads(ran.stdout)


def imported(client: Path) -> set[str]:
    """What an example client imports."""
    lines = client.read_text("utf-8").splitlines()
    return {line.split()[1] for line in lines if line.startswith(("import", "from"))}


def test_the_example_clients_need_one_library_each() -> None:
    assert imported(CLIENT) <= {"json", "sys", "time", "uuid", "confluent_kafka"}
    assert imported(FRONTEND) <= {"json", "os", "sys", "httpx"}


def test_the_guide_for_frontends_shows_the_example_as_it_is() -> None:
    guide = (CONTRACTS.parent / "docs" / "guides" / "frontends.md").read_text("utf-8")
    _, _, shown = guide.partition("```python\n")
    assert shown.partition("\n```")[0] in FRONTEND.read_text("utf-8")


def test_a_frontend_publishes_commands_and_hears_what_became_of_each(acme: Academy) -> None:
    place = {"functions": ["Adviseur"]}
    people = [acme.person(1001) | place, acme.person(1002, email="fout") | place]
    command = [sys.executable, "-I", str(FRONTEND), acme.platform.address("user"), acme.id, json.dumps(people)]
    token = homes.credential(acme.platform.home, {})
    assert token is not None
    environment = {"INSTROOM_TOKEN": token}
    for _ in range(2):  # the second time it is the same two commands, by their idempotency keys
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)
        assert ran.returncode == 0, ran.stderr
        outcomes = dict(line.split() for line in ran.stdout.splitlines())
        assert sorted(outcomes.values()) == ["created", "rejected"]
    assert acme.show()["personnel_number"] == "1001"
    assert len(acme.users()) == 1


def test_a_producer_of_another_kind_gets_its_outcome_with_its_own_reference(acme: Academy) -> None:
    person = acme.person(1001, invite=True, active=True) | {"functions": ["Adviseur"]}
    code, created = take_in(acme, **person)
    assert (code, created["outcome"]) == (0, "instroom.user.created.v1")
    assert created["person"]["last_name"] == "Vries"
    kafka = acme.platform.address("broker")
    (event,) = broker.until(kafka, ["user.events"], lambda r: r.header("ce_requestid") == created["request_id"], 1)
    assert (event.reference, event.key) == (("hr.example.com", created["request_id"]), f"{acme.id}/1001".encode())
    assert acme.show()["active"] is True
    assert acme.mail().subject

    code, unchanged = take_in(acme, **person)
    assert (code, unchanged["outcome"]) == (0, "instroom.user.unchanged.v1")
    code, rejected = take_in(acme, **person | {"email": "fout", "company": "Nergens"})
    assert (code, rejected["outcome"]) == (1, "instroom.user.rejected.v1")
    assert {error["code"] for error in rejected["errors"]} >= {"invalid_email", "unknown_company"}


def test_a_request_that_is_repeated_has_one_outcome_and_with_a_higher_attempt_its_outcome_again(acme: Academy) -> None:
    kafka = acme.platform.address("broker")
    person = acme.person() | {"functions": ["Adviseur"]}
    request = broker.event("user.requests", f"{acme.id}/1001", "instroom.user.requested.v1", {"person": person})
    behind = broker.event("user.requests", f"{acme.id}/1001", "instroom.user.requested.v1", {"person": person})
    broker.publish(kafka, [request, request, request, behind])
    mine = ("test.example.com", request.header("ce_id"))
    last = ("test.example.com", behind.header("ce_id"))
    broker.until(kafka, ["user.events"], lambda r: r.reference == last, 1)
    outcomes = broker.once(broker.read(kafka, ["user.events"], lambda r: r.reference == mine))
    assert [outcome.type for outcome in outcomes] == ["instroom.user.created.v1"]
    broker.publish(kafka, [request.with_headers(ce_attempt=b"2")])
    again = broker.until(kafka, ["user.events"], lambda r: r.reference == mine, 2)
    assert [outcome.json()["version"] for outcome in again] == [1, 1]
    assert acme.show()["version"] == 1


COMMANDS: dict[str, dict[str, Any]] = {
    "define-academy": {"name": "Academie", "languages": ["nl", "en"]},
    "define-company": {"name": "Slagerij", "code": "SL"},
    "define-department": {"company": "SL", "name": "Kantoor"},
    "define-function": {"name": "Slager", "learning_activities": ["Messen"]},
    "define-terms": {"texts": {"nl": "Onze voorwaarden.", "en": "Our terms."}},
    "enable-language": {"language": "de"},
    "disable-language": {"language": "de"},
    "rename-unit": {"kind": "department", "company": "SL", "unit": "Kantoor", "name": "Winkel achter"},
    "move-department": {"department": "Winkel achter", "company": "SL", "to": "Acme BV"},
    "remove-unit": {"kind": "company", "unit": "Slagerij"},
    "republish-structure": {},
}
"""Every command to the organisation but the one that `apply` gives, in an order in which each changes something."""


@pytest.fixture
def busy(acme: Academy) -> Academy:
    """An academy in which everything has happened once."""
    bad = acme.person(1003, email="fout")
    people = [acme.person(1001, invite="x", active="x"), acme.person(1002, invite="x"), bad]
    acme.take_in(*people)
    acme.take_in(acme.person(1001, cost_centre="KP1"), acme.person(1002))
    acme.check(b"no workbook", "x.xlsx")
    acme.mail()
    acme.add(1004, invite="x", active="x")
    acme.mail(1004)
    acme.act(1002, "activate")
    acme.mail(1002)
    acme.act(1001, "resend-invitation")
    acme.mail(1001, count=2)
    acme.act(1001, "withdraw-invitation")
    acme.act(1002, "deactivate")
    acme.delete(1004)
    acme.take_in(acme.person(1004))
    acme.apply(companies=[{"name": "Bakkerij Zoë", "departments": [{"name": "Winkel", "remove": True}]}])
    acme.apply(functions=[{"name": "Inkoper", "remove": True}, {"name": "Consultant", "was": "Adviseur"}])
    for command, data in COMMANDS.items():
        outcome = acme.client.command(
            "org-service", "POST", acme.path("commands"), json={"type": f"instroom.org.{command}.v1", "data": data}
        )
        assert outcome["code"] == "applied", (command, outcome)
        revisions.remember(acme.platform.home, acme.id, outcome["revision"])
    return acme


def of(academy: Academy, topics: Sequence[str]) -> list[Sent]:
    """Everything that was ever said about this academy."""
    id_ = academy.id.encode()
    return broker.read(academy.platform.address("broker"), topics, lambda r: (r.key or b"").split(b"/")[0] == id_)


def test_every_record_is_what_the_committed_schemas_say(
    busy: Academy, asyncapi: dict[str, Any], topics: list[str]
) -> None:
    envelope = _validator("envelope")
    carried = {name: _types(asyncapi, name) for name in topics}
    records = of(busy, topics)
    assert {record.topic for record in records} == set(topics)
    types = {record.type for record in records}
    assert types >= carried["org.commands"], "each command to the organisation was given"
    assert len(types) >= 30
    for record in records:
        headers = {name: (value or b"").decode() for name, value in record.headers}
        assert len(headers) == len(record.headers), "no header stands twice"
        envelope.validate(headers)
        assert record.type in carried[record.topic]
        assert set(headers) <= _example_headers(record.type), record.type
        if record.value is None:
            assert record.topic == "org.structure"
            assert record.type.endswith("-removed.v1")
        else:
            _validator(record.type).validate(record.json())


def test_every_record_is_a_cloud_event(busy: Academy, topics: list[str]) -> None:
    for record in of(busy, topics):
        message = KafkaMessage(
            {name: value or b"" for name, value in record.headers}, record.key, record.value or b"{}"
        )
        event = from_binary_event(message)
        assert (event.get_id(), event.get_source()) == (record.header("ce_id"), record.header("ce_source"))
        assert (event.get_type(), event.get_specversion()) == (record.type, "1.0")
        assert event.get_extension("academy") == busy.id
        assert event.get_datacontenttype() == "application/json"
        if record.value is not None:
            assert event.get_data() == record.json()


def test_each_request_of_an_import_has_exactly_one_outcome_with_its_reference(busy: Academy) -> None:
    records = broker.once(of(busy, ["user.requests.bulk", "user.events"]))
    asked = {_asked(record) for record in records if record.topic == "user.requests.bulk"}
    outcomes = [_asked(record) for record in records if record.topic == "user.events"]
    assert len(asked) == 5
    assert all(outcomes.count(reference) == 1 for reference in asked)


def _asked(record: Sent) -> tuple[str, str, str]:
    """The import and row that a record is about."""
    return record.header("ce_correlationid"), *record.reference


def test_the_organisation_can_be_rebuilt_from_its_topic_alone(busy: Academy) -> None:
    state: dict[bytes, Sent] = {}
    for record in of(busy, ["org.structure"]):
        if record.key is not None:
            state[record.key] = record
    stated = [record.json() for record in state.values() if record.value is not None]
    names = {each["name"] for each in stated if "name" in each}
    assert {"Acme BV", "Bakkerij Zoë", "Consultant", "Manager, verkoop"} <= names
    assert not {"Winkel", "Inkoper", "Adviseur"} & names
    assert [each["texts"]["nl"] for each in stated if "texts" in each] == ["Onze voorwaarden."]
    (academy,) = (unit for key, r in state.items() if b"/academy/" in key for unit in [r.json()])
    assert academy["revision"] == busy.revision == max(int(r.header("ce_orgrevision")) for r in state.values())


def test_topics_and_consumer_groups_are_those_of_the_document(acme: Academy, asyncapi: dict[str, Any]) -> None:
    admin = AdminClient({"bootstrap.servers": acme.platform.address("broker")})
    named = {
        operation["bindings"]["kafka"]["groupId"]["enum"][0]
        for operation in asyncapi["operations"].values()
        if "groupId" in operation.get("bindings", {}).get("kafka", {})
    }
    found = {group.group_id for group in admin.list_consumer_groups().result(30).valid}
    services = tuple(f"{name}-service." for name in ("org", "user", "import", "notify"))
    # Those of the relays consume nothing: they keep how far each outbox is published, once anything was.
    relays = {f"{service}relay" for service in services}
    assert {group for group in found - relays if group.startswith(services)} == named
    there = admin.list_topics(timeout=30).topics
    for name, channel in asyncapi["channels"].items():
        assert len(there[name].partitions) == channel["bindings"]["kafka"]["partitions"], name
    assert {name for name in there if not name.startswith("__")} == set(asyncapi["channels"])


def test_a_dead_letter_has_the_headers_of_the_document(acme: Academy, asyncapi: dict[str, Any]) -> None:
    kafka = acme.platform.address("broker")
    poison = broker.event("user.requests", f"{acme.id}/1001", "instroom.user.requested.v1", b"{")
    broker.publish(kafka, [poison])
    (letter,) = broker.until(kafka, ["user.requests.dlq"], lambda r: r.header("ce_academy") == acme.id, 1)
    schema = asyncapi["components"]["messages"]["DeadLetter"]["headers"]
    schema = schema.get("schema", schema)
    headers = {name: (value or b"").decode() for name, value in letter.headers}
    jsonschema.validate(headers, schema)
    ours = set(headers) - {name for name, _ in poison.headers}
    assert ours == set(schema["required"]) == set(schema["properties"]) - {"x-truncated"}, "it was not too large"
    assert headers["x-consumer-group"] == "user-service.user.requests"


def test_a_template_that_is_refused_is_told_as_an_event_too(acme: Academy) -> None:
    document = acme.check(books.sheets({"Blad1": [["Voornaam"], ["Jan"]]}))
    key = f"{acme.id}/{document['import_id']}".encode()
    (event,) = broker.until(
        acme.platform.address("broker"),
        ["import.events"],
        lambda r: r.key == key and r.type == "instroom.import.refused.v1",
        1,
    )
    assert [error["code"] for error in event.json()["errors"]] == ["missing_columns"]


_VALIDATORS: dict[str, jsonschema.Draft202012Validator] = {}


def _validator(name: str) -> jsonschema.Draft202012Validator:
    if name not in _VALIDATORS:
        schema = json.loads((CONTRACTS / "schemas" / f"{name}.json").read_text("utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        _VALIDATORS[name] = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    return _VALIDATORS[name]


def _types(asyncapi: dict[str, Any], topic: str) -> set[str]:
    """The message types that the document puts on a topic."""
    messages = asyncapi["components"]["messages"]
    return {messages[name]["name"] for name in asyncapi["channels"][topic]["messages"]}


def _example_headers(type_: str) -> set[str]:
    """The headers of the golden examples of a type."""
    return {
        name
        for path in (CONTRACTS / "examples" / type_).glob("*.json")
        for name in json.loads(path.read_text("utf-8"))["headers"]
    }
