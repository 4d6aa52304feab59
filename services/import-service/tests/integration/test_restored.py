"""What the service does for a restored database and for another broker, before it goes on."""

from typing import Any

from import_service import store


async def incarnate(world: Any, incarnation: int) -> None:
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("UPDATE outbox_cursor SET incarnation = $1", incarnation)
        await store.ask_with_a_higher_attempt(connection, incarnation)


async def test_rows_that_it_has_forgotten_to_have_sent_are_asked_so_that_they_are_answered_again(
    world: Any, tools: Any
) -> None:
    import_id = await world.upload(tools.csv(5))
    await world.read()
    await incarnate(world, 1)
    checks = await world.feed()
    assert {event.envelope.attempt for event in checks} == {2}
    await world.answer(checks, tools.creates)
    await world.start(import_id)
    requests = await world.feed()
    assert {event.envelope.attempt for event in requests} == {2}
    await world.answer(requests, tools.creates)
    assert (await world.get(import_id))["created"] == 5


async def test_an_import_that_was_checked_before_the_dump_is_started_with_a_higher_attempt(
    world: Any, tools: Any
) -> None:
    import_id = await world.checked(tools.csv(3))
    await incarnate(world, 2)
    await world.start(import_id)
    assert {event.envelope.attempt for event in await world.feed()} == {3}


async def test_another_broker_is_asked_again_at_once_for_what_has_no_answer_and_for_nothing_else(
    world: Any, tools: Any
) -> None:
    import_id = await world.upload(tools.csv(5))
    await world.read()
    checks = await world.feed()
    await world.answer(checks[:2], tools.creates)
    await world.pool.execute("DELETE FROM lease")
    async with world.pool.acquire() as connection, connection.transaction():
        await store.ask_again_at_once(connection)
    again = await world.feed(world.instance(stall_after=600.0))
    assert sorted(event.envelope.request_id for event in again) == ["4", "5", "6"]
    await world.answer(again, tools.creates)
    assert (await world.get(import_id))["state"] == "checked"
