"""What happens when things die, stall, or happen in two places at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from contracts.events.imports import ImportCompleted
from import_service import intake, store
from import_service.reading.reader import Reading, RowChunk
from import_service.reading.refused import FileRefused
from import_service.turns import CHUNK, WINDOW


async def test_a_restarted_service_goes_on_after_the_cursor(world: Any, tools: Any) -> None:
    import_id = await world.upload(tools.csv(WINDOW + 2000))
    await world.read()
    first = await world.feed()
    assert WINDOW - CHUNK < len(first) <= WINDOW
    await world.one.feeder._pool.execute("DELETE FROM lease")
    again = world.instance()
    assert await world.feed(again) == [], "the window is full"
    await world.answer(first[:3000], tools.creates)
    rest = await world.feed(again)
    assert len(first) + len(rest) == WINDOW + 2000
    await world.answer([*first[3000:], *rest], tools.creates)
    document = await world.get(import_id)
    assert (document["state"], document["created"]) == ("checked", WINDOW + 2000)


async def test_what_was_not_acknowledged_is_sent_again_with_the_same_ids(world: Any, tools: Any) -> None:
    import_id = await world.upload(tools.csv(CHUNK))
    await world.read()
    world.broker.fails = True
    with pytest.raises(tools.BrokerIsDown):
        await world.feed()
    assert (await world.get(import_id))["stalled"]["reason"] == "broker"
    some = world.broker.take()
    world.broker.fails = False
    everything = await world.feed()
    assert {e.envelope.id for e in some} < {e.envelope.id for e in everything}
    assert len(everything) == CHUNK
    assert (await world.get(import_id))["stalled"] is None
    await world.answer([*some, *everything], tools.creates)
    assert (await world.get(import_id))["created"] == CHUNK


async def test_only_one_instance_feeds_at_a_time_and_a_frozen_one_moves_no_cursor(world: Any, tools: Any) -> None:
    await world.upload(tools.csv(2000))
    await world.read()
    other = world.instance()
    assert await world.one.feeder._hold_lease()
    assert await world.feed(other) == []
    [feed] = await store.open_feeds(world.pool)
    await world.feed()
    await store.advance(world.pool, feed, 600, 500)
    [now] = await store.open_feeds(world.pool)
    assert (now.cursor, now.sent) == (2001, 2000)


async def test_rows_without_an_answer_are_sent_again_with_a_higher_attempt_until_one_comes(
    world: Any, tools: Any
) -> None:
    import_id = await world.upload(tools.csv(5))
    await world.read()
    checks = await world.feed()
    await world.answer(checks[:2], tools.creates)
    await world.pool.execute("DELETE FROM lease")
    patient = world.instance(stall_after=0.0)
    await patient.feeder.step()
    again = world.broker.take()
    assert sorted(e.envelope.request_id for e in again) == ["4", "5", "6"]
    assert {e.envelope.attempt for e in again} == {2}
    assert {e.envelope.id for e in again} < {e.envelope.id for e in checks}
    document = await world.get(import_id)
    assert (document["state"], document["stalled"]["reason"]) == ("checking", "no_answer")
    await patient.feeder.step()
    assert {e.envelope.attempt for e in world.broker.take()} == {3}
    await world.answer(checks[2:], tools.creates)
    await world.answer(again, tools.creates)
    document = await world.get(import_id)
    assert (document["state"], document["stalled"], document["created"]) == ("checked", None, 5)


async def test_two_instances_count_an_import_together_and_complete_it_once(world: Any, tools: Any) -> None:
    import_id = await world.checked(tools.csv(4000))
    await world.start(import_id)
    requests = await world.feed()
    other = world.instance()
    batches = [requests[i : i + 200] for i in range(0, len(requests), 200)]
    await asyncio.gather(
        *(
            world.answer(batch + batches[(i * 7) % 20][:50], tools.creates, instance=world.one if i % 2 else other)
            for i, batch in enumerate(batches)
        )
    )
    document = await world.get(import_id)
    assert (document["state"], document["created"]) == ("completed", 4000)
    assert len([event for event in await world.events() if isinstance(event, ImportCompleted)]) == 1


async def test_batches_over_several_imports_in_crossed_order_do_not_lock_each_other_out(world: Any, tools: Any) -> None:
    ids = [await world.upload(tools.csv(300)) for _ in range(3)]
    await world.read()
    checks = await world.feed()
    other = world.instance()
    parts = [checks[i::9] for i in range(9)]
    await asyncio.gather(
        *(
            world.answer(part[::-1] if i % 2 else part, tools.creates, instance=world.one if i % 2 else other)
            for i, part in enumerate(parts)
        )
    )
    for import_id in ids:
        assert (await world.get(import_id))["created"] == 300


def between_chunks(monkeypatch: pytest.MonkeyPatch, do: Callable[[], Awaitable[None]]) -> None:
    """Have something happen whenever 1,000 rows are stored and the file has more."""
    chunks = Reading.__aiter__

    async def interrupted(reading: Reading) -> AsyncIterator[RowChunk]:
        async for chunk in chunks(reading):
            yield chunk
            await do()

    monkeypatch.setattr(Reading, "__aiter__", interrupted)
    monkeypatch.setattr(intake, "COPY_ROWS", 1_000)


async def test_a_file_whose_reader_died_is_read_on_by_another_and_no_row_of_it_is_checked_twice(
    world: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die() -> None:
        await world.pool.execute("UPDATE import SET read_epoch = 2")  # so that it does not give back its claim
        raise asyncio.CancelledError

    twice = "7;Jan;Jansen;other@acme.example;Acme;Verkoop;x;x"
    import_id = await world.upload(tools.csv(1_500, twice))
    with monkeypatch.context() as dying:
        between_chunks(dying, die)
        with pytest.raises(asyncio.CancelledError):
            await world.read()
    checks = await world.feed()
    await world.answer(checks, tools.creates)
    document = await world.get(import_id)
    assert (document["state"], document["rows"], document["done"], document["reading"]) == (
        "checking",
        1_000,
        1_000,
        True,
    )
    assert (await world.document(import_id))["results"][0]["outcome"] == "created"

    assert await store.claim_unread(world.pool, 30.0) is None
    await world.pool.execute("UPDATE import SET lease_until = now() - interval '1 second'")
    await world.read()
    more = await world.feed()
    assert sorted(int(check.envelope.request_id) for check in checks + more) == list(range(2, 1_503))
    await world.answer(more, tools.creates)
    document = await world.get(import_id)
    assert (document["state"], document["reading"], document["rows"]) == ("checked", False, 1_501)
    assert (document["created"], document["rejected"]) == (1_500, 1)
    assert not await store.keep_claim(world.pool, import_id, 2, 30.0)


async def test_a_file_that_is_refused_amidst_its_rows_leaves_nothing_of_what_was_checked(
    world: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[Any] = []

    async def answer_and_refuse() -> None:
        checks = await world.feed()
        await world.answer(checks[:900], tools.creates)
        late.extend(checks[900:])
        assert (await world.get(import_id))["created"] == 900
        raise FileRefused("too_many_rows", limit=250_000)

    import_id = await world.upload(tools.csv(1_500))
    between_chunks(monkeypatch, answer_and_refuse)
    await world.read()
    await world.answer(late, tools.creates)
    document = await world.get(import_id)
    assert (document["state"], document["reading"]) == ("refused", False)
    assert (document["rows"], document["created"], document["invited"], document["done"]) == (0, 0, 0, 0)
    assert [error["code"] for error in document["errors"]] == ["too_many_rows"]
    assert (await world.document(import_id))["results"] == []
    for table in ("import_row", "answer"):
        assert await world.pool.fetchval(f"SELECT count(*) FROM {table}") == 0
    assert await world.said() == ["ImportUploaded", "ImportRefused"]


async def test_two_readers_take_different_files(world: Any, tools: Any) -> None:
    ids = {await world.upload(tools.csv(2)), await world.upload(tools.csv(3))}
    other = world.instance()
    await asyncio.gather(world.one.intake.read_next(), other.intake.read_next())
    assert {(await world.get(i))["rows"] for i in ids} == {2, 3}


async def test_academies_take_turns_in_the_window(world: Any, tools: Any) -> None:
    world.know(f"{world.academy}-b")
    await world.upload(tools.csv(WINDOW + 4000))
    await world.read()
    await world.one.feeder.step()
    small = await world.upload(tools.csv(200), academy=f"{world.academy}-b")
    await world.read()
    world.broker.take()
    await world.one.feeder.step()
    sent = world.broker.take()
    assert sum(e.envelope.academy != world.academy for e in sent) == 200, small
    assert len(sent) <= 4 * CHUNK


async def test_an_import_of_long_ago_keeps_its_counts_and_nothing_else(world: Any, tools: Any) -> None:
    from import_service import use_cases

    old = await world.checked(tools.csv(3))
    new = await world.checked(tools.csv(2))
    await world.pool.execute("UPDATE import SET created_at = now() - interval '31 days' WHERE id = $1", old)
    await store.add_upload_chunk(world.pool, "01990000-0000-7000-8000-00000000dead", 0, b"never finished")
    await world.pool.execute("UPDATE upload_chunk SET created_at = now() - interval '2 days'")
    await use_cases.purge(world.pool)
    assert (await world.document(old))["results"] == []
    assert (await world.document(old))["created"] == 3
    assert len((await world.document(new))["results"]) == 2
    left = await world.pool.fetch("SELECT DISTINCT import_id FROM upload_chunk")
    assert [str(r["import_id"]) for r in left] == [new]
    too_late = await world.start(old)
    assert (too_late.status_code, too_late.json()["code"]) == (410, "too_old")
    assert (await world.get(old))["state"] == "checked"


async def test_an_import_that_runs_is_not_forgotten_however_old_it_is(world: Any, tools: Any) -> None:
    from import_service import use_cases

    import_id = await world.checked(tools.csv(3))
    await world.start(import_id)
    await world.pool.execute("UPDATE import SET created_at = now() - interval '40 days'")
    await use_cases.purge(world.pool)
    await world.through(import_id, tools.creates)
    assert (await world.document(import_id))["created"] == 3


async def test_a_reader_that_was_taken_for_dead_clears_none_of_its_successors_rows(
    world: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = await world.upload(tools.csv(10))
    late = world.instance()
    claim_unread = store.claim_unread

    async def claimed_and_frozen(on: Any, lease: float) -> Any:
        record = await claim_unread(on, lease)
        monkeypatch.setattr(store, "claim_unread", claim_unread)
        await world.pool.execute("UPDATE import SET lease_until = now() - interval '1 second'")
        await world.read()
        return record

    monkeypatch.setattr(store, "claim_unread", claimed_and_frozen)
    await late.intake.read_next()
    assert await world.pool.fetchval("SELECT count(*) FROM import_row WHERE import_id = $1", import_id) == 10


async def test_the_file_of_an_academy_does_not_wait_for_many_files_of_another(world: Any, tools: Any) -> None:
    world.know(f"{world.academy}-b")
    for _ in range(5):
        await world.upload(tools.csv(1))
    other = await world.upload(tools.csv(1), academy=f"{world.academy}-b")
    await world.one.intake.read_next()
    await world.one.intake.read_next()
    assert await world.pool.fetchval("SELECT rows FROM import WHERE id = $1", other) == 1
