"""What the service does with commands, batch first: load, decide in memory, write with a few statements."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from chassis.records import Record
from contracts.envelope import Envelope
from org_service.domain import Refused
from org_service.store import Store, Transaction
from org_service.work import Applied, Outcome

MAX_COMMANDS: Final = 100
MAX_BYTES: Final = 1_000_000
"""Of one transaction. Without these bounds a backlog of large files would outlast the database's time-outs each time
it is tried, and never be done."""


async def apply_commands(
    store: Store, commands: Sequence[Record[Any]], new_id: Callable[[], str]
) -> Sequence[tuple[Envelope, Outcome]]:
    """Apply the commands in their order; returns the outcomes of those that were new."""
    outcomes: list[tuple[Envelope, Outcome]] = []
    for part in portions(commands):
        outcomes += await store.run(partial(_apply, part, new_id))
    return outcomes


def portions(commands: Iterable[Record[Any]]) -> Iterator[list[Record[Any]]]:
    """The commands in what one transaction takes: many small ones or a few large ones, at least one."""
    part: list[Record[Any]] = []
    size = 0
    for command in commands:
        size += len(command.value)
        if part and (size > MAX_BYTES or len(part) == MAX_COMMANDS):
            yield part
            part, size = [], len(command.value)
        part.append(command)
    if part:
        yield part


async def _apply(
    commands: Sequence[Record[Any]], new_id: Callable[[], str], transaction: Transaction
) -> Sequence[tuple[Envelope, Outcome]]:
    fresh = await transaction.fresh(commands)
    works = await transaction.lock(sorted({each.envelope.academy for each in fresh}))
    decided = []
    for each in fresh:
        work = works[each.envelope.academy]
        decided.append((each.envelope, work, work.decide(each.message, each.envelope, new_id)))
        await asyncio.sleep(0)  # queries get their turn between two commands
    await transaction.save(works.values())
    outcomes: list[tuple[Envelope, Outcome]] = [
        (envelope, result if isinstance(result, Refused) else Applied(work.next_revision, result))
        for envelope, work, result in decided
    ]
    await transaction.finish(commands, outcomes)
    return outcomes
