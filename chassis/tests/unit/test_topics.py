"""A broker that may lose or misplace what it acknowledged is refused, with what to change."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import ClusterAuthorizationFailedError, TopicAuthorizationFailedError

from chassis.database import UnsafeSettings
from chassis.topics import UNSAFE_IF_TRUE, _check, _check_broker
from contracts.topics import Topic

TOPIC = Topic(
    name="test.topics",
    key="k",
    partitions=2,
    retention_ms=3_600_000,
    owner="test",
    producers=("test",),
    consumers=("test",),
)


class Admin:
    """A broker of which only settings are known, and on how many replicas its topics are."""

    def __init__(self, settings: dict[str, str], replicas: int = 1, denied: int = 0, hidden: int = 0) -> None:
        self._settings, self._replicas, self._denied, self._hidden = settings, replicas, denied, hidden

    async def describe_configs(self, resources: list[Any]) -> list[Any]:
        return [
            SimpleNamespace(resources=[(self._denied, "", 4, r.name, list(self._settings.items())) for r in resources])
        ]

    async def describe_topics(self, names: list[str]) -> list[Any]:
        partition = {"replicas": list(range(self._replicas))}
        return [
            {"error_code": self._hidden, "topic": name, "partitions": [partition] * TOPIC.partitions} for name in names
        ]


@pytest.mark.parametrize("setting", UNSAFE_IF_TRUE)
async def test_an_unsafe_broker_setting_refuses_the_start(setting: str) -> None:
    with pytest.raises(UnsafeSettings, match=setting):
        await _check_broker(Admin({setting: "true"}), "1")  # type: ignore[arg-type]
    await _check_broker(Admin({setting: "false"}), "1")  # type: ignore[arg-type]


async def test_what_the_broker_does_not_tell_is_not_taken_for_safe() -> None:
    with pytest.raises(ClusterAuthorizationFailedError):
        await _check_broker(Admin({}, denied=ClusterAuthorizationFailedError.errno), "1")  # type: ignore[arg-type]
    for unknown in ({"denied": TopicAuthorizationFailedError.errno}, {"hidden": TopicAuthorizationFailedError.errno}):
        with pytest.raises(TopicAuthorizationFailedError):
            await _check(Admin({}, **unknown), {TOPIC.name: TOPIC})  # type: ignore[arg-type]


async def test_a_topic_that_would_refuse_an_event_of_ours_refuses_the_start() -> None:
    enough: Any = Admin({"max.message.bytes": str(TOPIC.max_message_bytes)})
    await _check(enough, {TOPIC.name: TOPIC})
    with pytest.raises(UnsafeSettings, match=r"max\.message\.bytes=1048588: .*set it to 2097152"):
        await _check(enough, {TOPIC.name: replace(TOPIC, max_message_bytes=TOPIC.dlq.max_message_bytes)})


@pytest.mark.parametrize(
    ("replicas", "in_sync", "safe"), [(1, "1", True), (2, "1", False), (3, "1", False), (3, "2", True), (3, "3", True)]
)
async def test_a_topic_that_acknowledges_what_one_of_several_replicas_has_refuses_the_start(
    replicas: int, in_sync: str, safe: bool
) -> None:
    admin: Any = Admin({"min.insync.replicas": in_sync}, replicas)
    if safe:
        await _check(admin, {TOPIC.name: TOPIC})
    else:
        with pytest.raises(UnsafeSettings, match=rf"min\.insync\.replicas=1: with {replicas} replicas"):
            await _check(admin, {TOPIC.name: TOPIC})
