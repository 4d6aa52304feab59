"""Dead letters of all services: each keeps those that its own consumer groups gave up on."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from contracts.topics import DLQ_SUFFIX, TOPICS, Topic
from instroom.client import Client, Service, segment
from instroom.failure import Exit, Failure
from instroom.words import Words

MOST: Final = 500
"""Letters that a service deals with in one transaction."""

Document = dict[str, Any]
Found = Sequence[tuple[Service, Document]]


def services(say: Words, topic: str | None = None, group: str | None = None) -> list[Service]:
    """Who may have letters of that topic and consumer group."""
    topics: Sequence[Topic] = TOPICS
    if topic is not None:
        topics = [each for each in TOPICS if each.name == topic]
        if not topics:
            raise Failure("unknown_topic", say("unknown_topic", topic=topic), Exit.WRONG_USE)
    names = {name for each in topics for name in each.consumers if name != "outside"}
    return [cast(Service, name) for name in sorted(names) if group is None or group.startswith(f"{name}.")]


def original(topic: str | None) -> str | None:
    """The topic whose records are meant, also where that of their letters is named."""
    return None if topic is None else topic.removesuffix(DLQ_SUFFIX)


def find(client: Client, say: Words, wanted: Mapping[str, Any]) -> Found:
    """All letters that fit, by service, topic, partition and offset. Failure where one that is named is not there."""
    asked = services(say, wanted.get("topic"), wanted.get("group"))
    found = [
        (service, letter)
        for service in asked
        for letter in client.whole_list(service, "/dead-letters", "dead_letters", **wanted)
    ]
    there = {letter["id"] for _, letter in found}
    for id_ in wanted.get("id") or ():
        if id_ not in there:
            raise _unknown(id_, say)
    return found


def show(client: Client, say: Words, id_: str) -> Document:
    """One letter in full."""
    for service in services(say):
        try:
            letter: Document = client.get(service, f"/dead-letters/{segment(id_)}")
        except Failure as failure:
            if failure.code != "not_found":
                raise
        else:
            return letter
    raise _unknown(id_, say)


def actions(client: Client, say: Words, **wanted: str | None) -> list[Document]:
    """What was done with letters, oldest first."""
    found = [
        {"service": service, **action}
        for service in services(say)
        for action in client.whole_list(service, "/dead-letter-actions", "actions", **wanted)
    ]
    return sorted(found, key=lambda action: str(action["at"]))


def deal(
    client: Client,
    action: str,
    letters: Found,
    *,
    run: str,
    force: bool,
    dry_run: bool,
    rate: float | None,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[list[Document]]:
    """Deal with the letters in their order, `rate` a second at most; what became of each, as it comes.

    A service deals with the letters of one question in one transaction and knows them by `run`: asked again, it does
    nothing twice. So this may end anywhere.
    """
    size = MOST if rate is None else max(1, min(MOST, int(rate)))
    began, handed = clock(), 0
    for service in dict.fromkeys(service for service, _ in letters):
        left = [letter["id"] for owner, letter in letters if owner == service]
        while left:
            if rate is not None and (wait := began + handed / rate - clock()) > 0:
                pause(wait)
            asked = {"ids": left[:size], "run": run, "force": force, "dry_run": dry_run}
            dealt: list[Document] = client.send(service, "POST", f"/dead-letters/{action}", json=asked).json()[
                "dead_letters"
            ]
            answered = {each["id"] for each in dealt}
            left = [id_ for id_ in left if id_ not in answered]
            handed += len(dealt)
            yield dealt


def _unknown(id_: str, say: Words) -> Failure:
    return Failure("not_found", say("unknown_dead_letter", id=id_), Exit.REFUSED)
