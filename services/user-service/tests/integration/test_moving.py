"""A department moves to another company: on real PostgreSQL, its people follow, once, whatever else happens."""

import asyncio
from importlib.resources import files
from typing import Any

import orjson
import pytest

from chassis.commands import Commands
from chassis.database import Connection, Pool
from chassis.records import Record, decode_headers
from chassis.testing import MakePool, eventually
from contracts.envelope import Envelope
from contracts.events.org import AcademyChanged, CompanyChanged, DepartmentChanged
from contracts.events.users import DeleteUser, PersonFields, UserRequested
from user_service import moving, store
from user_service.applying import Applying
from user_service.domain.organisation import Organisation, build_organisation
from user_service.moving import Moving
from user_service.people import Filter, history, list_people
from user_service.testing import taken


class Academies:
    """Academies of two companies; the department `d1` of each begins in the first."""

    def __init__(self, *academies: str) -> None:
        self.now = {academy: self.revision(academy, 1, "c1") for academy in academies}
        self.coming: dict[str, Organisation] = {}
        """What other instances know already, and this one once it has missed it."""
        self.missed = False

    def revision(self, academy: str, revision: int, company: str) -> Organisation:
        academy_now = AcademyChanged(id=academy, name="A", default_language="nl", languages=["nl"], revision=revision)
        return build_organisation(
            [
                (academy_now, False),
                (CompanyChanged(id="c1", name="Acme", revision=1), False),
                (CompanyChanged(id="c2", name="Beta", revision=1), False),
                (DepartmentChanged(id="d1", company_id=company, name="Sales", revision=revision), False),
                (DepartmentChanged(id="d2", company_id="c1", name="Stock", revision=1), False),
            ]
        )

    def of(self, academy: str) -> Organisation:
        return self.now[academy]

    async def wait_for(self, pool: Pool, revisions: dict[str, int]) -> None:
        if self.missed:
            self.now |= {academy: self.coming.pop(academy) for academy in revisions if academy in self.coming}

    async def are_current(self, connection: Connection, academies: set[str]) -> bool:
        self.missed = bool(academies & self.coming.keys())
        return not self.missed

    def move(self, academy: str, company: str) -> Record[Any]:
        """The department's event; the structure here is as new."""
        revision = self.now[academy].revision + 1
        self.now[academy] = self.revision(academy, revision, company)
        return self.event(academy, revision, company)

    def event(self, academy: str, revision: int, company: str) -> Record[Any]:
        message = DepartmentChanged(id="d1", company_id=company, name="Sales", revision=revision)
        envelope = Envelope(
            id=f"e{revision}",
            type=message.TYPE,
            source="org",
            academy=academy,
            actor="user:admin",
            correlation_id="why",
            request_source="hr",
            request_id="r1",
            org_revision=revision,
        )
        return Record("cluster", "org.structure", 0, revision, f"{academy}/department/d1", b"{}", envelope, message)


class Running:
    """What user-service does with requests and moves, on one database."""

    def __init__(self, pool: Pool, *academies: str) -> None:
        self.pool, self.academies = pool, Academies(*academies)
        self.apply = Applying(pool, self.academies, Commands(pool, "user-service"))  # type: ignore[arg-type]
        self.move = Moving(pool, self.academies)  # type: ignore[arg-type]
        self._count = 0

    async def ask(self, academy: str, *messages: Any) -> None:
        records = []
        for message in messages:
            self._count += 1
            number = message.person.personnel_number if isinstance(message, UserRequested) else message.personnel_number
            id_ = f"q{self._count}"
            envelope = Envelope(
                id=id_, type=message.TYPE, source="hr", academy=academy, request_source="hr", request_id=id_
            )
            key = f"{academy}/{number}"
            records.append(Record("cluster", "user.requests", 0, self._count, key, b"{}", envelope, taken(message)))
        await self.apply(records)

    async def take_in(self, academy: str, *numbers: str, department: str = "Sales", company: str = "Acme") -> None:
        await self.ask(academy, *(person(number, department=department, company=company) for number in numbers))

    async def companies(self, academy: str) -> dict[str, str]:
        rows = await self.pool.fetch("SELECT number, company_id FROM person WHERE academy = $1", academy)
        return {row["number"]: row["company_id"] for row in rows}

    async def updates(self) -> list[tuple[Envelope, dict[str, Any]]]:
        rows = await self.pool.fetch("SELECT headers, value FROM outbox ORDER BY seq")
        events = [(Envelope.from_headers(decode_headers(row["headers"])), orjson.loads(row["value"])) for row in rows]
        return [(envelope, value) for envelope, value in events if envelope.type == "instroom.user.updated.v1"]


def person(number: str, **fields: str) -> UserRequested:
    known = {"first_name": "Eva", "last_name": "Jansen", "email": f"{number}@acme.example"}
    return UserRequested(person=PersonFields(personnel_number=number, **(known | fields)))  # type: ignore[arg-type]


@pytest.fixture
async def pool(make_migrated_pool: MakePool) -> Pool:
    return await make_migrated_pool(("user-service", files("user_service") / "migrations"))


async def test_people_follow_their_department_each_with_an_event_and_a_line_of_history(
    pool: Pool, academy: str
) -> None:
    running = Running(pool, academy)
    await running.take_in(academy, "1", "2")
    await running.take_in(academy, "3", department="Stock")
    await running.move([running.academies.move(academy, "c2")])
    assert await running.companies(academy) == {"1": "c2", "2": "c2", "3": "c1"}
    updates = await running.updates()
    assert [envelope.subject for envelope, _ in updates] == ["1", "2"]
    envelope, value = updates[0]
    assert value["changes"] == {"company": ["Acme", "Beta"]}
    assert (value["version"], value["org_revision"]) == (2, 2)
    assert value["person"]["company"] == {"id": "c2", "name": "Beta"}
    assert value["person"]["department"] == {"id": "d1", "name": "Sales"}
    assert (envelope.actor, envelope.correlation_id, envelope.causation_id) == ("user:admin", "why", "e2")
    assert (envelope.request_source, envelope.request_id) == (envelope.source, envelope.id), "nobody asked for it"
    async with pool.acquire() as connection:
        (newest, _) = await history(connection, academy, "1")
        page = await list_people(connection, academy, Filter(company="c2"), after="", limit=10)
    assert (newest["type"], newest["version"], newest["actor"]) == ("updated", 2, "user:admin")
    assert newest["changes"] == {"company": ["Acme", "Beta"]}
    assert [user.number for user in page.users] == ["1", "2"]


async def test_the_same_event_again_an_older_one_and_one_without_a_move_change_nothing(
    pool: Pool, academy: str
) -> None:
    running = Running(pool, academy)
    await running.take_in(academy, "1")
    event = running.academies.move(academy, "c2")
    for again in (event, event, running.academies.event(academy, 1, "c1"), running.academies.move(academy, "c2")):
        await running.move([again])
    assert await running.companies(academy) == {"1": "c2"}
    assert len(await running.updates()) == 1


async def test_people_go_there_and_back_and_are_told_of_both(pool: Pool, academy: str) -> None:
    running = Running(pool, academy)
    await running.take_in(academy, "1")
    await running.move([running.academies.move(academy, "c2")])
    await running.move([running.academies.move(academy, "c1")])
    assert [value["changes"]["company"] for _, value in await running.updates()] == [["Acme", "Beta"], ["Beta", "Acme"]]
    assert await running.companies(academy) == {"1": "c1"}


async def test_the_people_of_another_academy_stay(pool: Pool, academy: str) -> None:
    other = f"{academy}-x"
    running = Running(pool, academy, other)
    for each in (academy, other):
        await running.take_in(each, "1")
    await running.move([running.academies.move(academy, "c2")])
    assert await running.companies(academy) == {"1": "c2"}
    assert await running.companies(other) == {"1": "c1"}
    assert [envelope.academy for envelope, _ in await running.updates()] == [academy]


async def test_somebody_who_is_deleted_follows_unheard_and_comes_back_in_the_new_company(
    pool: Pool, academy: str
) -> None:
    running = Running(pool, academy)
    await running.take_in(academy, "1")
    await running.ask(academy, DeleteUser(personnel_number="1"))
    await running.move([running.academies.move(academy, "c2")])
    assert not await running.updates()
    await running.ask(academy, person("1"))
    (_, value), *_ = await running.updates()
    assert value["restored"] is True
    assert value["person"]["company"]["id"] == "c2"


async def test_a_large_department_follows_in_parts_and_goes_on_after_an_interruption(
    pool: Pool, academy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "AT_ONCE", 40)
    running = Running(pool, academy)
    await running.take_in(academy, *(f"{n:03}" for n in range(100)))
    event = running.academies.move(academy, "c2")
    write, parts = store.update_users, list[int]()

    async def interrupted(connection: Connection, before: dict[Any, Any], after: dict[Any, Any]) -> None:
        parts.append(len(after))
        if len(parts) == 2:
            raise ConnectionResetError
        await write(connection, before, after)

    monkeypatch.setattr(store, "update_users", interrupted)
    with pytest.raises(ConnectionResetError):
        await running.move([event])
    assert sorted((await running.companies(academy)).values()).count("c2") == 40
    await running.move([event])
    assert parts == [40, 40, 40, 20]
    assert set((await running.companies(academy)).values()) == {"c2"}
    assert sorted(envelope.subject for envelope, _ in await running.updates()) == [f"{n:03}" for n in range(100)]


async def test_nobody_is_left_behind_by_a_decision_made_before_the_move_and_written_after_it(
    pool: Pool, academy: str
) -> None:
    running = Running(pool, academy)
    await running.take_in(academy, "1")
    waiting = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    async with pool.acquire() as connection, connection.transaction():
        await store.lock_places(connection, [academy], shared=True)
        move = asyncio.create_task(running.move([running.academies.move(academy, "c2")]))
        await eventually(lambda: pool.fetchval(waiting), what="the move waits")
        await copy_of(connection, academy, "1", "2")
    await asyncio.wait_for(move, 30)
    assert await running.companies(academy) == {"1": "c2", "2": "c2"}


async def test_a_decision_with_an_organisation_that_became_old_is_made_again(pool: Pool, academy: str) -> None:
    running = Running(pool, academy)
    running.academies.coming[academy] = running.academies.revision(academy, 2, "c2")
    await running.take_in(academy, "1", company="Beta")
    assert await running.companies(academy) == {"1": "c2"}


async def test_a_move_waits_until_its_revision_is_known_here(pool: Pool, academy: str) -> None:
    running = Running(pool, academy)
    await running.take_in(academy, "1")
    with pytest.raises(TimeoutError):
        await running.move([running.academies.event(academy, 2, "c2")])
    assert await running.companies(academy) == {"1": "c1"}


async def test_the_old_company_is_wrong_for_the_department_and_right_again_when_it_comes_back(
    pool: Pool, academy: str
) -> None:
    running = Running(pool, academy)
    await running.take_in(academy, "1")
    await running.move([running.academies.move(academy, "c2")])
    await running.take_in(academy, "1", "2", company="Beta")
    await running.take_in(academy, "3", company="Acme")
    assert await running.companies(academy) == {"1": "c2", "2": "c2"}
    errors = await pool.fetchval("SELECT value FROM outbox ORDER BY seq DESC LIMIT 1")
    (error,) = orjson.loads(errors)["errors"]
    assert (error["code"], error["params"]["others"]) == ("department_not_in_company", ["Beta"])
    await running.move([running.academies.move(academy, "c1")])
    await running.take_in(academy, "3", company="Acme")
    assert await running.companies(academy) == {"1": "c1", "2": "c1", "3": "c1"}


async def copy_of(connection: Connection, academy: str, number: str, copy: str) -> None:
    """Somebody else in the same place."""
    user = (await store.load_users(connection, [(academy, number)], lock=False))[academy, number]
    await store.insert_users(connection, {(academy, copy): user._replace(number=copy, number_key=copy, user_id=copy)})
