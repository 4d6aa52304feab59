"""HTTP: files in, imports out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from chassis.access import actor_of, allow
from chassis.database import Pool
from chassis.http import traceparent_of
from chassis.problems import Problem
from chassis.records import new_id
from chassis.replica import StateReplica
from contracts.access import Role
from contracts.errors import ErrorCode
from contracts.languages import language_subtag
from contracts.sentences import DEFAULT_LANGUAGE
from import_service import document, messages, store, use_cases
from import_service.domain import Choice, State
from import_service.reporting import Reporter
from import_service.template import build_template

LOOK_EVERY: Final = 0.25
"""Seconds between looks while somebody waits: the state may change in another instance."""
NEWEST: Final = UUID(int=2**128 - 1)
"""Behind every import."""
MOST_REVISIONS: Final = 2**53 - 1
"""What every reader of JSON can hold."""
LANGUAGES: Final = ("nl", "en")
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST_FILENAME: Final = 255
MOST_ROWS: Final = 2**31 - 1
"""What the database can count rows with."""

_FILE: Final = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {}}}}}
_WORKBOOK: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {XLSX: {}}}}

ADMINISTRATORS: Final = [allow(Role.ADMINISTRATOR)]

AcceptLanguage = Annotated[str, Header()]


class Changes:
    """Tells whoever waits in this process that imports have moved."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def tell(self) -> None:
        """Something has moved; look again."""
        event, self._next = self._next, asyncio.Event()
        event.set()

    async def wait(self, seconds: float) -> None:
        """Return after a change, or after `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._next.wait()


def language_of(accept: str, default: str) -> str:
    """The first of our languages that an Accept-Language header asks for, else `default`."""
    asked = []
    for part in accept.split(","):
        name, _, quality = part.strip().partition(";q=")
        try:
            asked.append((-float(quality or 1), language_subtag(name)))
        except ValueError:
            continue
    return next((name for _, name in sorted(asked, key=lambda a: a[0]) if name in LANGUAGES), default)


def router(
    pool: Pool, replica: StateReplica, changes: Changes, *, uploaded: Callable[[], None], started: Callable[[], None]
) -> APIRouter:
    """The routes of the service."""
    routes = APIRouter(tags=["imports"])
    reporter = Reporter(pool)

    async def must_know(academy: str, revision: int = 0) -> None:
        """Wait a moment for an academy that was defined just now."""
        if not await replica.wait_for(academy, max(revision, 1), 5.0 if revision else 1.0) and not replica.revision(
            academy
        ):
            raise Problem(404, ErrorCode.UNKNOWN_ACADEMY.value, f"there is no academy {academy[:100]}")

    def language(academy: str, accept: str) -> str:
        entry = replica.academy(academy)
        return language_of(accept, entry.message.default_language if entry and entry.message else DEFAULT_LANGUAGE)

    async def find(academy: str, import_id: str) -> asyncpg.Record:
        await must_know(academy)
        record = await store.import_record(pool, academy, _import_id(import_id))
        if record is None:
            raise _not_found(import_id)
        return record

    @routes.post("/academies/{academy}/imports", status_code=202, dependencies=ADMINISTRATORS, openapi_extra=_FILE)
    async def upload(
        academy: str,
        request: Request,
        filename: Annotated[str, Query(min_length=1, max_length=LONGEST_FILENAME)],
        min_org_revision: Annotated[int, Query(ge=0, le=MOST_REVISIONS)] = 0,
    ) -> Response:
        """The body is the file. It is read and checked from then on; nothing is written before the start."""
        await must_know(academy, min_org_revision)
        import_id = new_id()
        await use_cases.upload(
            pool,
            request.stream(),
            import_id=import_id,
            academy=academy,
            actor=actor_of(request),
            traceparent=traceparent_of(request),
            filename=filename.replace("\0", ""),
            min_org_revision=min_org_revision,
        )
        uploaded()
        location = f"/academies/{academy}/imports/{import_id}"
        return JSONResponse({"import_id": import_id, "location": location}, 202, {"Location": location})

    @routes.get("/academies/{academy}/imports", dependencies=ADMINISTRATORS)
    async def imports(
        academy: str,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        after: UUID = NEWEST,
        accept_language: AcceptLanguage = "",
    ) -> dict[str, Any]:
        """The imports of the academy without their results, the newest first, in pages; `next` is the cursor of the
        next page, null on the last."""
        await must_know(academy)
        records = await store.import_records(pool, academy, after, limit)
        spoken = language(academy, accept_language)
        return {
            "imports": [document.summary(record, spoken) for record in records],
            "next": str(records[-1]["id"]) if len(records) == limit else None,
        }

    @routes.get("/academies/{academy}/imports/{import_id}", dependencies=ADMINISTRATORS)
    async def one(
        academy: str,
        import_id: str,
        wait: Annotated[float, Query(ge=0, le=30)] = 0,
        after_state: State | None = None,
        accept_language: AcceptLanguage = "",
    ) -> dict[str, Any]:
        """The import without its results; waits at most `wait` seconds for another state than `after_state`."""
        record = await find(academy, import_id)
        deadline = asyncio.get_running_loop().time() + wait
        while record["state"] == after_state and (left := deadline - asyncio.get_running_loop().time()) > 0:
            await changes.wait(min(left, LOOK_EVERY))
            if await store.state_of(pool, academy, import_id) != after_state or left <= LOOK_EVERY:
                record = await find(academy, import_id)
        return document.summary(record, language(academy, accept_language))

    @routes.get("/academies/{academy}/imports/{import_id}/document", dependencies=ADMINISTRATORS)
    async def whole(
        academy: str, import_id: str, notable: bool = False, accept_language: AcceptLanguage = ""
    ) -> Response:
        """The import document with all its results; with `notable` only those that are rejected or drifted."""
        record = await find(academy, import_id)
        spoken = language(academy, accept_language)

        async def pieces() -> AsyncIterator[bytes]:
            yield orjson.dumps(document.heading(record, spoken))[:-1] + b',"results":['
            separator = b""
            async for results in use_cases.results(pool, record, spoken):
                if notable:
                    results = [one for one in results if one["outcome"] == "rejected" or one["drifted"]]
                if not results:
                    yield b" "  # a reader takes a long silence for the end
                    continue
                yield separator + orjson.dumps(results)[1:-1]
                separator = b","
            yield b"]}"

        return StreamingResponse(pieces(), media_type="application/json")

    @routes.get("/academies/{academy}/imports/{import_id}/results", dependencies=ADMINISTRATORS)
    async def results(
        academy: str,
        import_id: str,
        outcome: Choice | None = None,
        after: Annotated[int, Query(ge=0, le=MOST_ROWS)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        accept_language: AcceptLanguage = "",
    ) -> dict[str, Any]:
        """Some of the import document's results, in file order: of one outcome, or those that drifted, or whose
        invitation waits; `next` is the row to go on after, null on the last page."""
        record = await find(academy, import_id)
        told = await use_cases.page(pool, record, language(academy, accept_language), outcome, after, limit)
        return {"results": told, "next": told[-1]["row"] if len(told) == limit else None}

    @routes.get(
        "/academies/{academy}/imports/{import_id}/report.xlsx",
        dependencies=ADMINISTRATORS,
        response_class=Response,
        responses=_WORKBOOK,
    )
    async def report(academy: str, import_id: str, accept_language: AcceptLanguage = "") -> Response:
        """The import document as a workbook, whose rejected rows can be corrected and uploaded again."""
        record = await find(academy, import_id)
        pieces = reporter.report(record, language(academy, accept_language))
        first = await anext(pieces)  # a failure is told as one, before anything is sent

        async def whole() -> AsyncIterator[bytes]:
            yield first
            async for piece in pieces:
                yield piece

        return StreamingResponse(whole(), media_type=XLSX, headers=_attached(f"import-{record['id']}.xlsx"))

    @routes.get(
        "/academies/{academy}/template.xlsx",
        dependencies=ADMINISTRATORS,
        response_class=Response,
        responses=_WORKBOOK,
    )
    async def template(
        academy: str,
        language: Literal["nl", "en", "de", "fr"] = "nl",
        min_org_revision: Annotated[int, Query(ge=0, le=MOST_REVISIONS)] = 0,
    ) -> Response:
        """A workbook to fill in, with dropdowns of what the organisation has now."""
        await must_know(academy, min_org_revision)
        structure = messages.template_structure(academy, replica.entries(academy))
        workbook = await asyncio.to_thread(build_template, structure, language)
        return Response(workbook, media_type=XLSX, headers=_attached(f"{academy}-{language}.xlsx"))

    @routes.post("/academies/{academy}/imports/{import_id}/start", status_code=202, dependencies=ADMINISTRATORS)
    async def start(academy: str, import_id: str) -> Response:
        """Carry out the plan of a checked import; starting again is the same start."""
        await must_know(academy)
        try:
            state = await use_cases.start(pool, academy, _import_id(import_id))
        except use_cases.TooOld:
            days = use_cases.KEEP_DAYS
            raise Problem(410, "too_old", f"rows are kept for {days} days: upload the file again") from None
        if state is None:
            raise _not_found(import_id)
        if state not in ("running", "completed"):
            raise Problem(409, "not_checked", f"an import that is {state} cannot be started")
        started()
        changes.tell()
        location = f"/academies/{academy}/imports/{import_id}"
        return JSONResponse({"import_id": import_id, "state": state}, 202, {"Location": location})

    return routes


def _import_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise _not_found(text) from None


def _not_found(import_id: str) -> Problem:
    return Problem(404, ErrorCode.NOT_FOUND.value, f"there is no import {import_id[:100]}")


def _attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
