"""Before anything is mailed: whatever was told of mails is known here, even where the database was restored from a dump.

A mail that was sent after the dump would be sent a second time else: its row is missing or still queued.
"""

from collections.abc import Sequence

import structlog

from chassis import positions
from chassis.database import Pool
from chassis.reading import read_to_end
from chassis.records import RawRecord
from contracts.topics import INVITATION_EVENTS
from notify_service import messages, store
from notify_service.domain import Ended, MailKey


async def remember(bootstrap: str, pool: Pool, cluster: str, log: structlog.stdlib.BoundLogger) -> None:
    """Read `invitation.events` from where the last start came to, up to its present end."""
    begin = await positions.load(pool, cluster, INVITATION_EVENTS.name)
    async for batch in read_to_end(bootstrap, INVITATION_EVENTS, begin):
        mails = _ended(batch, log)
        async with pool.acquire() as connection, connection.transaction():
            if mails:
                await store.remember(connection, mails)
            await positions.store(connection, cluster, positions.ends(batch))


def _ended(batch: Sequence[RawRecord], log: structlog.stdlib.BoundLogger) -> list[Ended]:
    """The mails that are done with, each once: what was sent was sent, whatever else is told of it."""
    found: dict[MailKey, Ended] = {}
    for raw in batch:
        try:
            mail = messages.ended(raw)
        except ValueError as error:
            log.warning("mail.not_remembered", partition=raw.partition, offset=raw.offset, error=repr(error)[:200])
            continue
        if mail is not None and not (mail.key in found and found[mail.key].state == "sent"):
            found[mail.key] = mail
    return list(found.values())
