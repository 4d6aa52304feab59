"""One AsyncAPI 3 document of all that goes over Kafka, made from the registry."""

from functools import cache
from typing import Any, Final

import yaml

from contracts.events import BY_TOPIC, MESSAGES, org
from contracts.topics import RECORD_BYTES, TOPICS, Topic, all_topics
from contracts_tools.examples import Example, examples
from contracts_tools.schemas import ENVELOPE

Json = dict[str, Any]

BINDING: Final = "0.5.0"
OUTSIDE: Final = "outside"
DEAD_LETTER: Final = "DeadLetter"
DEAD_LETTER_HEADERS: Final = {
    "x-dead-letter-id": "names the dead letter; UserRejected(not_processed) tells it",
    "x-original-topic": "where the record was",
    "x-original-partition": "its partition",
    "x-original-offset": "its offset",
    "x-consumer-group": "who gave it up",
    "x-error-message": "why; without values of the record",
    "x-failed-at": "when, RFC 3339 in UTC",
}
TRUNCATED: Final = {
    "x-truncated": "only where the record was too large for a dead letter: how many bytes it had; its end is missing"
}
REPLICA_READERS: Final = frozenset({"org.structure"})
"""Topics that are read from the start at every start, without a group."""
ALSO_IN_A_GROUP: Final = frozenset({("user-service", "org.structure")})
"""Who does both: keeps the state, and acts once on what changes in it."""


@cache
def document() -> str:
    """The text of asyncapi.yaml."""
    return yaml.safe_dump(_document(), sort_keys=False, allow_unicode=True, width=120)


def _document() -> Json:
    return {
        "asyncapi": "3.0.0",
        "id": "urn:instroom",
        "info": {
            "title": "Instroom",
            "version": "1.0.0",
            "description": (
                "Everything that Instroom says and hears over Kafka: CloudEvents 1.0 in binary mode, one topic per "
                "stream of facts about one kind of thing, ordered per key. README.md beside this file says how to "
                "work with it. Operations are those of Instroom's services; `x-outside` of a channel says what any "
                "other program with rights may do."
            ),
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "Apache Kafka 3.7 or newer. Use the partitioner murmur2 and acks=all.",
                "variables": {"bootstrap": {"default": "localhost:9092", "description": "host:port of any broker"}},
            }
        },
        "channels": {topic.name: _channel(topic) for topic in all_topics()},
        "operations": dict(_operation(topic, *part) for topic in all_topics() for part in _parts(topic)),
        "components": {
            "messages": {model.__name__: _message(type_) for type_, model in MESSAGES.items()}
            | {_tombstone_name(kind): _tombstone(kind) for kind in org.REMOVED}
            | {DEAD_LETTER: _dead_letter()},
            "messageTraits": {
                "event": {
                    "contentType": "application/json",
                    "correlationId": {
                        "description": "The same for all that one cause led to.",
                        "location": "$message.header#/ce_correlationid",
                    },
                }
            },
        },
    }


def _message_names(topic: Topic) -> list[str]:
    if topic not in TOPICS:
        return [DEAD_LETTER]
    names = [model.__name__ for model in BY_TOPIC[topic]]
    return names + [_tombstone_name(kind) for kind in org.REMOVED] if topic.name == "org.structure" else names


def _channel(topic: Topic) -> Json:
    outside = [
        verb for verb, parties in (("send", topic.producers), ("receive", topic.consumers)) if OUTSIDE in parties
    ]
    configuration: Json = {"cleanup.policy": [topic.cleanup]}
    if topic.retention_ms is not None:
        configuration["retention.ms"] = topic.retention_ms
    if topic.max_message_bytes != RECORD_BYTES:
        configuration["max.message.bytes"] = topic.max_message_bytes
    binding: Json = {
        "topic": topic.name,
        "partitions": topic.partitions,
        "topicConfiguration": configuration,
        "bindingVersion": BINDING,
    }
    channel: Json = {
        "address": topic.name,
        "title": topic.name,
        "description": f"Owned by {topic.owner}. The key is {topic.key}; order holds per key.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _message_names(topic)},
        "bindings": {"kafka": binding},
    }
    if outside:
        channel["x-outside"] = outside
    return channel


def _parts(topic: Topic) -> list[tuple[str, str]]:
    sends = [(service, "send") for service in topic.producers if service != OUTSIDE]
    return sends + [(service, "receive") for service in topic.consumers if service != OUTSIDE]


def _operation(topic: Topic, service: str, action: str) -> tuple[str, Json]:
    operation: Json = {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "title": f"{service} {action}s {topic.name}",
        "tags": [{"name": service}],
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in _message_names(topic)],
    }
    if action == "receive":
        if topic.name in REPLICA_READERS:
            operation["description"] = "From the start at every start, without a consumer group: the topic is a state."
        if topic.name not in REPLICA_READERS or (service, topic.name) in ALSO_IN_A_GROUP:
            group = f"{service}.{topic.name}"
            operation["bindings"] = {
                "kafka": {"groupId": {"type": "string", "enum": [group]}, "bindingVersion": BINDING}
            }
    return f"{service}.{action}.{topic.name}", operation


def _key(topics: list[Topic]) -> Json:
    """What the keys of a message are. All topics that carry it have the same."""
    (key,) = {topic.key for topic in topics}
    return {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": BINDING}}


def _summary(text: str) -> str:
    return text.strip().partition("\n")[0]


def _message(type_: str) -> Json:
    model = MESSAGES[type_]
    return {
        "name": type_,
        "title": model.__name__,
        "summary": _summary(model.__doc__ or ""),
        "traits": [{"$ref": "#/components/messageTraits/event"}],
        "headers": _headers(type_),
        "payload": {"$ref": f"./schemas/{type_}.json"},
        "bindings": _key([topic for topic, models in BY_TOPIC.items() if model in models]),
        "examples": [_example(example) for example in examples() if example.type == type_],
    }


def _example(example: Example) -> Json:
    return {"name": example.size, "headers": example.headers, "payload": example.value}


def _headers(type_: str) -> Json:
    return {
        "allOf": [
            {"$ref": f"./schemas/{ENVELOPE}.json"},
            {"type": "object", "properties": {"ce_type": {"const": type_}}},
        ]
    }


def _tombstone_name(kind: str) -> str:
    return f"{kind.title()}Removed"


def _tombstone(kind: str) -> Json:
    (topic,) = (topic for topic in TOPICS if topic.name == "org.structure")
    return {
        "name": org.REMOVED[kind],
        "title": _tombstone_name(kind),
        "summary": f"The {kind} of this key was removed: a tombstone, whose value is null.",
        "traits": [{"$ref": "#/components/messageTraits/event"}],
        "headers": _headers(org.REMOVED[kind]),
        "payload": {"type": "null"},
        "bindings": _key([topic]),
    }


def _dead_letter() -> Json:
    return {
        "name": DEAD_LETTER,
        "title": DEAD_LETTER,
        "summary": "A record that could not be handled: its key, headers and value byte for byte, and why in headers.",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "properties": {
                name: {"type": "string", "description": text}
                for name, text in (DEAD_LETTER_HEADERS | TRUNCATED).items()
            },
            "required": list(DEAD_LETTER_HEADERS),
        },
        "payload": {"description": "the value as it was, whatever it was; perhaps no JSON"},
        "bindings": {
            "kafka": {"key": {"description": "the key as it was, whatever it was"}, "bindingVersion": BINDING}
        },
    }
