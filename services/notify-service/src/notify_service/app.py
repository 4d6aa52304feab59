"""The composition root."""

import asyncio
import time
from importlib.resources import files

from prometheus_client import Gauge

from chassis.replica import StateReplica
from chassis.run import Kit, Service
from contracts.events import org
from contracts.topics import INVITATION_EVENTS, ORG_STRUCTURE
from notify_service import api, store, subscribers
from notify_service.delivery import Courier
from notify_service.mails import Writer
from notify_service.remembering import remember
from notify_service.settings import Settings
from notify_service.smtp import Line
from notify_service.use_cases import Academy

NAME = "notify-service"
MEASURE_EVERY = 10.0
PURGE_EVERY = 86_400.0

queued_mails = Gauge("instroom_mails_queued", "Mails that wait to be sent")
queue_age = Gauge("instroom_mail_queue_age_seconds", "For how long the oldest queued mail has waited")


def build(kit: Kit[Settings]) -> Service:
    """Wire the service by hand."""
    settings = kit.settings
    replica = StateReplica(ORG_STRUCTURE, {model.TYPE: model for model in org.EVENTS})
    writer = Writer(
        signer=settings.signer(),
        public_url=settings.public_url,
        sender=settings.mail_from,
        time_zone=settings.time_zone,
    )
    courier = Courier(
        pool=kit.pool,
        writer=writer,
        open_line=lambda: Line(settings),
        connections=settings.smtp_connections,
        first_retry=settings.mail_first_retry,
        lease=settings.mail_lease,
        send_timeout=settings.smtp_timeout,
        log=kit.log,
    )

    def academy_of(id: str) -> Academy | None:
        entry = replica.entries(id).get(f"{id}/academy/{id}")
        if entry is None or entry.message is None:
            return None
        return Academy(entry.message.name, entry.message.default_language)

    given_up: set[str] = set()

    async def wait_for_academies(ids: set[str]) -> None:
        # A person exists only in an academy that was published before; its state is on its way at the most. Whoever
        # does not come within the replica's patience is not waited for again: mails then bear the academy's id.
        missing = [id for id in ids - given_up if academy_of(id) is None]
        came = await asyncio.gather(*(replica.wait_for(id, 1) for id in missing))
        for id in (id for id, here in zip(missing, came, strict=True) if not here):
            given_up.add(id)
            kit.log.warning("academy.unknown", academy=id)

    async def deliver() -> None:
        await remember(settings.kafka, kit.pool, kit.cluster, kit.log)
        await courier.run()

    async def measure() -> None:
        while True:
            async with kit.pool.acquire() as conn:
                began = time.monotonic()
                waiting, age = await store.queue(conn)
                took = time.monotonic() - began
            queued_mails.set(waiting)
            queue_age.set(age)
            # The database reads all that wait: where that is much, seldom enough to cost it a fiftieth of a core.
            await asyncio.sleep(max(MEASURE_EVERY, 50 * took))

    async def purge() -> None:
        while True:
            async with kit.pool.acquire() as conn:
                while await store.purge(conn):
                    pass
            await asyncio.sleep(PURGE_EVERY)

    return Service(
        name=NAME,
        migrations=files("notify_service") / "migrations",
        streams=[INVITATION_EVENTS],
        routers=[api.make_router(kit.pool, academy_of)],
        subscriptions=[subscribers.user_events(kit.pool, academy_of, wait_for_academies, courier.wake)],
        replicas=[replica],
        tasks=[deliver, measure, purge],
    )
