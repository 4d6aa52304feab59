"""What a row costs: statements and rows touched, which are stable where times are not."""

from typing import Any

import pytest


async def test_a_batch_costs_as_many_statements_for_a_thousand_rows_as_for_ten(
    world: Any, tools: Any, statements: list[str]
) -> None:
    import_id = await world.upload(tools.csv(2000))
    await world.read()
    checks = await world.feed()
    counts = []
    await world.answer(checks[1010:1012], tools.creates)  # what a connection asks about types, it asks once
    for batch in (checks[:10], checks[10:1010]):
        await world.pool.execute("UPDATE import SET progressed_at = now()")
        statements.clear()
        await world.answer(batch, tools.creates)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 8
    assert (await world.get(import_id))["done"] == 1012


async def test_sending_costs_a_fixed_number_of_statements_for_each_round(
    world: Any, tools: Any, statements: list[str]
) -> None:
    await world.upload(tools.csv(2200))
    await world.read()
    await world.one.feeder.step()
    assert 1500 < len(world.broker.take()) <= 2000
    statements.clear()
    await world.one.feeder.step()
    few = [s for s in statements if "RESET ALL" not in s and "INTO lease" not in s]  # the lease is renewed by time
    assert 0 < len(world.broker.take()) < 500
    assert len(few) <= 3, few


async def _touched(world: Any) -> int:
    await world.pool.execute("SELECT pg_stat_force_next_flush()")
    for connection in [await world.pool.acquire() for _ in range(world.pool.get_size())]:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        await world.pool.release(connection)
    return int(
        await world.pool.fetchval(
            """SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables
               WHERE relname IN ('import_row', 'answer')"""
        )
    )


@pytest.mark.slow
async def test_rows_touched_per_imported_row_do_not_grow_with_the_size_of_the_tables(world: Any, tools: Any) -> None:
    costs = []
    for rows in (2_000, 20_000):
        before = await _touched(world)
        import_id = await world.checked(tools.csv(rows))
        await world.start(import_id)
        await world.through(import_id, tools.creates)
        assert (await world.get(import_id))["state"] == "completed"
        costs.append((await _touched(world) - before) / rows)
    assert costs[1] < costs[0] * 1.2 + 1, costs
