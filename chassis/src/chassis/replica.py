"""A replica of a compacted topic: read from the start at every start, kept in the database, looked up in memory."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import BaseModel

from chassis.broker import read_around
from chassis.consuming import Consumer, Subscription, Unreadable, read_envelope
from chassis.database import Connection, Pool
from chassis.records import RawRecord, Undecodable
from contracts.envelope import Envelope, key_academy
from contracts.topics import Topic

_REMOVED: Final = 0
_UNREADABLE: Final = -1


@dataclass(frozen=True, slots=True)
class Entry:
    """The state of one thing. A removed one keeps its last state, which may be None if none was ever seen."""

    message: Any
    revision: int
    removed: bool
    type: str


class StateReplica:
    """Whole states by key, gated by revision: whatever comes twice, late or again changes nothing.

    The key is `academy/kind/id`; the thing `academy/academy/<academy>` is published last in every revision, so its
    revision is the one up to which the academy's replica is complete, and its `entries` are how many others there are.
    A tombstone marks an entry as removed.
    """

    def __init__(self, topic: Topic, models: Mapping[str, type[BaseModel]]) -> None:
        self.topic = topic
        self.models = models
        self.on_change: list[Callable[[set[str]], None]] = []
        self.caught_up = asyncio.Event()
        self._entries: dict[str, dict[str, Entry]] = {}
        self._changed = asyncio.Condition()

    def entries(self, academy: str) -> Mapping[str, Entry]:
        """Everything known of an academy; empty if it is not known."""
        return self._entries.get(academy, {})

    def academies(self) -> list[str]:
        """The academies that are known."""
        return sorted(a for a in self._entries if self.revision(a))

    def academy(self, academy: str) -> Entry | None:
        """The academy itself, None for an unknown one."""
        return self.entries(academy).get(_academy_key(academy))

    def revision(self, academy: str) -> int:
        """The revision up to which this replica is complete; 0 for an unknown academy."""
        entry = self.academy(academy)
        return entry.revision if entry is not None and not entry.removed else 0

    async def wait_for(self, academy: str, revision: int, timeout: float = 5.0) -> bool:
        """Wait until the replica is at `revision` or newer; False if it was not within `timeout` seconds."""
        if self.revision(academy) >= revision:
            return True
        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(lambda: self.revision(academy) >= revision)
        except TimeoutError:
            return False
        return True

    async def stored_revision(self, connection: Connection, academies: Sequence[str]) -> dict[str, int]:
        """The revisions in the database, to which another instance may have got first."""
        rows = await connection.fetch(
            "SELECT academy, revision FROM replica_state WHERE topic = $1 AND key = ANY($2::text[])",
            self.topic.name,
            [_academy_key(a) for a in academies],
        )
        return {r["academy"]: r["revision"] for r in rows}

    async def run(
        self, *, bootstrap: str, pool: Pool, cluster: str, group: str, log: structlog.stdlib.BoundLogger
    ) -> None:
        """Load what is stored, read the topic from its start, go on for ever. Returns only by raising."""
        await self._load(pool)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, client_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        dead_letters = Consumer(
            Subscription(topic=self.topic, models=self.models, handle=_nothing),
            pool,
            cluster,
            group,
            log,
            asyncio.Event(),
        )
        await consumer.start()
        try:
            partition = TopicPartition(self.topic.name, 0)
            consumer.assign([partition])
            await consumer.seek_to_beginning(partition)
            end = (await consumer.end_offsets([partition]))[partition]
            position, seen, whole = 0, dict[str, int](), True
            while True:
                if not self.caught_up.is_set() and position >= end:
                    if whole:  # else nobody knows which keys were not seen
                        await self._mark_missing(pool, seen)
                    self.caught_up.set()
                    log.info("replica.caught_up", topic=self.topic.name, academies=len(self._entries))
                batch: Sequence[RawRecord]
                try:
                    batch = (await consumer.getmany(partition, timeout_ms=200, max_records=2_000)).get(partition, [])
                except UnicodeDecodeError:
                    batch = await read_around(consumer, 2_000)
                    whole = whole and not any(isinstance(raw, Undecodable) for raw in batch)
                if batch:
                    await self._apply(pool, batch, seen, dead_letters)
                    position = batch[-1].offset + 1
                else:
                    position = await consumer.position(partition)
        finally:
            await consumer.stop()

    async def _load(self, pool: Pool) -> None:
        rows = await pool.fetch("SELECT * FROM replica_state WHERE topic = $1", self.topic.name)
        for row in rows:
            model = self.models.get(row["type"])
            message = None if row["value"] is None or model is None else model.model_validate(row["value"])
            entry = Entry(message, row["revision"], row["removed"], row["type"])
            self._entries.setdefault(row["academy"], {})[row["key"]] = entry
        self._tell({row["academy"] for row in rows})

    async def _apply(
        self, pool: Pool, batch: Sequence[RawRecord], seen: dict[str, int], dead_letters: Consumer
    ) -> None:
        changed: dict[tuple[str, str], Entry] = {}
        bad = []
        for raw in batch:
            try:
                key = _key(raw)
                seen[key] = _REMOVED if raw.value is None else _UNREADABLE  # whatever is wrong with its state
                envelope, entry = self._read(raw, key)
                seen[key] = seen[key] and entry.revision
            except Unreadable as error:
                bad.append((raw, error))
                continue
            known = changed.get((envelope.academy, key)) or self._entries.get(envelope.academy, {}).get(key)
            if known is not None and known.revision >= entry.revision:
                continue
            if entry.removed and known is not None:
                entry = replace(known, revision=entry.revision, removed=True)
            changed[envelope.academy, key] = entry
        if bad:
            dead_letters.tell_of_unreadable(bad)
            await dead_letters.set_aside(bad)
        if changed:
            await self._store(pool, changed)
            for (academy, key), entry in changed.items():
                self._entries.setdefault(academy, {})[key] = entry
            self._tell({academy for academy, _ in changed})
            async with self._changed:
                self._changed.notify_all()

    def _read(self, raw: RawRecord, key: str) -> tuple[Envelope, Entry]:
        envelope = read_envelope(raw)
        if key_academy(key) != envelope.academy or key.count("/") < 2:
            raise Unreadable("the key is not academy/kind/id with the academy of the event")
        if envelope.org_revision is None:
            raise Unreadable("attribute ce_orgrevision is missing")
        if raw.value is None:
            return envelope, Entry(None, envelope.org_revision, True, envelope.type)
        model = self.models.get(envelope.type)
        if model is None:
            raise Unreadable(f"type {envelope.type[:100]} is not known on this topic")
        try:
            message = model.model_validate_json(raw.value)
        except ValueError as error:
            raise Unreadable(f"the value is not {envelope.type}: {type(error).__name__}") from None
        return envelope, Entry(message, envelope.org_revision, False, envelope.type)

    async def _store(self, pool: Pool, changed: Mapping[tuple[str, str], Entry]) -> None:
        items = sorted(changed.items())
        await pool.execute(
            """INSERT INTO replica_state AS s (topic, key, academy, type, revision, removed, value)
               SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bool[], $7::jsonb[])
               ON CONFLICT (topic, key) DO UPDATE
               SET type = excluded.type, revision = excluded.revision, removed = excluded.removed,
                   value = CASE WHEN excluded.removed THEN s.value ELSE excluded.value END
               WHERE s.revision < excluded.revision""",
            self.topic.name,
            [key for (_, key), _ in items],
            [academy for (academy, _), _ in items],
            [entry.type for _, entry in items],
            [entry.revision for _, entry in items],
            [entry.removed for _, entry in items],
            [None if entry.message is None else entry.message.model_dump(mode="json") for _, entry in items],
        )

    async def _mark_missing(self, pool: Pool, seen: Mapping[str, int]) -> None:
        """What is stored but no longer in the topic was removed, and its tombstone is compacted away.

        Only for academies of which the topic holds as many entries as they say they have: a broker that replaced another
        has some of them at first. `seen` has the revision of each key.
        """
        values = Counter(key_academy(key) for key, revision in seen.items() if revision != _REMOVED)
        missing = {
            (academy, key): replace(entry, removed=True, revision=self.revision(academy))
            for academy, entries in self._entries.items()
            if self._is_whole(academy, seen.get(_academy_key(academy), 0), values[academy])
            for key, entry in entries.items()
            if key not in seen and not entry.removed
        }
        if missing:
            await self._store(pool, missing)
            for (academy, key), entry in missing.items():
                self._entries[academy][key] = entry
            self._tell({academy for academy, _ in missing})

    def _is_whole(self, academy: str, revision: int, values: int) -> bool:
        known = self.academy(academy)
        if known is None or known.revision != revision:
            return False
        entries = getattr(known.message, "entries", None)
        return entries is not None and values == entries + 1

    def _tell(self, academies: set[str]) -> None:
        for listener in self.on_change:
            listener(academies)


def _key(raw: RawRecord) -> str:
    try:
        return (raw.key or b"").decode()
    except UnicodeDecodeError:
        raise Unreadable("the key is not UTF-8") from None


def _academy_key(academy: str) -> str:
    return f"{academy}/academy/{academy}"


async def _nothing(_: list[Any]) -> None:
    return None
