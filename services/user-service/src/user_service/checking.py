"""The check: decide as the real thing would, change nobody, answer by a verdict."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.database import Pool
from chassis.dispatch import Dispatcher
from chassis.records import Event, Record, new_ids, now_text
from user_service import messages, store
from user_service.domain.decide import claimed_address, decide
from user_service.domain.decision import Decision
from user_service.domain.reading import Requested, read
from user_service.leaving import ImportKey, find_last
from user_service.organisations import Organisations
from user_service.pace import Pace
from user_service.store import PersonKey


@dataclass
class Checking:
    """Answers checks. A batch that comes twice is answered twice, with the same verdicts."""

    pool: Pool
    organisations: Organisations
    replies: Dispatcher

    async def __call__(self, records: list[Record[Requested]]) -> None:
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
            now = await store.now(connection)
        organisations = [self.organisations.of(record.envelope.academy) for record in records]

        def decided(n: int, last_administrator: bool = False) -> Decision:
            user, holder = users.get(people[n]), holders.get(addresses[n])
            return decide(asked[n], user, organisations[n], holder, now, last_administrator=last_administrator)

        pace = Pace()
        decisions: list[Decision] = []
        for n in range(len(records)):
            decisions.append(decided(n))
            if pace.due():
                await asyncio.sleep(0)
        administrators = [
            n for n, key in enumerate(people) if (user := users.get(key)) is not None and user.administers
        ]
        if administrators:
            for n in await self._last(records, administrators, decisions, people):
                decisions[n] = decided(n, last_administrator=True)
        ids, time = new_ids(len(records)), now_text()
        events: list[Event] = []
        for n, record in enumerate(records):
            round_, key = record.message.round, people[n][1]
            events.append(messages.checked_event(record.envelope, key, decisions[n], round_, id=ids[n], time=time))
            if pace.due():
                await asyncio.sleep(0)
        await self.replies.send(events)

    async def _last(
        self,
        records: Sequence[Record[Requested]],
        administrators: Sequence[int],
        decisions: Sequence[Decision],
        people: Sequence[PersonKey],
    ) -> list[int]:
        """The checks of people who have to go on administering their academy, whatever else the import does."""
        row: dict[int, tuple[ImportKey, str]] = {}
        for n in administrators:
            envelope = records[n].envelope
            row[n] = (envelope.academy, envelope.correlation_id or envelope.id), people[n][1]
        goes = {row[n] for n in administrators if (after := decisions[n].after) is not None and not after.administers}
        async with self.pool.acquire() as connection, connection.transaction():
            last = await find_last(connection, goes, set(row.values()) - goes)
        return [n for n in administrators if last.get(row[n][0]) == row[n][1]]
