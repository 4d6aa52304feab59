"""The last check and the report, as a person reads them; the document, as a program does."""

from collections.abc import Iterable, Sequence
from tempfile import SpooledTemporaryFile
from typing import Any, Final

from instroom.client import Client
from instroom.failure import Exit
from instroom.imports.following import one, with_results
from instroom.output import Output
from instroom.words import Words

MOST_SHOWN: Final = 100
"""Rows shown on screen; the workbook of the report has them all."""

_IN_MEMORY: Final = 4 * 1024 * 1024
"""Bytes of a document; a larger one waits on disk until it is whole."""


def end(client: Client, out: Output, base: str, state: dict[str, Any], told: Iterable[int] = ()) -> Exit:
    """Show what the import came to and return how the command ends. `told` are the rejected rows shown already."""
    if out.as_json:
        with SpooledTemporaryFile(_IN_MEMORY) as document:
            client.save("import-service", one(base, state["import_id"]) + "/document", document)
            document.seek(0)
            out.raw_document(document)
    elif state["state"] in ("refused", "failed"):
        _refused(out, state)
    elif state["state"] == "checked":
        check(out, with_results(client, base, state))
    else:
        _report(out, with_results(client, base, state), frozenset(told))
    return exit_of(state)


def exit_of(state: dict[str, Any]) -> Exit:
    """1 if the file or a row was refused, 3 if the platform failed."""
    if state["state"] == "failed":
        return Exit.UNAVAILABLE
    return Exit.REFUSED if state["state"] == "refused" or state["rejected"] else Exit.DONE


def _refused(out: Output, document: dict[str, Any]) -> None:
    """A file that could not be taken as a whole."""
    out.line(out.say("refused_file"))
    for error in document["errors"]:
        out.line(f"  {error['message']} [{error['code']}]")


def check(out: Output, document: dict[str, Any]) -> set[int]:
    """The last check; returns the rows that were shown as rejected."""
    name = document.get("filename") or document["import_id"]
    out.line(out.say("check_of", file=name, rows=out.say.counted(document["rows"])))
    _counts(out, document, "will")
    for warning in document["warnings"]:
        out.line("  " + out.say("warning", message=warning["message"]))
    rejected = [r for r in document.get("results", ()) if r["outcome"] == "rejected"]
    if rejected:
        out.line(out.say("rejected_rows"))
        _rejected(out, document, rejected)
    return {result["row"] for result in rejected}


def imports(out: Output, documents: Sequence[dict[str, Any]]) -> None:
    """A line per import."""
    names = ("rows", "created", "updated", "unchanged", "rejected")
    rows = [
        [
            d["import_id"],
            out.moment(d.get("created_at")),
            str(d.get("filename") or ""),
            out.say.state(d["state"]),
            *(str(d[name]) for name in names),
        ]
        for d in documents
    ]
    say = out.say
    heads = [say("at"), say("file"), say("state"), say("rows"), *(say(f"did_{n}_short") for n in names[1:])]
    out.table(["import", *heads], rows, whole=True)


def _report(out: Output, document: dict[str, Any], told: frozenset[int]) -> None:
    state = out.say.state(document["state"])
    out.line(out.say("report_of", id=document["import_id"], state=state, rows=out.say.counted(document["rows"])))
    _counts(out, document, "did")
    results = document.get("results", ())
    drifted = [r for r in results if r["drifted"]]
    if drifted:
        out.line(out.say("drifted_rows", rows=out.say.counted(len(drifted))))
        out.table(
            [out.say("row"), out.say.field("personnel_number"), out.say("name"), out.say("planned"), out.say("became")],
            [
                [*_who(r), _outcome(out.say, r["planned"]), _outcome(out.say, r["outcome"])]
                for r in drifted[:MOST_SHOWN]
            ],
        )
    rejected = [r for r in results if r["outcome"] == "rejected" and r["row"] not in told]
    if rejected:
        out.line(out.say("rejected_now"))
        _rejected(out, document, rejected)


def _counts(out: Output, document: dict[str, Any], tense: str) -> None:
    say = out.say
    parts = [say(f"will_{name}", n=document[name]) for name in ("created", "updated", "unchanged")]
    parts.append(say(f"{tense}_rejected", n=document["rejected"]))
    if document["not_attempted"]:
        parts.append(say("did_not_attempted", n=document["not_attempted"]))
    out.line("  " + ", ".join(parts))
    if document["invited"]:
        out.line("  " + say(f"{tense}_invite", n=document["invited"]))
    if document["waiting"]:
        out.line("  " + say("waiting", n=document["waiting"]))
    if document["already_invited"]:
        out.line("  " + say("already_invited", n=document["already_invited"]))


def _rejected(out: Output, document: dict[str, Any], results: Sequence[dict[str, Any]]) -> None:
    rows = [
        [*_who(result), *_place(out.say, error), error["message"]]
        for result in results[:MOST_SHOWN]
        for error in result["errors"]
    ]
    say = out.say
    out.table([say("row"), say.field("personnel_number"), say("name"), say("cell"), say("column"), say("wrong")], rows)
    if len(results) > MOST_SHOWN:
        more = len(results) - MOST_SHOWN
        out.line(say("and_more", n=more, id=document["import_id"], academy=document["academy"]))


def _who(result: dict[str, Any]) -> list[str]:
    return [str(result["row"]), result["personnel_number"] or "", result["name"] or ""]


def _outcome(say: Words, outcome: str | None) -> str:
    return say(f"did_{outcome}_short") if outcome else ""


def _place(say: Words, error: dict[str, Any]) -> list[str]:
    column = error["column"]
    return [error["cell"] or "", error["header"] or (say.field(column) if column else "")]
