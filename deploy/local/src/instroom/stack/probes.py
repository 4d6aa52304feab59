"""Is it ready? Each probe asks the thing itself, over its own protocol, and raises NotReady with the reason."""

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

Probe = Callable[[], Awaitable[Sequence[str] | None]]
"""Raises NotReady; what it returns is worth knowing all the same."""

ANSWER_SECONDS: Final = 5.0
"""A server that listens already but is still busy answers within this time or counts as not ready."""


class NotReady(Exception):
    """Why something is not ready."""


class NotLive(Exception):
    """What is wrong with a process that a new one would mend."""


@contextlib.asynccontextmanager
async def _connected(address: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, _, port = address.rpartition(":")
    if not (host and port.isdigit()):
        raise NotReady(f"{address!r} is not host:port")
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            try:
                yield reader, writer
            finally:
                writer.close()
    except TimeoutError:
        raise NotReady(f"no answer from {address}") from None
    except (OSError, asyncio.IncompleteReadError) as error:
        raise NotReady(f"cannot reach {address}: {error}") from None


async def kafka(address: str) -> None:
    """Ready when the cluster's metadata names a broker: it is registered, recovered and not fenced."""
    body = struct.pack(">hhih", 3, 4, 1, 8) + b"instroom" + struct.pack(">ib", 0, 0)  # Metadata v4, no topics
    async with _connected(address) as (reader, writer):
        writer.write(struct.pack(">i", len(body)) + body)
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        answer = await reader.readexactly(size)
        _correlation, _throttled, brokers = struct.unpack_from(">iii", answer)
        if brokers < 1:
            raise NotReady("the broker has not joined its cluster yet")


async def postgres(address: str) -> None:
    """Ready when it asks a client for its password; while it starts or recovers it sends an error instead."""
    parameters = b"user\0instroom\0database\0postgres\0\0"
    async with _connected(address) as (reader, writer):
        writer.write(struct.pack(">iI", len(parameters) + 8, 196_608) + parameters)
        kind, size = struct.unpack(">ci", await reader.readexactly(5))
        answer = await reader.readexactly(size - 4)
        if kind == b"E":
            fields = {part[:1]: part[1:] for part in answer.split(b"\0") if part}
            raise NotReady(fields.get(b"M", b"it refuses connections").decode(errors="replace"))


async def smtp(address: str) -> None:
    """Ready when it greets."""
    async with _connected(address) as (reader, writer):
        greeting = await reader.readline()
        writer.write(b"QUIT\r\n")
        if not greeting.startswith(b"220"):
            raise NotReady(f"it greets with {greeting.decode(errors='replace').strip()!r}")


async def http(url: str) -> list[str]:
    """Ready when `url` answers 200, perhaps with warnings; else the reason is what the answer says."""
    status, body = await _get(url)
    if status != "200":
        raise NotReady(_reason(body) or f"HTTP {status}")
    with contextlib.suppress(ValueError):
        document = json.loads(body)
        if isinstance(document, dict) and isinstance(told := document.get("warnings", []), list):
            return [str(warning)[:300] for warning in told]
    return []


async def live(url: str) -> None:
    """NotLive when `url` answers 503. No answer says nothing, nor does another one: the machine may be busy."""
    with contextlib.suppress(NotReady):
        status, body = await _get(url)
        if status == "503":
            raise NotLive(_reason(body))


async def _get(url: str) -> tuple[str, bytes]:
    parts = urlsplit(url)
    async with _connected(parts.netloc) as (reader, writer):
        writer.write(f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read(65_536)
        while more := await reader.read(65_536):
            answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    return b"".join(head.split(b" ", 2)[1:2]).decode(errors="replace"), body


def _reason(body: bytes) -> str:
    text = body.decode(errors="replace").strip()
    with contextlib.suppress(ValueError):
        document = json.loads(text)
        if isinstance(document, dict):
            reasons = document.get("reasons") or document.get("detail")
            text = "; ".join(map(str, reasons)) if isinstance(reasons, list) else str(reasons or text)
    return text[:300]
