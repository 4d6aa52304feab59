"""What the services say of themselves while something that they need is away."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
from harm import process

from instroom.testing import Platform

SERVICES = ("org-service", "user-service", "import-service", "notify-service")


@dataclass
class Health:
    """Every answer that the services gave while they were watched."""

    live: dict[str, set[int]] = field(default_factory=dict)
    ready: dict[str, set[int]] = field(default_factory=dict)

    def look(self, name: str, url: str) -> None:
        self.live.setdefault(name, set()).add(httpx.get(f"{url}/livez", timeout=60).status_code)
        self.ready.setdefault(name, set()).add(httpx.get(f"{url}/readyz", timeout=60).status_code)


def watched(services: Mapping[str, str], seconds: float) -> Health:
    """Look at the services of these names and addresses again and again for so long."""
    health, until = Health(), time.monotonic() + seconds
    while time.monotonic() < until:
        for name, url in services.items():
            health.look(name, url)
        time.sleep(0.2)
    return health


def starts(platform: Platform) -> dict[str, tuple[int | None, int]]:
    """Of each service its process id, and how often it was started again: the same again where none ended."""
    return {name: (state.pid, state.restarts) for name in SERVICES for state in [process(platform, name)]}


def consumed(url: str, topic: str) -> float:
    """How many records of a topic an instance has handled."""
    metrics = httpx.get(f"{url}/metrics", timeout=60).text
    return sum(map(float, re.findall(rf'^instroom_consumed_total{{topic="{re.escape(topic)}"}} (\S+)', metrics, re.M)))
