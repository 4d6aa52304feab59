"""`instroom user`: one person at a time."""

import shlex
from typing import Annotated, Any, Final
from urllib.parse import unquote

import typer

from contracts.errors import Problem
from contracts.fields import CLEAR, FIELDS, MAX_LENGTH, display_name, has_forbidden_characters, number_key
from contracts.sentences import render
from instroom import revisions
from instroom.client import academy_path, not_found
from instroom.commands.options import Academy, AsJson
from instroom.failure import Exit, Failure
from instroom.output import Output, capitalised, finish
from instroom.session import Found, session

app = typer.Typer(
    help="One person: add, update, look, invite, activate, deactivate, delete, make administrator.",
    no_args_is_help=True,
)

_SERVICE: Final = "user-service"
_LISTED: Final = ("email", "company", "department", "active")

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="the personnel number")]
Text = Annotated[str | None, typer.Option(metavar="…")]


@app.command("add")
def add(
    academy: Academy,
    personnel_number: Annotated[str, typer.Option(metavar="…")],
    first_name: Annotated[str, typer.Option(metavar="…")],
    last_name: Annotated[str, typer.Option(metavar="…")],
    email: Annotated[str, typer.Option(metavar="…")],
    company: Annotated[str, typer.Option(metavar="…", help="name or code")],
    department: Annotated[str, typer.Option(metavar="…", help="name or code")],
    infix: Text = None,
    function: Annotated[list[str] | None, typer.Option(metavar="…", help="name or code; may be repeated")] = None,
    cost_centre: Text = None,
    language: Annotated[str | None, typer.Option(metavar="…", help="the academy's default if left out")] = None,
    invite: Annotated[bool, typer.Option("--invite", help="send an invitation")] = False,
    active: Annotated[bool, typer.Option("--active", help="may log in")] = False,
    manager: Annotated[bool, typer.Option("--manager")] = False,
    terms_accepted: Annotated[bool, typer.Option("--terms-accepted", help="only for a deleted person who had")] = False,
    as_json: AsJson = False,
) -> None:
    """Add a person. A number that is known is refused, never overwritten."""
    person = asked(
        personnel_number=personnel_number,
        first_name=first_name,
        infix=infix,
        last_name=last_name,
        email=email,
        company=company,
        department=department,
        functions=function or None,
        cost_centre=cost_centre,
        invite=invite or None,
        active=active or None,
        language=language,
        manager=manager or None,
        terms_accepted=terms_accepted or None,
    )
    with session(as_json, academy) as (out, platform):
        revision = revisions.seen(platform.home, academy)
        path = academy_path(academy, "users", say=out.say)
        params = {"min_org_revision": revision or None}
        outcome = platform.client.command(_SERVICE, "POST", path, params=params, json=person)
        finish(_told(out, outcome, person))


@app.command("update")
def update(
    number: Number,
    academy: Academy,
    first_name: Text = None,
    infix: Annotated[str | None, typer.Option(metavar="…", help="- clears it")] = None,
    last_name: Text = None,
    email: Text = None,
    company: Text = None,
    department: Text = None,
    function: Annotated[
        list[str] | None, typer.Option(metavar="…", help="replaces the functions; may be repeated; - clears them")
    ] = None,
    cost_centre: Annotated[str | None, typer.Option(metavar="…", help="- clears it")] = None,
    language: Text = None,
    invite: Annotated[bool, typer.Option("--invite", help="send an invitation")] = False,
    active: Annotated[bool | None, typer.Option("--active/--no-active")] = None,
    manager: Annotated[bool | None, typer.Option("--manager/--no-manager")] = None,
    terms_accepted: Annotated[bool, typer.Option("--terms-accepted")] = False,
    as_json: AsJson = False,
) -> None:
    """Change what is given; all else stays."""
    person = asked(
        first_name=first_name,
        infix=infix,
        last_name=last_name,
        email=email,
        company=company,
        department=department,
        functions=function or None,
        cost_centre=cost_centre,
        invite=invite or None,
        active=active,
        language=language,
        manager=manager,
        terms_accepted=terms_accepted or None,
    )
    with session(as_json, academy) as (out, platform):
        revision = revisions.seen(platform.home, academy)
        path = _path(out, platform, academy, number)
        params = {"min_org_revision": revision or None}
        outcome = platform.client.command(_SERVICE, "PATCH", path, params=params, json=person)
        finish(_of_somebody(out, platform, path, outcome))


def asked(**fields: Any) -> dict[str, Any]:
    """The fields that were given, as a merge patch: what is absent stays as it is, null clears."""
    given = {name: value for name, value in fields.items() if value is not None}
    if given.get("functions") == [CLEAR]:
        given["functions"] = None
    return given


@app.command("invite")
def invite(number: Number, academy: Academy, as_json: AsJson = False) -> None:
    """Send an invitation, over an open one too."""
    _act(number, academy, as_json, "POST", "resend-invitation")


@app.command("activate")
def activate(number: Number, academy: Academy, as_json: AsJson = False) -> None:
    """Let the person log in; an invitation that waited goes out."""
    _act(number, academy, as_json, "POST", "activate")


@app.command("deactivate")
def deactivate(number: Number, academy: Academy, as_json: AsJson = False) -> None:
    """Keep the person from logging in, for as long as you like."""
    _act(number, academy, as_json, "POST", "deactivate")


@app.command("grant-administrator")
def grant_administrator(number: Number, academy: Academy, as_json: AsJson = False) -> None:
    """Let the person administer the academy."""
    _act(number, academy, as_json, "POST", "grant-administrator")


@app.command("revoke-administrator")
def revoke_administrator(number: Number, academy: Academy, as_json: AsJson = False) -> None:
    """The person administers the academy no longer; its last active administrator stays one."""
    _act(number, academy, as_json, "POST", "revoke-administrator")


@app.command("delete")
def delete(number: Number, academy: Academy, as_json: AsJson = False) -> None:
    """Delete the person; the same number brings them back with their history."""
    _act(number, academy, as_json, "DELETE")


def _act(number: str, academy: str, as_json: bool, method: str, *action: str) -> None:
    with session(as_json, academy) as (out, platform):
        path = _path(out, platform, academy, number)
        outcome = platform.client.command(_SERVICE, method, "/".join([path, *action]))
        finish(_of_somebody(out, platform, path, outcome))


def _path(out: Output, platform: Found, academy: str, number: str) -> str:
    """Where a person is asked for. A Failure if nobody can have that number."""
    path = academy_path(academy, "users", number, say=out.say)
    if not 0 < len(number_key(number)) <= MAX_LENGTH["personnel_number"] or has_forbidden_characters(number):
        platform.client.get(_SERVICE, academy_path(academy, "users", say=out.say), limit=1)  # is there such an academy?
        raise not_found("personnel_number", number, out.say)
    return path


@app.command("show")
def show(number: Number, academy: Academy, as_json: AsJson = False) -> None:
    """All that is known of a person."""
    with session(as_json, academy) as (out, platform):
        user = platform.client.get(_SERVICE, _path(out, platform, academy, number))
        if as_json:
            out.document(ordered(user))
        else:
            out.table(["", ""], _lines(out, user))


@app.command("list")
def list_(academy: Academy, as_json: AsJson = False) -> None:
    """Everybody in an academy."""
    with session(as_json, academy) as (out, platform):
        users = platform.client.whole_list(_SERVICE, academy_path(academy, "users", say=out.say), "users")
        if as_json:
            out.document({"users": [ordered(user) for user in users]})
        elif not users:
            out.line(out.say("none_users"))
        else:
            names = ("personnel_number", "name", *_LISTED, "invitation")
            rows = [
                [
                    user["personnel_number"],
                    _name(user),
                    *(_field(out, user, name) for name in _LISTED),
                    out.say.invitation(user["invitation"]),
                ]
                for user in users
            ]
            out.table([out.say.field(name) for name in names], rows)


def _of_somebody(out: Output, platform: Found, path: str, outcome: dict[str, Any]) -> Exit:
    """Show the outcome of a command to somebody who exists; who was refused something is shown as they are."""
    if outcome.get("code") != "rejected":
        return _told(out, outcome, {})
    errors = [_error(out, error) for error in outcome.get("errors") or ()]
    if any(error["code"] == "not_found" for error in errors):
        raise Failure("not_found", errors[0]["message"], Exit.REFUSED)
    return _told(out, outcome, platform.client.get(_SERVICE, path) if out.as_json else {})


def _told(out: Output, outcome: dict[str, Any], person: dict[str, Any]) -> Exit:
    """Show the outcome of a command; returns how the command line ends. `person` is who was refused, if anybody was."""
    code, user = outcome.get("code"), outcome.get("user")
    if code != "rejected":
        if out.as_json:
            out.document(ordered(user or person))
        elif user:
            did = "restored" if outcome.get("restored") else code
            out.line(f"{user['personnel_number']} {_name(user)}: {out.say(f'did_{did}')}")
            for name, (old, new) in (outcome.get("changes") or {}).items():
                out.line(f"  {out.say.field(name)}: {_shown(out, old)} → {_shown(out, new)}")
            out.line(f"  {out.say('invitation')}: {out.say.invitation(user['invitation'])}")
        return Exit.DONE
    errors = [_error(out, error) for error in outcome.get("errors") or ()]
    if out.as_json:
        out.document({**ordered(refused_document(person)), "errors": errors})
    out.line(out.say("refused_user"))
    for error in errors:
        out.line(f"  {error['message']} [{error['code']}]")
        if "user" in error:
            _, _, academy, _, number = error["user"].split("/")
            out.line(f"    {out.say('look_at_user', number=shlex.quote(unquote(number)), academy=academy)}")
    return Exit.REFUSED


def ordered(user: dict[str, Any]) -> dict[str, Any]:
    """The user document with its fields in their usual order, what a newer service adds behind them."""
    return {
        name: user[name] for name in (*FIELDS, "deleted", "invitation", "learning_activities") if name in user
    } | user


def refused_document(person: dict[str, Any]) -> dict[str, Any]:
    """The user document of somebody who was not taken in: what was asked, and nothing else."""
    blank = dict.fromkeys(FIELDS) | {
        "functions": [],
        **dict.fromkeys(("invite", "active", "manager", "terms_accepted"), False),
    }
    return {**blank, "deleted": False, "invitation": "none", "learning_activities": [], **person}


def _error(out: Output, error: dict[str, Any]) -> dict[str, Any]:
    message = error.get("message")
    if out.language is not None or not message:
        message = render(Problem.model_validate(error), out.language or "nl")
    told = {name: error.get(name) for name in ("code", "field", "value")}
    where = {"user": error["user"]} if "user" in error else {}
    return {**told, "message": message, "suggestion": error.get("suggestion"), **where}


def _name(user: dict[str, Any]) -> str:
    return display_name(user["first_name"], user["infix"], user["last_name"])


def _lines(out: Output, user: dict[str, Any]) -> list[list[str]]:
    lines = [
        [capitalised(out.say.field(name)), _field(out, user, name)]
        for name in (*FIELDS, "deleted", "learning_activities")
    ]
    return [*lines, [capitalised(out.say("invitation")), out.say.invitation(user["invitation"])]]


def _field(out: Output, user: dict[str, Any], name: str) -> str:
    """A field as text; a unit that was removed from the organisation is marked."""
    removed = out.say("removed")
    if name == "functions":
        gone = user.get("functions_removed") or ()
        return ", ".join(f"{each} ({removed})" if each in gone else each for each in user[name])
    text = _shown(out, user.get(name))
    return f"{text} ({removed})" if user.get(f"{name}_removed") else text


def _shown(out: Output, value: Any) -> str:
    if isinstance(value, bool):
        return out.say.flag(value)
    if isinstance(value, list):
        return ", ".join(_shown(out, each) for each in value)
    return "" if value is None else str(value)
