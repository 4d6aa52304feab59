"""`instroom org`: define an academy's organisation and look at it."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from instroom import revisions
from instroom.client import academy_path
from instroom.commands.options import Academy, AsJson
from instroom.failure import Exit, Failure
from instroom.session import session
from instroom.words import Words

app = typer.Typer(help="The organisation structure of an academy.", no_args_is_help=True)


@app.command("apply")
def apply(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.yaml", help="the organisation, as docs/guides/organisation.md tells")
    ],
    academy: Academy,
    as_json: AsJson = False,
) -> None:
    """Define or update the organisation in one transaction; prints the new revision."""
    with session(as_json, academy) as (out, platform):
        from instroom import organisation_file  # its models take a moment, which the other commands need not wait

        body, root = organisation_file.read(file, academy, out.say)
        path = academy_path(academy, "structure", say=out.say)
        outcome = platform.client.command("org-service", "POST", path, json=body)
        if outcome.get("code") != "applied":
            say = out.say
            raise refusal(
                outcome, academy, say, lambda place, text: organisation_file.refusal(file, root, place, text, say)
            )
        revision = int(outcome["revision"])
        revisions.remember(platform.home, academy, revision)
        if as_json:
            out.document({"academy": academy, "revision": revision, "changed": bool(outcome.get("changed"))})
        out.line(
            out.say("applied" if outcome.get("changed", True) else "applied_same", academy=academy, revision=revision)
        )


def refusal(outcome: dict[str, Any], academy: str, say: Words, told: Callable[[str, str], str]) -> Failure:
    """Why the organisation was not applied; `told` puts a place of the file before a sentence."""
    errors: list[dict[str, Any]] = outcome.get("errors") or []
    if any(error.get("code") == "unknown_academy" for error in errors):
        return Failure("unknown_academy", say("unknown_academy", academy=academy), Exit.WRONG_USE)
    chosen = "message_nl" if say.language == "nl" else "message"
    lines = [told(error.get("path") or "", error.get(chosen) or error.get("message") or "") for error in errors]
    return Failure("refused", say("refused_organisation", message="\n".join(lines)), Exit.REFUSED)


@app.command("show")
def show(academy: Academy, as_json: AsJson = False) -> None:
    """The companies with their departments, and the functions."""
    with session(as_json, academy) as (out, platform):
        structure = platform.client.get("org-service", academy_path(academy, "structure", say=out.say))
        revisions.remember(platform.home, academy, int(structure.get("revision", 0)))
        if as_json:
            out.document(structure)
            return
        about = structure["academy"]
        languages = ", ".join(about["languages"])
        out.line(out.say("academy_line", **{**about, "languages": languages, "revision": structure["revision"]}))
        rows = []
        for company in structure["companies"]:
            rows.append(_unit(out.say, "company", company))
            rows += [_unit(out.say, "department", each, company["name"]) for each in company["departments"]]
        for function in structure["functions"]:
            rows.append(_unit(out.say, "function", function, ", ".join(function["learning_activities"])))
        out.table([out.say(name) for name in ("kind", "name", "code", "belongs")], rows)


def _unit(say: Words, kind: str, unit: dict[str, Any], belongs: str = "") -> list[str]:
    name = f"{unit['name']} ({say('removed')})" if unit.get("removed") else unit["name"]
    return [say(kind), name, unit.get("code") or "", belongs]
