"""The events and commands, one module per owner, and the registry that says what a type name means."""

from contracts.events import imports, invitations, org, users
from contracts.events.base import Message
from contracts.topics import (
    IMPORT_EVENTS,
    INVITATION_EVENTS,
    ORG_COMMANDS,
    ORG_STRUCTURE,
    TOPICS,
    USER_CHECKS,
    USER_EVENTS,
    USER_REQUESTS,
    USER_REQUESTS_BULK,
    USER_VERDICTS,
    Topic,
)

BY_TOPIC: dict[Topic, tuple[type[Message], ...]] = {
    ORG_COMMANDS: org.COMMANDS,
    ORG_STRUCTURE: org.EVENTS,
    USER_CHECKS: (users.UserCheckRequested,),
    USER_VERDICTS: (users.UserChecked,),
    USER_REQUESTS: users.COMMANDS,
    USER_REQUESTS_BULK: (users.UserRequested,),
    USER_EVENTS: users.EVENTS,
    IMPORT_EVENTS: imports.EVENTS,
    INVITATION_EVENTS: invitations.EVENTS,
}
"""Which messages a topic carries."""

assert set(BY_TOPIC) == set(TOPICS)  # noqa: S101 - a topic without messages is a mistake of this file

MESSAGES: dict[str, type[Message]] = {model.TYPE: model for models in BY_TOPIC.values() for model in models}
"""Every message by its `ce_type`."""
