"""`instroom events`: the event streams as they go by."""

import asyncio
import json
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from contracts.fields import is_academy_id
from contracts.topics import TOPICS
from instroom import streams
from instroom.commands.options import AsJson
from instroom.failure import Exit, Failure
from instroom.output import Output
from instroom.session import Found, session
from instroom.topics import showing

app = typer.Typer(help="The event streams.", no_args_is_help=True)


class From(StrEnum):
    START = "start"
    NOW = "now"


@app.command("tail")
def tail(
    topic: Annotated[str | None, typer.Option(metavar="T", help="one topic; all of contracts if left out")] = None,
    academy: Annotated[str | None, typer.Option(metavar="A", help="only this academy's")] = None,
    start: Annotated[From | None, typer.Option("--from", help="now; with --no-follow: start")] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=0, help="stop after N events")] = None,
    no_follow: Annotated[bool, typer.Option("--no-follow", help="stop at the ends as they are now")] = False,
    as_json: AsJson = False,
) -> None:
    """Show events as they come, with --no-follow in the order of time; with --json one document a line."""
    with session(as_json, academy) as (out, platform):
        if academy is not None and not is_academy_id(academy):
            raise Failure("unknown_academy", out.say("unknown_academy", academy=academy), Exit.WRONG_USE)
        if academy is not None:
            # Where org-service does not answer there are events to be looked at all the more.
            known = platform.client.glance("org-service", "/academies")
            if known is not None and all(each["id"] != academy for each in known["academies"]):
                raise Failure("unknown_academy", out.say("unknown_academy", academy=academy), Exit.WRONG_USE)
        begin = start or (From.START if no_follow else From.NOW)
        asyncio.run(_tail(out, platform, topic, academy, begin, limit, not no_follow))


async def _tail(
    out: Output,
    platform: Found,
    topic: str | None,
    academy: str | None,
    start: From,
    limit: int | None,
    follow: bool,
) -> None:
    if limit == 0:
        return
    from instroom.topics import reading  # aiokafka takes a moment, which the other commands need not wait

    bootstrap = platform.addresses.kafka
    there = await reading.topics(bootstrap, out.say, platform.running)
    if topic is not None and topic not in there:
        raise Failure("unknown_topic", out.say("unknown_topic", topic=topic), Exit.WRONG_USE)
    names = [topic] if topic is not None else [each.name for each in TOPICS if each.name in there]
    partitions = [partition for name in names for partition in there[name]]
    shown = 0
    async with reading.records(bootstrap, partitions, from_start=start is From.START, follow=follow) as records:
        async for record in records:
            if academy is not None and showing.academy_of(record.key, record.headers) != academy:
                continue
            _show(out, showing.event(record))
            shown += 1
            if shown == limit or streams.unread():
                return


def _show(out: Output, event: dict[str, Any]) -> None:
    if out.as_json:
        out.document(event)
        return
    data = event.get("data_text") or json.dumps(event["data"], ensure_ascii=False)
    place = f"{event['topic']}/{event['partition']}@{event['offset']}"
    print(
        out.moment(event["time"]), place, event.get("type", event.get("envelope_error")), event["key"], data, sep="\t"
    )
    sys.stdout.flush()
