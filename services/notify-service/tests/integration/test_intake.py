"""Events of people become mails to send, once."""

import asyncio
import random
from typing import Any

import pytest

from chassis.database import Pool
from notify_service import store


async def test_every_queued_invitation_is_one_mail_and_is_told_once(
    take: Any, people: Any, told: Any, pool: Pool
) -> None:
    records = [people.created(str(n), people.invitation()) for n in range(50)]
    await take(*records)
    assert await pool.fetchval("SELECT count(*) FROM mail WHERE state = 'queued'") == 50
    assert [kind for kind, _ in await told()] == ["queued"] * 50


async def test_duplicates_and_replays_add_nothing(take: Any, people: Any, told: Any, pool: Pool) -> None:
    records = [people.created(str(n), people.invitation()) for n in range(20)]
    await take(*records)
    shuffled = [*records, *records]
    random.Random(7).shuffle(shuffled)
    await take(*shuffled)
    for record in shuffled:
        await take(record)
    assert await pool.fetchval("SELECT count(*) FROM mail") == 20
    assert len(await told()) == 20


async def test_twins_that_take_in_the_same_at_the_same_moment_queue_and_tell_each_mail_once(
    take: Any, people: Any, told: Any, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [people.created(str(n), people.invitation()) for n in range(20)]
    both, looked = asyncio.Barrier(2), 0
    lock_people = store.Transaction.lock_people

    async def wait_for_the_other(transaction: store.Transaction, who: Any) -> Any:
        nonlocal looked
        found, looked = await lock_people(transaction, who), looked + 1
        if looked <= 2:  # neither knows of the other's mails
            await both.wait()
        return found

    monkeypatch.setattr(store.Transaction, "lock_people", wait_for_the_other)
    await asyncio.gather(take(*records), take(*records, people.created("20", people.invitation())))
    assert looked == 3, "one of the two did it again"
    assert await pool.fetchval("SELECT count(*) FROM mail") == 21
    assert [kind for kind, _ in await told()] == ["queued"] * 21


async def test_names_and_language_are_those_of_the_moment_it_was_queued(take: Any, people: Any, pool: Pool) -> None:
    await take(
        people.created("1", people.invitation(), language="en"),
        people.created("2", people.invitation(), language="de"),
    )
    rows = await pool.fetch("SELECT language, academy_name FROM mail ORDER BY number_key")
    assert [tuple(row) for row in rows] == [("en", "Acme B.V."), ("nl", "Acme B.V.")]


@pytest.mark.parametrize("end", ["deactivated", "deleted", "withdrawn"])
async def test_what_is_still_queued_is_withdrawn_and_told(
    take: Any, people: Any, told: Any, states: Any, end: str
) -> None:
    id = people.invitation()
    await take(people.created("1", id), people.created("2", people.invitation()))
    ends = {
        "deactivated": people.deactivated("1", 2),
        "deleted": people.deleted("1", 2),
        "withdrawn": people.updated("1", 2, people.withdrawn(id)),
    }
    await take(ends[end])
    await take(ends[end])
    assert await states() == {"queued": 1, "withdrawn": 1}
    kind, event = (await told())[-1]
    assert kind == "withdrawn"
    assert (event["invitation_id"], event["generation"], event["personnel_number"]) == (str(id), 1, "1")
    assert len(await told()) == 3


@pytest.mark.parametrize("end", ["deactivated", "withdrawn"])
async def test_a_withdrawal_that_comes_before_its_invitation_prevents_the_mail(
    take: Any, people: Any, states: Any, end: str
) -> None:
    id = people.invitation()
    await take(people.deactivated("1", 2) if end == "deactivated" else people.updated("1", 2, people.withdrawn(id)))
    await take(people.created("1", id))
    assert await states() == {"withdrawn": 1}


async def test_the_second_generation_replaces_the_first(take: Any, people: Any, told: Any, pool: Pool) -> None:
    id = people.invitation()
    first = people.created("1", id)
    await take(first)
    await take(people.updated("1", 2, people.queued("1", id, 2)))
    await take(first)
    rows = await pool.fetch("SELECT generation, state FROM mail ORDER BY generation")
    assert [tuple(row) for row in rows] == [(1, "withdrawn"), (2, "queued")]
    assert [(kind, event["generation"]) for kind, event in await told()] == [
        ("queued", 1),
        ("queued", 2),
        ("withdrawn", 1),
    ]


async def test_the_same_number_in_another_academy_is_somebody_else(
    take: Any, people: Any, make_people: Any, states: Any
) -> None:
    zeta = make_people("zeta")
    await take(people.created("1", people.invitation()), zeta.created("1", zeta.invitation()))
    await take(zeta.deleted("1", 2))
    assert await states() == {"queued": 1, "withdrawn": 1}


async def test_an_event_that_cannot_be_a_mail_fails_and_leaves_nothing(
    take: Any, people: Any, told: Any, pool: Pool
) -> None:
    good = people.created("1", people.invitation())
    bad = people.updated("2", 2, people.queued("2", people.invitation()).model_copy(update={"recipient": None}))
    with pytest.raises(ValueError):
        await take(good, bad)
    assert await pool.fetchval("SELECT count(*) FROM mail") == 0
    assert await told() == []


async def test_the_position_is_stored_with_the_mails(take: Any, people: Any, pool: Pool) -> None:
    await take(people.updated("1", 1), people.created("2", people.invitation()))
    assert await pool.fetchval("SELECT next_offset FROM consumer_position WHERE topic = 'user.events'") == 2
