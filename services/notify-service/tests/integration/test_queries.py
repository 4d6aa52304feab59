"""What the service shows, and what its statements cost."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from chassis.access import Verifier
from chassis.database import Connection, Pool, only_index_plans
from chassis.http import Health, make_app
from chassis.testing import ACCESS_KEYS, bearer, eventually
from notify_service import api, store
from notify_service.domain import Plan, Result
from notify_service.use_cases import Academy


@pytest.fixture
async def client(pool: Pool) -> AsyncIterator[httpx.AsyncClient]:
    router = api.make_router(pool, {"acme": Academy("Acme", "nl"), "zeta": Academy("Zeta", "nl")}.get)
    transport = httpx.ASGITransport(app=make_app("notify-service", [router], Health(), Verifier(ACCESS_KEYS)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=bearer()) as client:
        yield client


async def test_an_academy_sees_its_own_invitations_page_by_page(
    client: httpx.AsyncClient, take: Any, people: Any, make_people: Any
) -> None:
    zeta = make_people("zeta")
    await take(*(people.created(str(n), people.invitation()) for n in range(25)))
    await take(zeta.created("1", zeta.invitation()))
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 10}
    while True:
        page = (await client.get("/academies/acme/invitations", params=query)).json()
        seen += [entry["personnel_number"] for entry in page["invitations"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert sorted(seen, key=int) == [str(n) for n in range(25)]
    assert len((await client.get("/academies/zeta/invitations")).json()["invitations"]) == 1


async def test_the_newest_invitations_come_first_where_that_is_asked_for_and_a_status_leaves_out_the_others(
    client: httpx.AsyncClient, take: Any, people: Any, pool: Pool
) -> None:
    ids = sorted(people.invitation() for _ in range(7))
    await take(*(people.created(str(n), id) for n, id in enumerate(ids)))
    await pool.execute("UPDATE mail SET state = 'failed' WHERE number_key IN ('1', '3', '4')")

    async def numbers(**query: Any) -> list[str]:
        seen: list[str] = []
        while True:
            page = (await client.get("/academies/acme/invitations", params=query | {"limit": 2})).json()
            seen += [entry["personnel_number"] for entry in page["invitations"]]
            if page["next"] is None:
                return seen
            query["after"] = page["next"]

    assert await numbers() == ["0", "1", "2", "3", "4", "5", "6"]
    assert await numbers(order="newest") == ["6", "5", "4", "3", "2", "1", "0"]
    assert await numbers(order="newest", status="failed") == ["4", "3", "1"]
    assert await numbers(status="queued") == ["0", "2", "5", "6"]
    assert await numbers(status="withdrawn") == []
    assert (await client.get("/academies/acme/invitations", params={"status": "x"})).status_code == 422


async def test_of_two_mails_of_an_invitation_the_first_is_replaced_also_where_only_that_one_is_shown(
    client: httpx.AsyncClient, take: Any, people: Any, pool: Pool
) -> None:
    await take(people.created("1", people.invitation()))
    await pool.execute("UPDATE mail SET state = 'sent'")
    columns = "academy, invitation_id, number_key, personnel_number, user_version, email, expires_at, queued_at"
    await pool.execute(f"INSERT INTO mail (generation, state, {columns}) SELECT 2, 'queued', {columns} FROM mail")
    for query, replaced in (({"status": "sent"}, True), ({"status": "queued"}, False)):
        (entry,) = (await client.get("/academies/acme/invitations", params=query)).json()["invitations"]
        assert entry["replaced"] is replaced


async def test_an_invitation_says_what_became_of_it_but_not_its_link(
    client: httpx.AsyncClient, take: Any, people: Any, sink: Any, delivering: Any, pool: Pool
) -> None:
    id = people.invitation()
    await take(people.created("1", id))
    async with delivering():
        await eventually(lambda: pool.fetchval("SELECT state = 'sent' FROM mail"))
    answer = await client.get("/academies/acme/invitations")
    (entry,) = answer.json()["invitations"]
    assert entry.pop("sent_at")
    assert entry == {
        "personnel_number": "1",
        "email": "1@example.test",
        "status": "sent",
        "invitation_id": str(id),
        "generation": 1,
        "message_id": f"<1.{id}@mail.example>",
        "attempts": 1,
        "reason": None,
        "replaced": False,
    }
    assert "people.example" not in answer.text


async def test_an_unknown_academy_and_a_broken_cursor_are_problems(client: httpx.AsyncClient) -> None:
    unknown = await client.get("/academies/nobody/invitations")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_academy")
    assert (await client.get("/academies/acme/invitations", params={"after": "x"})).status_code == 422
    assert (await client.get("/academies/acme/invitations", params={"limit": 0})).status_code == 422


async def rows_read(pool: Pool, work: Callable[[Connection], Awaitable[Any]]) -> int:
    """How many rows of `mail` the work reads. What the connection did before is not flushed yet, so it is taken off."""

    async def so_far() -> int:
        return int(
            await conn.fetchval(
                "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'mail'"
            )
        )

    async with pool.acquire() as conn, conn.transaction():
        before = await so_far()
        await work(conn)
        return await so_far() - before


async def claim_a_hundred(conn: Connection) -> None:
    mails, _ = await store.claim(conn, claim=uuid4(), limit=100, after="", lease=30)
    assert len(mails) == 100


async def test_a_claim_reads_no_more_rows_when_the_queue_is_ten_times_as_long(
    take: Any, people: Any, pool: Pool
) -> None:
    await take(*(people.created(str(n), people.invitation()) for n in range(500)))
    short = await rows_read(pool, claim_a_hundred)
    await pool.execute("UPDATE mail SET claim = NULL, due_at = now()")
    await take(*(people.created(str(n), people.invitation()) for n in range(500, 5500)))
    assert short <= 500
    assert await rows_read(pool, claim_a_hundred) <= short + 100


async def test_recording_results_reads_no_more_rows_when_the_queue_is_ten_times_as_long(
    take: Any, people: Any, pool: Pool
) -> None:
    async def record_a_hundred(conn: Connection) -> None:
        mails, _ = claimed.pop()
        done = await store.Transaction(conn).record([Result(mail.key, mail.claim, "sent") for mail in mails])
        assert len(done) == 100

    claimed = []
    costs = []
    for numbers in (range(500), range(500, 5500)):
        await take(*(people.created(str(n), people.invitation()) for n in numbers))
        async with pool.acquire() as conn:
            claimed.append(await store.claim(conn, claim=uuid4(), limit=100, after="", lease=30))
        costs.append(await rows_read(pool, record_a_hundred))
    assert costs[0] <= 500
    assert costs[1] <= costs[0] + 100, costs


async def test_withdrawing_reads_no_more_rows_when_the_queue_is_ten_times_as_long(
    take: Any, people: Any, pool: Pool
) -> None:
    async def withdraw_fifty(conn: Connection) -> None:
        keys = [("acme", invited.pop(), 1) for _ in range(50)]
        await only_index_plans(conn)
        await store.Transaction(conn).write(Plan(withdraw=keys))

    invited: list[UUID] = []
    costs = []
    for numbers in (range(500), range(500, 5500)):
        ids = [people.invitation() for _ in numbers]
        await take(*(people.created(str(n), id) for n, id in zip(numbers, ids, strict=True)))
        invited += ids
        costs.append(await rows_read(pool, withdraw_fifty))
    assert costs[0] <= 250
    assert costs[1] <= costs[0] + 50, costs


async def test_taking_in_a_batch_reads_no_more_rows_when_the_table_is_ten_times_as_big(
    people: Any, pool: Pool, take: Any
) -> None:
    async def lock_a_hundred(conn: Connection) -> None:
        batch = [people.created(f"n{people.invitation()}", people.invitation()) for _ in range(100)]
        await store.Transaction(conn).lock_people([("acme", record.key.partition("/")[2]) for record in batch])

    await take(*(people.created(str(n), people.invitation()) for n in range(500)))
    small = await rows_read(pool, lock_a_hundred)
    await take(*(people.created(str(n), people.invitation()) for n in range(500, 5500)))
    assert await rows_read(pool, lock_a_hundred) <= small + 100


async def test_claims_go_round_the_academies(make_people: Any, take: Any, pool: Pool) -> None:
    for name in ("a", "b", "c"):
        group = make_people(name)
        await take(*(group.created(f"{name}{n}", group.invitation()) for n in range(10)))
    async with pool.acquire() as conn:
        mails, last = await store.claim(conn, claim=uuid4(), limit=6, after="", lease=30)
        assert [mail.key[0] for mail in mails] == ["a", "b", "c", "a", "b", "c"]
        assert last == "c"
        assert await store.claim(conn, claim=uuid4(), limit=6, after="c", lease=30) == ([], None)
        mails, last = await store.claim(conn, claim=uuid4(), limit=1, after="a", lease=30)
        assert [mail.key[0] for mail in mails] == ["b"]
        assert last == "b"


async def test_the_queue_is_measured_by_its_length_and_its_oldest_mail(take: Any, people: Any, pool: Pool) -> None:
    async with pool.acquire() as conn:
        assert await store.queue(conn) == (0, 0.0)
        await take(people.created("1", people.invitation()))
        await conn.execute("UPDATE mail SET queued_at = now() - interval '90 seconds'")
        waiting, age = await store.queue(conn)
    assert waiting == 1
    assert 89 < age < 200


async def test_mails_long_done_with_are_forgotten_a_chunk_at_a_time(
    take: Any, people: Any, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PURGE_CHUNK", 2)
    await take(*(people.created(str(n), people.invitation()) for n in range(5)))
    await pool.execute(
        "UPDATE mail SET queued_at = now() - make_interval(days => CASE number_key WHEN '0' THEN 1 ELSE 200 END),"
        " state = CASE number_key WHEN '1' THEN 'queued' ELSE 'sent' END"
    )
    async with pool.acquire() as conn:
        assert await store.purge(conn), "there may be more"
        assert not await store.purge(conn)
    assert await pool.fetchval("SELECT array_agg(number_key ORDER BY number_key) FROM mail") == ["0", "1"]
