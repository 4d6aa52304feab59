"""Server-sent events: one academy's events in the order of the relay, resumed exactly behind the last one seen."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from chassis import streaming
from chassis.database import Pool
from chassis.outbox import enqueue
from chassis.problems import Problem
from chassis.records import Event, new_id
from chassis.streaming import Place, find_place, follow, latest
from chassis.testing import MakePool
from contracts.envelope import Envelope

TOPIC = "test.events"


async def publish(pool: Pool, academy: str, *numbers: int, topic: str = TOPIC) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await enqueue(
            connection,
            [
                Event(
                    topic,
                    f"{academy}/{n}",
                    Envelope(id=new_id(), type="test.happened.v1", source="test", academy=academy),
                    b'{"n":%d}' % n,
                )
                for n in numbers
            ],
        )


async def relayed(pool: Pool) -> None:
    """Stand in for the relay: everything that is visible now has been published."""
    await pool.execute("UPDATE outbox_cursor SET snap = pg_current_snapshot()")


async def take(stream: AsyncIterator[object], count: int) -> list[tuple[str, str]]:
    found = []
    async with asyncio.timeout(60):
        async for event in stream:
            if event.event is None:  # type: ignore[attr-defined]
                continue  # only the place where the stream begins
            found.append((event.id, event.raw_data))  # type: ignore[attr-defined]
            if len(found) == count:
                break
    return found


async def test_only_the_own_academys_events_of_the_topic_are_seen_and_only_once_they_are_published(
    make_migrated_pool: MakePool,
) -> None:
    pool = await make_migrated_pool()
    start = await find_place(pool, None)
    await publish(pool, "a", 1)
    await publish(pool, "ab", 2)
    await publish(pool, "a", 3, topic="other")
    await publish(pool, "a", 4)
    stream = follow(pool, start, "a", [TOPIC])
    early = asyncio.ensure_future(take(stream, 2))
    done, _ = await asyncio.wait({early}, timeout=0.5)
    assert not done
    await relayed(pool)
    assert ['"n":1' in data or '"n":4' in data for _, data in await early] == [True, True]


async def test_a_client_that_comes_back_goes_on_exactly_behind_the_last_event_it_saw(
    make_migrated_pool: MakePool,
) -> None:
    pool = await make_migrated_pool()
    start = await find_place(pool, None)
    seen: list[str] = []
    place = start
    for round_ in range(3):
        await publish(pool, "a", *range(round_ * 10, round_ * 10 + 10))
        await relayed(pool)
    while len(seen) < 30:
        for id_, data in await take(follow(pool, place, "a", [TOPIC]), 7 if len(seen) < 28 else 2):
            seen.append(data)
            place = await find_place(pool, id_)
    assert [f'"n":{n}}}' in data for n, data in enumerate(seen)] == [True] * 30


async def test_a_transaction_that_commits_late_is_seen_late_and_not_passed_over(make_migrated_pool: MakePool) -> None:
    pool = await make_migrated_pool()
    start = await find_place(pool, None)
    async with pool.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute("SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL transaction_timeout = 0")
        await enqueue(slow, [Event(TOPIC, "a/1", Envelope(id="1", type="t", source="s", academy="a"), b"1")])
        await publish(pool, "a", 2)
        await relayed(pool)
        [(id_, first)] = await take(follow(pool, start, "a", [TOPIC]), 1)
        assert '"n":2' in first
        await transaction.commit()
    await relayed(pool)
    [(_, second)] = await take(follow(pool, await find_place(pool, id_), "a", [TOPIC]), 1)
    assert '"data":1' in second


async def test_a_client_whose_time_is_over_before_the_first_event_misses_none(make_migrated_pool: MakePool) -> None:
    pool = await make_migrated_pool()
    start = await find_place(pool, None)
    async with asyncio.timeout(60):
        told = [event async for event in follow(pool, start, "a", [TOPIC], until_time=0)]
    assert [(event.event, event.raw_data) for event in told] == [(None, None)]
    assert told[0].id is not None
    await publish(pool, "a", 1)
    await relayed(pool)
    [(_, data)] = await take(follow(pool, await find_place(pool, told[0].id), "a", [TOPIC]), 1)
    assert '"n":1' in data


async def test_a_place_whose_events_are_purged_is_gone_and_a_made_up_one_is_refused(
    make_migrated_pool: MakePool,
) -> None:
    pool = await make_migrated_pool()
    await publish(pool, "a", 1)
    place = Place(await pool.fetchval("SELECT pg_current_snapshot()::text"))
    await pool.execute("UPDATE outbox_cursor SET purged = pg_snapshot_xmax(pg_current_snapshot())")
    with pytest.raises(Problem) as refused:
        await find_place(pool, str(place))
    assert refused.value.status == 410
    for made_up in ("x", "1:2:;;x", "5;5;5;5", "'; DROP TABLE outbox", "99999999999999999999:1:;;0"):
        with pytest.raises(Problem) as refused:
            await find_place(pool, made_up)
        assert refused.value.status == 400


async def test_the_latest_events_of_an_academy_are_those_that_were_published_the_newest_first(
    make_migrated_pool: MakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = await make_migrated_pool()
    await publish(pool, "a", 1, 2)
    await publish(pool, "ab", 3)
    await publish(pool, "a", 4, topic="other")
    await publish(pool, "a", 5)
    await relayed(pool)
    await publish(pool, "a", 6)

    async def numbers(limit: int = 10) -> list[int]:
        return [event["data"]["n"] for event in await latest(pool, "a", [TOPIC], limit)]

    assert await numbers() == [5, 2, 1]
    assert await numbers(2) == [5, 2]
    assert (await latest(pool, "a", [TOPIC], 1))[0]["type"] == "test.happened.v1"
    monkeypatch.setattr(streaming, "LOOKED_AT", 2)
    assert await numbers() == [5], "only among the last that were published"
