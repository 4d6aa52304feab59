"""All SQL of the service."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import asyncpg
import orjson

from chassis import outbox, request_log
from chassis.commands import COMMAND_SOURCE, Commands
from chassis.consuming import store_positions
from chassis.database import Connection, Pool
from chassis.records import Record, new_ids, now_text
from contracts.envelope import Envelope
from contracts.fields import name_key
from org_service import messages
from org_service.units import Academy, Structure, Terms, Unit
from org_service.work import Applied, Outcome, Work

T = TypeVar("T")

TRIES: Final = 5
"""A twin that was faster is seen at the next try; more than a few twins at once there cannot be."""


class Transaction:
    """One transaction that applies commands."""

    def __init__(self, connection: Connection, commands: Commands) -> None:
        self._connection = connection
        self._commands = commands

    async def fresh(self, commands: Sequence[Record[Any]]) -> Sequence[Record[Any]]:
        """The commands that were not applied before, each once."""
        known = await request_log.known(self._connection, [each.envelope for each in commands])
        again = [
            each.envelope
            for each in commands
            if (before := known.get(request_log.key_of(each.envelope))) and before.attempt < each.envelope.attempt
        ]
        if again:
            await request_log.raise_attempts(self._connection, again)
        new: dict[request_log.RequestKey, Record[Any]] = {}
        for each in commands:
            key = request_log.key_of(each.envelope)
            if key not in known:
                new.setdefault(key, each)
        return list(new.values())

    async def lock(self, academies: Iterable[str]) -> Mapping[str, Work]:
        """The state of the academies, which nobody else can change until the transaction ends."""
        ids = sorted(academies)
        rows = await self._connection.fetch(
            "SELECT * FROM academy WHERE id = ANY ($1::text[]) ORDER BY id FOR UPDATE", ids
        )
        known = {row["id"]: row for row in rows}
        units = await _units(self._connection, list(known))
        terms = await _terms(self._connection, list(known))
        works = {}
        for id_ in ids:
            row = known.get(id_)
            academy = _academy(row) if row else None
            structure = Structure.of(id_, academy, units.get(id_, ()), terms.get(id_))
            works[id_] = Work(structure, row["revision"] if row else 0)
        return works

    async def save(self, works: Iterable[Work]) -> None:
        """Write what changed, and the events that say so."""
        works = list(works)
        changed = [work for work in works if work.changed]
        if changed:
            await self._write(changed)
        now = now_text()
        events = [event for work in works for event in messages.events_of(work, new_ids, now)]
        await outbox.enqueue(self._connection, events)

    async def _write(self, works: Sequence[Work]) -> None:
        new = [work for work in works if work.revision == 0]
        # No ON CONFLICT: who made the same academy at the same moment is seen as a unique violation, and all is redone.
        for sql, rows in (
            (
                """INSERT INTO academy (id, name, default_language, languages, revision)
                   SELECT id, name, default_language, languages, revision
                   FROM jsonb_to_recordset($1::jsonb)
                   AS a (id text, name text, default_language text, languages text[], revision bigint)""",
                [_academy_row(work) for work in new],
            ),
            (
                """UPDATE academy SET name = a.name, default_language = a.default_language, languages = a.languages,
                       revision = a.revision
                   FROM jsonb_to_recordset($1::jsonb)
                   AS a (id text, name text, default_language text, languages text[], revision bigint)
                   WHERE academy.id = a.id""",
                [_academy_row(work) for work in works if work.revision != 0],
            ),
            (
                """INSERT INTO unit (academy, kind, id, company_id, name, name_key, code, code_key, former_names,
                       learning_activities, removed, revision)
                   SELECT academy, kind, id, company_id, name, name_key, code, code_key, former_names,
                       learning_activities, removed, revision
                   FROM jsonb_to_recordset($1::jsonb)
                   AS u (academy text, kind text, id text, company_id text, name text, name_key text, code text,
                       code_key text, former_names text[], learning_activities text[], removed boolean, revision bigint)
                   ON CONFLICT (academy, id) DO UPDATE
                   SET company_id = excluded.company_id, name = excluded.name, name_key = excluded.name_key,
                       code = excluded.code, code_key = excluded.code_key, former_names = excluded.former_names,
                       learning_activities = excluded.learning_activities, removed = excluded.removed,
                       revision = excluded.revision""",
                [_unit_row(work, unit) for work in works for unit, _ in work.units.values()],
            ),
            (
                """INSERT INTO terms (academy, version, texts)
                   SELECT academy, version, texts
                   FROM jsonb_to_recordset($1::jsonb) AS t (academy text, version int, texts jsonb)
                   ON CONFLICT (academy) DO UPDATE
                   SET version = excluded.version, texts = excluded.texts, changed_at = now()""",
                [_terms_row(work.structure.academy_id, work.terms[0]) for work in works if work.terms is not None],
            ),
        ):
            if rows:
                await self._connection.execute(sql, rows)

    async def finish(self, commands: Sequence[Record[Any]], outcomes: Sequence[tuple[Envelope, Outcome]]) -> None:
        """Write the outcomes down, tell those who wait for them, and how far the topic was read."""
        documents = [(envelope, messages.outcome_document(outcome)) for envelope, outcome in outcomes]
        await request_log.record(self._connection, [(envelope, orjson.dumps(doc)) for envelope, doc in documents])
        await self._commands.finish(
            self._connection,
            [(envelope, doc) for envelope, doc in documents if envelope.request_source == COMMAND_SOURCE],
        )
        await store_positions(self._connection, commands)

    async def note_as_done(self, envelopes: Sequence[Envelope], revision: int) -> None:
        """Have these commands not be applied any more: a database that was restored has only forgotten that they were."""
        known = await request_log.known(self._connection, envelopes)
        new = {key: each for each in envelopes if (key := request_log.key_of(each)) not in known}
        document = messages.outcome_document(Applied(revision, changed=True))
        await request_log.record(self._connection, [(each, orjson.dumps(document)) for each in new.values()])
        asked = [each for each in new.values() if each.request_source == COMMAND_SOURCE]
        await self._commands.finish(self._connection, [(each, document) for each in asked])


async def academy_ids(connection: Connection) -> set[str]:
    """The academies that there are."""
    return {row["id"] for row in await connection.fetch("SELECT id FROM academy")}


async def add_academies(connection: Connection, academies: Sequence[Academy]) -> None:
    """Add academies at revision 0, which nobody was told of."""
    await connection.executemany(
        "INSERT INTO academy (id, name, default_language, languages, revision) VALUES ($1, $2, $3, $4, 0)",
        [(each.id, each.name, each.default_language, each.languages) for each in academies],
    )


class Store:
    """The database of the service."""

    def __init__(self, pool: Pool, commands: Commands) -> None:
        self._pool = pool
        self._commands = commands

    async def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` in one transaction; again, on what is there then, if a twin was faster."""
        for attempt in range(TRIES):
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    return await work(Transaction(connection, self._commands))
            except asyncpg.UniqueViolationError:
                if attempt == TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    async def academies(self) -> Sequence[tuple[Academy, int]]:
        """All academies with their revisions."""
        rows = await self._pool.fetch("SELECT * FROM academy ORDER BY id")
        return [(_academy(row), row["revision"]) for row in rows]

    async def exists(self, academy: str) -> bool:
        return bool(await self._pool.fetchval("SELECT true FROM academy WHERE id = $1", academy))

    async def structure(self, academy: str) -> tuple[Structure, int] | None:
        """The structure and its revision, of one moment; None for an unknown academy."""
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            row = await connection.fetchrow("SELECT * FROM academy WHERE id = $1", academy)
            if row is None:
                return None
            units = await _units(connection, [academy])
            return Structure.of(academy, _academy(row), units.get(academy, ())), row["revision"]

    async def terms(self, academy: str) -> Terms | None:
        """The terms of the academy, version 0 where it has none of its own; None for an unknown academy."""
        async with self._pool.acquire() as connection:
            if not await connection.fetchval("SELECT true FROM academy WHERE id = $1", academy):
                return None
            return (await _terms(connection, [academy])).get(academy, Terms())


async def _terms(connection: Connection, academies: Sequence[str]) -> dict[str, Terms]:
    """The terms of those academies that have their own."""
    rows = await connection.fetch(
        "SELECT academy, version, texts FROM terms WHERE academy = ANY ($1::text[])", academies
    )
    return {row["academy"]: Terms(row["version"], row["texts"]) for row in rows}


async def _units(connection: Connection, academies: Sequence[str]) -> dict[str, list[Unit]]:
    """Units by academy, in the order in which they were made."""
    rows = await connection.fetch(
        """SELECT academy, kind, id, company_id, name, code, former_names, learning_activities, removed
           FROM unit WHERE academy = ANY ($1::text[]) ORDER BY academy, id""",
        academies,
    )
    units: dict[str, list[Unit]] = {}
    for academy, kind, id_, company_id, name, code, former_names, learning_activities, removed in rows:
        units.setdefault(academy, []).append(
            Unit(
                kind=kind,
                id=id_,
                company_id=company_id,
                name=name,
                code=code,
                former_names=tuple(former_names),
                learning_activities=tuple(learning_activities),
                removed=removed,
            )
        )
    return units


def _academy(row: asyncpg.Record) -> Academy:
    return Academy(
        id=row["id"],
        name=row["name"],
        default_language=row["default_language"],
        languages=tuple(row["languages"]),
    )


def _academy_row(work: Work) -> dict[str, Any]:
    academy = work.structure.academy
    assert academy is not None  # noqa: S101 - nothing changes in an academy that is not defined
    return messages.academy_document(academy) | {"revision": work.next_revision}


def _terms_row(academy: str, terms: Terms) -> dict[str, Any]:
    return {"academy": academy, "version": terms.version, "texts": dict(terms.texts)}


def _unit_row(work: Work, unit: Unit) -> dict[str, Any]:
    return {
        "academy": work.structure.academy_id,
        "kind": unit.kind,
        "id": unit.id,
        "company_id": unit.company_id,
        "name": unit.name,
        "name_key": name_key(unit.name),
        "code": unit.code,
        "code_key": name_key(unit.code) if unit.code else None,
        "former_names": unit.former_names,
        "learning_activities": unit.learning_activities,
        "removed": unit.removed,
        "revision": work.next_revision,
    }
