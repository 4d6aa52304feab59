"""The registry of topics: names, partitions, retention, owners. Code, never settings."""

from dataclasses import dataclass
from typing import Final, Literal

DAY_MS: Final = 86_400_000
DLQ_SUFFIX: Final = ".dlq"
RECORD_BYTES: Final = 1_048_588
"""The broker's own limit of a record batch."""
LETTER_BYTES: Final = 2 * 1024 * 1024
"""The limit of dead letters: any uncompressed record of another topic fits, with what is said about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One stream of facts or commands about one kind of thing. Order holds per key.

    `producers` and `consumers` are service names; `outside` stands for any program with rights to the topic.
    """

    name: str
    key: str
    partitions: int
    cleanup: Literal["delete", "compact"] = "delete"
    retention_ms: int | None
    max_message_bytes: int = RECORD_BYTES
    owner: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]

    @property
    def dlq(self) -> "Topic":
        """Where a record of this topic goes, byte for byte if it fits, when it cannot be handled."""
        return Topic(
            name=self.name + DLQ_SUFFIX,
            key=self.key,
            partitions=1,
            retention_ms=30 * DAY_MS,
            max_message_bytes=LETTER_BYTES,
            owner=self.owner,
            producers=self.consumers,
            consumers=("outside",),
        )

    def config(self) -> dict[str, str]:
        """The broker's settings of the topic."""
        config = {"cleanup.policy": self.cleanup, "max.message.bytes": str(self.max_message_bytes)}
        if self.retention_ms is not None:
            config["retention.ms"] = str(self.retention_ms)
        return config


_PERSON = "<academy>/<personnel number>"

ORG_COMMANDS: Final = Topic(
    name="org.commands",
    key="<academy>",
    partitions=1,
    retention_ms=7 * DAY_MS,
    owner="org-service",
    producers=("org-service", "outside"),
    consumers=("org-service",),
)
ORG_STRUCTURE: Final = Topic(
    name="org.structure",
    key="<academy>/<academy|company|department|function>/<id>",
    partitions=1,
    cleanup="compact",
    retention_ms=None,
    owner="org-service",
    producers=("org-service",),
    consumers=("user-service", "import-service", "notify-service", "outside"),
)
USER_CHECKS: Final = Topic(
    name="user.checks",
    key=_PERSON,
    partitions=12,
    retention_ms=DAY_MS,
    owner="user-service",
    producers=("import-service",),
    consumers=("user-service",),
)
USER_VERDICTS: Final = Topic(
    name="user.verdicts",
    key=_PERSON,
    partitions=12,
    retention_ms=DAY_MS,
    owner="user-service",
    producers=("user-service",),
    consumers=("import-service",),
)
USER_REQUESTS: Final = Topic(
    name="user.requests",
    key=_PERSON,
    partitions=12,
    retention_ms=7 * DAY_MS,
    owner="user-service",
    producers=("user-service", "outside"),
    consumers=("user-service",),
)
USER_REQUESTS_BULK: Final = Topic(
    name="user.requests.bulk",
    key=_PERSON,
    partitions=12,
    retention_ms=7 * DAY_MS,
    owner="user-service",
    producers=("import-service",),
    consumers=("user-service",),
)
USER_EVENTS: Final = Topic(
    name="user.events",
    key=_PERSON,
    partitions=12,
    retention_ms=30 * DAY_MS,
    owner="user-service",
    producers=("user-service",),
    consumers=("import-service", "notify-service", "outside"),
)
IMPORT_EVENTS: Final = Topic(
    name="import.events",
    key="<academy>/<import>",
    partitions=3,
    retention_ms=30 * DAY_MS,
    owner="import-service",
    producers=("import-service",),
    consumers=("outside",),
)
INVITATION_EVENTS: Final = Topic(
    name="invitation.events",
    key=_PERSON,
    partitions=6,
    retention_ms=30 * DAY_MS,
    owner="notify-service",
    producers=("notify-service",),
    consumers=("user-service", "outside"),
)

TOPICS: Final = (
    ORG_COMMANDS,
    ORG_STRUCTURE,
    USER_CHECKS,
    USER_VERDICTS,
    USER_REQUESTS,
    USER_REQUESTS_BULK,
    USER_EVENTS,
    IMPORT_EVENTS,
    INVITATION_EVENTS,
)
"""Every topic but the dead-letter topics, which are derived: each topic that a service consumes has one."""


def all_topics() -> tuple[Topic, ...]:
    """Every topic that must exist, dead letters included."""
    return TOPICS + tuple(topic.dlq for topic in TOPICS if topic.consumers != ("outside",))
