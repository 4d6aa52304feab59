"""The check: decide as the real thing would, write nothing, answer by a verdict."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from chassis.database import Pool
from chassis.dispatch import Dispatcher
from chassis.records import Event, Record, new_ids, now_text
from contracts.events.users import UserCheckRequested
from user_service import messages, store
from user_service.domain.decide import claimed_address, decide
from user_service.domain.reading import read
from user_service.organisations import Organisations
from user_service.pace import Pace


@dataclass
class Checking:
    """Answers checks. Nothing is stored: a batch that comes twice is answered twice, with the same verdicts."""

    pool: Pool
    organisations: Organisations
    replies: Dispatcher

    async def __call__(self, records: list[Record[UserCheckRequested]]) -> None:
        """Publish one verdict for each check and return when the broker has all of them."""
        asked = [read(record.message) for record in records]
        await asyncio.sleep(0)
        needed: dict[str, int] = {}
        for record in records:
            academy = record.envelope.academy
            needed[academy] = max(needed.get(academy, 0), record.message.min_org_revision)
        await self.organisations.wait_for(self.pool, needed)
        people = [(r.envelope.academy, a.number_key) for r, a in zip(records, asked, strict=True)]
        async with self.pool.acquire() as connection:
            users = await store.load_users(connection, set(people), lock=False)
            addresses = [
                (key[0], claimed_address(a, users.get(key)) or "") for key, a in zip(people, asked, strict=True)
            ]
            holders = await store.load_holders(connection, {key for key in addresses if key[1]})
            academies = {key[0] for key, user in users.items() if user.administers}
            counts = await store.count_administrators(connection, academies, lock=False) if academies else {}
            now = await store.now(connection)
        gone: Counter[tuple[str, str]] = Counter()
        ids, time, pace = new_ids(len(records)), now_text(), Pace()
        events: list[Event] = []
        for n, record in enumerate(records):
            organisation = self.organisations.of(record.envelope.academy)
            user, whole = users.get(people[n]), (record.envelope.academy, record.envelope.correlation_id)
            administers = user is not None and user.administers
            last = administers and counts[whole[0]] - gone[whole] <= 1
            decision = decide(asked[n], user, organisation, holders.get(addresses[n]), now, last_administrator=last)
            if administers and decision.after is not None and not decision.after.administers:
                gone[whole] += 1  # the rows after it in the same import find one administrator less
            events.append(messages.checked_event(record.envelope, decision, record.message.round, id=ids[n], time=time))
            if pace.due():
                await asyncio.sleep(0)
        await self.replies.send(events)
