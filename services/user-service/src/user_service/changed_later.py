"""Requests that were set aside and whose person was changed since: to send them now would undo that."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from chassis import request_log
from chassis.consuming import SetAside
from chassis.database import Connection
from chassis.records import Record
from contracts.fields import number_key
from user_service import people
from user_service.domain.reading import Requested, read, told
from user_service.store import PersonKey

_CHANGED_NOTHING: Final = ("unchanged", "rejected")


async def find_changed_later(connection: Connection, letters: Sequence[SetAside]) -> set[str]:
    """The letters whose person was changed after the letter was made.

    Both moments are by this database's clock. A change that an earlier request of the same topic about that person made,
    which was sent again itself, is the order as it was meant, and does not count.
    """
    persons = {letter.id: _person(letter.record) for letter in letters}
    since: dict[PersonKey, Any] = {}
    for letter in letters:
        person = persons[letter.id]
        since[person] = min(letter.at, since.get(person, letter.at))
    changes = await people.changes_since(connection, since)
    if not changes:
        return set()
    logged = await request_log.known(connection, [envelope for letter in letters for envelope in letter.before])
    versions = {key: _version(each.outcome) for key, each in logged.items()}
    found = set()
    for letter in letters:
        meant = {versions.get(request_log.key_of(envelope)) for envelope in letter.before}
        if any(at > letter.at and version not in meant for at, version in changes.get(persons[letter.id], ())):
            found.add(letter.id)
    return found


def _person(record: Record[Any]) -> PersonKey:
    message = record.message
    number = read(message).number_key if isinstance(message, Requested) else number_key(told(message.personnel_number))
    return record.envelope.academy, number


def _version(outcome: bytes) -> int | None:
    """The version that a request made of the person."""
    known = orjson.loads(outcome)
    return None if known["outcome"] in _CHANGED_NOTHING else known["value"]["version"]
