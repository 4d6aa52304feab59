"""The check finds each kind of break, and lets pass what may change."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from contracts.events import MESSAGES
from contracts_tools.compatibility import Role, breaks, registry_breaks
from contracts_tools.registry import COMMAND_TYPES, registry
from contracts_tools.schemas import all_schemas, message_schema

Schema = dict[str, Any]

BASE: Schema = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "count": {"type": "integer"},
        "share": {"type": "number"},
        "mode": {"enum": ["create", "update"], "type": "string", "default": "update"},
        "code": {"$ref": "#/$defs/Code"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "names": {"type": "array", "items": {"type": "string"}, "default": []},
        "person": {"$ref": "#/$defs/Person"},
        "boss": {"anyOf": [{"$ref": "#/$defs/Person"}, {"type": "null"}], "default": None},
        "changes": {
            "type": "object",
            "additionalProperties": {"type": "array", "prefixItems": [{}, {}], "minItems": 2, "maxItems": 2},
            "default": {},
        },
        "short": {"type": "string", "maxLength": 10, "minLength": 1, "pattern": "^a"},
    },
    "required": ["id", "count", "person"],
    "$defs": {
        "Code": {"type": "string", "enum": ["a", "b"], "x-extensible": True},
        "Person": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "infix": {"type": "string", "default": ""}},
            "required": ["name"],
        },
    },
}


def changed(change: Callable[[Schema], object]) -> Schema:
    schema = copy.deepcopy(BASE)
    change(schema)
    return schema


def put(path: str, value: Any) -> Callable[[Schema], object]:
    *parents, last = path.split(".")

    def change(schema: Schema) -> None:
        for parent in parents:
            schema = schema[parent]
        schema[last] = value

    return change


def drop(path: str) -> Callable[[Schema], object]:
    *parents, last = path.split(".")

    def change(schema: Schema) -> None:
        for parent in parents:
            schema = schema[parent]
        del schema[last]

    return change


BREAKS_BOTH: dict[str, Callable[[Schema], object]] = {
    "a member is gone": drop("properties.note"),
    "a required member is gone": drop("properties.id"),
    "a nested member is gone": drop("$defs.Person.properties.infix"),
    "a type changed": put("properties.count.type", "string"),
    "a nested type changed": put("$defs.Person.properties.name.type", "integer"),
    "a number became an integer": put("properties.share.type", "integer"),
    "null is no longer accepted": put("properties.note", {"type": "string", "default": None}),
    "a nested object can no longer be null": put("properties.boss", {"$ref": "#/$defs/Person"}),
    "an enum lost a value": put("properties.mode.enum", ["update"]),
    "an extensible enum lost a value": put("$defs.Code.enum", ["a"]),
    "a text became one of a few": put("properties.id", {"type": "string", "enum": ["x"]}),
    "an optional member became required": lambda s: s["required"].append("note"),
    "a new required member came": lambda s: (
        s["properties"].update(new={"type": "string"}),
        s["required"].append("new"),
    ),
    "a new required member came inside": lambda s: (
        s["$defs"]["Person"]["properties"].update(new={"type": "string"}),
        s["$defs"]["Person"]["required"].append("new"),
    ),
    "a default changed": put("properties.mode.default", "create"),
    "a default is gone": drop("properties.mode.default"),
    "a text became shorter": put("properties.short.maxLength", 5),
    "a text became longer at least": put("properties.short.minLength", 2),
    "a bound came": put("properties.id.maxLength", 5),
    "a pattern came": put("properties.id.pattern", "^b"),
    "a pattern changed": put("properties.short.pattern", "^b"),
    "an array holds something else": put("properties.names.items", {"type": "integer"}),
    "an array came to hold one thing only": put("properties.changes.additionalProperties.items", {"type": "string"}),
    "a pair became a triple": put("properties.changes.additionalProperties.minItems", 3),
    "further members are refused": put("additionalProperties", False),
    "a map holds something else": put("properties.changes.additionalProperties", {"type": "string"}),
    "a rule came that the check does not know": put("properties.id.contentEncoding", "base64"),
    "the whole is no longer an object": put("type", "array"),
}
BREAKS_EVENTS: dict[str, Callable[[Schema], object]] = {
    "a required member became optional": lambda s: s["required"].remove("count"),
    "a nested required member became optional": put("$defs.Person.required", []),
    "a member may now be null": put("properties.id", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
    "an enum got another value": put("properties.mode.enum", ["create", "update", "upsert"]),
    "an integer became a number": put("properties.count.type", "number"),
    "a text became longer": put("properties.short.maxLength", 20),
    "a bound is gone": drop("properties.short.maxLength"),
    "a pattern is gone": drop("properties.short.pattern"),
    "a type is gone": put("properties.id", {}),
    "an array holds anything": put("properties.names.items", {}),
    "a map holds anything": put("properties.changes.additionalProperties", True),
}
HARMLESS: dict[str, Callable[[Schema], object]] = {
    "an optional member came": put("properties.new", {"type": "string", "default": "x"}),
    "an optional nested member came": put("$defs.Person.properties.new", {"type": "string", "default": ""}),
    "words changed": put("properties.id.description", "other words"),
    "a definition has another name": lambda s: (
        s["$defs"].update(Human=s["$defs"].pop("Person")),
        s["properties"].update(
            person={"$ref": "#/$defs/Human"},
            boss={"anyOf": [{"$ref": "#/$defs/Human"}, {"type": "null"}], "default": None},
        ),
    ),
    "an extensible enum got another value": put("$defs.Code.enum", ["a", "b", "c"]),
}


@pytest.mark.parametrize("role", ["event", "command"])
@pytest.mark.parametrize("change", BREAKS_BOTH.values(), ids=BREAKS_BOTH)
def test_what_breaks_events_and_commands_is_found(change: Callable[[Schema], object], role: Role) -> None:
    assert breaks(BASE, changed(change), role)


@pytest.mark.parametrize("change", BREAKS_EVENTS.values(), ids=BREAKS_EVENTS)
def test_what_breaks_readers_is_found_in_events_and_allowed_in_commands(change: Callable[[Schema], object]) -> None:
    assert breaks(BASE, changed(change), "event")
    assert breaks(BASE, changed(change), "command") == []


@pytest.mark.parametrize("role", ["event", "command"])
@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_what_breaks_nobody_is_let_pass(change: Callable[[Schema], object], role: Role) -> None:
    assert breaks(BASE, changed(change), role) == []


def test_a_break_is_told_with_its_place() -> None:
    (reason,) = breaks(BASE, changed(drop("$defs.Person.properties.infix")), "command")[:1]
    assert reason == ".person.infix is gone"


@pytest.mark.parametrize("name", sorted(all_schemas()))
def test_a_schema_does_not_break_with_itself(name: str) -> None:
    schema = all_schemas()[name]
    assert breaks(schema, copy.deepcopy(schema), "event") == []


@pytest.mark.parametrize("type_", sorted(MESSAGES))
def test_the_loss_of_any_member_of_any_message_is_found(type_: str) -> None:
    schema = message_schema(MESSAGES[type_])
    role: Role = "command" if type_ in COMMAND_TYPES else "event"
    for place in (schema, *schema.get("$defs", {}).values()):
        for member in list(place.get("properties", {})):
            kept = place["properties"].pop(member)
            now = copy.deepcopy(schema)
            place["properties"][member] = kept
            assert breaks(schema, now, role), member


@pytest.mark.parametrize("type_", sorted(MESSAGES))
def test_another_type_of_any_member_of_any_message_is_found(type_: str) -> None:
    schema = message_schema(MESSAGES[type_])
    role: Role = "command" if type_ in COMMAND_TYPES else "event"
    for place in (schema, *schema.get("$defs", {}).values()):
        for member, kept in list(place.get("properties", {}).items()):
            place["properties"][member] = {k: v for k, v in kept.items() if k == "default"} | {"type": "odd"}
            now = copy.deepcopy(schema)
            place["properties"][member] = kept
            assert breaks(schema, now, role), member


def _topic(change: dict[str, Any]) -> dict[str, Any]:
    now = copy.deepcopy(registry())
    now["topics"]["user.events"] |= change
    return now


@pytest.mark.parametrize(
    "change",
    [
        {"key": "<personnel number>"},
        {"partitions": 24},
        {"partitions": 6},
        {"cleanup": "compact"},
        {"retention_ms": 1},
        {"types": registry()["topics"]["user.events"]["types"][1:]},
    ],
    ids=str,
)
def test_a_changed_topic_is_found(change: dict[str, Any]) -> None:
    assert registry_breaks(registry(), _topic(change))


def test_a_topic_that_is_gone_or_renamed_is_found() -> None:
    now = copy.deepcopy(registry())
    now["topics"]["people.events"] = now["topics"].pop("user.events")
    assert registry_breaks(registry(), now) == ["topic user.events is gone"]


@pytest.mark.parametrize("codes", ["error_codes", "warning_codes"])
def test_a_code_that_is_gone_is_found(codes: str) -> None:
    for code in registry()[codes]:
        now = copy.deepcopy(registry())
        now[codes].remove(code)
        assert registry_breaks(registry(), now) == [f"{codes}: {code} is gone"]


def test_new_topics_types_codes_and_longer_retention_are_let_pass() -> None:
    now = _topic({"retention_ms": None, "types": [*registry()["topics"]["user.events"]["types"], "new"]})
    now["topics"]["new"] = now["topics"]["user.events"]
    now["error_codes"].append("new")
    assert registry_breaks(registry(), now) == []
    assert registry_breaks(registry(), registry()) == []
