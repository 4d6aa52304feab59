"""A restored database takes up what the topic tells, and everybody hears of everything again."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from chassis.records import Record
from chassis.recovery import BITS
from contracts.events import org
from contracts.events.base import Message
from contracts.topics import ORG_COMMANDS
from org_service import restoring

FILE = org.ApplyStructure.model_validate(
    {
        "academy": {"name": "Demo Academy", "languages": ["nl", "en"]},
        "companies": [
            {"name": "Acme BV", "code": "ACME", "departments": [{"name": "Verkoop"}, {"name": "Inkoop"}]},
            {"name": "Zorg"},
        ],
        "functions": [{"name": "Adviseur", "learning_activities": ["Privacy basis"]}],
    }
)
LATER = (
    org.DefineDepartment(company="ACME", name="Magazijn", code="M"),
    org.RenameUnit(kind="company", unit="ACME", name="Acme Groep"),
    org.RemoveUnit(kind="department", unit="Verkoop"),
    org.MoveDepartment(department="Inkoop", to="Zorg"),
    org.DefineFunction(name="Adviseur", learning_activities=["Privacy basis", "Veilig werken"]),
    org.DefineTerms(texts={"nl": "Voorwaarden"}),
    org.EnableLanguage(language="de"),
    org.DefineDepartment(company="ACME", name="Kort"),
    org.RemoveUnit(kind="department", unit="Kort"),
)


@dataclass
class Raw:
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    topic: str = "org.structure"
    partition: int = 0
    offset: int = 0
    timestamp: int = 0


@dataclass
class Topic:
    """What was published, as a restored service finds it."""

    records: list[Raw] = field(default_factory=list)
    commands: list[Raw] = field(default_factory=list)

    async def give(self, service: Any, *commands: Message) -> list[Record[Any]]:
        """Have the service apply commands, one by one; they stay on their topic."""
        records = [service.record(command) for command in commands]
        for record in records:
            self.commands.append(Raw(record.key.encode(), record.value, record.envelope.headers()))
            await service.handle([record])
        return records

    async def take(self, service: Any) -> None:
        for key, envelope, value in (await service.events())[len(self.records) :]:
            raw = None if value is None else orjson.dumps(value)
            self.records.append(Raw(key.encode(), raw, envelope.headers()))

    async def read(self, _: str, topic: Any) -> AsyncIterator[list[Raw]]:
        yield self.commands if topic is ORG_COMMANDS else self.records


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Topic:
    topic = Topic()
    monkeypatch.setattr(restoring, "read_to_end", topic.read)
    return topic


async def restore(service: Any, incarnation: int = 1) -> list[Any]:
    """Take up what the topic tells; what is published then."""
    before = len(await service.events())
    async with service.pool.acquire() as connection, connection.transaction():
        await restoring.take_up("-", service.commands, connection, incarnation)
    published: list[Any] = (await service.events())[before:]
    return published


async def dump(service: Any) -> dict[str, list[Any]]:
    return {name: await service.pool.fetch(f"SELECT t.* FROM {name} t") for name in ("academy", "unit", "terms")}


async def go_back(service: Any, dumped: dict[str, list[Any]]) -> None:
    await service.pool.execute("TRUNCATE academy, unit, terms, request_log")
    for name, rows in dumped.items():
        if rows:
            await service.pool.copy_records_to_table(
                name, records=[tuple(row) for row in rows], columns=[*rows[0].keys()]
            )


def without_revision(document: Any) -> Any:
    return {name: value for name, value in document.items() if name != "revision"}


@pytest.mark.parametrize("there", ["before the changes", "before everything"])
async def test_what_was_changed_after_the_dump_is_there_again_with_the_same_ids(
    service: Any, topic: Topic, there: str
) -> None:
    empty = await dump(service)
    asked = await topic.give(service, FILE)
    dumped = await dump(service) if there == "before the changes" else empty
    asked += await topic.give(service, *LATER)
    structure, terms = await service.structure(), await service.pool.fetch("SELECT version, texts FROM terms")
    await topic.take(service)
    await go_back(service, dumped)
    published = await restore(service)

    again = await service.structure()
    assert without_revision(again) == without_revision(structure)
    assert await service.pool.fetch("SELECT version, texts FROM terms") == terms
    assert again["revision"] == (1 << BITS) + structure["revision"] + 1
    assert {envelope.org_revision for _, envelope, _ in published} == {again["revision"]}
    assert {key for key, _, _ in published} == {raw.key.decode() for raw in topic.records if raw.key}
    assert published[-1][2]["entries"] == sum(value is not None for _, _, value in published) - 1

    for record in asked:  # as the consumer reads them again
        await service.handle([record])
    assert await service.structure() == again
    await service.give(org.DefineCompany(name="Newest"))
    assert (await service.structure())["revision"] > again["revision"]


async def test_a_command_whose_effects_were_not_published_is_applied_when_it_comes_again(
    service: Any, topic: Topic
) -> None:
    asked = await topic.give(service, FILE, org.DefineCompany(name="Told"))
    await topic.take(service)
    asked += await topic.give(service, org.DefineCompany(name="Untold"))
    await go_back(service, {})
    for incarnation in (1, 2):  # a second restore knows as much as the first
        await restore(service, incarnation)
        await topic.take(service)
        assert {company["name"] for company in (await service.structure())["companies"]} == {"Acme BV", "Zorg", "Told"}
    for record in asked:
        await service.handle([record])
    assert len((await service.structure())["companies"]) == 4


async def test_what_the_topic_has_only_a_part_of_is_taken_up_as_far_as_it_was_whole(service: Any, topic: Topic) -> None:
    await service.give(FILE)
    dumped = await dump(service)
    await service.give(org.RenameUnit(kind="company", unit="ACME", name="Acme Groep"))
    whole = await service.structure()
    await service.give(org.RenameUnit(kind="company", unit="ACME", name="Half"), org.DefineCompany(name="Acme BV"))
    await topic.take(service)
    del topic.records[-2:]  # the relay was killed amid the last transaction
    await go_back(service, dumped)
    await restore(service)
    assert without_revision(await service.structure()) == without_revision(whole)


async def test_a_record_that_cannot_be_read_is_passed_over(service: Any, topic: Topic) -> None:
    await service.give(FILE)
    structure = await service.structure()
    await topic.take(service)
    topic.records += [Raw(b"\xff", b"{", []), Raw(b"x/unit/1", b"{", topic.records[0].headers)]
    await restore(service)
    assert without_revision(await service.structure()) == without_revision(structure)


async def test_another_broker_is_told_the_whole_structure_of_every_academy_as_it_is(service: Any, topic: Topic) -> None:
    await service.give(FILE)
    await service.give(org.RemoveUnit(kind="department", unit="Verkoop"), org.DefineTerms(texts={"nl": "Voorwaarden"}))
    structure, before = await service.structure(), await service.events()
    async with service.pool.acquire() as connection, connection.transaction():
        await restoring.publish_everything(service.commands, connection)
    published = (await service.events())[len(before) :]
    assert {key for key, _, _ in published} == {key for key, _, _ in before}
    assert {envelope.org_revision for _, envelope, _ in published} == {structure["revision"]}
    assert published[-1][0] == f"{service.academy}/academy/{service.academy}"
    assert sum(value is None for _, _, value in published) == 1
    assert await service.structure() == structure
