"""`instroom up | down | status`: the platform itself."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from instroom import home as homes
from instroom.commands.options import AsJson
from instroom.failure import Exit, Failure
from instroom.output import Output, command, finish

_TEXTS: Final = {
    "already": ("het platform draait al ({home})", "the platform is up already ({home})"),
    "stopping": ("het platform stopt nog ({home})", "the platform is still stopping ({home})"),
    "starting": ("het platform start ({home})", "starting the platform ({home})"),
    "up": ("het platform is klaar; stop het met: instroom down", "the platform is ready; stop it with: instroom down"),
    "up_here": ("het platform is klaar; stop het met Ctrl-C", "the platform is ready; stop it with Ctrl-C"),
    "console": (
        "de console: {url}/{academy}/  log in met {email} en wachtwoord {password}",
        "the console: {url}/{academy}/  log in as {email} with password {password}",
    ),
    "down": (
        "het platform is gestopt; de gegevens blijven in {home}",
        "the platform is stopped; its data stays in {home}",
    ),
    "was_down": ("het platform draaide niet", "the platform was not running"),
    "look": ("kijk met: instroom status", "look with: instroom status"),
    "external": ("van buiten", "external"),
    "ready": ("klaar", "ready"),
    "restarted": ("{count} keer herstart, laatst: {reason}", "restarted {count} times, last: {reason}"),
}


def up(
    detach: Annotated[bool, typer.Option("--detach", help="return when everything is ready")] = False,
) -> None:
    """Start the platform. Without --detach it runs until Ctrl-C."""
    with command(False) as out:
        from instroom.stack import control
        from instroom.stack.supervisor import running

        home = homes.find_or_create()
        if (found := running(home)) is not None and found.stopping:
            out.line(_text(out, "stopping", home=home))
            with _in_time(out):
                control.wait_until_stopped(home)
        if running(home) is not None:
            out.line(_text(out, "already", home=home))
            if detach:
                with _in_time(out):
                    control.wait_until_ready(home)
            return
        out.line(_text(out, "starting", home=home))
        if detach:
            _detached(out, home)
        else:
            _attached(out, home)


def down() -> None:
    """Stop the platform; its data is kept."""
    with command(False) as out:
        from instroom.stack import control

        home = homes.find()
        out.line(_text(out, "down", home=home) if control.stop(home) else _text(out, "was_down"))


def status(as_json: AsJson = False) -> None:
    """Each process with its pid and ports, ready or why not, and all addresses. Exit code 3 unless all is ready."""
    with command(as_json) as out:
        from instroom.stack import control

        document = control.status(homes.find())
        if as_json:
            out.document(document)
        else:
            _show(out, document)
        finish(Exit.DONE if document["state"] == "ready" else Exit.UNAVAILABLE)


def _detached(out: Output, home: Path) -> None:
    from instroom.stack import control

    with _in_time(out):
        control.start(home, out.line)
    out.line(_text(out, "up"))
    _tell_log_in(out, home)


@contextlib.contextmanager
def _in_time(out: Output) -> Iterator[None]:
    from instroom.stack import control

    try:
        yield
    except control.NotStarted as error:
        raise Failure("not_in_time", f"{error}; {_text(out, 'look')}", Exit.UNAVAILABLE) from None


def _attached(out: Output, home: Path) -> None:
    from instroom.stack.keeping import UNABLE, keep

    def ready() -> None:
        out.line(_text(out, "up_here"))
        _tell_log_in(out, home)

    try:
        keep(home, out.line, ready)
    except UNABLE as error:
        raise Failure("failed", str(error), Exit.UNAVAILABLE) from None


def _tell_log_in(out: Output, home: Path) -> None:
    """Where the first administrator logs in, with the password that they had at the beginning."""
    login = homes.first_log_in(home)
    out.line(_text(out, "console", url=login.url, academy=login.academy, email=login.email, password=login.password))


def _show(out: Output, document: dict[str, Any]) -> None:
    rows = []
    for process in document["processes"]:
        pid = _text(out, "external") if process["external"] else str(process["pid"] or "-")
        ports = ", ".join(f"{name} {port}" for name, port in process["ports"].items())
        restarts = process["restarts"]
        before = _text(out, "restarted", count=restarts, reason=process["last_reason"]) if restarts else ""
        rows.append(
            [process["name"], pid, ports, _text(out, "ready") if process["ready"] else process["reason"], before]
        )
    out.table(["", "pid", "", "", ""], rows)
    for process in document["processes"]:
        for warning in process["warnings"]:
            out.line(f"{process['name']}: {warning}")
    out.line(f"{document['state']}  {document['home']}")
    for name, address in document["addresses"].items():
        if address is not None:
            out.line(f"{name}  {address}")


def _text(out: Output, key: str, **values: object) -> str:
    dutch, english = _TEXTS[key]
    return (dutch if out.language == "nl" else english).format(**values)
