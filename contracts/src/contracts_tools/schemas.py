"""The JSON Schema of every message and of the envelope, as they are on the wire."""

from typing import Any, Final

from contracts.errors import ErrorCode
from contracts.events import MESSAGES
from contracts.events.base import Message

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ENVELOPE: Final = "envelope"
EXTENSIBLE: Final = "x-extensible"
"""Marks an enum that may grow: a reader takes a value that it does not know for a general one of its kind."""


def schema_id(name: str) -> str:
    return f"urn:instroom:schema:{name}"


def message_schema(model: type[Message]) -> Schema:
    """What a value of this type is. A member with a default may be absent, and then means its default."""
    schema = model.model_json_schema(mode="validation")
    problem_codes = schema.get("$defs", {}).get(ErrorCode.__name__)
    if problem_codes is not None:
        problem_codes[EXTENSIBLE] = True
    return {"$schema": DIALECT, "$id": schema_id(model.TYPE)} | schema


def envelope_schema() -> Schema:
    """The headers of every record: CloudEvents 1.0, Kafka binding, binary mode. All are UTF-8 texts."""
    texts = {
        "ce_specversion": "version of CloudEvents",
        "content-type": "what the value is",
        "ce_id": "with ce_source the name of the event for ever; a repeat has the same two",
        "ce_type": "which message the value is",
        "ce_source": "who says so: a name that the sender keeps, such as hr.example.com",
        "ce_academy": "the academy (tenant); equal to the key up to its first /",
        "ce_time": "when, RFC 3339 in UTC; for people, nothing is ordered by it",
        "ce_subject": "what it is about, such as the personnel number",
        "ce_actor": "who caused it: a person or a program",
        "ce_correlationid": "the same for all that one cause led to; absent: ce_id",
        "ce_causationid": "ce_id of the event that led to this one",
        "ce_requestsource": "in a request: who asks, absent: ce_source; an outcome has that of its request",
        "ce_requestid": "in a request: your reference, absent: ce_id; an outcome has that of its request",
        "ce_attempt": "raised by who sends the same event again on purpose, to have its outcome again; absent: 1",
        "ce_orgrevision": "on org.structure: revision of the academy's structure that this event belongs to",
        "traceparent": "W3C trace context",
    }
    properties: dict[str, Schema] = {name: {"type": "string", "description": text} for name, text in texts.items()}
    properties["ce_specversion"]["const"] = "1.0"
    properties["content-type"]["const"] = "application/json"
    properties["ce_time"]["format"] = "date-time"
    for name in ("ce_attempt", "ce_orgrevision"):
        properties[name]["pattern"] = "^[0-9]{1,15}$"
    for name, schema in properties.items():
        if name.startswith("ce_") and not {"const", "pattern", "format"} & schema.keys():
            schema["minLength"] = 1
    return {
        "$schema": DIALECT,
        "$id": schema_id(ENVELOPE),
        "title": "Envelope",
        "description": "The headers of a record: CloudEvents 1.0, Kafka protocol binding, binary mode; UTF-8 texts.",
        "type": "object",
        "properties": properties,
        "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_academy"],
    }


def all_schemas() -> dict[str, Schema]:
    """Every schema by name: the envelope and each message by its `ce_type`."""
    return {ENVELOPE: envelope_schema()} | {type_: message_schema(model) for type_, model in MESSAGES.items()}
