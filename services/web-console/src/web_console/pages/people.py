"""Users: the list, one person, adding and changing."""

import secrets
from typing import Any, Final
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.errors import Problem
from contracts.sentences import column_name
from contracts.sentences import render as sentence_of
from web_console.services import Refused, segment
from web_console.texts import mark
from web_console.visiting import Visitor, page, redirect, render

ROUTES: list[Route] = []

_READERS: Final = ("administrator", "manager")
_FILTERS: Final = ("search", "company", "department", "function", "status", "invitation")
_TEXTS: Final = ("personnel_number", "first_name", "infix", "last_name", "email", "language", "cost_centre")
_PLACE: Final = ("company", "department")

STATUSES: Final = {"active": mark("Active"), "inactive": mark("Not active"), "deleted": mark("Deleted")}
INVITATIONS: Final = {
    "none": mark("Not invited"),
    "waiting": mark("Waits until the user is active"),
    "already_invited": mark("Invited"),
    "already_accepted": mark("Accepted"),
    "failed": mark("Could not be delivered"),
    "expired": mark("Expired"),
    "withdrawn": mark("Withdrawn"),
    "queued": mark("Being sent"),
}
EVENTS: Final = {
    "created": mark("Added"),
    "updated": mark("Changed"),
    "activated": mark("Activated"),
    "deactivated": mark("Deactivated"),
    "deleted": mark("Deleted"),
}
_DONE: Final = {
    "activate": mark("%(name)s can log in."),
    "deactivate": mark("%(name)s cannot log in any more."),
    "delete": mark("%(name)s was deleted."),
    "resend-invitation": mark("%(name)s is invited again."),
    "withdraw-invitation": mark("The invitation of %(name)s was withdrawn."),
    "grant-administrator": mark("%(name)s is an administrator now."),
    "revoke-administrator": mark("%(name)s is no administrator any more."),
}
_FLAGS: Final = {
    "administrator": mark("Administrator"),
    "manager": mark("Manager"),
    "terms_accepted": mark("Agreed to the terms of use"),
}
_MANAGERS_MAY: Final = ("resend-invitation", "withdraw-invitation")
_SAVED: Final = mark("%(name)s was saved.")
_PENDING: Final = mark("This takes longer than usual. It will still be done; reload the page in a minute.")


@page("/{academy}/users", roles=_READERS)
async def users(request: Request, visitor: Visitor) -> Response:
    """The list, with what it is searched and filtered by in the address."""
    asked = {name: request.query_params.get(name, "").strip() for name in _FILTERS}
    for name, known in (("status", STATUSES), ("invitation", INVITATIONS)):
        asked[name] = asked[name] if asked[name] in known and asked[name] != "queued" else ""
    asked["search"] = asked["search"][:200]
    after = request.query_params.get("after") or None
    structure = await _structure(visitor)
    if asked["company"] and asked["department"] not in _departments(structure, asked["company"]):
        asked["department"] = ""  # the company was changed after it
    given = {name: value for name, value in asked.items() if value}
    count = None if after else True
    found = await visitor.ask.get("user", _people(visitor), **given, limit=50, after=after, count=count)
    following = urlencode(given | {"after": found["next"]}) if found["next"] else ""
    return render(
        visitor,
        "people/list.html",
        people=found["users"],
        total=found.get("total"),
        exact=found.get("total_exact"),
        following=following,
        first=urlencode(given) if after else None,
        asked=asked,
        filtered=bool(given),
        structure=structure,
        statuses=STATUSES,
        invitations=INVITATIONS,
        may_add=visitor.role != "manager",
    )


@page("/{academy}/users/departments")
async def departments(request: Request, visitor: Visitor) -> Response:
    """The choice of departments of one company."""
    structure = await _structure(visitor)
    values = {"company": request.query_params.get("company", ""), "department": ""}
    return render(visitor, "people/departments.html", structure=structure, values=values, errors={})


@page("/{academy}/users/restoring")
async def restoring(request: Request, visitor: Visitor) -> Response:
    """The consent to the terms, where the number is that of somebody who was deleted."""
    number = request.query_params.get("personnel_number", "").strip()
    return render(visitor, "people/restoring.html", restored=await _deleted(visitor, number), values={}, errors={})


@page("/{academy}/users/new")
async def new_user(request: Request, visitor: Visitor) -> Response:
    """The empty form, or that of somebody who was deleted, to restore them."""
    restored = await _deleted(visitor, request.query_params.get("restore", ""))
    structure = await _structure(visitor)
    values = _values(restored, structure) if restored else {"active": True, "invite": True}
    return _form(visitor, structure, values, restored=restored)


@page("/{academy}/users/new", methods=("POST",))
async def add_user(request: Request, visitor: Visitor) -> Response:
    """Add the person; who was deleted is restored once the form has said so."""
    form = await request.form()
    values, structure = _read(form), await _structure(visitor)
    restored = await _deleted(visitor, values["personnel_number"])
    if "reload" in form:
        return _form(visitor, structure, values, restored=restored)
    if restored and not form.get("restoring"):
        return _form(visitor, structure, values, restored=restored, status=409)
    person = {name: value for name, value in values.items() if value not in ("", [])}
    if not restored:
        person.pop("terms_accepted")
    outcome = await _command(visitor, "POST", _people(visitor), form, person)
    if outcome["code"] in ("rejected", "refused"):
        return _form(visitor, structure, values, restored=restored, outcome=outcome, status=422)
    if outcome["code"] == "pending":  # there may be nobody of that number yet
        told = visitor.say(_PENDING, name=values["personnel_number"])
        return redirect(f"/{segment(visitor.academy)}/users", told)
    return _gone_on(visitor, outcome, values["personnel_number"], _SAVED)


@page("/{academy}/users/p/{number:path}", roles=_READERS)
async def user(request: Request, visitor: Visitor) -> Response:
    """One person, with a form for who may change them."""
    person = await _person(visitor, request.path_params["number"])
    if request.query_params.get("ask") == "delete" and visitor.role != "manager":
        return render(visitor, "people/delete.html", person=person, key=_key())
    structure = await _structure(visitor)
    return await _detail(visitor, person, structure, _values(person, structure))


@page("/{academy}/users/p/{number:path}", methods=("POST",), roles=_READERS)
async def change_user(request: Request, visitor: Visitor) -> Response:
    """Save the form, or do what the pressed button says."""
    form, number = await request.form(), request.path_params["number"]
    action = str(form.get("action", ""))
    if visitor.role == "manager" and action not in _MANAGERS_MAY:
        return render(visitor, "error.html", 403, kind="forbidden")
    person = await _person(visitor, number)
    if action:
        return await _act(visitor, person, action, form)
    structure, values = await _structure(visitor), _read(form) | {"personnel_number": number}
    if "reload" in form:
        return await _detail(visitor, person, structure, values)
    outcome = await _command(visitor, "PATCH", _at(visitor, number), form, _changed(values, _values(person, structure)))
    if outcome["code"] in ("rejected", "refused"):
        return await _detail(visitor, person, structure, values, outcome, 422)
    return _gone_on(visitor, outcome, number, _SAVED)


async def _act(visitor: Visitor, person: dict[str, Any], action: str, form: FormData) -> Response:
    if action not in _DONE:
        raise HTTPException(404)
    number, method, path = person["personnel_number"], "POST", f"{_at(visitor, person['personnel_number'])}/{action}"
    if action == "delete":
        method, path = "DELETE", _at(visitor, number)
    outcome = await _command(visitor, method, path, form, None)
    if outcome["code"] in ("rejected", "refused"):
        structure = await _structure(visitor)
        return await _detail(visitor, person, structure, _values(person, structure), outcome, 409)
    return _gone_on(visitor, outcome, number, _DONE[action], _name(person))


def _gone_on(visitor: Visitor, outcome: dict[str, Any], number: str, done: str, name: str = "") -> Response:
    told = _PENDING if outcome["code"] == "pending" else done
    name = name or _name(outcome.get("user") or {}) or number
    return redirect(f"/{segment(visitor.academy)}/users/p/{segment(number)}", visitor.say(told, name=name))


def _form(
    visitor: Visitor,
    structure: dict[str, Any],
    values: dict[str, Any],
    *,
    restored: dict[str, Any] | None,
    outcome: dict[str, Any] | None = None,
    status: int = 200,
) -> Response:
    errors, conflicts = _errors(visitor, outcome)
    context = {"structure": structure, "values": values, "restored": restored, "errors": errors, "key": _key()}
    return render(visitor, "people/new.html", status, conflicts=conflicts, person=None, **context)


async def _detail(
    visitor: Visitor,
    person: dict[str, Any],
    structure: dict[str, Any],
    values: dict[str, Any],
    outcome: dict[str, Any] | None = None,
    status: int = 200,
) -> Response:
    errors, conflicts = _errors(visitor, outcome)
    history: list[dict[str, Any]] = []
    try:
        asked = await visitor.ask.get("user", f"{_at(visitor, person['personnel_number'])}/history")
        history = asked["history"]
    except Refused as refused:
        if refused.status != 404:
            raise
    return render(
        visitor,
        "people/detail.html",
        status,
        person=person,
        name=_name(person),
        structure=structure,
        values=values,
        errors=errors,
        conflicts=conflicts,
        restored=None,
        key=_key(),
        history=history,
        events=EVENTS,
        invitations=INVITATIONS,
        column=lambda field: _field(visitor, field),
        shown=lambda value: _shown(visitor, value),
        may_change=visitor.role != "manager" and not person["deleted"],
    )


def _field(visitor: Visitor, field: str) -> str:
    own = _FLAGS.get(field)
    return visitor.say(own) if own else column_name(field, visitor.language)


def _shown(visitor: Visitor, value: Any) -> str:
    """An old or new value of the history as people read it."""
    if isinstance(value, bool):
        return visitor.say("Yes") if value else visitor.say("No")
    if isinstance(value, list):
        return ", ".join(str(_shown(visitor, each)) for each in value) or "–"
    if isinstance(value, dict):
        return str(value.get("name") or value.get("id") or "–")
    return "–" if value in (None, "") else str(value)


async def _command(visitor: Visitor, method: str, path: str, form: FormData, person: Any) -> dict[str, Any]:
    """The outcome; what the service does not even take comes back as `refused`."""
    key = str(form.get("key", ""))[:100] or _key()
    action = form.get("action")
    headers = {"Idempotency-Key": f"{key}-{action}" if action else key}
    try:
        return await visitor.ask.command("user", method, path, json=person, headers=headers)
    except Refused as refused:
        if refused.status not in (400, 409, 422):
            raise
        return {"code": "refused", "detail": refused.detail, "errors": []}


def _errors(visitor: Visitor, outcome: dict[str, Any] | None) -> tuple[dict[str, str], list[str]]:
    """A sentence for each field with what was perhaps meant, and the numbers of those who are in the way."""
    errors: dict[str, str] = {}
    conflicts: list[str] = []
    for told in (outcome or {}).get("errors", []):
        field = told.get("field") or ""
        if told["code"] == "last_administrator":
            sentence = visitor.say("This is the last active administrator. Make somebody else administrator first.")
        else:
            try:
                sentence = sentence_of(Problem.model_validate(told), visitor.language)
            except ValueError:
                sentence = told.get("message") or told["code"]
        suggestion = told.get("suggestion")
        if suggestion and suggestion not in sentence:
            sentence += " " + visitor.say("Did you mean %(suggestion)s?", suggestion=suggestion)
        errors[field] = f"{errors[field]} {sentence}" if field in errors else sentence
        if told["code"] in ("personnel_number_conflict", "email_in_use"):
            other = (told.get("params") or {}).get("personnel_number")
            conflicts += [other] if other and other not in conflicts else []
    if outcome and not errors:
        errors[""] = outcome.get("detail") or visitor.say("The service refused this.")
    return errors, conflicts


def _read(form: FormData) -> dict[str, Any]:
    texts: dict[str, Any] = {name: str(form.get(name, "")).strip() for name in (*_TEXTS, *_PLACE)}
    flags = {name: name in form for name in ("active", "manager", "invite", "terms_accepted")}
    return texts | flags | {"functions": [str(each) for each in form.getlist("functions")]}


def _values(person: dict[str, Any], structure: dict[str, Any]) -> dict[str, Any]:
    """What the form shows of a person: units by id, as far as the structure still has them."""
    values: dict[str, Any] = {name: person.get(name) or "" for name in _TEXTS}
    company = person.get("company_id") or ""
    departments = next((each["departments"] for each in structure["companies"] if each["id"] == company), None)
    department = person.get("department_id") or ""
    flags = {name: bool(person.get(name)) for name in ("active", "manager", "terms_accepted")}
    place = {
        "company": company if departments is not None else "",
        "department": department if any(each["id"] == department for each in departments or []) else "",
        "functions": list(person.get("function_ids") or []),
    }
    return values | place | flags | {"invite": False}


def _changed(values: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """As a merge patch: what was not touched stays out, so that removed units do not stand in the way."""
    changed = {name: value for name, value in values.items() if value != before[name] and name != "terms_accepted"}
    if any(name in changed for name in _PLACE):
        changed |= {name: values[name] for name in _PLACE}
    return {name: None if value == "" else value for name, value in changed.items()}


async def _structure(visitor: Visitor) -> dict[str, Any]:
    """The organisation as a form needs it; managers see none of it."""
    if visitor.role == "manager":
        return {"companies": [], "functions": [], "academy": {"languages": []}}
    found: dict[str, Any] = await visitor.ask.get("org", f"/academies/{segment(visitor.academy)}/structure")
    return found


async def _person(visitor: Visitor, number: str) -> dict[str, Any]:
    try:
        person: dict[str, Any] = await visitor.ask.get("user", _at(visitor, number))
    except Refused as refused:
        if refused.status == 404:
            raise HTTPException(404) from refused
        raise
    return person


async def _deleted(visitor: Visitor, number: str) -> dict[str, Any] | None:
    """Whoever had this number and was deleted."""
    if not number:
        return None
    try:
        person: dict[str, Any] = await visitor.ask.get("user", _at(visitor, number))
    except Refused as refused:
        if refused.status in (404, 422):
            return None
        raise
    return person | {"name": _name(person)} if person["deleted"] else None


def _departments(structure: dict[str, Any], company: str) -> set[str]:
    return {unit["id"] for each in structure["companies"] if each["id"] == company for unit in each["departments"]}


def _people(visitor: Visitor) -> str:
    return f"/academies/{segment(visitor.academy)}/users"


def _at(visitor: Visitor, number: str) -> str:
    return f"{_people(visitor)}/{segment(number)}"


def _name(person: dict[str, Any]) -> str:
    return " ".join(part for part in (person.get(each) for each in ("first_name", "infix", "last_name")) if part)


def _key() -> str:
    return secrets.token_urlsafe(16)
