"""The last administrator of an academy: refused by the plan of an import and when it is carried out alike."""

import asyncio
import itertools
import random
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from chassis.records import Event, Record, new_id
from contracts.envelope import Envelope
from contracts.events.users import (
    DeactivateUser,
    DeleteUser,
    PersonFields,
    Planned,
    RevokeAdministrator,
    UserCheckRequested,
    UserRequested,
)
from user_service.checking import Checking
from user_service.testing import Site, taken

_offsets = itertools.count(1)
LAST = [{"code": "last_administrator", "field": "active"}]


class Replies:
    """Keeps the verdicts."""

    def __init__(self) -> None:
        self.verdicts: dict[str, dict[str, Any]] = {}

    async def send(self, events: Sequence[Event]) -> None:
        for event in events:
            self.verdicts[event.envelope.request_id] = orjson.loads(event.value or b"{}")


class Import:
    """The rows of one import, checked in batches and carried out as import-service does it."""

    def __init__(self, site: Site, **rows: PersonFields) -> None:
        self.site, self.id, self.rows, self.replies = site, new_id(), rows, Replies()
        self._checking = Checking(site.pool, site.organisations, self.replies)  # type: ignore[arg-type]

    async def check(self, *names: str) -> None:
        """One batch."""
        records = []
        for name in names:
            message = UserCheckRequested(person=self.rows[name])
            envelope = Envelope(
                id=f"{self.id}/{name}",
                type=message.TYPE,
                source="test",
                academy=self.site.academy,
                correlation_id=self.id,
                request_source="import",
                request_id=name,
            )
            key = f"{self.site.academy}/{message.person.personnel_number}"
            records.append(Record("cluster", "user.checks", 0, next(_offsets), key, b"{}", envelope, taken(message)))
        await self._checking(records)

    def refused(self) -> list[str]:
        """The rows that the plan refuses as those of the last administrator, of those that were checked."""
        return sorted(name for name, verdict in self.replies.verdicts.items() if verdict.get("errors") == LAST)

    def planned(self) -> list[UserRequested]:
        """The requests of the rows that were not refused."""
        return [
            UserRequested(
                person=self.rows[name],
                planned=Planned(**{key: verdict[key] for key in ("outcome", "user_version", "org_revision")}),
            )
            for name, verdict in self.replies.verdicts.items()
            if verdict["outcome"] != "rejected"
        ]


async def academy_of(site: Site, *numbers: str) -> None:
    """An academy with these administrators."""
    for number in numbers:
        await site.administrator(number=number, email=f"{number}@acme.example", password=None)


async def administrators(site: Site) -> set[str]:
    rows = await site.pool.fetch("SELECT number FROM person WHERE administrator AND active AND NOT deleted")
    return {row["number"] for row in rows}


async def outcomes(site: Site) -> list[dict[str, Any]]:
    return [orjson.loads(row["value"]) for row in await site.pool.fetch("SELECT value FROM outbox ORDER BY seq")]


def away(*numbers: str) -> dict[str, PersonFields]:
    return {number: PersonFields(personnel_number=number, active="-") for number in numbers}


@pytest.mark.parametrize("order", list(itertools.permutations("123")))
@pytest.mark.parametrize("sizes", [(3,), (2, 1), (1, 1, 1)])
async def test_an_import_of_all_administrators_keeps_one_in_plan_and_outcome_alike(
    site: Site, order: tuple[str, ...], sizes: tuple[int, ...]
) -> None:
    await academy_of(site, "1", "2", "3")
    one = Import(site, **away("1", "2", "3"))
    left = list(order)
    for size in sizes:
        await one.check(*left[:size])
        del left[:size]
    (kept,) = one.refused()
    requests = one.planned()
    random.Random(7).shuffle(requests)
    for request in requests:
        await site.apply(request)
    assert await administrators(site) == {kept}
    assert not any("errors" in outcome for outcome in await outcomes(site))


async def test_batches_that_are_checked_at_the_same_time_know_of_each_other(site: Site) -> None:
    numbers = [str(n) for n in range(8)]
    await academy_of(site, *numbers)
    one = Import(site, **away(*numbers))
    await asyncio.gather(*(one.check(number) for number in numbers))
    (kept,) = one.refused()
    await asyncio.gather(*(site.apply(request) for request in one.planned()))
    assert await administrators(site) == {kept}


async def test_a_batch_that_comes_again_gets_the_same_verdicts(site: Site) -> None:
    await academy_of(site, "1", "2")
    one = Import(site, **away("1", "2"))
    await one.check("2")
    await one.check("1")
    told = dict(one.replies.verdicts)
    for _ in range(2):
        await one.check("1", "2")
        await one.check("2")
    assert one.replies.verdicts == told
    assert one.refused() == ["1"]


async def test_imports_know_nothing_of_each_other_and_the_later_start_is_refused(site: Site) -> None:
    await academy_of(site, "1", "2")
    one, other = Import(site, **away("1")), Import(site, **away("2"))
    await one.check("1")
    await other.check("2")
    assert one.refused() == other.refused() == []
    await asyncio.gather(*(site.apply(*each.planned()) for each in (one, other)))
    assert [outcome["errors"] for outcome in await outcomes(site) if "errors" in outcome] == [LAST]
    assert len(await administrators(site)) == 1


@pytest.mark.parametrize("command", [DeactivateUser, DeleteUser, RevokeAdministrator])
async def test_a_command_between_two_batches_counts_in_the_plan(site: Site, command: Any) -> None:
    await academy_of(site, "1", "2", "3")
    one = Import(site, **away("1", "2"))
    await one.check("1")
    await site.apply(command(personnel_number="3"))
    await one.check("2")
    assert one.refused() == ["2"]
    await site.apply(*one.planned())
    assert await administrators(site) == {"2"}


@pytest.mark.parametrize("command", [DeactivateUser, DeleteUser, RevokeAdministrator])
async def test_a_command_at_the_same_time_as_the_start_leaves_one(site: Site, command: Any) -> None:
    await academy_of(site, "1", "2", "3")
    one = Import(site, **away("1", "2"))
    await one.check("1", "2")
    assert one.refused() == []
    await asyncio.gather(*(site.apply(request) for request in one.planned()), site.apply(command(personnel_number="3")))
    assert len(await administrators(site)) == 1
    (errors,) = [outcome["errors"] for outcome in await outcomes(site) if "errors" in outcome]
    assert errors[0]["code"] == "last_administrator"


async def test_a_row_that_is_refused_for_another_reason_takes_nobody_away(site: Site) -> None:
    await academy_of(site, "1", "2")
    wrong = PersonFields(personnel_number="1", active="-", email="no address")
    one = Import(site, **{"1": wrong} | away("2"))
    await one.check("1")
    await one.check("2")
    assert one.refused() == []
    assert one.replies.verdicts["2"]["outcome"] == "updated"


async def test_everything_that_is_wrong_with_the_row_of_the_last_administrator_is_told_at_once(site: Site) -> None:
    await academy_of(site, "1")
    one = Import(site, row=PersonFields(personnel_number="1", active="-", email="no address"))
    await one.check("row")
    codes = {error["code"] for error in one.replies.verdicts["row"]["errors"]}
    assert "last_administrator" in codes
    assert len(codes) == 2


async def test_whom_the_import_lets_in_again_is_not_counted_on(site: Site) -> None:
    await academy_of(site, "1", "2")
    await site.apply(DeactivateUser(personnel_number="2"))
    back = {"2": PersonFields(personnel_number="2", active="x")}
    for order in ("12", "21"):
        one = Import(site, **away("1") | back)
        for name in order:
            await one.check(name)
        assert one.refused() == ["1"]
    await site.apply(*one.planned())
    assert await administrators(site) == {"1", "2"}
