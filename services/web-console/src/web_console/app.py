"""The application: routes, files, errors as pages, and the headers that every answer carries."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from web_console.pages import entry, events, imports, invitations, oidc, operator, organisation, people, profile
from web_console.services import Refused, Services, Unreachable, segment
from web_console.settings import Settings
from web_console.visiting import keep_visit, redirect, render, whoever

_HEADERS: Final = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    b" connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    # With "no-referrer" browsers send `Origin: null` with forms, which is refused.
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
}


LONGEST_FORM: Final = 4 * 2**20
"""Bytes of a form without a file; the longest is a text of terms in every language."""
LONGEST_UPLOAD: Final = 65 * 2**20
"""Bytes of a form with a file to import; import-service says more exactly what it takes."""
_TAKES_FILES: Final = re.compile(r"/[^/]+/imports/new")


class _Guard:
    """Put the headers on every answer; pages are kept by nobody. Refuse what is larger than any form."""

    def __init__(self, app: ASGIApp, secure: bool) -> None:
        self._app = app
        self._headers = list(_HEADERS.items())
        if secure:
            self._headers.append((b"strict-transport-security", b"max-age=31536000"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        longest = LONGEST_UPLOAD if _TAKES_FILES.fullmatch(scope["path"]) else LONGEST_FORM
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > longest:
                raise HTTPException(413)
            return message

        static = scope["path"].startswith("/-/static/")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in message["headers"]}
                extra = [*self._headers, (b"cache-control", b"public, max-age=3600" if static else b"no-store")]
                message["headers"] = [*message["headers"], *((k, v) for k, v in extra if k not in names)]
            await send(message)

        await self._app(scope, counted, guarded)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    kind = {403: "expired", 404: "missing", 405: "missing", 413: "too_large", 429: "too_many"}.get(
        error.status_code, "wrong"
    )
    response = render(whoever(request), "error.html", error.status_code, kind=kind)
    response.headers.update(error.headers or {})
    return keep_visit(request, response)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101
    if error.status == 401:
        academy = request.path_params.get("academy", "")
        return redirect(f"/{segment(academy)}/" if academy else "/-/operator")
    kind = {403: "forbidden", 404: "missing", 429: "too_many", 503: "unreachable"}.get(error.status, "refused")
    response = render(whoever(request), "error.html", error.status, kind=kind, detail=error.detail)
    if error.retry_after:
        response.headers["Retry-After"] = error.retry_after
    return keep_visit(request, response)


async def _unreachable(request: Request, error: Exception) -> Response:
    assert isinstance(error, Unreachable)  # noqa: S101
    structlog.get_logger("console").warning("service.unreachable", service=error.service, cause=repr(error.__cause__))
    page = render(whoever(request), "error.html", 502, kind="unreachable", service=f"{error.service}-service")
    return keep_visit(request, page)


async def _failed(request: Request, error: Exception) -> Response:
    response = render(whoever(request), "error.html", 500, kind="wrong")
    for name, value in _HEADERS.items():  # this answer is made outside of the guard
        response.headers[name.decode()] = value.decode()
    response.headers["cache-control"] = "no-store"
    return response


async def _livez(_: Request) -> Response:
    return JSONResponse({"status": "live"})


async def _readyz(request: Request) -> Response:
    reasons = await request.app.state.services.why_not_ready()
    return JSONResponse({"status": "not ready" if reasons else "ready", "reasons": reasons}, 503 if reasons else 200)


async def _robots(_: Request) -> Response:
    return PlainTextResponse("User-agent: *\nDisallow: /\n")


def build(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> Starlette:
    """The console over the services of the settings; tests give a transport that plays them."""
    services = Services(settings.services(), transport)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await services.close()

    modules = (entry, oidc, operator, people, imports, organisation, invitations, events, profile)
    app = Starlette(
        routes=[
            Route("/livez", _livez),
            Route("/readyz", _readyz),
            Route("/robots.txt", _robots),
            Mount("/-/static", StaticFiles(directory=Path(__file__).parent / "static")),
            *(route for module in modules for route in module.ROUTES),
        ],
        middleware=[Middleware(_Guard, secure=settings.secure)],
        exception_handlers={
            HTTPException: _http_error,
            Refused: _refused,
            Unreachable: _unreachable,
            Exception: _failed,
        },
        lifespan=lifespan,
    )
    if proxies := [str(network) for network in settings.trusted_proxies]:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=proxies)
    app.router.redirect_slashes = False  # it would take the host of the new address from the request
    app.state.settings = settings
    app.state.services = services
    return app
