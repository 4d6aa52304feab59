"""The topics of the registry, made where they are missing and refused where they differ."""

from collections.abc import Iterable
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from chassis.database import UnsafeSettings
from contracts.topics import Topic

IN_SYNC: Final = "min.insync.replicas"
LEAST_IN_SYNC: Final = 2
"""Replicas that must have a record before it counts as acknowledged, where a topic has that many: a topic with one, as on
the embedded broker, survives the kill of its broker and not the loss of its disk."""
UNSAFE_IF_TRUE: Final = {
    "auto.create.topics.enable": "a topic made by chance has other partitions, and order per key is lost",
    "unclean.leader.election.enable": "a leader that is behind loses what was acknowledged",
}


async def ensure_topics(bootstrap: str, topics: Iterable[Topic], *, replication: int = 1) -> str:
    """Make the missing topics; return the cluster's id.

    Raises UnsafeSettings where a topic has another number of partitions or another clean-up than the registry says, or
    keeps records for a shorter time (order per key and replay would break), where it takes smaller records only, where
    it has several replicas and acknowledges what only one of them has, where the broker makes topics by itself, or
    where a replica that is behind may become leader.
    """
    wanted = {topic.name: topic for topic in topics}
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="instroom-admin", request_timeout_ms=15_000)
    await admin.start()
    try:
        cluster = await admin.describe_cluster()
        await _check_broker(admin, str(cluster["brokers"][0]["node_id"]))
        existing = set(await admin.list_topics())
        missing = [topic for name, topic in wanted.items() if name not in existing]
        if missing:
            response = await admin.create_topics(
                [
                    NewTopic(
                        t.name,
                        num_partitions=t.partitions,
                        replication_factor=replication,
                        topic_configs=t.config() | {IN_SYNC: str(min(replication, LEAST_IN_SYNC))},
                    )
                    for t in missing
                ]
            )
            for error in response.topic_errors:
                if error[1] not in (0, TopicAlreadyExistsError.errno):
                    raise for_code(error[1])(f"topic {error[0]} cannot be made: {error[2:]}")
        await _check(admin, {n: t for n, t in wanted.items() if n in existing})
        return str(cluster["cluster_id"])
    finally:
        await admin.close()


async def cluster_id(bootstrap: str) -> str:
    """The id of the cluster that answers now. Raises a KafkaError where none does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="instroom-cluster", request_timeout_ms=15_000)
    await admin.start()
    try:
        return str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()


async def _check(admin: AIOKafkaAdminClient, existing: dict[str, Topic]) -> None:
    if not existing:
        return
    replicas: dict[str, int] = {}
    for described in await admin.describe_topics(list(existing)):
        topic, partitions = existing[described["topic"]], described["partitions"]
        if described["error_code"] != 0:
            raise for_code(described["error_code"])(f"topic {topic.name} cannot be looked at")
        if len(partitions) != topic.partitions:
            raise UnsafeSettings(
                f"topic {topic.name} has {len(partitions)} partitions, the registry says {topic.partitions}:"
                " the order per key depends on it; make the topic anew"
            )
        replicas[topic.name] = max((len(partition["replicas"]) for partition in partitions), default=1)
    wanted = dict.fromkeys(("cleanup.policy", "retention.ms", "max.message.bytes", IN_SYNC))
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, wanted) for name in existing]
    for name, setting, value in _settings(await admin.describe_configs(resources)):
        if (problem := _problem(existing[name], setting, value, replicas[name])) is not None:
            raise UnsafeSettings(f"topic {name} has {setting}={value}: {problem}")


def _problem(topic: Topic, setting: str, value: str, replicas: int) -> str | None:
    """Why a topic of so many replicas must not have this setting; None where it may."""
    if setting == "cleanup.policy" and value != topic.cleanup:
        return f"the registry says {topic.cleanup}"
    if setting == "retention.ms" and topic.retention_ms is not None and -1 < int(value) < topic.retention_ms:
        return f"the registry says {topic.retention_ms}, and whoever is behind would miss what is gone sooner"
    if setting == "max.message.bytes" and int(value) < topic.max_message_bytes:
        return f"one event that is refused holds up all behind it; set it to {topic.max_message_bytes}"
    if setting == IN_SYNC and int(value) < min(replicas, LEAST_IN_SYNC):
        return f"with {replicas} replicas, what one alone has acknowledged is lost with it; set it to {LEAST_IN_SYNC}"
    return None


async def _check_broker(admin: AIOKafkaAdminClient, node: str) -> None:
    wanted = dict.fromkeys(UNSAFE_IF_TRUE)
    for _, setting, value in _settings(
        await admin.describe_configs([ConfigResource(ConfigResourceType.BROKER, node, wanted)])
    ):
        if setting in UNSAFE_IF_TRUE and value == "true":
            raise UnsafeSettings(f"the broker has {setting}=true: {UNSAFE_IF_TRUE[setting]}; set it to false")


def _settings(responses: Iterable[Any]) -> Iterable[tuple[str, str, str]]:
    """(resource, setting, value) of each answer. Raises a KafkaError where the broker does not tell."""
    for response in responses:
        for resource in response.resources:
            if resource[0] != 0:
                raise for_code(resource[0])(f"the settings of {resource[3]} cannot be looked at: {resource[1]}")
            for entry in resource[4]:
                yield resource[3], entry[0], entry[1]
