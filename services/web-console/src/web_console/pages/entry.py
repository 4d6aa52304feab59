"""The ways in: log-in, passwords, invitations, terms, the choice of language."""

from typing import Any, Final

from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web_console import texts
from web_console.services import Ask, Refused, segment
from web_console.visiting import (
    LANGUAGE,
    OPERATOR,
    SESSION,
    Visitor,
    credential_of,
    entrance,
    forget_cookie,
    home_of,
    is_local,
    new_visit,
    redirect,
    render,
    set_cookie,
    ways_in,
)

ROUTES: list[Route] = []

LONGEST_SESSION: Final = 86400
"""Seconds that a browser keeps the cookie; when a session ends, sooner, is up to user-service."""
LIMIT: Final = parse("30/minute")
"""Forms of one client address, so that nobody tries passwords here faster than people type them."""


async def within_limit(request: Request) -> None:
    """Raises 429 for an address that sends too many forms."""
    limiter = getattr(request.app.state, "limiter", None)
    if limiter is None:
        limiter = request.app.state.limiter = MovingWindowRateLimiter(MemoryStorage())
    address = request.client.host if request.client else ""
    if not await limiter.hit(LIMIT, "entry", address):
        raise HTTPException(429, headers={"Retry-After": "60"})


async def text_of(request: Request, name: str) -> str:
    """A field of the form; no field and a file are empty."""
    value = (await request.form()).get(name, "")
    return value if isinstance(value, str) else ""


@entrance("/{academy}/", methods=("GET", "POST"))
async def log_in(request: Request, visitor: Visitor) -> Response:
    """The log-in; whoever is logged in goes on to the first page of their role."""
    if request.method == "GET":
        return await _already_in(request, visitor) or render(visitor, "entry/login.html")
    await within_limit(request)
    email, password = await text_of(request, "email"), await text_of(request, "password")
    path = f"/academies/{segment(visitor.academy)}/sessions"
    try:
        answer = await visitor.ask.send("user", "POST", path, json={"email": email, "password": password})
    except Refused as refused:
        if refused.code == "password_log_in_off":
            request.app.state.services.forget(visitor.academy)
            return redirect(
                f"/{segment(visitor.academy)}/", visitor.say("In this academy nobody logs in with a password.")
            )
        if refused.status not in (401, 422, 429):
            raise
        many = refused.status == 429
        problem = _too_many(visitor, refused) if many else visitor.say("The e-mail address or the password is wrong.")
        response = render(
            visitor, "entry/login.html", 429 if many else 401, errors={"": problem}, email=email, waits=many
        )
        if many:
            response.headers["Retry-After"] = refused.retry_after or "60"
        return response
    session = answer.json()["session"]
    going = redirect(await first_page(visitor, session))
    return let_in(request, going, SESSION, session)


@entrance("/{academy}")
async def without_slash(_: Request, visitor: Visitor) -> Response:
    """The log-in has one address."""
    return redirect(f"/{segment(visitor.academy)}/")


@entrance("/{academy}/logout", methods=("POST",))
async def log_out(request: Request, visitor: Visitor) -> Response:
    """End the session here and at user-service."""
    session = credential_of(request, SESSION)
    name = SESSION if session else OPERATOR
    return await end(request, visitor, name, f"/{segment(visitor.academy)}/")


async def end(request: Request, visitor: Visitor, name: str, url: str) -> Response:
    """End the session of this cookie, then go to `url`. The cookie goes only when the session has ended."""
    if credential := credential_of(request, name):
        try:
            await visitor.ask.with_credential(credential).send("user", "DELETE", "/sessions/current")
        except Refused as refused:
            if refused.status not in (401, 403, 404):
                raise
    new_visit(request)
    response = redirect(url, visitor.say("You are logged out."))
    forget_cookie(request, response, name)
    return response


@entrance("/{academy}/password", methods=("GET", "POST"))
async def forgotten(request: Request, visitor: Visitor) -> Response:
    """Ask for a mail to set a new password; the answer is the same whether the address is known or not."""
    if not visitor.ways["password"]:
        return redirect(f"/{segment(visitor.academy)}/")
    if request.method == "GET":
        return render(visitor, "entry/forgotten.html")
    await within_limit(request)
    email = await text_of(request, "email")
    try:
        path = f"/academies/{segment(visitor.academy)}/password-resets"
        await visitor.ask.send("user", "POST", path, json={"email": email})
    except Refused as refused:
        if refused.status not in (422, 429):
            raise
        problem = (
            _too_many(visitor, refused) if refused.status == 429 else visitor.say("This is not an e-mail address.")
        )
        return render(visitor, "entry/forgotten.html", refused.status, errors={"email": problem}, email=email)
    return render(visitor, "entry/forgotten.html", sent=True)


@entrance("/-/password/{token}", methods=("GET", "POST"))
async def reset(request: Request, visitor: Visitor) -> Response:
    """Set a new password by the link of a mail. Looking at it changes nothing."""
    path = f"/password-resets/{segment(request.path_params['token'])}"
    found = await _looked_up(request, visitor, path)
    if request.method == "GET" or found["state"] != "valid":
        return render(visitor, "entry/reset.html", _status_of(found), found=found)
    errors = await _password_problems(request, visitor)
    if not errors:
        try:
            answer = await visitor.ask.send("user", "POST", path, json={"password": await text_of(request, "password")})
        except Refused as refused:
            if refused.status == 409:
                found = await visitor.ask.get("user", path)
                return render(visitor, "entry/reset.html", 409, found=found)
            errors = _refused_password(visitor, refused)
        else:
            new_visit(request)
            told = visitor.say("Your password is changed. Log in with it.")
            return redirect(f"/{segment(answer.json()['academy'])}/", told)
    return render(visitor, "entry/reset.html", 422, found=found, errors=errors)


@entrance("/-/invitation/{token}", methods=("GET", "POST"))
async def invitation(request: Request, visitor: Visitor) -> Response:
    """Accept an invitation: terms and a password. Looking at it changes nothing: mail scanners follow links."""
    path = f"/invitations/{segment(request.path_params['token'])}"
    found = await _looked_up(request, visitor, path)
    if found["state"] == "valid":
        visitor.ways = ways_in(await request.app.state.services.welcome(found["academy"]))
    if request.method == "GET" or found["state"] != "valid" or not visitor.ways["password"]:
        return render(visitor, "entry/invitation.html", _status_of(found), found=found)
    errors = await _password_problems(request, visitor)
    if not await text_of(request, "terms"):
        errors["terms"] = visitor.say("Agree to the terms of use to go on.")
    if not errors:
        body = {"password": await text_of(request, "password"), "terms_version": await _version_of(request)}
        try:
            answer = await visitor.ask.send("user", "POST", path, json=body)
        except Refused as refused:
            if refused.status == 409:
                found = await visitor.ask.get("user", path)
                if refused.code == "terms_changed":
                    errors = {"terms": visitor.say("The terms of use have changed. Read the new ones and agree again.")}
                return render(visitor, "entry/invitation.html", 409, found=found, errors=errors)
            errors = _refused_password(visitor, refused)
        else:
            told = visitor.say("You accepted the invitation. Log in with your e-mail address and password.")
            return redirect(f"/{segment(answer.json()['academy'])}/", told)
    agreed = bool(await text_of(request, "terms"))
    return render(visitor, "entry/invitation.html", 422, found=found, errors=errors, agreed=agreed)


@entrance("/{academy}/terms", methods=("GET", "POST"))
async def terms(request: Request, visitor: Visitor) -> Response:
    """The terms of use, for whoever logged in and did not accept the newest."""
    session = credential_of(request, SESSION)
    if not session:
        return redirect(f"/{segment(visitor.academy)}/")
    ask = visitor.ask.with_credential(session)
    errors: dict[str, str] = {}
    if request.method == "POST":
        await within_limit(request)
        if not await text_of(request, "terms"):
            errors["terms"] = visitor.say("Agree to the terms of use to go on.")
        else:
            try:
                await ask.send("user", "POST", "/sessions/current/terms", json={"version": await _version_of(request)})
            except Refused as refused:
                if refused.status != 409:
                    raise
                errors["terms"] = visitor.say("The terms of use have changed. Read the new ones and agree again.")
            else:
                return redirect(await first_page(visitor, session))
    asked = await ask.get("user", "/sessions/current/terms")
    return render(visitor, "entry/terms.html", 422 if errors else 200, terms=asked, errors=errors)


@entrance("/-/language", methods=("POST",))
async def language(request: Request, _: Visitor) -> Response:
    """Keep the language of this browser and go back to the page."""
    chosen, back = await text_of(request, "language"), await text_of(request, "next")
    response = redirect(back if is_local(back) else "/")
    if chosen in texts.LANGUAGES:
        set_cookie(request, response, LANGUAGE, chosen, 365 * 86400)
    return response


@entrance("/")
async def root(_: Request, visitor: Visitor) -> Response:
    """Each academy has its own address; nobody is told which there are."""
    return render(visitor, "entry/root.html")


def let_in_operator(request: Request, response: Response, session: str) -> Response:
    """The answer to a log-in with the operator's token."""
    return let_in(request, response, OPERATOR, session)


def let_in(request: Request, response: Response, name: str, session: str) -> Response:
    """Only a session that user-service just made is kept, and the form tokens from before are worth nothing."""
    new_visit(request)
    set_cookie(request, response, name, session, LONGEST_SESSION)
    return response


async def _already_in(request: Request, visitor: Visitor) -> Response | None:
    if not (session := credential_of(request, SESSION)):
        return None
    try:
        answer = await _access(visitor.ask, session)
    except Refused as refused:
        if refused.code == "terms_required":
            return redirect(f"/{segment(visitor.academy)}/terms")
        if refused.status not in (401, 403):
            raise
        return None
    if answer["caller"]["academy"] != visitor.academy:
        return None
    return redirect(home_of(visitor.academy, answer["caller"]["role"]))


async def first_page(visitor: Visitor, session: str) -> str:
    """Where a new session begins: the terms of use, if they are to be accepted."""
    try:
        answer = await _access(visitor.ask, session)
    except Refused as refused:
        if refused.code == "terms_required":
            return f"/{segment(visitor.academy)}/terms"
        raise
    return home_of(visitor.academy, answer["caller"]["role"])


async def _access(ask: Ask, session: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await ask.with_credential(session).send("user", "POST", "/access-tokens")).json()
    return answer


async def _looked_up(request: Request, visitor: Visitor, path: str) -> dict[str, Any]:
    if request.method == "POST":
        await within_limit(request)
    try:
        found: dict[str, Any] = await visitor.ask.get("user", path)
    except Refused as refused:
        if refused.status not in (404, 422):
            raise
        found = {"state": "unknown"}
    visitor.prefer(found.get("language"))
    return found


def _status_of(found: dict[str, Any]) -> int:
    return {"valid": 200, "accepted": 200, "not_active": 200, "unknown": 404}.get(found["state"], 410)


async def _version_of(request: Request) -> int:
    version = await text_of(request, "terms_version")
    return int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0


async def _password_problems(request: Request, visitor: Visitor) -> dict[str, str]:
    if await text_of(request, "password") != await text_of(request, "again"):
        return {"again": visitor.say("The two passwords are not the same.")}
    return {}


def _refused_password(visitor: Visitor, refused: Refused) -> dict[str, str]:
    if refused.code not in ("weak_password", "invalid_request"):
        raise refused
    return {"password": weak(visitor)}


def weak(visitor: Visitor) -> str:
    """Why a password is refused."""
    return visitor.say(
        "Choose a password of 12 to 200 characters that is not your name or e-mail address, nor a few characters repeated."
    )


def _too_many(visitor: Visitor, refused: Refused) -> str:
    seconds = int(refused.retry_after) if refused.retry_after.isdigit() else 60
    minutes = max(1, -(-seconds // 60))
    return visitor.count(
        "Too many attempts. Try again in %(num)s minute.", "Too many attempts. Try again in %(num)s minutes.", minutes
    )
