"""Who visits: cookies, the form token, `Origin`, roles; and what a handler needs to answer a visitor."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial, wraps
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel.core import negotiate_locale
from babel.dates import format_datetime
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from web_console import texts
from web_console.services import Ask, Refused, Services, segment
from web_console.settings import Settings

SESSION: Final = "session"
OPERATOR: Final = "operator"
VISIT: Final = "visit"
LANGUAGE: Final = "language"
FLASH: Final = "flash"
OIDC: Final = "oidc"
"""The academy and the secret of a log-in at an identity provider."""

_SAFE: Final = ("GET", "HEAD")
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_TEMPLATES.globals["segment"] = segment

Handler = Callable[[Request, "Visitor"], Awaitable[Response]]


@dataclass
class Visitor:
    """Who asks for a page, and in which academy. Without a role it is somebody who did not log in."""

    academy: str
    academy_name: str
    role: str
    name: str
    personnel_number: str
    department: str
    language: str
    ask: Ask
    csrf: str
    request: Request = field(repr=False)
    ways: dict[str, Any] = field(default_factory=lambda: ways_in({}))
    """How people of the academy log in."""

    def say(self, msgid: str, **params: Any) -> str:
        """The sentence in the visitor's language."""
        return texts.say(self.language, msgid, **params)

    def count(self, one: str, many: str, number: int, **params: Any) -> str:
        """The sentence for this number in the visitor's language."""
        return texts.count(self.language, one, many, number, **params)

    def when(self, moment: str | None) -> Markup:
        """A moment of the services as people read it."""
        if not moment:
            return Markup("–")
        zone = ZoneInfo(_settings(self.request).time_zone)
        at = datetime.fromisoformat(moment).astimezone(zone)
        shown = format_datetime(at, "d MMM y HH:mm", locale=self.language)
        return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="milliseconds"), shown)

    @property
    def home(self) -> str:
        """The first page of the academy for this role."""
        return home_of(self.academy, self.role)

    def enter(self, welcome: dict[str, Any]) -> None:
        """Be in this academy, where the address does not tell of one."""
        self.academy, self.academy_name, self.ways = welcome["id"], welcome["name"], ways_in(welcome)
        self.prefer(welcome["default_language"])

    def prefer(self, language: str | None) -> None:
        """Speak this language where the visitor did not choose one."""
        self.language = _language(self.request, language, self.language)


def ways_in(welcome: dict[str, Any]) -> dict[str, Any]:
    """How people log in: by `password`, by the `provider` of that name."""
    ways: dict[str, Any] = welcome.get("log_in", {"password": True, "provider": None})
    return ways


def home_of(academy: str, role: str) -> str:
    """The first page of an academy for a role."""
    manages = role in ("operator", "administrator", "manager")
    return f"/{segment(academy)}/{'users' if manages else 'profile'}"


class Going(RedirectResponse):
    """On to another page of the console, with something to say there."""

    def __init__(self, url: str, flash: str | None) -> None:
        super().__init__(url, 303)
        self.flash = flash


def redirect(url: str, flash: str | None = None) -> Response:
    """303 to a page of the console; `flash` is shown there once. Raises ValueError for any other address."""
    if not is_local(url):
        raise ValueError(f"not a page of the console: {url[:100]}")
    return Going(url, flash)


def is_local(url: str) -> bool:
    """Whether a browser stays with the console: browsers read a backslash as a slash, and skip control characters."""
    return url.startswith("/") and not url.startswith("//") and "\\" not in url and url.isprintable()


def render(visitor: Visitor, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """The page; what was to be told once is told, and forgotten."""
    request = visitor.request
    flash = request.cookies.get(_cookie(request, FLASH))
    html = _TEMPLATES.get_template(template).render(
        visitor=visitor,
        _=visitor.say,
        ngettext=visitor.count,
        when=visitor.when,
        languages=texts.LANGUAGES,
        here=request.url.path,
        base=f"/{segment(visitor.academy)}" if visitor.academy else "",
        flash=_read_flash(flash) if flash else "",
        **context,
    )
    response = HTMLResponse(html, status)
    if flash:
        forget_cookie(request, response, FLASH)
    return response


def page(
    path: str,
    *,
    methods: Sequence[str] = ("GET",),
    roles: Sequence[str] = ("administrator",),
    before: Callable[[Request], Response | None] | None = None,
) -> Callable[[Handler], Handler]:
    """A page for whoever logged in with one of the roles; an operator may what an administrator may.

    What `before` answers to a request is all that becomes of it: nothing was read or asked yet.
    """
    return partial(_register, path, methods, tuple(roles), before=before)


def entrance(path: str, *, methods: Sequence[str] = ("GET",)) -> Callable[[Handler], Handler]:
    """A page for everybody: the visitor has no role."""
    return partial(_register, path, methods, None)


def _register(
    path: str,
    methods: Sequence[str],
    roles: tuple[str, ...] | None,
    handler: Handler,
    *,
    before: Callable[[Request], Response | None] | None = None,
) -> Handler:
    @wraps(handler)
    async def endpoint(request: Request) -> Response:
        if before is not None and (refusal := before(request)) is not None:
            return refusal
        await _check_origin(request)
        visitor = await (guest(request) if roles is None else _known(request))
        if isinstance(visitor, Response):
            return visitor
        request.state.visitor = visitor
        if roles is not None and not _may(visitor.role, roles):
            return render(visitor, "error.html", 403, kind="forbidden")
        await _check_token(request, visitor)
        response = await handler(request, visitor)
        if isinstance(response, Going) and response.flash:
            told = base64.urlsafe_b64encode(json.dumps(response.flash[:600]).encode()).decode()
            set_cookie(request, response, FLASH, told, 60)
        return keep_visit(request, response)

    routes = cast("list[Route]", cast(Any, handler).__globals__["ROUTES"])
    routes.append(Route(path, endpoint, methods=list(methods), name=handler.__name__))
    return handler


def _may(role: str, roles: tuple[str, ...]) -> bool:
    return role in roles or (role == "operator" and "administrator" in roles)


async def _known(request: Request) -> Visitor | Response:
    """Whoever logged in; else the way to the log-in."""
    academy = request.path_params.get("academy", "")
    ask = _ask(request)
    for credential in _credentials(request, academy):
        try:
            answer = (await ask.with_credential(credential).send("user", "POST", "/access-tokens")).json()
        except Refused as refused:
            if refused.code == "terms_required":
                return _to(request, f"/{segment(academy)}/terms")
            if refused.status not in (401, 403):
                raise
            continue
        caller = answer["caller"]
        if caller["role"] != "operator" and caller["academy"] != academy:
            continue
        visitor = await guest(request)
        visitor.role = caller["role"]
        visitor.name = caller.get("name") or ""
        visitor.personnel_number = caller.get("personnel_number") or ""
        visitor.department = caller.get("department") or ""
        visitor.language = _language(request, caller.get("language"), visitor.language)
        visitor.ask = ask.with_credential(answer["access_token"])
        return visitor
    return _to(request, f"/{segment(academy)}/" if academy else "/-/operator")


def _credentials(request: Request, academy: str) -> list[str]:
    kept = [credential_of(request, name) for name in (SESSION, OPERATOR)]
    return [each for each in (kept if academy else kept[1:]) if each]


def credential_of(request: Request, name: str) -> str:
    """The session that the browser keeps under this name, or nothing."""
    return request.cookies.get(_cookie(request, name), "")


def _ask(request: Request) -> Ask:
    client = request.client.host if request.client is not None else ""
    return _services(request).ask(request.headers.get("user-agent", ""), client)


async def guest(request: Request) -> Visitor:
    """Somebody who is not known, in the academy of the address if it has one. Raises 404 where there is no such."""
    academy, name, language = request.path_params.get("academy", ""), "", None
    ways = ways_in({})
    if academy:
        try:
            welcome = await _services(request).welcome(academy)
        except Refused as refused:
            if refused.status not in (404, 422):
                raise
            raise HTTPException(404) from refused
        name, language, ways = welcome["name"], welcome["default_language"], ways_in(welcome)
    return Visitor(
        academy=academy,
        academy_name=name,
        role="",
        name="",
        personnel_number="",
        department="",
        language=_language(request, None, language),
        ask=_ask(request),
        csrf=form_token(_visit(request)),
        request=request,
        ways=ways,
    )


def whoever(request: Request) -> Visitor:
    """The visitor as far as is known, for pages of errors; nothing is asked."""
    known: Visitor | None = getattr(request.state, "visitor", None)
    if known is not None:
        return known
    ask = _services(request).ask()
    return Visitor("", "", "", "", "", "", _language(request, None, None), ask, form_token(_visit(request)), request)


def _language(request: Request, own: str | None, default: str | None) -> str:
    """What was chosen here, else what the browser asks for, else the person's own, else that of the academy."""
    chosen = request.cookies.get(_cookie(request, LANGUAGE))
    asked = negotiate_locale(_accepted(request), texts.LANGUAGES, sep="-")
    return next((each for each in (chosen, asked, own, default) if each in texts.LANGUAGES), "nl")


def _accepted(request: Request) -> list[str]:
    """The languages of the browser, the dearest first, without regions."""
    weighed = []
    for part in request.headers.get("accept-language", "")[:500].split(","):
        tag, _, quality = part.strip().partition(";q=")
        with suppress(ValueError):
            weighed.append((-float(quality or 1), tag.partition("-")[0].lower()))
    return [tag for _, tag in sorted(weighed, key=lambda each: each[0])]


def _visit(request: Request) -> str:
    """A secret of this browser before it logs in; made at its first page."""
    kept = request.cookies.get(_cookie(request, VISIT), "")
    if len(kept) < 40:
        kept = getattr(request.state, "visit", "") or secrets.token_urlsafe(32)
        request.state.visit = kept
    return kept


def keep_visit(request: Request, response: Response) -> Response:
    """The answer, with the secret of the browser where that is new."""
    if made := getattr(request.state, "visit", ""):
        set_cookie(request, response, VISIT, made, None)
    return response


def new_visit(request: Request) -> None:
    """Another secret, so that form tokens from before a log-in are worth nothing after it."""
    request.state.visit = secrets.token_urlsafe(32)


def form_token(visit: str) -> str:
    """The form token that goes with the secret of a browser; the secret cannot be found from it."""
    return hmac.new(visit.encode(), b"instroom form", hashlib.sha256).hexdigest()


async def _check_origin(request: Request) -> None:
    if request.method in _SAFE:
        return
    origin = request.headers.get("origin")
    if origin is None and (referer := request.headers.get("referer")):
        parts = urlsplit(referer)
        origin = f"{parts.scheme}://{parts.netloc}"
    if origin is not None and origin != _settings(request).origin:
        raise HTTPException(403, "origin")


async def _check_token(request: Request, visitor: Visitor) -> None:
    if request.method in _SAFE:
        return
    given: Any = request.headers.get("x-csrf-token")
    if given is None:
        given = (await request.form()).get("csrf")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), visitor.csrf.encode()):
        raise HTTPException(403, "csrf")


def _to(request: Request, url: str) -> Response:
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"HX-Redirect": url})
    return redirect(url)


def _settings(request: Request) -> Settings:
    return cast(Settings, request.app.state.settings)


def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


def _cookie(request: Request, name: str) -> str:
    return f"{'__Host-' if _settings(request).secure else ''}instroom-{name}"


def set_cookie(request: Request, response: Response, name: str, value: str, seconds: int | None) -> None:
    """A cookie that scripts and other sites do not get; without `seconds` it goes with the browser."""
    response.set_cookie(
        _cookie(request, name),
        value,
        max_age=seconds,
        path="/",
        secure=_settings(request).secure,
        httponly=True,
        samesite="lax",
    )


def forget_cookie(request: Request, response: Response, name: str) -> None:
    """Take a cookie back."""
    response.delete_cookie(
        _cookie(request, name), path="/", secure=_settings(request).secure, httponly=True, samesite="lax"
    )


def _read_flash(kept: str) -> str:
    try:
        told = json.loads(base64.urlsafe_b64decode(kept))
    except ValueError:
        return ""
    return told if isinstance(told, str) else ""
