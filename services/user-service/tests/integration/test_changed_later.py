"""Which requests that were set aside would undo what became of their person since."""

import itertools
from importlib.resources import files
from typing import Any

import pytest

from chassis.commands import Commands
from chassis.consuming import SetAside
from chassis.database import Pool
from chassis.records import Record
from chassis.testing import MakePool
from contracts.envelope import Envelope
from contracts.events.org import AcademyChanged, CompanyChanged, DepartmentChanged
from contracts.events.users import DeleteUser, PersonFields, UserRequested
from user_service.applying import Applying
from user_service.changed_later import find_changed_later
from user_service.domain.organisation import build_organisation
from user_service.testing import OneOrganisation, record

_ids = itertools.count(1)


class WithADepartment(OneOrganisation):
    def __init__(self) -> None:
        self.organisation = build_organisation(
            [
                (AcademyChanged(id="a", name="A", default_language="nl", languages=["nl", "en"], revision=7), False),
                (CompanyChanged(id="c1", name="Acme", revision=1), False),
                (DepartmentChanged(id="d1", company_id="c1", name="Sales", revision=1), False),
            ]
        )


class World:
    """Requests that are applied or set aside, one after the other."""

    def __init__(self, pool: Pool, academy: str) -> None:
        self.pool, self.academy = pool, academy

    def request(self, number: str, **fields: Any) -> Record[Any]:
        person = {
            "personnel_number": number,
            "first_name": "Eva",
            "last_name": "Jansen",
            "email": f"{number}@acme.example",
            "company": "Acme",
            "department": "Sales",
        }
        return record(self.academy, UserRequested(mode="upsert", person=PersonFields(**person | fields)))

    async def apply(self, *requests: Record[Any]) -> None:
        await Applying(self.pool, WithADepartment(), Commands(self.pool, "user-service"))(list(requests))

    async def set_aside(self, request: Record[Any], *before: Envelope) -> SetAside:
        return SetAside(f"l{next(_ids)}", request, await self.pool.fetchval("SELECT now()"), before)

    async def changed(self, *letters: SetAside) -> list[bool]:
        async with self.pool.acquire() as connection, connection.transaction():
            found = await find_changed_later(connection, letters)
        return [letter.id in found for letter in letters]


@pytest.fixture
async def world(make_migrated_pool: MakePool, academy: str) -> World:
    return World(await make_migrated_pool(("user-service", files("user_service") / "migrations")), academy)


async def test_a_change_after_the_letter_counts_and_one_before_it_or_of_somebody_else_does_not(world: World) -> None:
    await world.apply(world.request("1"), world.request("2"))
    one, two = await world.set_aside(world.request("1")), await world.set_aside(world.request("2"))
    nobody = await world.set_aside(world.request("3"))
    assert await world.changed(one, two, nobody) == [False] * 3
    await world.apply(world.request("1", first_name="Anna"))
    later = await world.set_aside(world.request("1", last_name="Bakker"))
    assert await world.changed(one, two, nobody, later) == [True, False, False, False]


async def test_what_changed_nothing_does_not_count(world: World) -> None:
    await world.apply(world.request("1"))
    letter = await world.set_aside(world.request("1"))
    await world.apply(world.request("1"), world.request("1", company="Nowhere"))
    assert await world.changed(letter) == [False]


async def test_somebody_who_was_added_or_deleted_since_was_changed(world: World) -> None:
    added = await world.set_aside(world.request("1"))
    await world.apply(world.request("1"))
    deleted = await world.set_aside(record(world.academy, DeleteUser(personnel_number="1")))
    await world.apply(record(world.academy, DeleteUser(personnel_number="1")))
    assert await world.changed(added, deleted) == [True, True]


async def test_requests_before_it_that_were_sent_again_are_the_order_as_it_was_meant(world: World) -> None:
    first, second = world.request("1"), world.request("1", first_name="Anna")
    await world.set_aside(first)
    letter = await world.set_aside(second, first.envelope)
    alone = await world.set_aside(second)
    await world.apply(first)
    assert await world.changed(letter, alone) == [False, True]
    await world.apply(world.request("1", first_name="Zoë"))
    assert await world.changed(letter) == [True]


async def test_a_request_before_it_that_changed_nothing_hides_no_change(world: World) -> None:
    first = world.request("1")
    letter = await world.set_aside(world.request("1", first_name="Anna"), first.envelope)
    await world.apply(world.request("1"))
    await world.apply(first)
    assert await world.changed(letter) == [True]
