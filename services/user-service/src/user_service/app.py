"""How user-service is put together."""

from importlib.resources import files
from zoneinfo import ZoneInfo

from chassis.replica import StateReplica
from chassis.run import Kit, Service
from contracts.events import BY_TOPIC
from contracts.topics import ORG_STRUCTURE, USER_EVENTS
from user_service.api import make_router
from user_service.applying import Applying
from user_service.checking import Checking
from user_service.organisations import Organisations
from user_service.settings import Settings
from user_service.subscribers import subscriptions


def build(kit: Kit[Settings]) -> Service:
    """The service from what the chassis gives it."""
    replica = StateReplica(ORG_STRUCTURE, {model.TYPE: model for model in BY_TOPIC[ORG_STRUCTURE]})
    organisations = Organisations(replica)
    applying = Applying(kit.pool, organisations, kit.commands)
    checking = Checking(kit.pool, organisations, kit.dispatcher)
    settings = kit.settings
    router = make_router(kit.pool, kit.commands, organisations, settings.public_keys(), ZoneInfo(settings.time_zone))
    return Service(
        name="user-service",
        migrations=files("user_service") / "migrations",
        streams=[USER_EVENTS],
        routers=[router],
        subscriptions=subscriptions(kit.pool, applying, checking),
        replicas=[replica],
    )
