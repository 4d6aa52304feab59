"""Server-sent events of several services as one stream, which resumes each of them where it was."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from web_console.services import Ask, Refused, Unreachable

SERVICES: Final = ("org", "user", "import", "notify")
MAX_PLACES: Final = 16_000
"""Characters of a combined id that are read: four ids of services, as long as these take them, would be more."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One event of one service."""

    service: str
    id: str
    type: str
    data: str


async def read(lines: AsyncIterator[str], service: str) -> AsyncIterator[Sent]:
    """The events of one service's stream; comments are left out. A place alone is an event without data."""
    id_, told, type_, data = "", "", "", list[str]()
    async for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data or id_ != told:
                yield Sent(service, id_, type_, "\n".join(data))
            told = id_
            type_, data = "", []
        elif name == "id":
            id_ = value
        elif name == "event":
            type_ = value
        elif name == "data":
            data.append(value)


def pack(places: Mapping[str, str]) -> str:
    """The last id of each service in one, which the browser sends back."""
    return base64.urlsafe_b64encode(json.dumps(dict(places), separators=(",", ":")).encode()).decode()


def unpack(text: str | None) -> dict[str, str]:
    """What was packed; nothing of what was not. The services judge their own part."""
    if not text or len(text) > MAX_PLACES:
        return {}
    try:
        places = json.loads(base64.b64decode(text, altchars=b"-_", validate=True))
    except ValueError:
        return {}
    if not isinstance(places, dict):
        return {}
    return {
        service: place
        for service, place in places.items()
        if service in SERVICES and isinstance(place, str) and place.isprintable() and place.isascii()
    }


@dataclass(frozen=True, slots=True)
class Missed:
    """A service has events that it no longer keeps: the stream goes on behind them."""

    service: str


@dataclass(frozen=True, slots=True)
class Away:
    """A service does not answer; it is asked again, and goes on where it was."""

    service: str


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing happened for a while; sent so that a visitor who left is noticed."""


async def merged(
    ask: Ask, academy_path: str, places: dict[str, str], *, pause: float = 15.0, again: float = 2.0
) -> AsyncIterator[Sent | Missed | Away | Silent]:
    """The events of all services behind `places`, until the access token is over: then the visitor is to come back, and
    is let in anew. `places` follows what was given out."""
    queue: asyncio.Queue[Sent | Missed | Away] = asyncio.Queue(maxsize=100)

    async def follow(service: str) -> None:
        place, away = places.get(service), False
        while True:
            headers = {"Last-Event-ID": place} if place else {}
            try:
                async with ask.stream(service, f"{academy_path}/events", headers=headers) as response:
                    away = False
                    async for event in read(response.aiter_lines(), service):
                        place = event.id or place
                        await queue.put(event)
                return
            except Refused as refused:
                if refused.status == 401:
                    return
                if place and refused.status in (400, 410):
                    place = None
                    await queue.put(Missed(service))
                    continue
            except (Unreachable, httpx.HTTPError):
                pass
            if not away:
                away = True
                await queue.put(Away(service))
            await asyncio.sleep(again)

    tasks = [asyncio.create_task(follow(service)) for service in SERVICES]
    try:
        loop = asyncio.get_running_loop()
        quiet = loop.time() + pause
        while True:
            getting = asyncio.create_task(queue.get())
            try:
                left = max(0.0, quiet - loop.time())
                await asyncio.wait([getting, *tasks], timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    next_ = getting.result()
                elif queue.empty() and any(task.done() for task in tasks):
                    return
                elif loop.time() < quiet:
                    continue
                else:
                    quiet = loop.time() + pause
                    yield Silent()
                    continue
            finally:
                getting.cancel()
            if isinstance(next_, Sent) and next_.id:
                places[next_.service] = next_.id
            elif isinstance(next_, Missed):
                places.pop(next_.service, None)
            quiet = loop.time() + pause
            yield next_
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
