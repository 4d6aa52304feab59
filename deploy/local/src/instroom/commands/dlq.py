"""`instroom dlq`: what could not be handled: look at it, send it again, drop it, and see who did so."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from instroom import dead_letters
from instroom.client import Client
from instroom.commands.options import AsJson
from instroom.failure import Exit, Failure
from instroom.output import Output, finish
from instroom.session import session

app = typer.Typer(
    help="What could not be handled, byte for byte, with the reason: look, replay, drop.", no_args_is_help=True
)


class State(StrEnum):
    OPEN = "open"
    REPLAYED = "replayed"
    DROPPED = "dropped"
    ALL = "all"


Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="these, whatever their state")]
Topic = Annotated[str | None, typer.Option(metavar="T", help="of this topic")]
Academy = Annotated[str | None, typer.Option(metavar="A", help="of this academy")]
Type = Annotated[str | None, typer.Option("--type", metavar="TYPE", help="of this type of event")]
Group = Annotated[str | None, typer.Option(metavar="G", help="given up by this consumer group")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="with this in the reason")]
Since = Annotated[str | None, typer.Option(metavar="TIME", help="set aside at this time (ISO 8601) or later")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="set aside before this time")]
InState = Annotated[State, typer.Option("--state", help="in this state")]
All = Annotated[bool, typer.Option("--all", help="all of them, where neither ids nor a filter is given")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="tell what would happen and change nothing")]
Force = Annotated[bool, typer.Option("--force", help="also what is skipped otherwise, where that is possible")]
Rate = Annotated[float, typer.Option(metavar="N", min=0.1, help="letters a second at most")]


@app.command("list")
def list_(
    ids: Ids = None,
    topic: Topic = None,
    academy: Academy = None,
    type_: Type = None,
    group: Group = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    state: InState = State.OPEN,
    as_json: AsJson = False,
) -> None:
    """Dead letters, by service, topic, partition and offset."""
    with session(as_json) as (out, platform):
        wanted = _wanted(out, ids, topic, academy, type_, group, reason, since, until, state)
        letters = [letter for _, letter in dead_letters.find(platform.client, out.say, wanted)]
        if as_json:
            out.document({"dead_letters": letters})
        elif not letters:
            out.line(out.say("none_dead"))
        else:
            heads = ["id", *(out.say(name) for name in ("topic", "at", "state", "key", "reason"))]
            out.table(heads, [_row(out, letter) for letter in letters], whole=True)


def _row(out: Output, letter: dict[str, Any]) -> list[str]:
    state = out.say(f"letter_{letter['state']}")
    return [letter["id"], letter["topic"], out.moment(letter["at"]), state, letter["key"] or "", letter["reason"]]


@app.command("show")
def show(id_: Annotated[str, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    """One dead letter: where it came from, its headers and bytes, and what was done with it."""
    with session(as_json) as (out, platform):
        letter = dead_letters.show(platform.client, out.say, id_)
        if as_json:
            out.document(letter)
            return
        shown_below = ("headers", "value", "value_base64", "actions")
        about = [[name, str(value)] for name, value in letter.items() if name not in shown_below]
        out.table(["", ""], about + [[str(name), str(value)] for name, value in letter["headers"] or ()])
        out.line()
        out.line(letter["value"] if letter["value"] is not None else "∅")
        if letter["actions"]:
            out.line()
            _show_actions(out, letter["actions"])


@app.command("replay")
def replay(
    ids: Ids = None,
    topic: Topic = None,
    academy: Academy = None,
    type_: Type = None,
    group: Group = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    state: InState = State.OPEN,
    everything: All = False,
    dry_run: DryRun = False,
    force: Force = False,
    rate: Rate = 500,
    as_json: AsJson = False,
) -> None:
    """Send letters again, in order per key; those whose person changed later are skipped and listed."""
    with session(as_json) as (out, platform):
        wanted = _wanted(out, ids, topic, academy, type_, group, reason, since, until, state, everything)
        letters = dead_letters.find(platform.client, out.say, wanted)
        finish(_deal(out, platform.client, "replay", letters, dry_run, force, rate))


@app.command("drop")
def drop(
    ids: Ids = None,
    topic: Topic = None,
    academy: Academy = None,
    type_: Type = None,
    group: Group = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    state: InState = State.OPEN,
    everything: All = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Mark letters as done with: they stay to be seen, and only a forced replay sends them."""
    with session(as_json) as (out, platform):
        wanted = _wanted(out, ids, topic, academy, type_, group, reason, since, until, state, everything)
        letters = dead_letters.find(platform.client, out.say, wanted)
        finish(_deal(out, platform.client, "drop", letters, dry_run, force=False, rate=None))


@app.command("audit")
def audit(
    id_: Annotated[str | None, typer.Argument(metavar="[ID]", help="of this letter")] = None,
    run: Annotated[str | None, typer.Option(metavar="RUN", help="of this replay or drop")] = None,
    as_json: AsJson = False,
) -> None:
    """Who sent or dropped which letter, and what was skipped why; kept for a year."""
    with session(as_json) as (out, platform):
        actions = dead_letters.actions(platform.client, out.say, letter=id_, run=run)
        if as_json:
            out.document({"actions": actions})
        elif not actions:
            out.line(out.say("none_acted"))
        else:
            _show_actions(out, actions)


def _show_actions(out: Output, actions: list[dict[str, Any]]) -> None:
    heads = ["id", *(out.say(name) for name in ("at", "who", "what", "reason", "run"))]
    rows = [
        [
            each["letter"],
            out.moment(each["at"]),
            each["actor"],
            out.say(f"letter_{each['action']}") + (" --force" if each["forced"] else ""),
            out.say.skipped(each["reason"]) if each["outcome"] == "skipped" else "",
            each["run"],
        ]
        for each in actions
    ]
    out.table(heads, rows, whole=True)


def _wanted(
    out: Output,
    ids: list[str] | None,
    topic: str | None,
    academy: str | None,
    type_: str | None,
    group: str | None,
    reason: str | None,
    since: str | None,
    until: str | None,
    state: State,
    everything: bool | None = None,
) -> dict[str, Any]:
    """The parameters of the services. Failure where a command that changes something says of nothing what is meant."""
    chosen = {
        "id": ids or None,
        "topic": dead_letters.original(topic),
        "academy": academy,
        "type": type_,
        "group": group,
        "reason": reason,
        "since": _moment(out, since),
        "until": _moment(out, until),
    }
    named = any(value is not None for value in chosen.values())
    if everything is not None and everything == named:
        raise Failure("wrong_use", out.say("say_which_letters"), Exit.WRONG_USE)
    return chosen | {"state": None if ids or state is State.ALL else state.value}


def _moment(out: Output, said: str | None) -> str | None:
    """A time with its zone: that of the clock on the wall where none is said."""
    if said is None:
        return None
    try:
        return datetime.fromisoformat(said).astimezone().isoformat()
    except (ValueError, OverflowError):
        raise Failure("wrong_use", out.say("no_time", said=said), Exit.WRONG_USE) from None


def _deal(
    out: Output,
    client: Client,
    action: str,
    letters: dead_letters.Found,
    dry_run: bool,
    force: bool,
    rate: float | None,
) -> Exit:
    run = str(uuid.uuid4())
    dealt: list[dict[str, Any]] = []
    if letters:
        with out.progress(out.say(f"dealing_{action}")) as bar:
            bar.at(0, len(letters))
            for part in dead_letters.deal(
                client, action, letters, run=run, force=force, dry_run=dry_run, rate=None if dry_run else rate
            ):
                dealt += part
                bar.at(len(dealt), len(letters))
    skipped = [each for each in dealt if each["outcome"] == "skipped"]
    if out.as_json:
        for each in dealt:
            each["message"] = _why(out, each) if each in skipped else ""
        counts = {"done": len(dealt) - len(skipped), "skipped": len(skipped)}
        about = {"run": None if dry_run else run, "action": action, "dry_run": dry_run, "forced": force}
        out.document(about | counts | {"dead_letters": dealt})
    elif not dealt:
        out.line(out.say("none_dead"))
    else:
        heads = ["id", *(out.say(name) for name in ("topic", "key", "reason"))]
        if skipped:
            out.line(out.say("skipped_letters"))
            out.table(heads, [[e["id"], e["topic"], e["key"] or "", _why(out, e)] for e in skipped], whole=True)
        said = f"would_{action}" if dry_run else f"did_{action}"
        out.line(out.say(said, n=len(dealt) - len(skipped), skipped=len(skipped), run=run))
        if action == "replay" and any(each["forceable"] for each in skipped):
            out.line(out.say("force_helps"))
    return Exit.REFUSED if skipped else Exit.DONE


def _why(out: Output, dealt: dict[str, Any]) -> str:
    why = out.say.skipped(dealt["reason"])
    return f"{why}: {dealt['detail']}" if dealt["detail"] else why
