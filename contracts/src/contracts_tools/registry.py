"""All that is promised beside schemas: topics, which messages they carry, the codes."""

from typing import Any

from contracts.errors import ErrorCode, WarningCode
from contracts.events import BY_TOPIC, org, users
from contracts.topics import all_topics

COMMAND_TYPES = frozenset(model.TYPE for model in (*org.COMMANDS, *users.COMMANDS, users.UserCheckRequested))
"""Messages that ask for something. Outsiders send them and we read them; with all others it is the other way round."""


def registry() -> dict[str, Any]:
    """The registry as data, as it is frozen with a release."""
    carried = {topic.name: [model.TYPE for model in models] for topic, models in BY_TOPIC.items()}
    carried["org.structure"] += list(org.REMOVED.values())
    return {
        "topics": {
            topic.name: {
                "key": topic.key,
                "partitions": topic.partitions,
                "cleanup": topic.cleanup,
                "retention_ms": topic.retention_ms,
                "types": carried.get(topic.name, []),
            }
            for topic in all_topics()
        },
        "commands": sorted(COMMAND_TYPES),
        "error_codes": [code.value for code in ErrorCode],
        "warning_codes": [code.value for code in WarningCode],
    }
