"""The HTTP base of every service: problem+json, trace context, liveness, readiness, metrics."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Final

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic_core import PydanticSerializationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from chassis.access import ROLES, Access, Verifier
from chassis.problems import REFUSED, Problem, problem
from chassis.records import EventTooLarge, new_traceparent
from chassis.telemetry import traceparent
from contracts.envelope import is_traceparent


@dataclass
class Health:
    """What liveness and readiness answer. The checks return None when fine, else the reason.

    Not live is only what a new process would mend: whoever sees it starts one.
    """

    started: bool = False
    serving: bool = True
    """Whether requests can be answered: not while replicas are read, where an academy that exists would be unknown."""
    reason: str = "starting"
    beat: float = field(default_factory=time.monotonic)
    live: list[Callable[[], str | None]] = field(default_factory=list)
    ready: list[Callable[[], Awaitable[str | None]]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """What an operator should know although all is well again."""

    async def keep_beating(self) -> None:
        """Show that the event loop turns."""
        while True:
            self.beat = time.monotonic()
            await asyncio.sleep(1)

    def why_dead(self) -> list[str]:
        stuck = [] if time.monotonic() - self.beat < 5 else ["the event loop does not turn"]
        return stuck + [reason for check in self.live if (reason := check())]

    async def why_not_ready(self) -> list[str]:
        if not self.started:
            return [self.reason]
        return self.why_dead() + [reason for check in self.ready if (reason := await check())]


def traceparent_of(request: Request) -> str:
    """The trace context of the request."""
    return traceparent.get()


LONGEST_BODY: Final = 8 * 2**20
"""Bytes; the largest command is a whole organisation of at most 2 MiB."""
_TAKES_FILES: Final = re.compile(r"/academies/[^/]+/imports")
"""The one route whose body is a file."""


class _Trace:
    """Take up the caller's trace context, or begin one; what asks for a change is logged under it.

    The line names the route and not the path, which may hold a personnel number.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._log = structlog.get_logger("http")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1")
        traceparent.set(given if is_traceparent(given) else new_traceparent())
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            if scope["method"] not in ("GET", "HEAD"):
                route = getattr(scope.get("route"), "path", None)
                self._log.info("http.request", method=scope["method"], route=route, status=status)


class _Limit:
    """Refuse a body that is larger than any command, announced or not; a route that takes a file counts its stream itself."""

    def __init__(self, app: ASGIApp, longest: int) -> None:
        self._app, self._longest = app, longest
        self._refusal = f"the body is larger than {longest} bytes"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _TAKES_FILES.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._longest:
                raise HTTPException(413, self._refusal)  # any other exception is taken for a body that is no JSON
            return message

        if announced.isdigit() and int(announced) > self._longest:
            await problem(413, "too_large", self._refusal)(scope, receive, send)
            return
        await self._app(scope, counted, send)


def make_app(
    name: str,
    routers: Iterable[APIRouter],
    health: Health,
    verifier: Verifier,
    trusted_proxies: Iterable[IPv4Network | IPv6Network] = (),
) -> FastAPI:
    """The application of one service. Raises where a route does not say who may call it.

    `request.client` is the peer; of one of the trusted proxies it is whom that one names in `X-Forwarded-For`.
    """
    app = FastAPI(title=name, openapi_url="/openapi.json", docs_url=None, redoc_url=None, responses=REFUSED)
    app.state.verifier = verifier
    app.add_middleware(_Limit, longest=LONGEST_BODY)
    app.add_middleware(_Trace)
    if proxies := [str(network) for network in trusted_proxies]:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=proxies)

    async def only_when_serving() -> None:
        if not health.serving:
            raise Problem(503, "not_ready", health.reason)

    @app.exception_handler(Problem)
    async def refused(_: Request, error: Problem) -> JSONResponse:
        return problem(error.status, error.code, error.detail, error.errors, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        errors = [{"path": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()]
        return problem(422, "invalid_request", "the request does not have the documented form", errors)

    @app.exception_handler(PydanticSerializationError)
    async def not_unicode(_: Request, error: PydanticSerializationError) -> JSONResponse:
        return problem(422, "invalid_request", "the request holds half a character (a lone surrogate)")

    @app.exception_handler(EventTooLarge)
    async def too_large(_: Request, error: EventTooLarge) -> JSONResponse:
        return problem(413, "too_large", str(error))

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        code = "too_large" if error.status_code == 413 else "http_error"
        return problem(error.status_code, code, str(error.detail))

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> JSONResponse:
        return problem(500, "internal_error", f"{type(error).__name__}: see the log under this trace")

    @app.get("/livez", include_in_schema=False)
    async def livez() -> JSONResponse:
        reasons = health.why_dead()
        return JSONResponse({"live": not reasons, "reasons": reasons}, 503 if reasons else 200)

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        reasons = await health.why_not_ready()
        warnings = {"warnings": health.warnings} if health.warnings else {}
        return JSONResponse({"ready": not reasons, "reasons": reasons, **warnings}, 503 if reasons else 200)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    for router in routers:
        for route in router.routes:
            _show_roles(route)
        app.include_router(router, dependencies=[Depends(only_when_serving)])
    return app


def _show_roles(route: object) -> None:
    if not isinstance(route, APIRoute):
        raise TypeError(f"{route} is no route that can be described")
    found = [each.dependency for each in route.dependencies if isinstance(each.dependency, Access)]
    if len(found) != 1:
        raise TypeError(f"{route.methods} {route.path} must say once who may call it: `dependencies=[allow(...)]`")
    route.openapi_extra = (route.openapi_extra or {}) | {ROLES: [role.value for role in found[0].roles]}
