"""How user-service is put together."""

from functools import partial
from importlib.resources import files

from chassis.replica import StateReplica
from chassis.run import Kit, Service
from contracts.events import BY_TOPIC
from contracts.topics import ORG_STRUCTURE, USER_EVENTS
from user_service import store
from user_service.api import make_router
from user_service.applying import Applying
from user_service.checking import Checking
from user_service.identity.administrators import ensure_first
from user_service.identity.passwords import Passwords
from user_service.identity_api import Identity, make_identity_router
from user_service.moving import Moving
from user_service.organisations import Organisations
from user_service.settings import Settings
from user_service.subscribers import subscriptions


def build(kit: Kit[Settings]) -> Service:
    """The service from what the chassis gives it."""
    replica = StateReplica(ORG_STRUCTURE, {model.TYPE: model for model in BY_TOPIC[ORG_STRUCTURE]})
    organisations = Organisations(replica)
    applying = Applying(kit.pool, organisations, kit.commands, lambda: kit.versions_above)
    checking = Checking(kit.pool, organisations, kit.dispatcher)
    passwords = Passwords()
    identity = Identity(kit.pool, organisations, passwords, kit.settings)
    first = kit.settings.first_administrator
    tasks = [partial(ensure_first, kit.pool, organisations, passwords, first)] if first is not None else []
    return Service(
        name="user-service",
        migrations=files("user_service") / "migrations",
        streams=[USER_EVENTS],
        routers=[make_identity_router(identity), make_router(kit.pool, kit.commands, organisations)],
        subscriptions=subscriptions(kit.pool, applying, checking, Moving(kit.pool, organisations)),
        replicas=[replica],
        tasks=tasks,
        restored=store.raise_versions,
    )
