"""Log-in by the academy's own identity provider: the way there and back, and the page where it is set."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web_console.pages.entry import first_page, let_in, text_of, within_limit
from web_console.services import Refused, segment
from web_console.texts import mark
from web_console.visiting import (
    OIDC,
    SESSION,
    Visitor,
    credential_of,
    entrance,
    forget_cookie,
    page,
    redirect,
    render,
    set_cookie,
)

ROUTES: list[Route] = []

CALLBACK: Final = "/-/oidc"
"""Where providers send people back to, below the public address."""

_PROBLEMS: Final = {
    "issuer_not_allowed": ("issuer", mark("An issuer begins with https:// and has no question mark.")),
    "provider_unreachable": ("issuer", mark("At this address nothing answers as an identity provider.")),
    "issuer_mismatch": ("issuer", mark("The provider calls itself otherwise. Copy the issuer exactly, also its end.")),
    "provider_unsuitable": ("issuer", mark("This provider cannot be used: it misses what Instroom needs of it.")),
    "secret_required": ("client_secret", mark("Another issuer or client has another secret: fill it in.")),
    "log_in_first": (
        "password_log_in",
        mark("Save it first with passwords allowed, log in with the provider, and then switch passwords off."),
    ),
    "too_many_attempts": ("", mark("Too many attempts. Try again in five minutes.")),
    "no_secrets_key": ("", mark("This platform cannot keep the secret of a provider yet. Tell its operator.")),
}
_FIELDS: Final = ("name", "issuer", "client_id", "client_secret")


@entrance(CALLBACK)
async def came_back(request: Request, visitor: Visitor) -> Response:
    """Whoever comes back from the provider is let in, if this browser went there and they are of the academy."""
    academy, _, flow = credential_of(request, OIDC).partition(":")
    try:
        response = await _finish(request, visitor, academy, flow)
    except Refused as refused:
        if refused.code not in _REASONS:
            raise
        response = _not_let_in(visitor, refused)
    forget_cookie(request, response, OIDC)
    return response


async def _finish(request: Request, visitor: Visitor, academy: str, flow: str) -> Response:
    given = {name: request.query_params.get(name, "") for name in ("state", "code", "iss", "error")}
    if not academy or not flow:
        raise Refused(409, "log_in_over", "this browser did not begin")
    welcome = await request.app.state.services.welcome(academy)
    visitor.enter(welcome)
    if given["error"] or not given["code"] or len(given["code"]) > 4000 or len(given["state"]) > 100:
        raise Refused(401, "log_in_refused", "the provider did not let in")
    body = {"flow": flow, "state": given["state"], "code": given["code"]}
    if given["iss"]:
        body["iss"] = given["iss"][:500]
    answer = await visitor.ask.send("user", "POST", f"/academies/{segment(academy)}/oidc-sessions", json=body)
    session = answer.json()["session"]
    return let_in(request, redirect(await first_page(visitor, session)), SESSION, session)


@entrance("/{academy}/oidc", methods=("GET", "POST"))
async def go(request: Request, visitor: Visitor) -> Response:
    """Send the browser to the provider. Not by 303: of a form that would be against `form-action 'self'`."""
    login = f"/{segment(visitor.academy)}/"
    if request.method == "GET":
        return redirect(login)
    await within_limit(request)
    try:
        answer = await visitor.ask.send("user", "POST", f"/academies/{segment(visitor.academy)}/oidc-flows")
    except Refused as refused:
        if refused.code == "no_identity_provider":
            request.app.state.services.forget(visitor.academy)
            return redirect(login)
        if refused.code not in _REASONS:
            raise
        return _not_let_in(visitor, refused)
    begun = answer.json()
    response = render(visitor, "entry/going.html", url=begun["url"])
    response.headers["Refresh"] = f"0; url={begun['url']}"
    set_cookie(request, response, OIDC, f"{visitor.academy}:{begun['flow']}", begun["expires_in"])
    return response


_REASONS: Final = {
    "no_account": mark("There is no account in this academy for you. Ask your administrator."),
    "email_not_verified": mark(
        "Your provider does not say that your e-mail address is yours. Confirm it there, or ask your administrator."
    ),
    "log_in_over": mark("This log-in took too long, was used already, or began in another browser. Begin again."),
    "log_in_refused": mark("The provider did not let you in, or its answer cannot be trusted. Begin again."),
    "too_many_attempts": mark("Too many attempts. Try again in five minutes."),
    "provider_unreachable": mark("The provider does not answer now. Try again later, or ask your administrator."),
    "provider_refused": mark("The provider does not accept this academy any more. Tell your administrator."),
    "issuer_mismatch": mark("The provider does not accept this academy any more. Tell your administrator."),
    "issuer_not_allowed": mark("The provider does not accept this academy any more. Tell your administrator."),
    "provider_unsuitable": mark("The provider does not accept this academy any more. Tell your administrator."),
    "secret_unreadable": mark("The provider does not accept this academy any more. Tell your administrator."),
}


def _not_let_in(visitor: Visitor, refused: Refused) -> Response:
    return render(visitor, "entry/not_let_in.html", refused.status, reason=visitor.say(_REASONS[refused.code]))


@page("/{academy}/log-in", methods=("GET", "POST"))
async def setting(request: Request, visitor: Visitor) -> Response:
    """The identity provider of the academy, and whether passwords do too."""
    now = await _provider(visitor)
    if request.method == "GET":
        return _setting(request, visitor, now, now or {"password_log_in": True})
    filled: dict[str, Any] = {name: (await text_of(request, name)).strip() for name in _FIELDS}
    filled["password_log_in"] = now is None or bool(await text_of(request, "password_log_in"))
    body = {name: value for name, value in filled.items() if name != "client_secret" or value}
    try:
        await visitor.ask.send("user", "PUT", _path(visitor), json=body)
    except Refused as refused:
        errors = _errors(visitor, refused)
        return _setting(request, visitor, now, filled | {"client_secret": ""}, refused.status, errors)
    request.app.state.services.forget(visitor.academy)
    return redirect(_address(visitor), visitor.say("Saved. Try it: log out, and log in with the provider."))


@page("/{academy}/log-in/remove", methods=("POST",))
async def remove(request: Request, visitor: Visitor) -> Response:
    """Passwords only, from now on."""
    await visitor.ask.send("user", "DELETE", _path(visitor))
    request.app.state.services.forget(visitor.academy)
    return redirect(_address(visitor), visitor.say("People log in with a password again."))


@page("/{academy}/log-in/unlink", methods=("POST",))
async def unlink(request: Request, visitor: Visitor) -> Response:
    """Forget the account of one person."""
    number = (await text_of(request, "number")).strip()
    if number:
        await visitor.ask.send("user", "DELETE", f"{_path(visitor)}/accounts/{segment(number)}")
    return redirect(_address(visitor), visitor.say("At the next log-in this person is found by e-mail address again."))


async def _provider(visitor: Visitor) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = await visitor.ask.get("user", _path(visitor))
    except Refused as refused:
        if refused.code != "no_identity_provider":
            raise
        return None
    return found


def _setting(
    request: Request,
    visitor: Visitor,
    now: dict[str, Any] | None,
    filled: dict[str, Any],
    status: int = 200,
    errors: dict[str, str] | None = None,
) -> Response:
    callback = request.app.state.settings.public_url.rstrip("/") + CALLBACK
    context = {"provider": now, "filled": filled, "errors": errors or {}, "callback": callback}
    return render(visitor, "profile/log_in.html", status, **context)


def _errors(visitor: Visitor, refused: Refused) -> dict[str, str]:
    if refused.code == "invalid_request":
        wrong = visitor.say("Fill this in, without characters that do not belong in it.")
        return {str(each["path"]).rpartition(".")[2]: wrong for each in refused.errors}
    if refused.code not in _PROBLEMS:
        raise refused
    name, sentence = _PROBLEMS[refused.code]
    return {name: visitor.say(sentence)}


def _path(visitor: Visitor) -> str:
    return f"/academies/{segment(visitor.academy)}/identity-provider"


def _address(visitor: Visitor) -> str:
    return f"/{segment(visitor.academy)}/log-in"
