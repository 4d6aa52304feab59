"""`instroom import`: a workbook goes in; start, report and list are the same word with something else behind it."""

import sys
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from instroom import revisions
from instroom.client import academy_path
from instroom.commands.options import Academy, AsJson
from instroom.commands.reserved import FILE, FileOrWord, OneFile
from instroom.download import download
from instroom.imports import following, showing
from instroom.output import finish
from instroom.session import session

app = typer.Typer(
    cls=FileOrWord,
    help="Import people from a workbook: instroom import FILE --academy A. "
    "A file called start, report or list is written ./start.",
    no_args_is_help=True,
)

_REPORT_SECONDS: Final = 200.0
"""import-service sends nothing of a workbook before it is whole, and takes up to 180 s to make one."""


@app.command(FILE, cls=OneFile)
def file(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="xlsx, xls, ods, csv or tsv")],
    academy: Academy,
    check_only: Annotated[
        bool, typer.Option("--check-only", help="stop after the last check; nothing is written")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="start without asking")] = False,
    action: Annotated[
        Literal["upsert"], typer.Option(help="what to do with the people in the file: add or update them")
    ] = "upsert",
    as_json: AsJson = False,
) -> None:
    """Upload FILE, check it, show the last check, ask whether to start, start, follow, report."""
    with session(as_json, academy) as (out, platform):
        base = academy_path(academy, "imports", say=out.say)
        following.readable(path, out.say)
        client = platform.client
        revision = revisions.seen(platform.home, academy)
        import_id = following.upload(client, out, base, path, revision)
        checked = following.follow(client, out, base, import_id, "checking")
        if checked["state"] != "checked" or check_only:
            finish(showing.end(client, out, base, checked))
            return
        told: set[int] = set()
        if not as_json:
            told = showing.check(out, following.with_results(client, base, checked))
            if not yes and at_terminal() and not _asked(out.say("ask")):
                out.line(out.say("left_checked", id=import_id, academy=academy))
                return
        done = following.start(client, out, base, import_id)
        finish(showing.end(client, out, base, done, told))


@app.command("start")
def start(
    import_id: Annotated[str, typer.Argument(metavar="ID", help="a checked import")],
    academy: Academy,
    as_json: AsJson = False,
) -> None:
    """Start a checked import and follow it; an import that was started is followed only."""
    with session(as_json, academy) as (out, platform):
        base = academy_path(academy, "imports", say=out.say)
        client = platform.client
        import_id = following.known(import_id, out.say)
        state = following.follow(client, out, base, import_id, "checking")
        if state["state"] in ("checked", "running"):
            state = following.start(client, out, base, import_id)
        finish(showing.end(client, out, base, state))


@app.command("report")
def report(
    import_id: Annotated[str, typer.Argument(metavar="ID")],
    academy: Academy,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.xlsx", help="write it as a workbook")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What became of each row, as far as it is known now."""
    with session(as_json, academy) as (out, platform):
        base = academy_path(academy, "imports", say=out.say)
        client = platform.client
        state = following.state(client, base, following.known(import_id, out.say))
        if output is not None:
            path = following.one(base, import_id) + "/report.xlsx"
            download(client, out, path, output, read_seconds=_REPORT_SECONDS)
        finish(showing.end(client, out, base, state))


@app.command("list")
def list_(academy: Academy, as_json: AsJson = False) -> None:
    """The imports of an academy, the newest first."""
    with session(as_json, academy) as (out, platform):
        base = academy_path(academy, "imports", say=out.say)
        imports = platform.client.whole_list("import-service", base, "imports")
        if as_json:
            out.document({"imports": imports})
        elif not imports:
            out.line(out.say("none_imports"))
        else:
            showing.imports(out, imports)


def at_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin is not None and sys.stdin.isatty()


def _asked(question: str) -> bool:
    """Ask on standard error: the output may go into a file."""
    print(question, end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):  # Ctrl-D
        print(file=sys.stderr)
    return answer.strip().lower() in ("j", "ja", "y", "yes")
