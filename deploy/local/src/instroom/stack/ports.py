"""Ports: chosen free once and kept, so that addresses survive a restart and platforms live side by side.

Whoever has chosen a port holds it until its process ends, by binding the UDP port of the same number, which nothing here
uses. Without that another platform would take the port of a process that is about to start, or that is started again.
"""

import random
import socket
from collections.abc import Collection, Sequence
from typing import Final

LOOPBACK: Final = "127.0.0.1"
RANGE: Final = range(20_000, 30_000)
"""Below the range of ports that outgoing connections take on Linux (32768) and macOS (49152): there a port that is
free now may be somebody's by the time that its process is started again."""

_held: Final[dict[int, socket.socket]] = {}


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def choose(names: Sequence[str], kept: dict[str, int], randomness: random.Random | None = None) -> dict[str, int]:
    """A port for each name, held: the kept one, unless somebody else listens there or holds it by now."""
    chosen: dict[str, int] = {}
    for name in names:
        port = kept.get(name)
        others = {*chosen.values(), *(kept[n] for n in names if n != name and n in kept)}
        if port is None or not (is_free(port) and _hold(port)):
            port = _free({*others, *_held}, randomness or random.Random())  # noqa: S311
        chosen[name] = port
    return chosen


def _free(taken: Collection[int], randomness: random.Random) -> int:
    for _ in range(1000):
        port = randomness.choice(RANGE)
        if port not in taken and is_free(port) and _hold(port):
            return port
    raise OSError(f"no free port between {RANGE.start} and {RANGE.stop}")


def _hold(port: int) -> bool:
    """Whether this process holds the port from now on."""
    if port in _held:
        return True
    holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        holder.bind((LOOPBACK, port))
    except OSError:
        holder.close()
        return False
    _held[port] = holder
    return True
