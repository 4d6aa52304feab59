import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from importlib.resources import files
from typing import Any

import asyncpg
import httpx
import pytest
import structlog

from chassis.access import Verifier
from chassis.database import Pool
from chassis.http import Health, make_app
from chassis.records import Event, Record, decode_headers
from chassis.replica import Entry, StateReplica
from chassis.testing import ACCESS_KEYS, bearer
from contracts.envelope import Envelope
from contracts.events import MESSAGES
from contracts.events.base import Message
from contracts.events.org import AcademyChanged
from contracts.events.users import (
    Person,
    UnitRef,
    UserChecked,
    UserCheckRequested,
    UserCreated,
    UserRejected,
    UserRequested,
    UserUnchanged,
    UserUpdated,
)
from contracts.topics import ORG_STRUCTURE
from import_service import api, subscribers
from import_service.feeding import Feeder
from import_service.intake import Intake

HEADER = "Personeelsnummer;Voornaam;Achternaam;E-mailadres;Bedrijf;Afdeling;Uitnodiging versturen;Actief"


def csv(count: int, *extra: str) -> bytes:
    """A file of `count` good rows and then the given ones."""
    rows = [f"{n};Jan;Jansen {n};p{n}@acme.example;Acme;Verkoop;x;x" for n in range(1, count + 1)]
    return "\n".join([HEADER, *rows, *extra]).encode()


def person(number: str) -> Person:
    return Person(
        user_id=f"u{number}",
        personnel_number=number,
        first_name="Jan",
        last_name="Jansen",
        email=f"p{number}@acme.example",
        company=UnitRef(id="c", name="Acme"),
        department=UnitRef(id="d", name="Verkoop"),
        language="nl",
        active=True,
        manager=False,
        terms_accepted=False,
    )


def as_operator(request: httpx.Request) -> httpx.Request:
    """Every request has a token of its own: a test may take longer than one lasts."""
    request.headers.setdefault("Authorization", bearer()["Authorization"])
    return request


class BrokerIsDown(Exception):
    pass


class Broker:
    """Stands in for the dispatcher: keeps what it was sent, or fails after some of it."""

    def __init__(self) -> None:
        self.sent: list[Event] = []
        self.fails = False

    async def send(self, events: Sequence[Event]) -> None:
        if self.fails:
            self.sent += events[: len(events) // 2]
            raise BrokerIsDown
        self.sent += events

    def take(self) -> list[Event]:
        taken, self.sent = self.sent, []
        return taken


Decide = Callable[[Event], Message]


class Instance:
    """One instance of the service, without its loops: tests take its steps one by one."""

    def __init__(self, pool: Pool, replica: StateReplica, broker: Broker, stall_after: float = 60.0) -> None:
        log = structlog.get_logger()
        self.changes = api.Changes()
        self.feeder = Feeder(pool, broker, log, stall_after=stall_after)  # type: ignore[arg-type]
        self.intake = Intake(pool, replica, self.feeder, log)
        self.verdicts = subscribers.verdicts(pool, self.changes.tell)
        self.outcomes = subscribers.outcomes(pool, self.changes.tell)
        routes = api.router(pool, replica, self.changes, uploaded=self.intake.wake, started=self.feeder.wake)
        app = make_app("import-service", [routes], Health(started=True), Verifier(ACCESS_KEYS))
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://import", timeout=60, auth=as_operator
        )


class World:
    """The service on a real database; what it sends is kept, and answers are fed to it by hand."""

    def __init__(self, pool: Pool, academy: str) -> None:
        self.pool, self.academy = pool, academy
        self.replica = StateReplica(ORG_STRUCTURE, {})
        self.know(academy)
        self.broker = Broker()
        self.one = self.instance()
        self._offsets = itertools.count()

    def instance(self, stall_after: float = 60.0) -> Instance:
        return Instance(self.pool, self.replica, self.broker, stall_after)

    def know(self, academy: str, revision: int = 3) -> None:
        """The organisation of an academy has arrived."""
        about = AcademyChanged(
            id=academy, name="Demo", default_language="nl", languages=["nl", "en"], revision=revision
        )
        entry = Entry(about, revision, False, AcademyChanged.TYPE)
        self.replica._entries.setdefault(academy, {})[f"{academy}/academy/{academy}"] = entry

    # the person

    async def upload(self, data: bytes, filename: str = "people.csv", academy: str = "") -> str:
        response = await self.one.http.post(
            f"/academies/{academy or self.academy}/imports", params={"filename": filename}, content=data
        )
        assert response.status_code == 202, response.text
        return str(response.json()["import_id"])

    async def read(self) -> None:
        """Read every uploaded file."""
        while await self.one.intake.read_next():
            pass

    async def get(self, import_id: str, rest: str = "", **params: Any) -> dict[str, Any]:
        response = await self.one.http.get(
            f"/academies/{self.academy}/imports/{import_id}{rest}", params=params, headers={"Accept-Language": "en"}
        )
        assert response.status_code == 200, response.text
        document: dict[str, Any] = response.json()
        counted = sum(document[name] for name in ("created", "updated", "unchanged", "rejected", "not_attempted"))
        assert counted == document["rows"], "the counts do not add up"
        return document

    async def document(self, import_id: str) -> dict[str, Any]:
        return await self.get(import_id, "/document")

    async def start(self, import_id: str) -> httpx.Response:
        return await self.one.http.post(f"/academies/{self.academy}/imports/{import_id}/start")

    # user-service

    async def feed(self, instance: Instance | None = None) -> list[Event]:
        """Let the service send what it may; return that."""
        while await (instance or self.one).feeder.step() == 0.0:
            pass
        return self.broker.take()

    def record(self, request: Event, answer: Message, *, attempt: int = 0, academy: str = "") -> Record[Any]:
        """An answer to a request as it is consumed."""
        asked = request.envelope
        envelope = Envelope(
            id=f"{asked.id}-answer",
            type=answer.TYPE,
            source="instroom/user-service",
            academy=academy or asked.academy,
            request_source=asked.request_source,
            request_id=asked.request_id,
            attempt=attempt or asked.attempt,
        )
        topic = self.one.verdicts if isinstance(answer, UserChecked) else self.one.outcomes
        message = topic.models[answer.TYPE].model_validate_json(answer.model_dump_json(exclude_unset=True))
        return Record("cluster", topic.topic.name, 0, next(self._offsets), request.key, b"", envelope, message)

    async def answer(
        self, requests: Iterable[Event], decide: Decide, *, attempt: int = 0, instance: Instance | None = None
    ) -> None:
        """Answer checks or requests, in batches as the runtime would."""
        by = instance or self.one
        records = [self.record(request, decide(request), attempt=attempt) for request in requests]
        for at in range(0, len(records), 1000):
            part = records[at : at + 1000]
            subscription = by.verdicts if isinstance(part[0].message, UserChecked) else by.outcomes
            await subscription.handle(part)

    async def through(self, import_id: str, decide: Decide) -> None:
        """Send and answer until nothing more comes."""
        while requests := await self.feed():
            await self.answer(requests, decide)

    async def checked(self, data: bytes, decide: Decide | None = None, filename: str = "people.csv") -> str:
        """An import whose check is over."""
        import_id = await self.upload(data, filename)
        await self.read()
        await self.through(import_id, decide or creates)
        assert (await self.get(import_id))["state"] == "checked"
        return import_id

    async def events(self) -> list[Message]:
        """Everything that the service published about its imports, in order."""
        rows = await self.pool.fetch("SELECT headers, value FROM outbox WHERE topic = 'import.events' ORDER BY seq")
        return [
            MESSAGES[Envelope.from_headers(decode_headers(row["headers"])).type].model_validate_json(row["value"])
            for row in rows
        ]

    async def said(self) -> list[str]:
        """The names of those events, without progress."""
        names = [type(event).__name__ for event in await self.events()]
        return [name for name in names if name != "ImportProgressed"]


def fields_of(request: Event) -> dict[str, Any]:
    model = UserCheckRequested if request.envelope.type == UserCheckRequested.TYPE else UserRequested
    return model.model_validate_json(request.value or b"").person.model_dump(exclude_unset=True)


def creates(request: Event) -> Message:
    """Everybody is new."""
    if request.envelope.type == UserCheckRequested.TYPE:
        return UserChecked(outcome="created", user_version=0, org_revision=3, invitation="queued", name="Jan Jansen")
    return UserCreated(version=1, org_revision=3, person=person("1"), invitation={"status": "queued"})


def answers(outcome: str, **more: Any) -> Decide:
    """The same answer to everything."""

    def decide(request: Event) -> Message:
        if request.envelope.type == UserCheckRequested.TYPE:
            return UserChecked(outcome=outcome, user_version=2, org_revision=3, **more)  # type: ignore[arg-type]
        if outcome == "rejected":
            return UserRejected(**more)
        if outcome == "unchanged":
            return UserUnchanged(version=2, org_revision=3, **more)
        model = UserCreated if outcome == "created" else UserUpdated
        return model(version=2, org_revision=3, person=person("1"), **more)

    return decide


class Tools:
    """What tests share, since test files cannot import each other."""

    csv, creates, answers, fields_of = (
        staticmethod(csv),
        staticmethod(creates),
        staticmethod(answers),
        staticmethod(fields_of),
    )
    HEADER, BrokerIsDown = HEADER, BrokerIsDown


@pytest.fixture
def tools() -> type[Tools]:
    return Tools


@pytest.fixture
async def pool(make_migrated_pool: Callable[..., Awaitable[Pool]]) -> Pool:
    return await make_migrated_pool(("import-service", files("import_service") / "migrations"))


@pytest.fixture
async def world(pool: Pool, academy: str) -> AsyncIterator[World]:
    world = World(pool, academy)
    yield world
    await asyncio.sleep(0)


@pytest.fixture
async def statements(pool: Pool) -> list[str]:
    """What is sent to the database by connections that are taken while the fixture is used."""
    seen: list[str] = []

    def log(query: asyncpg.connection.LoggedQuery) -> None:
        seen.append(query.query)

    connections = [await pool.acquire() for _ in range(pool.get_max_size())]
    for connection in connections:
        connection.add_query_logger(log)
    for connection in connections:
        await pool.release(connection)
    return seen
