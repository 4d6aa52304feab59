"""Requests that come again to a database that has forgotten them."""

import itertools
from importlib.resources import files
from typing import Any

import orjson
import pytest

from chassis.commands import Commands
from chassis.database import Pool
from chassis.records import Record, new_id, now_text
from chassis.recovery import BITS
from chassis.testing import MakePool
from contracts.envelope import Envelope
from contracts.events.org import AcademyChanged, CompanyChanged, DepartmentChanged
from contracts.events.users import PersonFields, UserRequested
from user_service import store
from user_service.applying import Applying
from user_service.domain.organisation import build_organisation
from user_service.ids import ids_of
from user_service.testing import OneOrganisation, taken

_offsets = itertools.count(1)


class Acme(OneOrganisation):
    """One company with one department."""

    def __init__(self) -> None:
        self.organisation = build_organisation(
            [
                (AcademyChanged(id="a", name="A", default_language="nl", languages=["nl"], revision=1), False),
                (CompanyChanged(id="c1", name="Acme", revision=1), False),
                (DepartmentChanged(id="d1", company_id="c1", name="Sales", revision=1), False),
            ]
        )


@pytest.fixture
async def pool(make_migrated_pool: MakePool) -> Pool:
    return await make_migrated_pool(("user-service", files("user_service") / "migrations"))


def applying(pool: Pool, incarnation: int = 0) -> Applying:
    return Applying(pool, Acme(), Commands(pool, "user-service"), lambda: incarnation << BITS)


def request(academy: str, number: str, **fields: Any) -> Record[Any]:
    person = {
        "personnel_number": number,
        "first_name": "Eva",
        "last_name": "Jansen",
        "email": f"{number}@acme.example",
        "company": "Acme",
        "department": "Sales",
    }
    message = UserRequested(mode="upsert", person=PersonFields(**(person | fields)))
    envelope = Envelope(id=new_id(), type=message.TYPE, source="hr", academy=academy, time=now_text())
    return Record("cluster", "user.requests", 0, next(_offsets), f"{academy}/{number}", b"{}", envelope, taken(message))


async def people(pool: Pool) -> dict[str, Any]:
    return {row["number"]: row for row in await pool.fetch("SELECT * FROM person")}


async def versions(pool: Pool) -> list[int]:
    """What the events tell, in order."""
    return [orjson.loads(row["value"])["version"] for row in await pool.fetch("SELECT value FROM outbox ORDER BY seq")]


async def forget(pool: Pool) -> None:
    await pool.execute("TRUNCATE person, user_address, request_log, person_history")


async def test_somebody_who_is_made_again_is_who_they_were_with_the_same_invitation_and_a_higher_version(
    pool: Pool, academy: str
) -> None:
    asked = [request(academy, str(n), invite=True, active=True) for n in range(3)]
    await applying(pool)(asked)
    before = await people(pool)
    await forget(pool)
    await applying(pool, 1)(asked)
    after = await people(pool)
    for number, row in before.items():
        for name in ("user_id", "invitation_id", "generation"):
            assert after[number][name] == row[name]
        assert (row["version"], after[number]["version"]) == (1, (1 << BITS) + 1)
    assert len({row["user_id"] for row in after.values()} | {row["invitation_id"] for row in after.values()}) == 6
    assert await versions(pool) == [1, 1, 1, *[(1 << BITS) + 1] * 3]


async def test_versions_go_on_above_all_that_was_told_before(pool: Pool, academy: str) -> None:
    await applying(pool)([request(academy, "1")])
    await applying(pool)([request(academy, "1", first_name="Ada")])
    for incarnation in (1, 2):
        async with pool.acquire() as connection, connection.transaction():
            await store.raise_versions(connection, incarnation)
        assert (await people(pool))["1"]["version"] == (incarnation << BITS) + incarnation + 1
        await applying(pool, incarnation)([request(academy, "1", first_name=f"Ada {incarnation}")])
        assert (await people(pool))["1"]["version"] == (incarnation << BITS) + incarnation + 2
    assert 2**53 > (await versions(pool))[-1] > 2**41


@pytest.mark.parametrize("time", ["2026-12-01T09:30:00.123Z", "", "yesterday", "9999999-01-01"])
def test_ids_follow_from_the_request_alone(time: str) -> None:
    def ids(**changes: Any) -> tuple[str, str]:
        return ids_of(Envelope(**{"id": "1", "type": "t", "source": "s", "academy": "a", "time": time} | changes))

    assert ids() == ids(attempt=3)
    different = {*ids(), *ids(id="2"), *ids(source="s2"), *ids(academy="b")}
    assert len(different) == 8
    assert all(len(id_) == 36 and id_[14] == "7" and id_[19] == "8" for id_ in different)
