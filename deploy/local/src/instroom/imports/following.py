"""Bring an import from one state to the next, with a bar."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from instroom.client import Client, not_found, segment
from instroom.failure import Exit, Failure
from instroom.output import Bar, Output
from instroom.words import Words

CHUNK: Final = 256 * 1024
_SERVICE: Final = "import-service"


def readable(path: Path, say: Words) -> None:
    """A Failure of wrong use if there is no such file. A pipe is none: it cannot be read again when a service restarts."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Failure("no_such_file", say("no_file", path=path), Exit.WRONG_USE)
        with path.open("rb"):
            return
    except OSError as error:
        reason = say("no_such_file", path=path, reason=error.strerror or type(error).__name__)
        raise Failure("no_such_file", reason, Exit.WRONG_USE) from None


def one(base: str, import_id: str) -> str:
    """The path of an import."""
    return f"{base}/{segment(import_id)}"


def known(import_id: str, say: Words) -> str:
    """The id, unless it is such that no path leads to it."""
    if not import_id or "/" in import_id:
        raise not_found("import_id", import_id, say)
    return import_id


def upload(client: Client, out: Output, base: str, path: Path, revision: int) -> str:
    """Send the file; returns the import's id."""
    with out.progress(out.say("uploading"), in_bytes=True) as bar:
        size = path.stat().st_size

        def content() -> Iterator[bytes]:
            sent = 0
            with path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
                    sent += len(chunk)
                    bar.at(sent, size)

        params = {"filename": os.fsencode(path.name).decode(errors="replace"), "min_org_revision": revision or None}
        headers = {"Content-Type": "application/octet-stream"}
        answer = client.send(_SERVICE, "POST", base, params=params, content=content, headers=headers)
        return str(answer.json()["import_id"])


def state(client: Client, base: str, import_id: str, **wait: Any) -> dict[str, Any]:
    """The import without its results."""
    document: dict[str, Any] = client.get(_SERVICE, one(base, import_id), **wait)
    return document


def follow(client: Client, out: Output, base: str, import_id: str, *states: str) -> dict[str, Any]:
    """Wait until the import is in none of `states` any more, however long it takes."""
    document = state(client, base, import_id)
    if document["state"] not in states:
        return document
    try:
        with out.progress(out.say(states[0])) as bar:
            _show(bar, document, out)
            while document["state"] in states:
                seconds = 1 if bar.visible else 5
                document = state(client, base, import_id, wait=seconds, after_state=document["state"])
                _show(bar, document, out)
    except KeyboardInterrupt:
        told = "check_goes_on" if states[0] == "checking" else "goes_on"
        out.line(out.say(told, id=import_id, academy=document["academy"]))
        raise
    return document


def start(client: Client, out: Output, base: str, import_id: str) -> dict[str, Any]:
    """Start it and wait until every row has an outcome. To start twice is the same start."""
    client.send(_SERVICE, "POST", one(base, import_id) + "/start")
    return follow(client, out, base, import_id, "running", "checked")


def with_results(client: Client, base: str, document: dict[str, Any]) -> dict[str, Any]:
    """The document with the rows that a person has to see: those that are rejected or drifted."""
    if document["state"] == "checked" and not document["rejected"]:
        return document
    full: dict[str, Any] = client.get(_SERVICE, one(base, document["import_id"]) + "/document", notable=True)
    return document | full


def _show(bar: Bar, document: dict[str, Any], out: Output) -> None:
    whole = None if document.get("reading") else int(document["rows"])
    bar.at(int(document.get("done") or 0), whole or None)
    stalled = document.get("stalled")
    if stalled and bar.visible:
        bar.say_once(out.say("stalled", reason=stalled["message"]))
