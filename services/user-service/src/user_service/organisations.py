"""The organisations of all academies, looked up in memory, as new as a request needs them."""

import asyncio
from collections.abc import Mapping

from chassis.database import Pool
from chassis.replica import StateReplica
from user_service.domain.organisation import Organisation, build_organisation

LONGEST_WAIT = 5.0
"""Seconds that a request waits for the revision it was made with; then it is decided with what there is."""


class Organisations:
    """Built from the replica when an academy's structure changed."""

    def __init__(self, replica: StateReplica) -> None:
        self._replica = replica
        self._built: dict[str, Organisation] = {}
        replica.on_change.append(self._forget)

    def _forget(self, academies: set[str]) -> None:
        for academy in academies:
            self._built.pop(academy, None)

    def of(self, academy: str) -> Organisation:
        """The organisation of the academy; one that is not `known` if there is no such academy."""
        organisation = self._built.get(academy)
        if organisation is None:
            entries = self._replica.entries(academy).values()
            organisation = build_organisation((entry.message, entry.removed) for entry in entries)
            self._built[academy] = organisation
        return organisation

    async def wait_for(self, pool: Pool, revisions: Mapping[str, int]) -> None:
        """Wait until every academy is at its revision here, or at the newer one that the database has already."""
        async with pool.acquire() as connection:
            stored = await self._replica.stored_revision(connection, list(revisions))
        needed = {a: max(revision, stored.get(a, 0)) for a, revision in revisions.items()}
        await asyncio.gather(*(self._replica.wait_for(a, n, LONGEST_WAIT) for a, n in needed.items()))
