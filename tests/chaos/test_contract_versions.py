"""Programs of other versions: what earlier releases say and a later one may add is taken; what is said now is readable
by who knows an earlier release only."""

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cases import Size
from jsonschema import Draft202012Validator
from kafka_outside import Seen
from ledger import Ledger
from people import Workforce

from chassis.publishing import partition_of
from contracts.topics import TOPICS
from contracts_tools.examples import ACADEMY
from contracts_tools.outputs import ROOT
from contracts_tools.releases import released

TOPIC = {topic.name: topic for topic in TOPICS}
ASKED = ("user.requests.bulk", "user.requests")
MAPS = ("changes", "params", "texts")
"""Members whose own members are no fields of a model."""

pytestmark = pytest.mark.case(
    "versions",
    "events of every release and of one to come (members and headers that nobody knows): 0 dead letters, each request"
    " has its outcome; what is said now meets the schemas of every release",
)


def test_events_of_every_release_and_of_one_to_come_are_taken_and_requests_get_their_outcomes(ledger: Ledger) -> None:
    others = f"{ledger.academy}-others"
    records = [
        *(record for release in released() for record in _examples(release, ledger.academy, others)),
        *(_of_a_version_to_come(record) for record in _examples(ROOT, ledger.academy, others)),
    ]
    checks = {record.reference for record in records if record.topic == "user.checks"}
    ledger.platform.define(
        ledger.academy, {"Acme BV": ["Verkoop", "Inkoop"]}, ["Adviseur", "Preventiemedewerker"], languages=["nl", "en"]
    )
    ledger.kafka.publish([record for record in records if record.topic not in ASKED])
    for topic in ASKED:  # that on the lane of imports takes in whom the others are about
        ledger.send([record for record in records if record.topic == topic])
        ledger.until_quiet()

    letters = [topic.dlq.name for topic in TOPICS if topic.consumers != ("outside",)]
    assert ledger.kafka.read(others, *letters) == []
    ledger.nothing_is_set_aside()
    answered = Counter(record.reference for record in ledger.kafka.read(ledger.academy, "user.verdicts"))
    assert answered.keys() >= checks
    ledger.close(events=len(records))


def test_what_is_said_now_meets_the_schemas_of_every_release(ledger: Ledger, size: Size) -> None:
    workforce = Workforce(ledger.academy, size.rows(200, 5_000), invite_every=5)
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    ledger.until(import_id, "completed")
    ledger.command("PATCH", "00010", json={"cost_centre": "K7", "invite": True})
    ledger.command("POST", "00011", "deactivate")
    ledger.command("POST", "00011", "activate")
    ledger.command("DELETE", "00012")
    ledger.command("PATCH", "99999", json={"cost_centre": "K7"})
    ledger.until_quiet()

    records = ledger.kafka.read(ledger.academy, *TOPIC)
    read: Counter[str] = Counter()
    for release in released():
        schemas = _schemas(release)
        for record in records:
            schemas["envelope"].validate({name: (value or b"").decode() for name, value in record.headers})
            if record.type in schemas and record.value is not None:
                schemas[record.type].validate(json.loads(record.value))
                read[release.name] += 1
    assert set(read) == {release.name for release in released()}
    ledger.close(**{f"read_by_release_{name}": count for name, count in read.items()})


def _schemas(release: Path) -> dict[str, Draft202012Validator]:
    files = (release / "schemas").glob("*.json")
    return {file.stem: Draft202012Validator(json.loads(file.read_text("utf-8"))) for file in files}


def _examples(folder: Path, academy: str, others: str) -> Iterator[Seen]:
    """The examples of a release: requests and checks in one academy, all else in another, each said for the first time."""
    for file in sorted(folder.glob("examples/instroom.*/*.json")):
        shown = json.loads(file.read_text("utf-8"))
        own = academy if shown["topic"] in (*ASKED, "user.checks") else others
        key = "/".join(own if part == ACADEMY else part for part in shown["key"].split("/"))
        id_ = str(uuid.uuid4())
        headers = shown["headers"] | {"ce_id": id_, "ce_academy": own}
        if "ce_requestid" in headers:
            headers["ce_requestid"] = id_
        if shown["topic"] in ("user.verdicts", "user.events"):  # an outcome is read by whoever asked
            headers |= {"ce_requestsource": f"import/{uuid.uuid4()}", "ce_requestid": "2"}
        said = shown["value"]
        if said is not None and said.get("id") == ACADEMY:
            said["id"] = own
        value = None if said is None else json.dumps(said).encode()
        partition = partition_of(key.encode(), TOPIC[shown["topic"]].partitions)
        yield Seen(shown["topic"], partition, 0, key, value, tuple((n, text.encode()) for n, text in headers.items()))


def _of_a_version_to_come(record: Seen) -> Seen:
    """The same with what nobody knows yet: members in every object, headers of any kind."""
    unknown = (("ce_coming", b"1"), ("x-coming", b"\xff\xfe"), ("x-coming", None))
    value = None if record.value is None else json.dumps(_more(json.loads(record.value))).encode()
    return replace(record, value=value, headers=(*record.headers, *unknown))


def _more(value: Any) -> Any:
    if isinstance(value, list):
        return [_more(item) for item in value]
    if not isinstance(value, dict):
        return value
    members = {name: item if name in MAPS else _more(item) for name, item in value.items()}
    return members | {"coming": {"soon": [1, 2.5, None, "x"]}}
