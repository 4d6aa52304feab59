"""Looking people up touches those who are found, and not the others: counted, since counts are the same on any machine."""

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

import pytest

from chassis.database import Connection, Pool, only_index_plans
from chassis.testing import MakePool
from user_service import store
from user_service.domain.person import InvitationState, User
from user_service.people import Filter, list_people

PEOPLE = 4_000
LIMIT = 20


@pytest.fixture
async def pool(make_migrated_pool: MakePool, academy: str) -> Pool:
    """A table with many people in two academies; in each of 40 departments a hundred, one of them in the wrong company."""
    pool = await make_migrated_pool(("user-service", files("user_service") / "migrations"))
    async with pool.acquire() as connection:
        for name in (academy, "neighbour"):
            await store.insert_users(connection, {(name, f"{n:05d}"): person(name, n) for n in range(PEOPLE)})
        await connection.execute("ANALYZE person")
    return pool


def person(academy: str, n: int) -> User:
    return User(
        user_id=f"{academy}-{n}",
        number=f"{n:05d}",
        number_key=f"{n:05d}",
        first_name="Eva",
        infix=None,
        last_name=f"Jansen{n % 100}",
        email=f"p{n}@acme.example",
        email_key=f"p{n}@acme.example",
        company_id="moved" if n < 40 else f"c{n % 40 % 4}",
        department_id=f"{academy}-d{n % 40}",
        function_ids=("f1",),
        cost_centre=None,
        language="nl",
        active=n % 200 != 0,
        deleted=n % 250 == 1,
        version=1,
        invitation=InvitationState(status="failed" if n % 300 == 2 else "waiting"),
    )


async def touched(connection: Connection, look: Callable[[], Awaitable[Any]]) -> int:
    """How many rows of the table were read for it."""

    async def so_far() -> int:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        counts = "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'person'"
        return int(await connection.fetchval(counts))

    before = await so_far()
    await look()
    return await so_far() - before


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"company": "c1"},
        {"company": "nobody"},
        {"status": "active"},
        {"status": "inactive"},
        {"status": "deleted"},
        {"invitation": "failed"},
        {"invitation": "expired"},
        {"invitation": "failed", "status": "inactive", "company": "c2"},
        {"function": "nobody"},
        {"search": "00123"},
        {"search": "nobody"},
        {"search": "eva"},
    ],
    ids=str,
)
async def test_a_page_of_the_list_touches_the_people_on_it(pool: Pool, academy: str, wanted: dict[str, Any]) -> None:
    async with pool.acquire() as connection:
        rows = await touched(
            connection, lambda: list_people(connection, academy, Filter(**wanted), after="", limit=LIMIT)
        )
    assert rows <= 2 * LIMIT, wanted


async def test_those_whose_department_has_moved_are_found_among_its_people(pool: Pool, academy: str) -> None:
    found: dict[Any, list[str]] = {}

    async def look() -> None:
        async with connection.transaction():
            await only_index_plans(connection)
            places = {(academy, f"{academy}-d{n}"): f"c{n % 4}" for n in range(10)}
            found.update(await store.find_left_behind(connection, places))

    async with pool.acquire() as connection:
        assert await touched(connection, look) <= 1_000
    assert {department: len(people) for department, people in found.items()} == {
        (academy, f"{academy}-d{n}"): 1 for n in range(10)
    }


async def test_an_update_touches_those_who_change_and_enters_no_index(pool: Pool, academy: str) -> None:
    keys = [(academy, f"{n:05d}") for n in range(0, PEOPLE, 40)]
    async with pool.acquire() as connection:
        before = await store.load_users(connection, keys, lock=False)
        after = {key: user._replace(cost_centre="K1", version=2) for key, user in before.items()}

        async def update() -> None:
            async with connection.transaction():
                await only_index_plans(connection)
                await store.update_users(connection, before, after)

        assert await touched(connection, update) <= 2 * len(keys)
        assert await store.load_users(connection, keys, lock=False) == after
        entered = "SELECT n_tup_upd - n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'person'"
        assert await connection.fetchval(entered) == 0
