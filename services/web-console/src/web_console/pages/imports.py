"""Imports: the steps from a workbook to its report, and the imports of before."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from web_console.services import Refused, segment
from web_console.texts import mark
from web_console.visiting import Visitor, page, redirect, render

ROUTES: list[Route] = []

LARGEST_FILE: Final = 50 * 1024 * 1024
"""What import-service takes at most."""
LARGEST_FORM: Final = LARGEST_FILE + 64 * 1024
PIECE: Final = 256 * 1024
REVISION: Final = re.compile(r"[0-9]{1,15}")
PAGE: Final = 50
"""Rows of a report, or imports, on one page."""
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TEMPLATE_LANGUAGES: Final = {"nl": "Nederlands", "en": "English", "de": "Deutsch", "fr": "Français"}
ACTION: Final = "people"
"""Upload new and updated users: the one thing that a file can be for."""

STEPS: Final = (
    mark("Choose the action"),
    mark("Template and file"),
    mark("Check"),
    mark("Last check"),
    mark("Import"),
    mark("Report"),
)
STEP_OF: Final = {
    "checking": 3,
    "checked": 4,
    "running": 5,
    "completed": 6,
    "cancelled": 6,
    "refused": 2,
    "failed": 2,
}
STATES: Final = {
    "checking": mark("being checked"),
    "checked": mark("checked, not started"),
    "running": mark("running"),
    "completed": mark("completed"),
    "refused": mark("refused"),
    "cancelled": mark("cancelled"),
    "failed": mark("failed"),
}
OUTCOMES: Final = {
    "created": mark("New"),
    "updated": mark("Updated"),
    "unchanged": mark("Unchanged"),
    "rejected": mark("Not imported"),
    "not_attempted": mark("Not attempted"),
}
INVITATIONS: Final = {
    "queued": mark("invitation goes out"),
    "waiting": mark("invitation waits until the user is active"),
    "already_invited": mark("was invited already, no second invitation"),
    "already_accepted": mark("accepted an invitation before"),
}
FIELDS: Final = {
    "personnel_number": mark("Personnel number"),
    "first_name": mark("First name"),
    "infix": mark("Infix"),
    "last_name": mark("Last name"),
    "email": mark("E-mail address"),
    "company": mark("Company"),
    "department": mark("Department"),
    "functions": mark("Function(s)"),
    "cost_centre": mark("Cost centre"),
    "invite": mark("Send invitation"),
    "active": mark("Active"),
    "language": mark("Language"),
    "manager": mark("Manager"),
    "terms_accepted": mark("Terms of use accepted"),
}
FILTERS: Final = ("created", "updated", "unchanged", "rejected", "waiting", "drifted")


@dataclass(frozen=True)
class Filter:
    """One choice of rows: its name in addresses, its label, and how many rows it has, if that is known."""

    name: str
    label: str
    rows: int | None


@page("/{academy}/imports")
async def history(request: Request, visitor: Visitor) -> Response:
    """The imports of the academy, the newest first."""
    told = await _get(visitor, "", limit=PAGE, after=request.query_params.get("after") or None)
    counts = {name: OUTCOMES[name] for name in ("created", "updated", "unchanged", "rejected")} | {"rows": mark("Rows")}
    return render(
        visitor, "imports/history.html", imports=told["imports"], next=told["next"], states=STATES, counts=counts
    )


@page("/{academy}/imports/new")
async def new(request: Request, visitor: Visitor) -> Response:
    """The first two steps: choose the action; then the template, and the file."""
    if request.query_params.get("action") != ACTION:
        missing = "action" in request.query_params
        return render(visitor, "imports/choose.html", steps=STEPS, step=1, missing=missing)
    too_large = [_too_large(visitor)] if request.query_params.get("problem") == "too_large" else []
    return await _upload_page(visitor, too_large)


def _too_long(request: Request) -> Response | None:
    """The refusal of a body that is too long. Raises 411 for one that does not say how long it is."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise HTTPException(411)
    if int(length) <= LARGEST_FORM:
        return None
    academy = segment(request.path_params["academy"])
    return redirect(f"/{academy}/imports/new?action={ACTION}&problem=too_large")


@page("/{academy}/imports/new", methods=["POST"], before=_too_long)
async def upload(request: Request, visitor: Visitor) -> Response:
    """The file goes on to import-service in pieces."""
    form = await request.form()
    file, revision = form.get("file"), str(form.get("revision", ""))
    if not isinstance(file, UploadFile) or not file.filename:
        return await _upload_page(visitor, [visitor.say("Choose the file that you want to import.")], 422)
    if (file.size or 0) > LARGEST_FILE:
        return await _upload_page(visitor, [_too_large(visitor)], 422)
    answer = await visitor.ask.send(
        "import",
        "POST",
        f"/academies/{segment(visitor.academy)}/imports",
        params={
            "filename": file.filename[-255:],
            "min_org_revision": revision if REVISION.fullmatch(revision) else None,
        },
        content=_pieces(file),
    )
    return redirect(_address(visitor, answer.json()["import_id"]))


@page("/{academy}/imports/template.xlsx")
async def template(request: Request, visitor: Visitor) -> Response:
    """The workbook to fill in, with what the organisation has now."""
    language = request.query_params.get("language", visitor.language)
    if language not in TEMPLATE_LANGUAGES:
        raise HTTPException(404)
    path = f"/academies/{segment(visitor.academy)}/template.xlsx"
    return await _download(visitor, path, f"{visitor.academy}-{language}.xlsx", language=language)


@page("/{academy}/imports/{id}")
async def one(request: Request, visitor: Visitor) -> Response:
    """An import where it is now: the check, the last check, the progress, or the report."""
    import_id = request.path_params["id"]
    import_ = await _get(visitor, f"/{segment(import_id)}")
    state = import_["state"]
    common = {"import_": import_, "steps": STEPS, "step": STEP_OF[state], "outcomes": OUTCOMES}
    if state in ("refused", "failed"):
        return render(visitor, "imports/refused.html", **common)
    if state in ("checking", "running"):
        return render(visitor, "imports/progress.html", **common, **_progress(import_))
    chosen = _chosen(request, import_)
    after = request.query_params.get("after", "0")
    told = await _get(
        visitor,
        f"/{segment(import_id)}/results",
        outcome=None if chosen == "all" else chosen,
        after=after if after.isdecimal() else "0",
        limit=PAGE,
    )
    good = import_["created"] + import_["updated"] + import_["unchanged"]
    return render(
        visitor,
        "imports/report.html",
        **common,
        filters=_filters(visitor, import_),
        chosen=chosen,
        people=[each for each in told["results"] if each["personnel_number"] or each["name"]],
        nobody=[each for each in told["results"] if not (each["personnel_number"] or each["name"])],
        following=_address(visitor, import_id, show=chosen, after=told["next"]) if told["next"] else None,
        first=after == "0",
        fields=FIELDS,
        invitations=INVITATIONS,
        good=good,
        shown=lambda value: _shown(visitor, value),
    )


@page("/{academy}/imports/{id}/live")
async def live(request: Request, visitor: Visitor) -> Response:
    """How far it is; another state than the page was made for loads the page again."""
    import_ = await _get(visitor, f"/{segment(request.path_params['id'])}")
    if import_["state"] != request.query_params.get("state"):
        return HTMLResponse("", headers={"HX-Refresh": "true"})
    progress = _progress(import_)
    aloud = str(progress["said"]) != request.query_params.get("said")
    return render(
        visitor, "imports/live.html", import_=import_, outcomes=OUTCOMES, aloud=aloud, partial=True, **progress
    )


@page("/{academy}/imports/{id}/start", methods=["POST"])
async def start(request: Request, visitor: Visitor) -> Response:
    """Carry out the plan; a second time is the same start."""
    import_id = request.path_params["id"]
    path = f"/academies/{segment(visitor.academy)}/imports/{segment(import_id)}/start"
    try:
        await visitor.ask.send("import", "POST", path)
    except Refused as refused:
        if refused.status not in (409, 410):
            raise
        told = {
            409: mark("This import cannot be started."),
            410: mark("This import is too old to be started: upload the file again."),
        }
        return redirect(_address(visitor, import_id), visitor.say(told[refused.status]))
    return redirect(_address(visitor, import_id))


@page("/{academy}/imports/{id}/report.xlsx")
async def report(request: Request, visitor: Visitor) -> Response:
    """The report as a workbook, whose rejected rows can be corrected and uploaded again."""
    import_id = segment(request.path_params["id"])
    path = f"/academies/{segment(visitor.academy)}/imports/{import_id}/report.xlsx"
    return await _download(visitor, path, f"import-{import_id}.xlsx")


async def _structure(visitor: Visitor) -> dict[str, Any]:
    """The organisation structure; empty where org-service does not know the academy yet."""
    try:
        structure: dict[str, Any] = await visitor.ask.get("org", f"/academies/{segment(visitor.academy)}/structure")
    except Refused as refused:
        if refused.status != 404:
            raise
        return {}
    return structure


async def _upload_page(visitor: Visitor, problems: list[str], status: int = 200) -> Response:
    structure = await _structure(visitor)
    return render(
        visitor,
        "imports/upload.html",
        status,
        steps=STEPS,
        step=2,
        problems=problems,
        template_languages=TEMPLATE_LANGUAGES,
        action=ACTION,
        ready=any(
            not company.get("removed") and any(not each.get("removed") for each in company["departments"])
            for company in structure.get("companies", ())
        ),
        revision=structure.get("revision", 0),
        megabytes=LARGEST_FILE // 1024 // 1024,
    )


def _too_large(visitor: Visitor) -> str:
    megabytes = LARGEST_FILE // 1024 // 1024
    return visitor.say("The file is larger than %(megabytes)s MB. Split it into smaller files.", megabytes=megabytes)


async def _get(visitor: Visitor, rest: str, **params: Any) -> Any:
    """A document about imports of the academy, in the visitor's language."""
    path = f"/academies/{segment(visitor.academy)}/imports{rest}"
    answer = await visitor.ask.send("import", "GET", path, params=params, headers={"Accept-Language": visitor.language})
    return answer.json()


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(PIECE):
        yield piece


async def _download(visitor: Visitor, path: str, filename: str, **params: str) -> Response:
    """A file of import-service, passed on as it comes. Raises Refused before anything is sent."""
    async with AsyncExitStack() as stack:
        answer = await stack.enter_async_context(
            visitor.ask.stream("import", path, params=params, headers={"Accept-Language": visitor.language})
        )
        kept = stack.pop_all()

    async def pieces() -> AsyncIterator[bytes]:
        async with kept:
            async for piece in answer.aiter_bytes(PIECE):
                yield piece

    disposition = f'attachment; filename="{filename}"'
    return StreamingResponse(pieces(), media_type=XLSX, headers={"Content-Disposition": disposition})


def _address(visitor: Visitor, import_id: str, **params: Any) -> str:
    query = f"?{urlencode(params)}" if params else ""
    return f"/{segment(visitor.academy)}/imports/{segment(import_id)}{query}"


def _progress(import_: dict[str, Any]) -> dict[str, int]:
    """How far it is in per cent, 0 while nobody knows of how many rows; what is said aloud goes by steps of ten."""
    whole = 0 if import_["reading"] else import_["rows"]
    percent = 100 * import_["done"] // whole if whole else 0
    return {"percent": percent, "said": percent // 10 * 10}


def _chosen(request: Request, import_: dict[str, Any]) -> str:
    """Which rows are shown: without a choice those that need attention, if there are any."""
    chosen = request.query_params.get("show", "")
    if chosen in (*FILTERS, "all"):
        return chosen
    return "rejected" if import_["rejected"] else "all"


def _filters(visitor: Visitor, import_: dict[str, Any]) -> list[Filter]:
    choices = [Filter("all", visitor.say("All rows"), import_["rows"])]
    choices += [
        Filter(name, visitor.say(OUTCOMES[name]), import_[name])
        for name in ("created", "updated", "unchanged", "rejected")
    ]
    choices.append(Filter("waiting", visitor.say("Waiting invitations"), import_["waiting"]))
    if import_["state"] != "checked":
        choices.append(Filter("drifted", visitor.say("Other than planned"), None))
    return choices


def _shown(visitor: Visitor, value: Any) -> str:
    """A value of a field as people read it."""
    if isinstance(value, bool):
        return visitor.say("yes") if value else visitor.say("no")
    if isinstance(value, list):
        value = "; ".join(str(each) for each in value)
    return str(value) if value not in (None, "") else visitor.say("(empty)")
