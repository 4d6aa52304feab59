"""Ids that follow from the request, so that a request that is applied again to a restored database gives the same ones:
the person stays who they were, and nobody is mailed a second invitation."""

from datetime import datetime
from functools import lru_cache
from hashlib import blake2b

from contracts.envelope import Envelope


def ids_of(request: Envelope) -> tuple[str, str]:
    """The user id and the invitation id that the request may give: UUIDs of version 7 with the request's time."""
    named = f"{request.academy}\x1f{request.source}\x1f{request.id}"
    noise = blake2b(named.encode(), digest_size=20).hexdigest()
    stamp = _stamp(request.time)
    return _uuid(stamp, noise[:20]), _uuid(stamp, noise[20:])


def _uuid(stamp: str, noise: str) -> str:
    return f"{stamp}{noise[:3]}-8{noise[3:6]}-{noise[6:18]}"


@lru_cache(maxsize=512)
def _stamp(time: str) -> str:
    """How a UUID of that time begins; whoever sends no readable time gets those of 1970."""
    try:
        milliseconds = int(datetime.fromisoformat(time).timestamp() * 1000) & 0xFFFFFFFFFFFF
    except (ValueError, OverflowError):
        milliseconds = 0
    text = f"{milliseconds:012x}"
    return f"{text[:8]}-{text[8:]}-7"
