"""Uitnodigingen: what became of the invitations that were sent, sending again and withdrawing."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.errors import Problem
from contracts.sentences import render as sentence
from web_console.services import Refused, segment
from web_console.visiting import Visitor, page, redirect, render

ROUTES: list[Route] = []

ON_A_PAGE: Final = 50
_ACTIONS: Final = ("resend-invitation", "withdraw-invitation")


@page("/{academy}/invitations")
async def invitations(request: Request, visitor: Visitor) -> Response:
    return await _listed(visitor, request.query_params.get("after", ""))


async def _listed(visitor: Visitor, after: str, problem: str = "") -> Response:
    cursor = {"after": after} if after else {}
    document = await visitor.ask.get(
        "notify", f"/academies/{segment(visitor.academy)}/invitations", limit=ON_A_PAGE, **cursor
    )
    return render(
        visitor,
        "invitations/list.html",
        status=409 if problem else 200,
        invitations=[{**each, "may": _may(each)} for each in _newest(document["invitations"])],
        after=after,
        next=document["next"],
        problem=problem,
    )


@page("/{academy}/invitations/action", methods=("POST",))
async def act(request: Request, visitor: Visitor) -> Response:
    form = await request.form()
    number, action, after = (str(form.get(name, "")) for name in ("number", "action", "after"))
    if action not in _ACTIONS or not number:
        return await _listed(visitor, after, visitor.say("Choose an invitation and what to do with it."))
    try:
        outcome = await visitor.ask.command(
            "user", "POST", f"/academies/{segment(visitor.academy)}/users/{segment(number)}/{action}"
        )
    except Refused as refused:
        if refused.status in (401, 403) or refused.status >= 500:
            raise
        return await _listed(visitor, after, refused.detail)
    if errors := outcome.get("errors"):
        told = (sentence(Problem.model_validate(each), visitor.language) for each in errors)
        return await _listed(visitor, after, " ".join(told))
    return redirect(_address(visitor, after), _said(visitor, action, number, outcome))


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


def _newest(invitations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The invitations, each with whether a later mail of it is on the same page."""
    latest: dict[str, int] = {}
    for each in invitations:
        latest[each["invitation_id"]] = max(each["generation"], latest.get(each["invitation_id"], 0))
    return [{**each, "replaced": each["generation"] < latest[each["invitation_id"]]} for each in invitations]


def _may(invitation: Mapping[str, Any]) -> list[str]:
    """What can be done: user-service has the last word, as it knows who accepted."""
    if invitation["replaced"]:
        return []
    return list(_ACTIONS) if invitation["status"] in ("queued", "sent") else ["resend-invitation"]


def _address(visitor: Visitor, after: str) -> str:
    address = f"/{segment(visitor.academy)}/invitations"
    return f"{address}?after={segment(after)}" if after else address
