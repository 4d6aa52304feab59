"""Commands on a real database."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from chassis.commands import Commands
from chassis.database import Connection
from chassis.records import new_id
from contracts.events import org
from org_service.store import Transaction
from org_service.use_cases import apply_commands

FILE = org.ApplyStructure.model_validate(
    {
        "academy": {"name": "Demo Academy", "languages": ["nl", "en"]},
        "companies": [{"name": "Acme BV", "code": "ACME", "departments": [{"name": "Verkoop"}, {"name": "Inkoop"}]}],
        "functions": [{"name": "Adviseur", "learning_activities": ["Privacy basis", "Veilig werken"]}],
    }
)


class OneConnection:
    """The store on a connection that a test listens to."""

    def __init__(self, connection: Connection, commands: Commands) -> None:
        self.connection, self.commands = connection, commands

    async def run(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        async with self.connection.transaction():
            return await work(Transaction(self.connection, self.commands))


def types(events: list[Any]) -> list[str]:
    return [envelope.type.split(".")[2] for _, envelope, _ in events]


async def test_a_file_is_applied_in_one_revision_with_the_academy_last(service: Any) -> None:
    await service.give(FILE)
    events = await service.events()
    assert types(events) == [
        "company-changed",
        "department-changed",
        "department-changed",
        "function-changed",
        "academy-changed",
    ]
    assert {envelope.org_revision for _, envelope, _ in events} == {1}
    assert events[-1][0] == f"{service.academy}/academy/{service.academy}"
    assert (await service.structure())["revision"] == 1


async def test_a_batch_of_commands_raises_the_revision_once(service: Any) -> None:
    await service.give(FILE)
    await service.give(*[org.DefineDepartment(company="ACME", name=f"Afdeling {n}") for n in range(20)])
    later = (await service.events())[5:]
    assert len(later) == 21
    assert {envelope.org_revision for _, envelope, _ in later} == {2}
    assert types(later)[-1] == "academy-changed"


async def test_the_same_file_again_raises_no_revision_and_publishes_nothing(service: Any) -> None:
    await service.give(FILE)
    before = await service.events()
    again = service.record(FILE)
    await service.handle([again])
    assert await service.events() == before
    assert await service.outcome(again.envelope.id) == (1, {"code": "applied", "revision": 1, "changed": False})


async def test_a_rename_is_kept_with_the_former_name(service: Any) -> None:
    await service.give(FILE)
    before = await service.structure()
    await service.give(org.RenameUnit(kind="company", unit="Acme BV", name="Acme Groep"))
    (company,) = (await service.structure())["companies"]
    assert (company["name"], company["former_names"]) == ("Acme Groep", ["Acme BV"])
    assert company["id"] == before["companies"][0]["id"]
    assert company["departments"] == before["companies"][0]["departments"]
    assert (await service.events())[5][2]["former_names"] == ["Acme BV"]


async def test_a_department_that_moves_is_one_event_and_keeps_its_id_and_its_key(service: Any) -> None:
    await service.give(FILE, org.DefineCompany(name="Beta"))
    before = await service.events()
    move = org.MoveDepartment(department="Verkoop", to="Beta")
    await service.give(move)
    await service.give(move)
    later = (await service.events())[len(before) :]
    assert types(later) == ["department-changed", "academy-changed"]
    (moved_from,) = [each for each in before if each[2].get("name") == "Verkoop"]
    assert (later[0][0], later[0][2]["id"]) == (moved_from[0], moved_from[2]["id"])
    acme, beta = (await service.structure())["companies"]
    assert later[0][2]["company_id"] == beta["id"] != moved_from[2]["company_id"]
    assert [each["name"] for each in acme["departments"]] == ["Inkoop"]
    assert [each["name"] for each in beta["departments"]] == ["Verkoop"]


async def test_departments_of_one_name_swap_companies_in_one_batch(service: Any) -> None:
    await service.give(FILE, org.DefineCompany(name="Beta"), org.DefineDepartment(company="Beta", name="Verkoop"))
    acme, beta = (await service.structure())["companies"]
    ids = next(each["id"] for each in acme["departments"] if each["name"] == "Verkoop"), beta["departments"][0]["id"]
    await service.give(
        org.RenameUnit(kind="department", unit=ids[0], name="Onderweg"),
        org.MoveDepartment(department=ids[0], to="Beta"),
        org.MoveDepartment(department=ids[1], to="ACME"),
        org.RenameUnit(kind="department", unit=ids[0], name="Verkoop"),
    )
    acme, beta = (await service.structure())["companies"]
    assert [each["id"] for each in beta["departments"]] == [ids[0]]
    assert ids[1] in [each["id"] for each in acme["departments"]]


async def test_a_duplicate_command_does_nothing_even_after_a_later_edit(service: Any) -> None:
    await service.give(FILE)
    rename = service.record(org.RenameUnit(kind="department", unit="Verkoop", name="Sales"))
    await service.handle([rename])
    await service.give(org.RenameUnit(kind="department", unit="Sales", name="Verkoop"))
    before = await service.structure(), await service.events()
    await service.handle([rename, rename])
    assert (await service.structure(), await service.events()) == before


async def test_a_command_twice_in_one_batch_is_applied_once(service: Any) -> None:
    await service.give(FILE)
    define = service.record(org.DefineCompany(name="Beta"))
    await service.handle([define, define])
    assert types((await service.events())[5:]) == ["company-changed", "academy-changed"]


async def test_replaying_all_commands_changes_nothing(service: Any) -> None:
    records = [
        service.record(command)
        for command in (
            FILE,
            org.RenameUnit(kind="company", unit="ACME", name="Acme Groep"),
            org.RemoveUnit(kind="department", unit="Verkoop"),
            org.DefineCompany(name="Acme BV"),
            org.EnableLanguage(language="fr"),
        )
    ]
    for record in records:
        await service.handle([record])
    before = await service.structure(), await service.events()
    await service.handle(records)
    await service.handle(records[2:] + records[:2])
    assert (await service.structure(), await service.events()) == before


async def test_a_higher_attempt_is_remembered_and_applied_no_more_than_once(service: Any) -> None:
    first = service.record(FILE)
    await service.handle([first])
    before = await service.events()
    await service.handle([service.record(FILE, id_=first.envelope.id, attempt=3)])
    assert await service.events() == before
    assert await service.outcome(first.envelope.id) == (3, {"code": "applied", "revision": 1, "changed": True})


async def test_a_refused_command_is_logged_with_its_errors_and_its_neighbours_go_through(service: Any) -> None:
    await service.give(FILE)
    bad = service.record(org.DefineDepartment(company="Nergens", name="X"))
    await service.handle(
        [service.record(org.DefineCompany(name="Voor")), bad, service.record(org.DefineCompany(name="Na"))]
    )
    attempt, outcome = await service.outcome(bad.envelope.id)
    assert (attempt, outcome["code"]) == (1, "refused")
    assert outcome["errors"][0]["code"] == "unknown_unit"
    assert [each["name"] for each in (await service.structure())["companies"]] == ["Acme BV", "Na", "Voor"]


async def test_a_command_to_an_academy_that_nobody_defined_is_refused(service: Any) -> None:
    record = service.record(org.DefineCompany(name="Acme"))
    await service.handle([record])
    _, outcome = await service.outcome(record.envelope.id)
    assert outcome["errors"][0]["code"] == "unknown_academy"
    assert await service.events() == []


async def test_removed_units_stay_in_the_table_and_come_back_as_themselves(service: Any) -> None:
    await service.give(FILE)
    before = await service.structure()
    await service.give(org.RemoveUnit(kind="company", unit="Acme BV"))
    removed = (await service.events())[5:]
    assert types(removed) == ["company-removed", "department-removed", "department-removed", "academy-changed"]
    assert [value for _, _, value in removed[:3]] == [None, None, None]
    assert (await service.structure())["companies"][0]["removed"]
    await service.give(FILE)
    assert (await service.structure())["companies"] == before["companies"]


async def test_republishing_repeats_the_whole_state_with_the_same_revision(service: Any) -> None:
    await service.give(FILE)
    await service.give(org.RemoveUnit(kind="department", unit="Inkoop"))
    before = await service.events()
    await service.give(org.RepublishStructure())
    again = (await service.events())[len(before) :]
    assert sorted(types(again)) == sorted(
        ["company-changed", "department-changed", "department-removed", "function-changed", "academy-changed"]
    )
    assert types(again)[-1] == "academy-changed"
    assert {envelope.org_revision for _, envelope, _ in again} == {2}
    assert (await service.structure())["revision"] == 2


async def test_two_units_swap_names_in_one_command(service: Any) -> None:
    await service.give(FILE, org.DefineCompany(name="Beta", code="B"))
    swap = [{"name": "Beta", "code": "ACME"}, {"name": "Acme BV", "code": "B"}]
    await service.give(org.ApplyStructure.model_validate({"companies": swap}))
    names = {each["code"]: each["name"] for each in (await service.structure())["companies"]}
    assert names == {"ACME": "Beta", "B": "Acme BV"}


async def test_academies_in_one_batch_have_their_own_revisions(service: Any) -> None:
    other = f"{service.academy}-b"
    await service.give(FILE)
    await service.handle([service.record(FILE, academy=other), service.record(org.DefineCompany(name="Beta"))])
    assert (await service.structure(other))["revision"] == 1
    assert (await service.structure())["revision"] == 2
    assert [each["name"] for each in (await service.structure(other))["companies"]] == ["Acme BV"]


async def test_two_instances_at_once_apply_everything_once(service: Any) -> None:
    """Two consumers may hold the partition for a moment; the same commands then come to both."""
    records = [service.record(FILE), *(service.record(org.DefineCompany(name=f"Bedrijf {n}")) for n in range(10))]
    await asyncio.gather(*(service.handle(records) for _ in range(4)))
    events = await service.events()
    assert len(events) == 4 + 10 + 1
    assert (await service.structure())["revision"] == 1
    await asyncio.gather(*(service.handle([service.record(org.DefineFunction(name=f"F{n}"))]) for n in range(4)))
    revisions = [envelope.org_revision for _, envelope, _ in (await service.events())[len(events) :]]
    assert revisions == [2, 2, 3, 3, 4, 4, 5, 5]


async def test_the_database_itself_refuses_two_siblings_of_one_name(service: Any) -> None:
    await service.give(FILE)
    with pytest.raises(asyncpg.ExclusionViolationError):
        await service.pool.execute("UPDATE unit SET name_key = 'verkoop' WHERE name = 'Inkoop'")


async def test_a_failure_before_the_end_leaves_neither_state_nor_event(service: Any) -> None:
    await service.pool.execute("ALTER TABLE consumer_position RENAME TO moved_away")
    record = service.record(FILE)
    with pytest.raises(asyncpg.UndefinedTableError):
        await service.handle([record])
    assert await service.events() == []
    assert (await service.http.get(f"/academies/{service.academy}/structure")).status_code == 404
    await service.pool.execute("ALTER TABLE moved_away RENAME TO consumer_position")
    await service.handle([record])
    assert (await service.structure())["revision"] == 1


async def test_ten_thousand_units_take_as_many_statements_as_one(service: Any) -> None:
    def file(companies: int, suffix: str = "") -> org.ApplyStructure:
        return org.ApplyStructure.model_validate(
            {
                "academy": {"name": "Groot"},
                "companies": [
                    {
                        "name": f"Bedrijf {c}",
                        "departments": [
                            {"name": f"Afdeling {c}-{d}{suffix}", "code": f"{c}-{d}"} for d in range(companies * 4)
                        ],
                    }
                    for c in range(companies)
                ],
            }
        )

    async def statements(record: Any) -> int:
        queries: list[str] = []

        def log(query: Any) -> None:
            queries.append(query.query)

        async with service.pool.acquire() as connection:
            connection.add_query_logger(log)
            await apply_commands(OneConnection(connection, service.commands), [record], new_id)
            connection.remove_query_logger(log)
        return len(queries)

    # The first one also asks for the types of the columns.
    await statements(service.record(file(1), academy=f"{service.academy}-first"))
    one = await statements(service.record(file(1), academy=f"{service.academy}-small"))
    assert await statements(service.record(file(50))) == one
    assert await statements(service.record(file(50, " nieuw"))) == one
    assert (await service.structure())["revision"] == 2
    assert len(await service.events()) == 2 * 6 + 10_051 + 10_001
