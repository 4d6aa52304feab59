"""The one place where the service is put together."""

from functools import partial
from importlib.resources import files

from chassis.records import make_event, new_id
from chassis.run import Kit, Service
from contracts.events.org import DefineAcademy
from contracts.topics import ORG_COMMANDS, ORG_STRUCTURE
from org_service import api, restoring, subscribers
from org_service.settings import Settings
from org_service.store import Store
from org_service.use_cases import apply_commands

NAME = "org-service"


def build(kit: Kit[Settings]) -> Service:
    """The service on what the chassis gives."""
    store = Store(kit.pool, kit.commands)

    async def make_first_academy() -> None:
        first = kit.settings.first_academy
        if first is not None and not await store.exists(first.id):
            command = DefineAcademy(**first.model_dump(exclude={"id"}))
            envelope = kit.commands.envelope(type=command.TYPE, academy=first.id, actor="settings")
            await kit.commands.submit(make_event(ORG_COMMANDS, first.id, envelope, command))
        await kit.stopping.wait()

    return Service(
        name=NAME,
        migrations=files("org_service") / "migrations",
        streams=[ORG_STRUCTURE],
        routers=[api.router(store, kit.commands)],
        tasks=[make_first_academy],
        subscriptions=[subscribers.commands(partial(apply_commands, store, new_id=new_id), kit.log)],
        restored=partial(restoring.take_up, kit.settings.kafka, kit.commands),
        replaced=partial(restoring.publish_everything, kit.commands),
    )
