"""The one place where the service is put together."""

from functools import partial
from importlib.resources import files

from chassis.records import new_id
from chassis.run import Kit, Service
from contracts.topics import ORG_STRUCTURE
from org_service import api, subscribers
from org_service.settings import Settings
from org_service.store import Store
from org_service.use_cases import apply_commands

NAME = "org-service"


def build(kit: Kit[Settings]) -> Service:
    """The service on what the chassis gives."""
    store = Store(kit.pool, kit.commands)

    return Service(
        name=NAME,
        migrations=files("org_service") / "migrations",
        streams=[ORG_STRUCTURE],
        routers=[api.router(store, kit.commands)],
        subscriptions=[subscribers.commands(partial(apply_commands, store, new_id=new_id), kit.log)],
    )
