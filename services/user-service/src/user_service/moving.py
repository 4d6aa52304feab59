"""A department moved to another company: its people go with it (docs/decisions/0019)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chassis import outbox
from chassis.consuming import store_positions
from chassis.database import Pool, only_index_plans
from chassis.records import Record, new_ids, now_text
from contracts.envelope import Envelope
from contracts.events.org import DepartmentChanged
from user_service import messages, people, store
from user_service.domain.person import User
from user_service.organisations import Organisations
from user_service.people import Happened
from user_service.store import Department, PersonKey

AT_ONCE: Final = 500
"""People of one transaction: so many others wait for it at most."""


@dataclass
class Moving:
    """Gives the people of a department the company in which it is now, and publishes that they changed.

    Idempotent: whoever has that company already is left alone. People who are deleted follow without a word.
    """

    pool: Pool
    organisations: Organisations

    async def __call__(self, records: list[Record[DepartmentChanged]]) -> None:
        """Look after each department that changed; most of them did not move, and cost a look-up only."""
        causes = {(each.envelope.academy, each.message.id): each.envelope for each in records}
        await self._know(records)
        for department, numbers in (await self._left_behind(causes)).items():
            for first in range(0, len(numbers), AT_ONCE):
                await self._follow(department, numbers[first : first + AT_ONCE], causes[department])
        async with self.pool.acquire() as connection, connection.transaction():
            await store_positions(connection, records)

    async def _know(self, records: Sequence[Record[DepartmentChanged]]) -> None:
        """Be sure that every decision from now on is made with the organisation as these records have it."""
        revisions: dict[str, int] = {}
        for each in records:
            academy = each.envelope.academy
            revisions[academy] = max(revisions.get(academy, 0), each.message.revision)
        await self.organisations.wait_for(self.pool, revisions)
        for academy, revision in revisions.items():
            if self.organisations.of(academy).revision < revision:
                raise TimeoutError(f"the structure of {academy} is not known here up to revision {revision} yet")
        # Whoever decided with an older one holds the lock until that is written, and can be seen below.
        async with self.pool.acquire() as connection, connection.transaction():
            await store.lock_places(connection, revisions, shared=False)

    async def _left_behind(self, departments: Mapping[Department, Envelope]) -> Mapping[Department, Sequence[str]]:
        places = {
            (academy, id_): unit.company_id
            for academy, id_ in departments
            if (unit := self.organisations.of(academy).departments.get(id_)) is not None
        }
        async with self.pool.acquire() as connection, connection.transaction():
            await only_index_plans(connection)
            return await store.find_left_behind(connection, places)

    async def _follow(self, department: Department, numbers: Sequence[str], cause: Envelope) -> None:
        academy, id_ = department
        async with self.pool.acquire() as connection, connection.transaction():
            users = await store.load_users(connection, [(academy, number) for number in numbers], lock=True)
            organisation, moved = self.organisations.of(academy), dict[PersonKey, User]()
            company = organisation.departments[id_].company_id
            for key, user in users.items():
                if user.department_id == id_ and user.company_id != company:
                    moved[key] = user._replace(company_id=company, version=user.version + (not user.deleted))
            if not moved:
                return
            await store.update_users(connection, users, moved)
            told = [(users[key], after) for key, after in moved.items() if not after.deleted]
            now, time = await store.now(connection), now_text()
            happened = []
            events = []
            for event_id, (before, after) in zip(new_ids(len(told)), told, strict=True):
                event = messages.followed_event(cause, before, after, organisation, id=event_id, time=time)
                events.append(event)
                happened.append(
                    Happened(
                        academy,
                        after.number_key,
                        now,
                        cause.actor,
                        "updated",
                        after.version,
                        messages.company_change(before, after, organisation),
                        restored=False,
                        invitation="none",
                    )
                )
            await outbox.enqueue(connection, events)
            await people.record_history(connection, happened)
