"""The golden examples: of every message the least and the most that it can hold, as it is on the wire."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from contracts.envelope import Envelope
from contracts.events import BY_TOPIC, org
from contracts.topics import ORG_STRUCTURE, USER_REQUESTS_BULK, Topic
from contracts_tools.example_values import VALUES

ACADEMY: Final = "demo"
TIME: Final = "2026-12-01T09:30:00.000Z"


@dataclass(frozen=True, slots=True)
class Example:
    """One record; `value` is None for a tombstone."""

    type: str
    size: str
    topic: str
    key: str
    headers: dict[str, str]
    value: dict[str, Any] | None

    def document(self) -> str:
        """The text of the example's file."""
        parts = {"topic": self.topic, "key": self.key, "headers": self.headers, "value": self.value}
        return json.dumps(parts, indent=2, ensure_ascii=False) + "\n"


def read_document(text: str) -> tuple[str, list[tuple[str, bytes]], bytes | None]:
    """Key, headers and value of an example's file, as a Kafka client has them."""
    document = json.loads(text)
    value = None if document["value"] is None else json.dumps(document["value"], ensure_ascii=False).encode()
    return document["key"], [(name, text.encode()) for name, text in document["headers"].items()], value


def examples() -> Iterator[Example]:
    """Every example: the messages of each topic, and the tombstones of org.structure."""
    done: set[str] = set()
    for topic, models in BY_TOPIC.items():
        for model in models:
            if model.TYPE in done:
                continue
            done.add(model.TYPE)
            for size, value in zip(("minimal", "maximal"), VALUES[model], strict=True):
                # what an import asks carries the plan, and goes its own lane
                carrier = USER_REQUESTS_BULK if "planned" in value else topic
                key = _key(topic.name, model.TYPE, value)
                headers = _headers(model.TYPE, size, carrier, value.get("revision"))
                yield Example(model.TYPE, size, carrier.name, key, headers, value)
    for kind, type_ in org.REMOVED.items():
        for size in ("minimal", "maximal"):
            key = f"{ACADEMY}/{kind}/019404f0-0000-7000-8000-00000000c001"
            yield Example(type_, size, ORG_STRUCTURE.name, key, _headers(type_, size, ORG_STRUCTURE, 13), None)


def _key(topic: str, type_: str, value: dict[str, Any]) -> str:
    match topic.partition(".")[0]:
        case "org" if topic == ORG_STRUCTURE.name:
            return f"{ACADEMY}/{type_.split('.')[2].removesuffix('-changed')}/{value.get('id', ACADEMY)}"
        case "org":
            return ACADEMY
        case "import":
            return f"{ACADEMY}/{value['import_id']}"
        case _:
            return f"{ACADEMY}/1001"


def _headers(type_: str, size: str, topic: Topic, revision: int | None) -> dict[str, str]:
    least = Envelope(
        id="019404f0-7a10-7c3e-8f2b-2f6a54d1e001",
        type=type_,
        source="hr.example.com",
        academy=ACADEMY,
        org_revision=revision,
    )
    most = Envelope(
        id="019404f0-7a10-7c3e-8f2b-2f6a54d1e002",
        type=type_,
        source=f"instroom/{topic.producers[0]}",
        academy=ACADEMY,
        time=TIME,
        subject="1001",
        actor="import:019404f0-0000-7000-8000-000000000001",
        correlation_id="019404f0-7a10-7c3e-8f2b-2f6a54d1e000",
        causation_id="019404f0-7a10-7c3e-8f2b-2f6a54d1e001",
        request_source="hr.example.com",
        request_id="row-17",
        attempt=2,
        org_revision=revision,
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    envelope = least if size == "minimal" else most
    return dict(envelope.attributes())
