"""Gebeurtenissen: what happens in the academy, as it happens, of all services in one stream."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from contracts.events.imports import EVENTS as IMPORT_EVENTS
from contracts.events.invitations import EVENTS as INVITATION_EVENTS
from contracts.events.org import EVENTS as ORG_EVENTS
from contracts.events.org import REMOVED
from contracts.events.users import EVENTS as USER_EVENTS
from web_console.merging import SERVICES, Away, Missed, Sent, Silent, merged, pack, unpack
from web_console.services import Refused, Unreachable, segment
from web_console.visiting import Visitor, page, render

ROUTES: list[Route] = []

TYPES: Final = sorted(
    {each.TYPE for each in (*ORG_EVENTS, *USER_EVENTS, *IMPORT_EVENTS, *INVITATION_EVENTS)} | set(REMOVED.values())
)
MAX_TEXT: Final = 200
LATEST: Final = 50
"""Events of before that are shown at first."""
LOOKED_AT: Final = 200
"""Events of each service among which those are looked for that the filter lets through."""
_RETRY_MS: Final = 500
"""The stream ends with the access token, each minute: the browser comes back soon after."""


@page("/{academy}/events")
async def events(request: Request, visitor: Visitor) -> Response:
    """The last events, and behind them those that happen while it is looked at."""
    types, text = _asked(request)
    told, places = await _latest(visitor, LOOKED_AT if types or text else LATEST)
    latest = [document(each) for each in told if shown(each, types, text)][:LATEST]
    return render(
        visitor,
        "events/list.html",
        types=TYPES,
        chosen=types,
        text=text,
        latest=latest,
        stream=_stream(visitor, types, text, places),
    )


@page("/{academy}/events/stream")
async def stream(request: Request, visitor: Visitor) -> Response:
    types, text = _asked(request)
    places = unpack(request.headers.get("last-event-id") or request.query_params.get("behind"))
    return StreamingResponse(
        _told(visitor, places, types, text),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _told(visitor: Visitor, places: dict[str, str], types: Sequence[str], text: str) -> AsyncIterator[bytes]:
    """The events as lines of a list; one that the filter leaves out only moves the place."""
    yield f"retry: {_RETRY_MS}\n\n".encode()
    told = dict(places)
    async for each in merged(visitor.ask, f"/academies/{segment(visitor.academy)}", places):
        if isinstance(each, Silent):
            yield _place(places) if places != told else b": nothing\n\n"
        elif isinstance(each, Sent):
            if not each.data or not shown(each, types, text):
                continue
            yield _message(_line(visitor, document(each)), places)
        else:
            yield _message(_line(visitor, {}, missed=each), places)
        told = dict(places)
    if places != told:
        yield _place(places)


async def _latest(visitor: Visitor, limit: int) -> tuple[list[Sent], dict[str, str]]:
    """The last events of all services, the newest first, and the place in each service behind them."""
    places: dict[str, str] = {}

    async def of(service: str) -> list[Sent]:
        path = f"/academies/{segment(visitor.academy)}/events/latest"
        try:
            answer = await visitor.ask.get(service, path, limit=limit)
        except (Refused, Unreachable):  # the stream goes on asking, and tells that the service is away
            return []
        places[service] = answer["place"]
        return [Sent(service, "", each["type"], json.dumps(each)) for each in answer["events"]]

    found = [each for several in await asyncio.gather(*map(of, SERVICES)) for each in several]
    found.sort(key=lambda each: _moment(json.loads(each.data).get("time")), reverse=True)
    return found, places


def shown(event: Sent, types: Sequence[str], text: str) -> bool:
    """Whether the filter lets the event through."""
    return (not types or event.type in types) and text.casefold() in f"{event.type}\n{_plain(event.data)}".casefold()


def document(event: Sent) -> dict[str, Any]:
    """The event as it is shown; also one that is not understood."""
    try:
        known = json.loads(event.data)
    except ValueError:
        known = {}
    if not isinstance(known, dict):
        known = {}
    return {
        "type": event.type,
        "at": _moment(known.get("time")),
        "subject": known.get("subject", ""),
        "actor": known.get("actor", ""),
        "service": f"{event.service}-service",
        "data": json.dumps(known.get("data"), ensure_ascii=False, indent=1),
    }


def _moment(text: Any) -> str:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC).isoformat(timespec="milliseconds")
    except ValueError:
        return ""


def _plain(data: str) -> str:
    """The text of an event as people would type it, without escapes."""
    try:
        return json.dumps(json.loads(data), ensure_ascii=False)
    except ValueError:
        return data


def _line(visitor: Visitor, event: dict[str, Any], missed: Missed | Away | None = None) -> str:
    away = isinstance(missed, Away)
    service = f"{missed.service}-service" if missed else ""
    body = render(visitor, "events/line.html", event=event, service=service, away=away).body
    return bytes(body).decode()


def _message(html: str, places: dict[str, str]) -> bytes:
    lines = "".join(f"data: {line}\n" for line in html.splitlines() if line.strip())
    return f"id: {pack(places)}\nevent: happened\n{lines}\n".encode()


def _place(places: dict[str, str]) -> bytes:
    """Where the stream is, without anything to show."""
    return f"id: {pack(places)}\n\n".encode()


def _asked(request: Request) -> tuple[list[str], str]:
    chosen = [each for each in request.query_params.getlist("type") if each in TYPES]
    return chosen, request.query_params.get("text", "").strip()[:MAX_TEXT]


def _stream(visitor: Visitor, types: Sequence[str], text: str, places: dict[str, str]) -> str:
    asked = [("type", each) for each in types] + ([("text", text)] if text else [])
    asked += [("behind", pack(places))] if places else []
    address = f"/{segment(visitor.academy)}/events/stream"
    return f"{address}?{urlencode(asked, quote_via=quote)}" if asked else address
