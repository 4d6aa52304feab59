"""`instroom dlq`: what could not be handled, with the reason."""

import asyncio
from typing import Annotated, Any

import typer

from contracts.topics import DLQ_SUFFIX
from instroom.commands.options import AsJson
from instroom.failure import Exit, Failure
from instroom.session import Found, session
from instroom.topics import showing
from instroom.words import Words

app = typer.Typer(help="What could not be handled, byte for byte, with the reason.", no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Every dead letter, oldest first."""
    with session(as_json) as (out, platform):
        letters = asyncio.run(_letters(platform, out.say))
        if as_json:
            names = ("id", "topic", "time", "academy", "type", "key", "reason")
            out.document({"dead_letters": [{name: letter[name] for name in names} for letter in letters]})
        elif not letters:
            out.line(out.say("none_dead"))
        else:
            heads = ["id", *(out.say(name) for name in ("topic", "at", "key", "reason"))]
            rows = [
                [letter["id"], letter["topic"], out.moment(letter["time"]), letter["key"] or "", letter["reason"] or ""]
                for letter in letters
            ]
            out.table(heads, rows, whole=True)


@app.command("show")
def show(id_: Annotated[str, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    """One dead letter: where it came from, its headers and its bytes."""
    with session(as_json) as (out, platform):
        letters = asyncio.run(_letters(platform, out.say))
        letter = next((each for each in letters if each["id"] == id_), None)
        if letter is None:
            raise Failure("not_found", out.say("unknown_dead_letter", id=id_), Exit.REFUSED)
        if as_json:
            out.document(letter)
            return
        about = [[name, str(value)] for name, value in letter.items() if not name.startswith(("headers", "value"))]
        out.table(["", ""], about + [[str(name), str(value)] for name, value in letter["headers"]])
        out.line()
        out.line(letter["value"] if letter["value"] is not None else "∅")


async def _letters(platform: Found, say: Words) -> list[dict[str, Any]]:
    from instroom.topics import reading  # aiokafka takes a moment, which the other commands need not wait

    bootstrap = platform.addresses.kafka
    there = await reading.topics(bootstrap, say, platform.running)
    partitions = [each for topic in sorted(there) if topic.endswith(DLQ_SUFFIX) for each in there[topic]]
    async with reading.records(bootstrap, partitions, from_start=True, follow=False) as records:
        letters = [showing.dead_letter(record) async for record in records]
    return sorted(letters, key=lambda letter: (letter["time"] or "", letter["topic"], letter["offset"]))
