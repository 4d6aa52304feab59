"""Events of people arrive: translate, one call, one transaction."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg

from chassis.consuming import Subscription, store_positions
from chassis.database import Pool
from chassis.records import Record
from contracts.events import BY_TOPIC
from contracts.topics import USER_EVENTS
from notify_service import messages, store, use_cases
from notify_service.domain import Wish
from notify_service.use_cases import Academy


def user_events(
    pool: Pool,
    academy_of: Callable[[str], Academy | None],
    wait_for_academies: Callable[[set[str]], Awaitable[None]],
    wake: Callable[[], None],
) -> Subscription:
    """Queue and withdraw mails; `wake` is called when there may be something to send."""

    async def handle(records: list[Record[Any]]) -> None:
        heard = datetime.now(UTC)
        wishes: list[Wish] = [wish for record in records for wish in messages.wishes(record, heard)]
        await wait_for_academies({wish.academy for wish in wishes})
        try:
            await take_in(records, wishes, all_new=True)
        except asyncpg.UniqueViolationError:  # a twin was faster
            await take_in(records, wishes, all_new=False)
        if wishes:
            wake()

    async def take_in(records: list[Record[Any]], wishes: list[Wish], *, all_new: bool) -> None:
        async with pool.acquire() as conn, conn.transaction():
            if wishes:
                await use_cases.take_in(store.Transaction(conn, all_new=all_new), wishes, academy_of)
            await store_positions(conn, records)

    return Subscription(
        topic=USER_EVENTS,
        models={model.TYPE: model for model in messages.CONSUMED},
        known=frozenset(model.TYPE for model in BY_TOPIC[USER_EVENTS]),
        skips=messages.says_nothing,
        handle=handle,
    )
