"""Golden examples: each is read by the code, meets its schema, comes back the same and is a CloudEvent to others."""

import json
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from jsonschema import Draft202012Validator

from contracts.envelope import Envelope, key_academy
from contracts.events import BY_TOPIC, MESSAGES, org
from contracts.topics import TOPICS
from contracts_tools.examples import read_document
from contracts_tools.outputs import ROOT
from contracts_tools.releases import released

FILES = sorted(ROOT.glob("examples/instroom.*/*.json"))
NOT_SAID = dict.fromkeys(
    ("instroom.user.deactivated.v1", "instroom.user.deleted.v1"), (".invitation.expires_at", ".invitation.recipient")
)
"""Members of a shared model that these never have: their invitation can be used no more."""
OF_RELEASES = [path for release in released() for path in sorted(release.glob("examples/*/*.json"))]


def name(path: Path) -> str:
    return "/".join(path.relative_to(ROOT).with_suffix("").parts[-4 if "released" in path.parts else -2 :])


def schema(file: Path, type_: str) -> dict[str, Any]:
    """The schema of the same folder: of now for an example of now, of its release for a frozen one."""
    content: dict[str, Any] = json.loads((file.parents[2] / "schemas" / f"{type_}.json").read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("file", [*FILES, *OF_RELEASES], ids=name)
def test_every_example_ever_released_is_read_by_the_code_and_comes_back_the_same(file: Path) -> None:
    key, headers, value = read_document(file.read_text(encoding="utf-8"))
    envelope = Envelope.from_headers(headers)
    assert Envelope.from_headers(envelope.headers()) == envelope
    assert envelope.type == file.parent.name
    assert envelope.academy == key_academy(key)
    if value is None:
        assert envelope.type in org.REMOVED.values()
        return
    message = MESSAGES[envelope.type].model_validate_json(value)
    again = message.model_dump_json(exclude_unset=True)
    assert json.loads(again) == json.loads(value)
    assert MESSAGES[envelope.type].model_validate_json(again) == message


@pytest.mark.parametrize("file", [*FILES, *OF_RELEASES], ids=name)
def test_every_example_meets_its_schema(file: Path) -> None:
    document = json.loads(file.read_text(encoding="utf-8"))
    Draft202012Validator(schema(file, "envelope")).validate(document["headers"])
    if document["value"] is not None:
        Draft202012Validator(schema(file, file.parent.name)).validate(document["value"])


@pytest.mark.parametrize("file", FILES, ids=name)
def test_every_example_is_a_cloud_event_to_the_library_of_cloud_events(file: Path) -> None:
    key, headers, value = read_document(file.read_text(encoding="utf-8"))
    # the library takes no null value; that a tombstone has none is the binding's own rule
    event = from_binary_event(KafkaMessage(headers=dict(headers), key=key, value=value or b"null"))
    envelope = Envelope.from_headers(headers)
    assert (event.get_id(), event.get_type(), event.get_source()) == (envelope.id, envelope.type, envelope.source)
    assert event.get_extension("academy") == envelope.academy
    assert event.get_specversion() == "1.0"
    assert event.get_datacontenttype() == "application/json"
    assert event.get_data() == (None if value is None else json.loads(value))


@pytest.mark.parametrize("file", FILES, ids=name)
def test_every_example_is_on_a_topic_that_carries_it(file: Path) -> None:
    document = json.loads(file.read_text(encoding="utf-8"))
    (topic,) = (topic for topic in TOPICS if topic.name == document["topic"])
    types = {model.TYPE for model in BY_TOPIC[topic]} | (
        set(org.REMOVED.values()) if topic.cleanup == "compact" else set()
    )
    assert file.parent.name in types
    assert document["key"].count("/") == topic.key.count("/")


def test_every_message_and_tombstone_has_its_two_examples() -> None:
    wanted = {(type_, size) for type_ in (*MESSAGES, *org.REMOVED.values()) for size in ("minimal", "maximal")}
    assert {(file.parent.name, file.stem) for file in FILES} == wanted


@pytest.mark.parametrize("type_", sorted(MESSAGES))
def test_the_maximal_example_holds_every_member_and_the_minimal_one_the_required_only(type_: str) -> None:
    root = schema(ROOT / "examples" / type_ / "maximal.json", type_)
    maximal, minimal = (
        json.loads((ROOT / "examples" / type_ / f"{size}.json").read_text(encoding="utf-8"))["value"]
        for size in ("maximal", "minimal")
    )
    assert set(minimal) == set(root.get("required", []))
    missing = [path for path in unused(root, root, [maximal], "") if not path.startswith(NOT_SAID.get(type_, ()))]
    assert not missing


def unused(root: dict[str, Any], node: dict[str, Any], values: list[Any], path: str) -> Any:
    """Members of a schema that none of the values has."""
    if "$ref" in node:
        node = root["$defs"][node["$ref"].rpartition("/")[2]]
    for choice in node.get("anyOf", []):
        yield from unused(root, choice, values, path)
    if node.get("type") == "array" and "items" in node:
        yield from unused(root, node["items"], [x for v in values if isinstance(v, list) for x in v], path + "[]")
    for member, child in node.get("properties", {}).items():
        inside = [v[member] for v in values if isinstance(v, dict) and member in v]
        if not inside:
            yield f"{path}.{member}"
        yield from unused(root, child, inside, f"{path}.{member}")


def test_a_member_that_no_example_holds_would_be_noticed() -> None:
    schema_ = {
        "properties": {"a": {}, "b": {"anyOf": [{"$ref": "#/$defs/B"}]}},
        "$defs": {"B": {"properties": {"c": {}}}},
    }
    assert list(unused(schema_, schema_, [{"b": {}}], "")) == [".a", ".b.c"]
