"""The one place where the service is put together."""

import asyncio
from functools import partial
from importlib.resources import files

from chassis.replica import StateReplica
from chassis.run import Kit, Service
from contracts.events import org
from contracts.topics import IMPORT_EVENTS, ORG_STRUCTURE
from import_service import api, store, subscribers, use_cases
from import_service.feeding import Feeder
from import_service.intake import Intake
from import_service.settings import Settings

NAME = "import-service"
CLEANING_EVERY = 3600.0


def build(kit: Kit[Settings]) -> Service:
    """The service on what the chassis gives."""
    replica = StateReplica(ORG_STRUCTURE, {event.TYPE: event for event in org.EVENTS})
    feeder = Feeder(kit.pool, kit.dispatcher, kit.log, stall_after=kit.settings.stall_after)
    intake = Intake(kit.pool, replica, feeder, kit.log)
    changes = api.Changes()

    def answered() -> None:
        feeder.wake()
        changes.tell()

    async def clean() -> None:
        while True:
            await use_cases.purge(kit.pool)
            await asyncio.sleep(CLEANING_EVERY)

    return Service(
        name=NAME,
        migrations=files("import_service") / "migrations",
        streams=[IMPORT_EVENTS],
        routers=[api.router(kit.pool, replica, changes, uploaded=intake.wake, started=feeder.wake)],
        subscriptions=[subscribers.verdicts(kit.pool, answered), subscribers.outcomes(kit.pool, answered)],
        replicas=[replica],
        # two files at a time, so that a small one need not wait for a large one
        tasks=[feeder.run, partial(intake.run), partial(intake.run), clean],
        restored=store.ask_with_a_higher_attempt,
        replaced=store.ask_again_at_once,
    )
