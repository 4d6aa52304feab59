"""The operator's pages: academies and their first administrator."""

from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from web_console.pages.entry import end, let_in_operator, text_of, weak, within_limit
from web_console.services import Refused, segment
from web_console.texts import LANGUAGES, mark
from web_console.visiting import OPERATOR, Visitor, credential_of, entrance, page, redirect, render

ROUTES: list[Route] = []

_HOME = "/-/operator/academies"
_REASONS: Final = {
    "invalid_email": ("email", mark("This is not an e-mail address.")),
    "email_in_use": ("email", mark("Somebody of the academy has this e-mail address already.")),
    "conflict": ("", mark("Somebody was added at the same moment. Try it again.")),
    "unknown_academy": ("", mark("The academy is still being made. Look again in a moment.")),
}


@entrance("/-/operator", methods=("GET", "POST"))
async def log_in(request: Request, visitor: Visitor) -> Response:
    """Log in with the operator's token."""
    if request.method == "GET":
        return redirect(_HOME) if credential_of(request, OPERATOR) else render(visitor, "operator/login.html")
    await within_limit(request)
    try:
        body = {"token": await text_of(request, "token")}
        session = (await visitor.ask.send("user", "POST", "/operator/sessions", json=body)).json()["session"]
    except Refused as refused:
        if refused.status not in (401, 422):
            raise
        errors = {"token": visitor.say("This is not the operator's token.")}
        return render(visitor, "operator/login.html", 401, errors=errors)
    return let_in_operator(request, redirect(_HOME), session)


@entrance("/-/operator/logout", methods=("POST",))
async def log_out(request: Request, visitor: Visitor) -> Response:
    """End the operator's session."""
    return await end(request, visitor, OPERATOR, "/-/operator")


@page(_HOME, roles=("operator",))
async def academies(_: Request, visitor: Visitor) -> Response:
    """Every academy, and the form for another."""
    return await _show(visitor)


@page(_HOME, methods=("POST",), roles=("operator",))
async def add_academy(request: Request, visitor: Visitor) -> Response:
    """Make an academy; then its first administrator is asked for."""
    names = ("id", "name", "default_language", "languages")
    given = {name: (await text_of(request, name)).strip() for name in names}
    languages = [each.strip() for each in given["languages"].split(",") if each.strip()]
    data = {
        "name": given["name"],
        "default_language": given["default_language"],
        "languages": list(dict.fromkeys([given["default_language"], *languages])),
    }
    known = {each["id"] for each in (await visitor.ask.get("org", "/academies"))["academies"]}
    if given["id"] in known:
        errors = {"id": visitor.say("There is an academy with this id already.")}
        return await _show(visitor, 422, errors=errors, given=given)
    command = {"type": "instroom.org.define-academy.v1", "data": data}
    try:
        outcome = await visitor.ask.command(
            "org", "POST", f"/academies/{segment(given['id'] or '-')}/commands", json=command
        )
    except Refused as refused:
        if refused.status not in (404, 422):
            raise
        told = visitor.say("An id has only small letters, digits and hyphens, and begins with a letter or digit.")
        return await _show(visitor, 422, errors={"id": told}, given=given)
    if problems := outcome.get("errors"):
        own = "message_nl" if visitor.language == "nl" else "message"
        sentences = " ".join(each.get(own) or each.get("message") or each.get("code", "") for each in problems)
        return await _show(visitor, 422, errors={"": sentences}, given=given)
    if outcome.get("code") == "pending":
        return redirect(_HOME, visitor.say("The academy is still being made. Look again in a moment."))
    told = visitor.say("The academy is made. Now add its first administrator.")
    return redirect(f"{_HOME}/{segment(given['id'])}/administrators", told)


@page(_HOME + "/{new}/administrators", methods=("GET", "POST"), roles=("operator",))
async def first_administrator(request: Request, visitor: Visitor) -> Response:
    """Make somebody administrator of an academy; without a password they get an invitation."""
    academy = request.path_params["new"]
    names = ("personnel_number", "first_name", "infix", "last_name", "email", "language", "password")
    if request.method == "GET":
        return render(visitor, "operator/administrator.html", of=academy, given={})
    given = {name: (await text_of(request, name)) for name in names}
    body = {name: value.strip() if name != "password" else value for name, value in given.items() if value}
    try:
        await _add(visitor, academy, body)
    except Refused as refused:
        if refused.status not in (404, 409, 422):
            raise
        errors = _told(visitor, refused, names)
        given["password"] = ""
        return render(visitor, "operator/administrator.html", 422, of=academy, given=given, errors=errors)
    if "password" in body:
        told = visitor.say("The administrator can log in now.")
    else:
        told = visitor.say("The administrator gets an invitation by mail.")
    return redirect(_HOME, told)


async def _add(visitor: Visitor, academy: str, body: dict[str, Any]) -> None:
    """user-service hears of a new academy a moment after org-service made it: it waits some seconds for this revision."""
    known = {each["id"]: each["revision"] for each in (await visitor.ask.get("org", "/academies"))["academies"]}
    if academy not in known:
        raise HTTPException(404)
    path = f"/academies/{segment(academy)}/administrators"
    await visitor.ask.send("user", "POST", path, params={"min_org_revision": known[academy]}, json=body)


async def _show(visitor: Visitor, status: int = 200, **context: Any) -> Response:
    known = (await visitor.ask.get("org", "/academies"))["academies"]
    given = {"default_language": "nl"} | context.pop("given", {})
    return render(
        visitor, "operator/academies.html", status, academies=known, given=given, known_languages=LANGUAGES, **context
    )


def _told(visitor: Visitor, refused: Refused, names: tuple[str, ...]) -> dict[str, str]:
    """Why somebody is not made administrator, by field, in the language of the visitor."""
    fields = [str(error.get("path") or "").rpartition(".")[2] for error in refused.errors]
    if refused.code == "invalid_request" and fields:
        return {
            name if name in names else "": visitor.say("Fill this in, correctly and not too long.") for name in fields
        }
    if refused.code == "weak_password":
        return {"password": weak(visitor)}
    if refused.code in _REASONS:
        field, sentence = _REASONS[refused.code]
        return {field: visitor.say(sentence)}
    return {"": refused.detail}
