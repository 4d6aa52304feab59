"""The visitor's own profile: what is known of them, password, sessions; API tokens for administrators."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web_console.pages.entry import text_of, weak, within_limit
from web_console.services import Refused, segment
from web_console.visiting import Visitor, page, redirect, render

ROUTES: list[Route] = []

_PERSONS = ("administrator", "manager", "member")


@page("/{academy}/profile", roles=_PERSONS)
async def profile(_: Request, visitor: Visitor) -> Response:
    """Everything of the visitor on one page."""
    return await _show(visitor)


@page("/{academy}/profile/password", methods=("POST",), roles=_PERSONS)
async def change_password(request: Request, visitor: Visitor) -> Response:
    """Another password; other sessions end."""
    await within_limit(request)
    new = await text_of(request, "new")
    if new != await text_of(request, "again"):
        return await _show(visitor, 422, errors={"again": visitor.say("The two passwords are not the same.")})
    body = {"current": await text_of(request, "current"), "new": new}
    try:
        await visitor.ask.send("user", "PUT", f"{_academy(visitor)}/profile/password", json=body)
    except Refused as refused:
        if refused.code == "weak_password":
            return await _show(visitor, 422, errors={"new": weak(visitor)})
        if refused.code == "wrong_credentials":
            wrong = visitor.say("This is not your current password.")
            return await _show(visitor, 422, errors={"current": wrong})
        raise
    return redirect(_address(visitor), visitor.say("Your password is changed. Your other sessions have ended."))


@page("/{academy}/profile/sessions", methods=("POST",), roles=_PERSONS)
async def end_session(request: Request, visitor: Visitor) -> Response:
    """End one of the visitor's own sessions."""
    id_ = await text_of(request, "id")
    await visitor.ask.send("user", "DELETE", f"{_academy(visitor)}/profile/sessions/{_filled(id_)}")
    return redirect(_address(visitor), visitor.say("The session has ended."))


@page("/{academy}/profile/tokens", methods=("POST",))
async def make_token(request: Request, visitor: Visitor) -> Response:
    """A new API token, shown this once."""
    name = (await text_of(request, "name")).strip()
    if not name:
        return await _show(visitor, 422, errors={"name": visitor.say("Give the token a name.")})
    body = {"name": name, "role": "administrator"}
    made = (await visitor.ask.send("user", "POST", f"{_academy(visitor)}/api-tokens", json=body)).json()
    return await _show(visitor, 201, made=made)


@page("/{academy}/profile/tokens/delete", methods=("POST",))
async def revoke_token(request: Request, visitor: Visitor) -> Response:
    """Revoke an API token."""
    id_ = await text_of(request, "id")
    await visitor.ask.send("user", "DELETE", f"{_academy(visitor)}/api-tokens/{_filled(id_)}")
    return redirect(_address(visitor), visitor.say("The token is revoked."))


async def _show(visitor: Visitor, status: int = 200, **context: Any) -> Response:
    academy = _academy(visitor)
    person: dict[str, Any] = {}
    sessions: list[Any] = []
    tokens: list[Any] = []
    if visitor.personnel_number:
        person = await visitor.ask.get("user", f"{academy}/users/{segment(visitor.personnel_number)}")
        sessions = (await visitor.ask.get("user", f"{academy}/profile/sessions"))["sessions"]
    manages = visitor.role in ("administrator", "operator")
    if manages:
        tokens = (await visitor.ask.get("user", f"{academy}/api-tokens"))["api_tokens"]
    return render(
        visitor,
        "profile/profile.html",
        status,
        person=person,
        sessions=sessions,
        tokens=tokens,
        manages=manages,
        **context,
    )


def _academy(visitor: Visitor) -> str:
    return f"/academies/{segment(visitor.academy)}"


def _address(visitor: Visitor) -> str:
    return f"/{segment(visitor.academy)}/profile"


def _filled(id_: str) -> str:
    if not id_:
        raise HTTPException(404)
    return segment(id_)
