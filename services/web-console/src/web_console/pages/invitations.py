"""Uitnodigingen: what became of the invitations that were sent, sending again and withdrawing."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.errors import Problem
from contracts.sentences import render as sentence
from web_console.services import Refused, segment
from web_console.texts import mark
from web_console.visiting import Visitor, page, redirect, render

ROUTES: list[Route] = []

ON_A_PAGE: Final = 50
_ACTIONS: Final = ("resend-invitation", "withdraw-invitation")


STATES: Final = {
    "queued": mark("on its way"),
    "sent": mark("sent"),
    "failed": mark("failed"),
    "withdrawn": mark("withdrawn"),
}


@page("/{academy}/invitations")
async def invitations(request: Request, visitor: Visitor) -> Response:
    """The newest first, of one state or of all."""
    return await _listed(visitor, *_place(request.query_params))


async def _listed(visitor: Visitor, after: str, status: str, problem: str = "") -> Response:
    document = await visitor.ask.get(
        "notify",
        f"/academies/{segment(visitor.academy)}/invitations",
        limit=ON_A_PAGE,
        order="newest",
        status=status or None,
        after=after or None,
    )
    return render(
        visitor,
        "invitations/list.html",
        409 if problem else 200,
        invitations=[{**each, "may": _may(each)} for each in document["invitations"]],
        states=STATES,
        after=after,
        chosen=status,
        first=_address(visitor, "", status),
        following=_address(visitor, document["next"], status) if document["next"] else None,
        problem=problem,
    )


@page("/{academy}/invitations/action", methods=("POST",))
async def act(request: Request, visitor: Visitor) -> Response:
    form = await request.form()
    number, action = (str(form.get(name, "")) for name in ("number", "action"))
    place = _place(form)
    if action not in _ACTIONS or not number:
        return await _listed(visitor, *place, visitor.say("Choose an invitation and what to do with it."))
    try:
        outcome = await visitor.ask.command(
            "user", "POST", f"/academies/{segment(visitor.academy)}/users/{segment(number)}/{action}"
        )
    except Refused as refused:
        if refused.status in (401, 403) or refused.status >= 500:
            raise
        return await _listed(visitor, *place, refused.detail)
    if errors := outcome.get("errors"):
        told = (sentence(Problem.model_validate(each), visitor.language) for each in errors)
        return await _listed(visitor, *place, " ".join(told))
    return redirect(_address(visitor, *place), _said(visitor, action, number, outcome))


def _said(visitor: Visitor, action: str, number: str, outcome: Mapping[str, Any]) -> str:
    code = outcome.get("code")
    if code == "pending":
        return visitor.say("This takes longer than usual. It is not lost: look again in a moment.")
    if code == "unchanged":
        return visitor.say(
            "Nothing to do for %(number)s: there is no invitation that can still be used.", number=number
        )
    if action == "withdraw-invitation":
        return visitor.say("The invitation of %(number)s is withdrawn; its link no longer works.", number=number)
    return visitor.say("%(number)s gets a new invitation; older links no longer work.", number=number)


def _place(given: Mapping[str, Any]) -> tuple[str, str]:
    """Behind which invitation the page begins, and of which state those are that it shows."""
    status = str(given.get("status", ""))
    return str(given.get("after", "")), status if status in STATES else ""


def _may(invitation: Mapping[str, Any]) -> list[str]:
    """What can be done: user-service has the last word, as it knows who accepted."""
    if invitation["replaced"]:
        return []
    return list(_ACTIONS) if invitation["status"] in ("queued", "sent") else ["resend-invitation"]


def _address(visitor: Visitor, after: str, status: str) -> str:
    query = urlencode({name: value for name, value in (("status", status), ("after", after)) if value})
    return f"/{segment(visitor.academy)}/invitations{'?' if query else ''}{query}"
