"""How soon the embedded platform is ready, from the second start on."""

from statistics import median
from typing import Any

from load.bench.platforms import Measured

TIMES = 3


def measure(platform: Measured) -> dict[str, Any]:
    """Seconds of `instroom up --detach`, its own start included."""
    seconds = [round(platform.restarted(), 2) for _ in range(TIMES)]
    return {"seconds": seconds, "median_s": median(seconds)}
