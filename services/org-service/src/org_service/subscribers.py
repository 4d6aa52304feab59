"""Commands arrive from the topic."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from chassis.commands import COMMAND_SOURCE
from chassis.consuming import Subscription
from chassis.records import Record
from contracts.envelope import Envelope
from contracts.events.org import COMMANDS
from contracts.topics import ORG_COMMANDS
from org_service import messages
from org_service.domain import Refused
from org_service.work import Outcome

ApplyCommands = Callable[[Sequence[Record[Any]]], Awaitable[Sequence[tuple[Envelope, Outcome]]]]


def commands(apply_commands: ApplyCommands, log: structlog.stdlib.BoundLogger) -> Subscription:
    """What the service wants of `org.commands`: everything."""

    async def handle(records: list[Record[Any]]) -> None:
        outcomes = await apply_commands(records)
        # Who asked over HTTP is told by the command's outcome; who asked over Kafka has only this line.
        refused = [
            {"id": envelope.id, "type": envelope.type, "academy": envelope.academy, "codes": _codes(outcome)}
            for envelope, outcome in outcomes
            if isinstance(outcome, Refused) and envelope.request_source != COMMAND_SOURCE
        ]
        if refused:
            log.warning("org.commands_refused", count=len(refused), first=refused[:10])

    return Subscription(
        topic=ORG_COMMANDS,
        interactive=True,
        models={model.TYPE: model for model in COMMANDS},
        handle=handle,
        outcome=messages.not_processed,
    )


def _codes(refused: Refused) -> list[str]:
    return sorted({problem.reason.value for problem in refused.problems})
