"""A service whose every record fails, whose brake takes hold at the third, and whose transactions have two seconds: what
test_run.py starts."""

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from chassis import consuming, database
from chassis.consuming import Subscription
from chassis.records import Record
from chassis.run import Kit, Service, main
from chassis.settings import ServiceSettings
from contracts.topics import Topic


class Asked(BaseModel):
    n: int


async def fail(records: list[Record[Asked]]) -> None:
    raise ZeroDivisionError


def topic(name: str) -> Topic:
    return Topic(
        name=name,
        key="k",
        partitions=1,
        retention_ms=3_600_000,
        owner="test",
        producers=("test",),
        consumers=("test",),
    )


def build(kit: Kit[Any]) -> Service:
    subscription = Subscription(topic=topic(os.environ["TOPIC"]), models={"test.asked.v1": Asked}, handle=fail)
    nothing_to_migrate = Path(__file__).parent
    return Service(name="failing-service", migrations=nothing_to_migrate, subscriptions=[subscription])


if __name__ == "__main__":
    consuming.BRAKE_AFTER = 2  # type: ignore[misc]
    database.SESSION["transaction_timeout"] = "2s"
    main(build, ServiceSettings, "failing-service")
