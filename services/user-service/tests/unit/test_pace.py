"""What keeps one lane, or one academy, from holding up the others."""

from typing import Any

import pytest

from chassis.replica import Entry, StateReplica
from contracts.events.org import AcademyChanged
from contracts.topics import ORG_STRUCTURE
from user_service import organisations, pace
from user_service.organisations import Organisations


def test_a_loop_gives_way_when_its_time_is_up_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "TURN", 3600.0)
    turn = pace.Pace()
    assert not turn.due()
    monkeypatch.setattr(pace, "TURN", 0.0)
    assert turn.due()
    monkeypatch.setattr(pace, "TURN", 3600.0)
    assert not turn.due(), "the next turn began"


class _Pool:
    def acquire(self) -> Any:
        return self

    async def __aenter__(self) -> "_Pool":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def fetch(self, *_: object) -> list[Any]:
        return []


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> tuple[StateReplica, Organisations, list[int]]:
    replica = StateReplica(ORG_STRUCTURE, {})
    waited: list[int] = []

    async def wait_for(academy: str, revision: int, timeout: float = 5.0) -> bool:
        if replica.revision(academy) < revision:
            waited.append(revision)
        return replica.revision(academy) >= revision

    monkeypatch.setattr(replica, "wait_for", wait_for)
    return replica, Organisations(replica), waited


def arrives(replica: StateReplica, revision: int) -> None:
    about = AcademyChanged(id="a", name="A", default_language="nl", languages=["nl"], revision=revision)
    replica._entries.setdefault("a", {})["a/academy/a"] = Entry(about, revision, False, AcademyChanged.TYPE)
    replica._tell({"a"})


async def test_a_revision_that_never_comes_is_waited_for_once_and_a_real_one_all_the_same(
    world: tuple[StateReplica, Organisations, list[int]],
) -> None:
    replica, known, waited = world
    arrives(replica, 3)
    pool: Any = _Pool()
    for _ in range(3):
        await known.wait_for(pool, {"a": 99})
    assert waited == [99]
    await known.wait_for(pool, {"a": 4})
    assert waited == [99, 4], "the next revision may come at any moment"
    arrives(replica, 4)
    await known.wait_for(pool, {"a": 99})
    assert waited == [99, 4, 99], "the organisation has moved on: it may come now"


async def test_what_was_waited_for_in_vain_is_waited_for_again_after_a_while(
    world: tuple[StateReplica, Organisations, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    replica, known, waited = world
    arrives(replica, 3)
    monkeypatch.setattr(organisations, "IN_VAIN", 0.0)
    pool: Any = _Pool()
    await known.wait_for(pool, {"a": 99})
    await known.wait_for(pool, {"a": 99})
    assert waited == [99, 99]


def test_an_academy_that_nobody_knows_is_not_remembered(
    world: tuple[StateReplica, Organisations, list[int]],
) -> None:
    _, known, _ = world
    assert not known.of("nobody").known
    assert known._built == {}
