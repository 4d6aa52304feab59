"""An answer of user-service arrives: translate, one call."""

from collections.abc import Callable
from typing import Any, Final

from chassis.consuming import Subscription, store_positions
from chassis.database import Pool
from chassis.records import Record
from contracts.events.users import EVENTS, UserChecked
from contracts.topics import USER_EVENTS, USER_VERDICTS
from import_service import messages
from import_service.domain import Phase
from import_service.use_cases import take_answers

MAX_RECORDS: Final = 2_000


def verdicts(pool: Pool, stored: Callable[[], None]) -> Subscription:
    """What user-service would do with the rows of a check."""

    async def handle(records: list[Record[Any]]) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await take_answers(connection, Phase.CHECK, messages.verdicts(records))
            await store_positions(connection, records)
        stored()

    return Subscription(
        topic=USER_VERDICTS,
        models={UserChecked.TYPE: UserChecked},
        known=frozenset({UserChecked.TYPE}),
        wants=messages.is_ours,
        handle=handle,
        max_records=MAX_RECORDS,
    )


def outcomes(pool: Pool, stored: Callable[[], None]) -> Subscription:
    """What user-service did with the rows of a start."""

    async def handle(records: list[Record[Any]]) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await take_answers(connection, Phase.START, messages.outcomes(records))
            await store_positions(connection, records)
        stored()

    return Subscription(
        topic=USER_EVENTS,
        models=dict.fromkeys(messages.OUTCOME_TYPES, messages.OutcomeView),
        known=frozenset(event.TYPE for event in EVENTS),
        wants=messages.is_ours,
        handle=handle,
        max_records=MAX_RECORDS,
    )
