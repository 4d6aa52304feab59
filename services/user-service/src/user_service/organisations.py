"""The organisations of all academies, looked up in memory, as new as a request needs them."""

import asyncio
import time
from collections.abc import Collection, Mapping

from chassis.database import Connection, Pool
from chassis.problems import Problem
from chassis.replica import StateReplica
from contracts.fields import is_academy_id
from user_service.domain.organisation import Organisation, build_organisation

LONGEST_WAIT = 5.0
"""Seconds that a request waits for the revision it was made with; then it is decided with what there is."""
IN_VAIN = 30.0
"""Seconds in which nobody waits again for what did not come: one revision that never was must not slow down everybody."""


class Organisations:
    """Built from the replica when an academy's structure changed."""

    def __init__(self, replica: StateReplica) -> None:
        self._replica = replica
        self._built: dict[str, Organisation] = {}
        self._in_vain: dict[str, tuple[int, float]] = {}
        replica.on_change.append(self._forget)

    def _forget(self, academies: set[str]) -> None:
        for academy in academies:
            self._built.pop(academy, None)
            self._in_vain.pop(academy, None)

    def of(self, academy: str) -> Organisation:
        """The organisation of the academy; one that is not `known` if there is no such academy."""
        organisation = self._built.get(academy)
        if organisation is None:
            entries = self._replica.entries(academy).values()
            organisation = build_organisation((entry.message, entry.removed) for entry in entries)
            if entries:
                self._built[academy] = organisation
        return organisation

    def get(self, academy: str) -> Organisation:
        """The organisation of the academy. Raises Problem 404 if there is no such academy."""
        if not (is_academy_id(academy) and (found := self.of(academy)).known):
            raise Problem(404, "unknown_academy", f"there is no academy {academy[:100]}")
        return found

    async def get_new(self, pool: Pool, academy: str, revision: int) -> Organisation:
        """The same of an academy that may have been defined a moment ago, with that revision."""
        if revision and is_academy_id(academy) and not self.of(academy).known:
            await self.wait_for(pool, {academy: revision})
        return self.get(academy)

    async def until_known(self, academy: str, timeout: float) -> bool:
        """Wait until there is such an academy; False if there is none within `timeout` seconds."""
        return await self._replica.wait_for(academy, 1, timeout)

    async def wait_for(self, pool: Pool, revisions: Mapping[str, int]) -> None:
        """Wait until every academy is at its revision here, or at the newer one that the database has already."""
        async with pool.acquire() as connection:
            stored = await self._replica.stored_revision(connection, list(revisions))
        await self.reach({a: max(revision, stored.get(a, 0)) for a, revision in revisions.items()})

    async def reach(self, revisions: Mapping[str, int]) -> None:
        """Wait until every academy is at its revision here."""
        late = {academy: revision for academy, revision in revisions.items() if self.of(academy).revision < revision}
        await asyncio.gather(*(self._wait_for(academy, revision) for academy, revision in late.items()))

    async def are_current(self, connection: Connection, academies: Collection[str]) -> bool:
        """Whether no other instance knows a newer revision of one of them."""
        stored = await self._replica.stored_revision(connection, sorted(academies))
        known = {academy: self._replica.academy(academy) for academy in stored}
        return all((entry := known[academy]) is not None and entry.revision >= stored[academy] for academy in stored)

    async def _wait_for(self, academy: str, revision: int) -> None:
        missed, until = self._in_vain.get(academy, (0, 0.0))
        if missed and revision >= missed and time.monotonic() < until:
            return
        if not await self._replica.wait_for(academy, revision, LONGEST_WAIT):
            self._in_vain[academy] = revision, time.monotonic() + IN_VAIN
