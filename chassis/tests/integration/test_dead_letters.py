"""Dead letters that people work with: found, sent again in order and once, skipped with the reason, dropped, audited."""

import asyncio
import contextlib
import os
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import BaseModel

from chassis import outbox
from chassis.access import Verifier
from chassis.consuming import Consumer, Rebuilt, SetAside, Subscription, Unreadable
from chassis.database import Connection, Pool
from chassis.dead_letters import acting, looking
from chassis.dead_letters.acting import Acting
from chassis.dead_letters.documents import MOST, Dealt, Reason, Wanted
from chassis.dead_letters.http import make_router
from chassis.http import Health, make_app
from chassis.problems import Problem
from chassis.publishing import Publisher
from chassis.records import MAX_LETTER_BYTES, Headers, Undecodable, decode_headers
from chassis.relay import Relay
from chassis.testing import ACCESS_KEYS, MakePool, bearer
from chassis.topics import ensure_topics
from contracts.access import Role
from contracts.envelope import Envelope
from contracts.topics import Topic

REQUESTS = Topic(
    name="test.requests", key="k", partitions=3, retention_ms=None, owner="t", producers=("t",), consumers=("t",)
)
FACTS = replace(REQUESTS, name="test.facts")
STATES = replace(REQUESTS, name="test.states", partitions=1, cleanup="compact")


class Asked(BaseModel):
    n: int


class Desk:
    """The dead letters of a service, and how they come to be."""

    def __init__(self, pool: Pool, requests: Topic = REQUESTS) -> None:
        self.pool = pool
        self.changed: set[str] = set()
        self.told: list[SetAside] = []
        self.subscriptions = {
            topic.name: Subscription(topic=topic, models={"test.asked.v1": Asked}, handle=_nothing)
            for topic in (requests, FACTS, STATES)
        }
        self.requests = self.subscriptions[requests.name]
        self.requests.answer = lambda *_: []
        self.requests.changed_later = self._changed_later
        self.acting = Acting(pool, list(self.subscriptions.values()))

    async def _changed_later(self, connection: Connection, letters: Sequence[SetAside]) -> set[str]:
        self.told = list(letters)
        return self.changed

    async def set_aside(self, *raws: Rebuilt | Undecodable, reason: str = "Fault while it was handled") -> list[str]:
        """Their letters' ids, in this order."""
        for raw in raws:
            subscription = self.subscriptions.get(raw.topic) or Subscription(
                topic=replace(REQUESTS, name=raw.topic), models={}, handle=_nothing
            )
            consumer = Consumer(
                subscription, self.pool, "cluster", f"t.{raw.topic}", structlog.get_logger(), asyncio.Event()
            )
            await consumer.set_aside([(raw, Unreadable(reason))])
        ids = {
            (row["topic"], row["partition"], row["offset"]): row["id"]
            for row in await self.pool.fetch('SELECT topic, partition, "offset", id FROM dead_letter')
        }
        return [ids[raw.topic, raw.partition, raw.offset] for raw in raws]

    async def replay(self, ids: Sequence[str], **how: Any) -> list[Dealt]:
        return await self.acting.act("replay", ids, **{"run": str(uuid.uuid4()), "actor": "operator"} | how)

    async def sent(self) -> list[tuple[bytes | None, Headers, bytes | None]]:
        """What went out again, in the order of the outbox."""
        rows = await self.pool.fetch(
            "SELECT key, headers, value FROM outbox WHERE topic NOT LIKE '%.dlq' ORDER BY txid, seq"
        )
        return [(row["key"], decode_headers(row["headers"]), row["value"]) for row in rows]

    async def state(self, id_: str) -> str:
        return str(await self.pool.fetchval("SELECT state FROM dead_letter WHERE id = $1", id_))

    async def books(self) -> tuple[Any, ...]:
        """All that an act may change."""
        tables = ("dead_letter", "dead_letter_action", "outbox")
        return tuple([await self.pool.fetch(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4") for table in tables])


async def _nothing(_: Any) -> None:
    return None


@pytest.fixture
async def desk(make_migrated_pool: MakePool) -> Desk:
    return Desk(await make_migrated_pool())


def request(offset: int, key: str = "a/1", topic: str = REQUESTS.name, value: bytes | None = None, **more: Any) -> Any:
    envelope = Envelope(**{"id": f"e{offset}", "type": "test.asked.v1", "source": "test", "academy": key[0]} | more)
    value = b'{"n":%d}' % offset if value is None else value
    return Rebuilt(topic, 0, offset, key.encode(), value, [*envelope.headers()])


async def test_letters_are_found_by_what_is_said_of_them_and_listed_by_topic_partition_and_offset(desk: Desk) -> None:
    b7, a5, f9 = await desk.set_aside(
        request(7, "b/1", type="test.other.v1"), request(5), request(9, topic=FACTS.name), reason="Some Fault"
    )
    (x,) = await desk.set_aside(Rebuilt("test.gone", 0, 1, None, None, []), reason="attribute ce_id is missing")
    await desk.replay([a5])
    hour = timedelta(hours=1)
    now = datetime.now(UTC)
    for wanted, expected in (
        ({}, [f9, x, a5, b7]),
        ({"topic": "test.requests"}, [a5, b7]),
        ({"academy": "b"}, [b7]),
        ({"type": "test.other.v1"}, [b7]),
        ({"reason": "some fault"}, [f9, a5, b7]),
        ({"reason": "100%"}, []),
        ({"group": "t.test.facts"}, [f9]),
        ({"id": [b7, x]}, [x, b7]),
        ({"state": "replayed"}, [a5]),
        ({"state": "open"}, [f9, x, b7]),
        ({"since": now - hour, "until": now + hour, "academy": "a"}, [f9, a5]),
        ({"since": now + hour}, []),
        ({"until": now - hour}, []),
    ):
        page = await looking.page(desk.pool, Wanted(**wanted), after=None, limit=10)
        assert [letter.id for letter in page.dead_letters] == expected, wanted
    found, after = [], None
    while True:
        page = await looking.page(desk.pool, Wanted(), after=after, limit=1)
        found += [letter.id for letter in page.dead_letters]
        if (after := page.next) is None:
            break
    assert found == [f9, x, a5, b7]
    with pytest.raises(Problem):
        await looking.page(desk.pool, Wanted(), after="nowhere", limit=1)


async def test_a_letter_is_shown_with_its_bytes_and_what_was_done_with_it(desk: Desk) -> None:
    (id_,) = await desk.set_aside(Rebuilt(REQUESTS.name, 0, 3, b"\xff", b"\xfe{", [("x", None), ("ü", b"\xff")]))
    await desk.replay([id_])
    letter = await looking.find(desk.pool, id_)
    assert (letter.value, letter.value_base64, letter.key) == ("\\xfe{", "/ns=", "\\xff")
    assert letter.headers == [("x", None), ("ü", "\\xff")]
    (action,) = letter.actions
    assert (action.actor, action.action, action.outcome, action.reason) == (
        "operator",
        "replay",
        "skipped",
        Reason.UNREADABLE,
    )
    with pytest.raises(Problem) as unknown:
        await looking.find(desk.pool, "nowhere")
    assert unknown.value.status == 404


async def test_requests_are_sent_again_in_order_byte_for_byte_with_their_attempt_raised_and_once(desk: Desk) -> None:
    raws = [request(7), request(5, attempt=4), request(6, "a/2")]
    ids = await desk.set_aside(*raws)
    dealt = await desk.replay(ids)
    assert [(each.id, each.outcome) for each in dealt] == [(ids[n], "done") for n in (1, 2, 0)]
    sent = await desk.sent()
    assert [(key, value) for key, _, value in sent] == [(raws[n].key, raws[n].value) for n in (1, 2, 0)]
    envelopes = [Envelope.from_headers(headers) for _, headers, _ in sent]
    assert [(each.id, each.attempt) for each in envelopes] == [("e5", 5), ("e6", 2), ("e7", 2)]
    assert [dict(headers)["x-replay-of"].decode() for _, headers, _ in sent] == [ids[n] for n in (1, 2, 0)]  # type: ignore[union-attr]

    again = await desk.replay(ids)
    assert {(each.outcome, each.reason, each.forceable) for each in again} == {
        ("skipped", Reason.ALREADY_REPLAYED, True)
    }
    assert len(await desk.sent()) == 3
    await desk.replay(ids[:1], force=True)
    assert Envelope.from_headers((await desk.sent())[-1][1]).attempt == 3
    actions = (await looking.actions(desk.pool, letter=ids[0])).actions
    assert [(a.forced, a.outcome, a.reason) for a in actions] == [
        (False, "done", None),
        (False, "skipped", Reason.ALREADY_REPLAYED),
        (True, "done", None),
    ]


async def test_a_run_that_is_asked_again_because_its_answer_was_lost_sends_nothing_twice(desk: Desk) -> None:
    ids = await desk.set_aside(*map(request, range(3)))
    first = await desk.replay(ids[:2], run="one", force=True)
    again = await desk.replay(ids, run="one", force=True)
    assert again[:2] == first
    assert len(await desk.sent()) == 3
    assert len((await looking.actions(desk.pool, run="one")).actions) == 3


async def test_two_who_replay_the_same_letters_at_once_send_each_once(desk: Desk) -> None:
    ids = await desk.set_aside(*map(request, range(50)))
    dealt = await asyncio.gather(*(desk.replay(order) for order in (ids, ids[::-1], ids)))
    assert sum(each.outcome == "done" for run in dealt for each in run) == 50
    assert [dict(headers)["ce_id"] for _, headers, _ in await desk.sent()] == [b"e%d" % n for n in range(50)]


async def test_what_is_interrupted_has_changed_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await desk.set_aside(*map(request, range(3)))
    before = await desk.books()
    enqueue = outbox.enqueue

    async def cut(connection: Connection, events: Any) -> None:
        await enqueue(connection, events)
        raise ConnectionResetError

    with monkeypatch.context() as broken:
        broken.setattr(outbox, "enqueue", cut)
        with pytest.raises(ConnectionResetError):
            await desk.replay(ids)
    assert await desk.books() == before
    assert {each.outcome for each in await desk.replay(ids)} == {"done"}


async def test_a_dry_run_changes_nothing_and_tells_what_would_become_of_the_letters(desk: Desk) -> None:
    ids = await desk.set_aside(*map(request, range(3)))
    desk.changed = {ids[1]}
    before = await desk.books()
    dealt = await desk.replay(ids, dry_run=True)
    assert [(each.outcome, each.reason) for each in dealt] == [
        ("done", None),
        ("skipped", Reason.CHANGED_LATER),
        ("done", None),
    ]
    assert {each.outcome for each in await desk.acting.act("drop", ids, run="r", actor="o", dry_run=True)} == {"done"}
    assert await desk.books() == before


async def test_what_can_never_be_sent_again_is_refused_whatever_the_force(desk: Desk) -> None:
    reasons = {
        Reason.NOT_KEPT: Undecodable(REQUESTS.name, 0, 1),
        Reason.TRUNCATED: request(2, value=b"x" * (MAX_LETTER_BYTES + 1)),
        Reason.TOO_LARGE: request(3, value=b'{"n":1}' + b" " * 1_048_000),
        Reason.NOT_CONSUMED: request(4, topic="test.gone"),
        Reason.COMPACTED: request(5, topic=STATES.name),
    }
    ids = await desk.set_aside(*reasons.values())
    for force in (False, True):
        dealt = {each.id: each for each in await desk.replay([*ids, "nowhere"], force=force)}
        assert [dealt[id_].reason for id_ in [*ids, "nowhere"]] == [*reasons, Reason.UNKNOWN]
        assert {(each.outcome, each.forceable) for each in dealt.values()} == {("skipped", False)}
    assert await desk.sent() == []
    assert (await looking.find(desk.pool, ids[1])).truncated


async def test_what_cannot_be_read_today_either_is_sent_byte_for_byte_only_by_force(desk: Desk) -> None:
    nameless = Rebuilt(REQUESTS.name, 0, 1, None, b"\xff", [("ce_attempt", b"9" * 30), ("x", None)])
    ids = await desk.set_aside(nameless, request(2, value=b'{"m":1}'))
    dealt = await desk.replay(ids)
    assert [(each.reason, each.forceable) for each in dealt] == [(Reason.UNREADABLE, True)] * 2
    assert "ce_id" in dealt[0].detail
    assert dealt[1].detail.startswith("n: ")
    await desk.replay(ids, force=True)
    (key, headers, value), other = await desk.sent()
    assert (key, headers[:-1], value) == (nameless.key, nameless.headers, nameless.value)
    assert headers[-1] == ("x-replay-of", ids[0].encode())
    assert Envelope.from_headers(other[1]).attempt == 2


async def test_a_letter_that_a_newer_version_can_read_needs_no_force(desk: Desk) -> None:
    (id_,) = await desk.set_aside(request(1, type="test.new.v1"))
    assert (await desk.replay([id_]))[0].reason is Reason.UNREADABLE
    desk.requests.models = {"test.new.v1": Asked}
    assert (await desk.replay([id_]))[0].outcome == "done"


async def test_facts_are_sent_again_as_they_are(desk: Desk) -> None:
    fact = request(1, topic=FACTS.name, attempt=3)
    (id_,) = await desk.set_aside(fact)
    await desk.replay([id_])
    ((_, headers, _),) = await desk.sent()
    assert headers == [*fact.headers, ("x-replay-of", id_.encode())]


async def test_whose_person_changed_later_is_skipped_unless_forced_and_the_service_is_told_what_was_sent_before(
    desk: Desk,
) -> None:
    ids = await desk.set_aside(request(1), request(2), request(3), request(4, "a/2"))
    await desk.replay(ids[:2])
    desk.changed = {ids[2]}
    dealt = await desk.replay(ids[2:])
    assert [(each.id, each.outcome, each.reason) for each in dealt] == [
        (ids[2], "skipped", Reason.CHANGED_LATER),
        (ids[3], "done", None),
    ]
    assert [(s.id, s.record.message.n, [e.id for e in s.before]) for s in desk.told] == [
        (ids[2], 3, ["e1", "e2"]),
        (ids[3], 4, []),
    ]
    assert (await desk.state(ids[2]), await desk.state(ids[3])) == ("open", "replayed")
    assert (await desk.replay([ids[2]], force=True))[0].outcome == "done"


async def test_what_is_dropped_stays_to_be_seen_and_only_force_sends_it(desk: Desk) -> None:
    one, two = await desk.set_aside(request(1), request(2))
    await desk.replay([two])
    dealt = await desk.acting.act("drop", [one, two], run="r", actor="operator")
    assert [(each.outcome, each.reason) for each in dealt] == [("done", None), ("skipped", Reason.ALREADY_REPLAYED)]
    assert (await looking.find(desk.pool, one)).state == "dropped"
    assert (await desk.replay([one]))[0].reason is Reason.ALREADY_DROPPED
    assert (await desk.replay([one], force=True))[0].outcome == "done"
    assert await desk.state(one) == "replayed"


async def test_an_act_takes_as_many_as_fit_in_memory_and_what_is_left_is_asked_for_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acting, "MOST_BYTES", 1_000)
    left = await desk.set_aside(*(request(n, value=b'{"n":1}' + b" " * 400) for n in range(5)))
    while left:
        dealt = [each.id for each in await desk.replay(left)]
        assert dealt == left[:2]
        left = left[2:]
    assert len(await desk.sent()) == 5


async def test_letters_are_forgotten_with_their_topic_and_what_was_done_with_them_a_year_later(desk: Desk) -> None:
    old, new = await desk.set_aside(request(1), request(2))
    await desk.replay([old, new])
    await desk.pool.execute("UPDATE dead_letter SET created_at = now() - interval '31 days' WHERE id = $1", old)
    await looking.purge(desk.pool)
    page = await looking.page(desk.pool, Wanted(), after=None, limit=10)
    assert [letter.id for letter in page.dead_letters] == [new]
    assert await desk.pool.fetchval("SELECT count(*) FROM dead_letter_record") == 1
    assert len((await looking.actions(desk.pool)).actions) == 2


async def test_operators_and_nobody_else_work_with_dead_letters(desk: Desk) -> None:
    (id_,) = await desk.set_aside(request(1))
    app = make_app("t", [make_router(desk.pool, desk.acting)], Health(started=True), Verifier(ACCESS_KEYS))
    body = {"ids": [id_], "run": "r"}
    calls = [
        ("GET", "/dead-letters", None),
        ("GET", f"/dead-letters/{id_}", None),
        ("GET", "/dead-letter-actions", None),
        ("POST", "/dead-letters/drop", body | {"dry_run": True}),
        ("POST", "/dead-letters/replay", body),
    ]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        for method, path, json in calls:
            for role in (Role.ADMINISTRATOR, Role.MANAGER, Role.MEMBER):
                answer = await http.request(method, path, json=json, headers=bearer(role, "a"))
                assert answer.status_code == 403, (path, role)
            answer = await http.request(method, path, json=json, headers=bearer(sub="eva"))
            assert answer.status_code == 200, (path, answer.text)
        listed = (await http.get("/dead-letters", params={"state": "replayed"}, headers=bearer())).json()
        acted = (await http.get("/dead-letter-actions", headers=bearer())).json()["actions"]
    assert [letter["id"] for letter in listed["dead_letters"]] == [id_]
    assert [(each["actor"], each["letter"], each["outcome"]) for each in acted] == [("eva", id_, "done")]


@contextlib.asynccontextmanager
async def relaying(kafka: str, database: str) -> AsyncIterator[None]:
    publisher = Publisher(kafka, "test")
    task = asyncio.create_task(Relay(database, publisher, log=structlog.get_logger()).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        await publisher.stop()


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_thousands_of_letters_come_out_once_and_in_the_order_of_their_keys(
    stack: dict[str, str], database: str, make_migrated_pool: MakePool, count: int
) -> None:
    topic = replace(REQUESTS, name=f"test.replay.{os.getpid()}.{time.time_ns() % 1_000_000_000}")
    await ensure_topics(stack["kafka"], [topic, topic.dlq])
    desk = Desk(await make_migrated_pool(), topic)
    consumer = Consumer(desk.requests, desk.pool, "cluster", "t", structlog.get_logger(), asyncio.Event())
    raws = [request(n, f"a/{n % 97}", topic.name) for n in range(count)]
    for first in range(0, count, 1_000):
        await consumer.set_aside([(raw, Unreadable("Fault")) for raw in raws[first : first + 1_000]])
    async with relaying(stack["kafka"], database):
        after = None
        while True:
            page = await looking.page(desk.pool, Wanted(state="open"), after=after, limit=MOST)
            await desk.replay([letter.id for letter in page.dead_letters])
            if (after := page.next) is None:
                break
        sent = await _read(stack["kafka"], topic, count)
    assert sent == {b"a/%d" % key: list(range(key, count, 97)) for key in range(97)}


async def _read(kafka: str, topic: Topic, count: int) -> dict[bytes, list[int]]:
    """By key the numbers of the first `count` records, without those that the relay published again."""
    reader = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    await reader.start()
    found: dict[bytes, dict[int, None]] = {}
    try:
        reader.assign([TopicPartition(topic.name, n) for n in range(topic.partitions)])
        async with asyncio.timeout(120):
            while sum(map(len, found.values())) < count:
                for records in (await reader.getmany(timeout_ms=200)).values():
                    for record in records:
                        found.setdefault(record.key, {})[int(dict(record.headers)["ce_id"][1:])] = None
    finally:
        await reader.stop()
    return {key: list(numbers) for key, numbers in found.items()}
