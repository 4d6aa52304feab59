"""The whole service as a process, between a real broker and a real database; whoever asks is played by the test."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import orjson
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from chassis.records import new_id, now_text
from chassis.testing import ACCESS_KEYS, bearer, eventually, free_port
from contracts.access import Role
from contracts.envelope import Envelope
from contracts.events.base import Message
from contracts.events.invitations import InvitationFailed
from contracts.events.org import AcademyChanged, CompanyChanged, DepartmentChanged
from contracts.events.users import PersonFields, UserCheckRequested, UserRequested
from contracts.fields import number_key
from contracts.topics import USER_EVENTS, USER_VERDICTS
from user_service.organisations import LONGEST_WAIT

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def _as_the_operator(request: httpx.Request) -> None:
    """Whoever says nothing else; a token lasts a minute only, so each request gets its own."""
    request.headers.setdefault("Authorization", bearer()["Authorization"])


class Service:
    """A running user-service that can be killed and started again, and what it answered on Kafka until now."""

    def __init__(self, kafka: str, database: str) -> None:
        port = free_port()
        self._environment = os.environ | {
            "INSTROOM_KAFKA": kafka,
            "INSTROOM_SESSION_TIMEOUT": "6",  # how long a killed process keeps its partitions
            "INSTROOM_DATABASE": database,
            "INSTROOM_HTTP_PORT": str(port),
            "INSTROOM_ACCESS_KEYS": orjson.dumps(ACCESS_KEYS).decode(),
        }
        self.http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=30, event_hooks={"request": [_as_the_operator]}
        )
        self.producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all")
        self.consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
        self.database = database
        self.answers: list[tuple[Envelope, dict[str, Any]]] = []
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "user_service", env=self._environment
        )
        await eventually(self._ready, timeout=90, what="user-service is ready")

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        try:
            return await asyncio.wait_for(self._process.wait(), 30)
        except TimeoutError:
            await self.kill()
            raise

    async def listen(self) -> None:
        async for record in self.consumer:
            self.answers.append((Envelope.from_headers(record.headers), orjson.loads(record.value)))

    async def send(self, topic: str, key: str, message: Message, **attributes: Any) -> str:
        """Publish a message; its id is also the reference that its answer carries."""
        id_ = new_id()
        envelope = Envelope(
            **{"id": id_, "type": message.TYPE, "source": "test", "academy": key.partition("/")[0], "time": now_text()}
            | {"request_source": "test", "request_id": id_}
            | attributes
        )
        value = message.model_dump_json(exclude_unset=True).encode()
        await self.producer.send_and_wait(topic, value, key=key.encode(), headers=envelope.headers())
        return envelope.request_id

    async def define(self, academy: str, revision: int = 1, department: str = "Sales") -> None:
        """A revision of the academy, with one department more."""
        for kind, id_, message in (
            ("company", "c", CompanyChanged(id="c", name="Acme", revision=1)),
            (
                "department",
                department,
                DepartmentChanged(id=department, company_id="c", name=department, revision=revision),
            ),
            ("academy", academy, AcademyChanged(id=academy, **ACADEMY, revision=revision)),
        ):
            await self.send("org.structure", f"{academy}/{kind}/{id_}", message, org_revision=revision)

    async def known(self, academy: str) -> None:
        """An academy with one company and one department, which the service has heard of."""
        await self.define(academy)

        async def listed() -> bool:
            return (await self.http.get(f"/academies/{academy}/users")).status_code == 200

        await eventually(listed, what="the academy is known")

    async def ask(
        self, academy: str, number: str, *, topic: str = "user.requests", min_org_revision: int = 0, **fields: Any
    ) -> str:
        message = UserRequested(person=person(number, **fields), min_org_revision=min_org_revision)
        return await self.send(topic, f"{academy}/{number_key(number)}", message)

    async def answer(self, request_id: str) -> tuple[Envelope, dict[str, Any]]:
        """The one answer to a request, however often it was published."""
        found: list[Any] = await eventually(lambda: self._to(request_id), what="the request is answered")
        answer, *again = found
        assert all(other == answer for other in again)
        return answer

    def of(self, academy: str) -> list[tuple[Envelope, dict[str, Any]]]:
        return [answer for answer in self.answers if answer[0].academy == academy]

    def _to(self, request_id: str) -> list[tuple[Envelope, dict[str, Any]]]:
        return [answer for answer in self.answers if answer[0].request_id == request_id]

    async def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, "user-service ended"
        try:
            return (await self.http.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False


ACADEMY: dict[str, Any] = {"name": "Demo", "default_language": "nl", "languages": ["nl"]}


def person(number: str, **fields: Any) -> PersonFields:
    given = {"first_name": "Eva", "last_name": "Jansen", "email": f"p{len(number)}{number[-1]}@acme.example"}
    return PersonFields(**{"personnel_number": number, "company": "Acme", "department": "Sales"} | given | fields)


def body(number: str, **fields: Any) -> dict[str, Any]:
    return person(number, **fields).model_dump(exclude_unset=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(stack: dict[str, str]) -> AsyncIterator[Service]:
    """One process for all tests of this file; each has an academy of its own."""
    name = f"t_{os.getpid()}_user_service"
    base, _, query = stack["postgres"].partition("?")
    admin = await asyncpg.connect(stack["postgres"])
    await admin.execute(f"CREATE DATABASE {name}")
    service = Service(stack["kafka"], f"{base.rpartition('/')[0]}/{name}" + (f"?{query}" if query else ""))
    try:
        await service.start()
        async with service.producer, service.consumer:
            partitions = [TopicPartition(t.name, n) for t in (USER_EVENTS, USER_VERDICTS) for n in range(t.partitions)]
            service.consumer.assign(partitions)
            await service.consumer.seek_to_beginning(*partitions)
            listening = asyncio.create_task(service.listen())
            yield service
            listening.cancel()
            await asyncio.wait((listening,))
    finally:
        code = await service.stop()
        await service.http.aclose()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()
    assert code == 0


async def done(service: Service, response: httpx.Response) -> dict[str, Any]:
    """The outcome of a command that was accepted."""
    assert response.status_code == 202, response.text
    assert response.json()["location"] == response.headers["Location"]
    command = (await service.http.get(response.headers["Location"], params={"wait": 30}, timeout=60)).json()
    assert command["state"] == "done"
    outcome: dict[str, Any] = command["outcome"]
    return outcome


@pytest.mark.parametrize("topic", ["user.requests", "user.requests.bulk"])
async def test_a_request_of_either_lane_becomes_a_person_and_one_answer_with_its_senders_reference(
    service: Service, academy: str, topic: str
) -> None:
    await service.known(academy)
    key = f"{academy}/k 1"
    for _ in range(2):
        await service.send(
            topic, key, UserRequested(person=person("K 1")), id="m-1", request_source="hr", request_id=f"row-{academy}"
        )
    last = await service.send(topic, key, UserRequested(person=person("K 1")))
    assert (await service.answer(last))[0].type == "instroom.user.unchanged.v1"
    envelope, value = await service.answer(f"row-{academy}")
    assert (envelope.type, envelope.request_source, envelope.causation_id) == ("instroom.user.created.v1", "hr", "m-1")
    assert (value["version"], value["person"]["department"]) == (1, {"id": "Sales", "name": "Sales"})
    document = (await service.http.get(f"/academies/{academy}/users/K 1")).json()
    assert (document["user_id"], document["email"]) == (value["person"]["user_id"], "p31@acme.example")


async def test_a_check_is_answered_by_a_verdict_and_writes_nothing(service: Service, academy: str) -> None:
    await service.known(academy)
    check = UserCheckRequested(person=person("1", invite="x"), round=3)
    envelope, value = await service.answer(await service.send("user.checks", f"{academy}/1", check))
    assert envelope.type == "instroom.user.checked.v1"
    assert (value["outcome"], value["round"], value["user_version"], value["org_revision"]) == ("created", 3, 0, 1)
    assert (value["name"], value["invitation"]) == ("Eva Jansen", "waiting")
    connection = await asyncpg.connect(service.database)
    try:
        for table in ("person", "user_address", "request_log"):
            assert await connection.fetchval(f"SELECT count(*) FROM {table} WHERE academy = $1", academy) == 0
        assert (
            await connection.fetchval("SELECT count(*) FROM outbox WHERE position($1 IN key) = 1", academy.encode())
            == 0
        )
    finally:
        await connection.close()


async def test_a_request_waits_for_the_revision_that_it_names(service: Service, academy: str) -> None:
    for attempt in range(5):  # where this test itself is slower than the longest wait, once more
        asking = f"{academy}-{attempt}"
        await service.known(asking)
        begun = time.monotonic()
        early = await service.ask(asking, "1", department="Stock", min_org_revision=2)
        other = await service.ask(asking, "2", topic="user.requests.bulk")
        await service.answer(other)
        before = [envelope.request_id for envelope, _ in service.of(asking)]
        await service.define(asking, 2, "Stock")
        envelope, value = await service.answer(early)
        if time.monotonic() - begun < LONGEST_WAIT:
            break
    assert before == [other]
    assert (envelope.type, value["org_revision"]) == ("instroom.user.created.v1", 2)


async def test_a_revision_that_never_comes_is_waited_for_and_then_done_without(service: Service, academy: str) -> None:
    await service.known(academy)
    begun = time.monotonic()
    envelope, value = await service.answer(await service.ask(academy, "1", min_org_revision=9))
    assert time.monotonic() - begun >= LONGEST_WAIT
    assert (envelope.type, value["org_revision"]) == ("instroom.user.created.v1", 1)


async def test_an_invitation_that_failed_is_shown_as_failed_and_replaced_when_it_is_asked_for_again(
    service: Service, academy: str
) -> None:
    await service.known(academy)
    _, created = await service.answer(await service.ask(academy, "1", active="x", invite="x"))
    first = created["invitation"]
    assert (first["status"], first["generation"], first["recipient"]["email"]) == ("queued", 1, "p11@acme.example")
    failed = InvitationFailed(
        invitation_id=first["invitation_id"], generation=1, personnel_number="1", reason="550 no such mailbox"
    )
    await service.send("invitation.events", f"{academy}/1", failed)

    async def shown() -> bool:
        return (await service.http.get(f"/academies/{academy}/users/1")).json()["invitation"] == "failed"

    await eventually(shown, what="the invitation is shown as failed")
    row = await service.ask(academy, "1", topic="user.requests.bulk", invite="x")
    envelope, unchanged = await service.answer(row)
    second = unchanged["invitation"]
    assert (envelope.type, second["status"]) == ("instroom.user.unchanged.v1", "queued")
    assert (second["invitation_id"], second["generation"]) == (first["invitation_id"], 2)
    await service.send("invitation.events", f"{academy}/1", failed)  # of the first mail, again: says nothing new
    assert (await service.http.get(f"/academies/{academy}/users/1")).json()["invitation"] == "already_invited"


async def test_commands_over_http_are_accepted_and_their_outcome_is_found_under_the_command(
    service: Service, academy: str
) -> None:
    await service.known(academy)
    users = f"/academies/{academy}/users"
    added = await done(service, await service.http.post(users, json=body("1/a", infix="de", invite=True)))
    assert (added["code"], added["invitation"], added["user"]["infix"]) == ("created", "waiting", "de")
    again = await done(service, await service.http.post(users, json=body("1/A")))
    assert (again["code"], [error["code"] for error in again["errors"]]) == ("rejected", ["personnel_number_conflict"])
    changed = await done(service, await service.http.patch(f"{users}/1/a", json={"first_name": "Anna", "infix": None}))
    assert (changed["code"], changed["changes"]) == (
        "updated",
        {"first_name": ["Eva", "Anna"], "infix": ["de", None]},
    )
    for action, code, invitation in (
        ("activate", "activated", "queued"),
        ("resend-invitation", "updated", "queued"),
        ("withdraw-invitation", "updated", "withdrawn"),
        ("deactivate", "deactivated", "none"),
        ("deactivate", "unchanged", "none"),
    ):
        outcome = await done(service, await service.http.post(f"{users}/1/a/{action}"))
        assert (outcome["code"], outcome["invitation"]) == (code, invitation)
    deleted = await done(service, await service.http.delete(f"{users}/1/a"))
    assert (deleted["code"], deleted["user"]["deleted"]) == ("deleted", True)
    assert (await service.http.get(f"{users}/1/a")).json()["deleted"] is True
    assert (await service.http.get(users)).json() == {"users": [], "next": None}
    refused = await done(service, await service.http.patch(f"{users}/1/a", json={"first_name": "Zoë"}))
    assert [error["code"] for error in refused["errors"]] == ["not_found"]


async def test_the_same_idempotency_key_gives_one_command(service: Service, academy: str) -> None:
    await service.known(academy)
    first, second, other = [
        await service.http.post(f"/academies/{academy}/users", json=body("1"), headers={"Idempotency-Key": key})
        for key in ("form-1", "form-1", "form-2")
    ]
    assert first.json() == second.json() != other.json()
    assert (await done(service, second))["code"] == "created"
    assert (await done(service, other))["code"] == "rejected"
    await service.answer(other.json()["command_id"])
    assert [envelope.type.split(".")[2] for envelope, _ in service.of(academy)] == ["created", "rejected"]


async def test_people_are_listed_in_pages_by_cursor_and_the_last_page_has_none(service: Service, academy: str) -> None:
    await service.known(academy)
    for request in [await service.ask(academy, number) for number in ("3", "1", "4", "2")]:
        await service.answer(request)
    pages, cursor = [], ""
    while cursor is not None:
        page = await service.http.get(f"/academies/{academy}/users", params={"limit": 2, "after": cursor})
        pages.append([user["personnel_number"] for user in page.json()["users"]])
        cursor = page.json()["next"]
    assert pages == [["1", "2"], ["3", "4"]]
    counted = (await service.http.get(f"/academies/{academy}/users", params={"limit": 1, "count": True})).json()
    assert (len(counted["users"]), counted["total"], counted["total_exact"]) == (1, 4, True)


async def test_what_does_not_exist_is_not_found(service: Service, academy: str) -> None:
    await service.known(academy)
    for method, path, code in (
        ("GET", f"{academy}/users/1", "not_found"),
        ("POST", f"{academy}/users/1/promote", "not_found"),
        ("GET", "nowhere/users", "unknown_academy"),
        ("GET", "nowhere/users/1", "unknown_academy"),
        ("DELETE", "nowhere/users/1", "unknown_academy"),
        ("POST", "nowhere/users/1/activate", "unknown_academy"),
        ("GET", "No%00where/users", "unknown_academy"),
    ):
        response = await service.http.request(method, f"/academies/{path}")
        assert (response.status_code, response.json()["code"]) == (404, code), path
    for users in ("nowhere", "No%00where"):
        response = await service.http.post(f"/academies/{users}/users", json=body("1"), params={"min_org_revision": 1})
        assert (response.status_code, response.json()["code"]) == (404, "unknown_academy")
    assert (await service.http.get("/commands/none")).status_code == 404
    assert (await service.http.get("/invitations/none")).json()["state"] == "unknown"


async def test_what_is_nonsense_is_refused_at_once(service: Service, academy: str) -> None:
    await service.known(academy)
    users = f"/academies/{academy}/users"
    for method, path, options in (
        ("POST", users, {"json": {"personnel_number": 1}}),
        ("POST", users, {"json": {"personnel_number": "1\x00"}}),
        ("POST", users, {"content": b'{"personnel_number": "\\ud800"}'}),
        ("POST", users, {"json": []}),
        ("POST", users, {"content": b"{"}),
        ("POST", users, {"json": body("1"), "params": {"min_org_revision": -1}}),
        ("POST", users, {"json": body("1"), "headers": {"Idempotency-Key": "k" * 201}}),
        ("PATCH", f"{users}/1", {"json": {"functions": "Adviseur"}}),
        ("PATCH", f"{users}/{quote(chr(0))}", {"json": {"first_name": "Eva"}}),
        ("DELETE", f"{users}/{'1' * 301}", {}),
        ("POST", f"{users}/%00/activate", {}),
        ("GET", f"{users}/%00", {}),
        ("GET", users, {"params": {"after": "\x00"}}),
        ("GET", users, {"params": {"limit": 0}}),
        ("GET", users, {"params": {"limit": 1001}}),
    ):
        response = await service.http.request(method, path, **options)
        assert (response.status_code, response.json()["code"]) == (422, "invalid_request"), (path, options)
    large = await service.http.post(users, json=body("1", cost_centre="x" * 900_000))
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert service.of(academy) == []


async def test_administrators_are_made_and_unmade_by_administrators_only(service: Service, academy: str) -> None:
    await service.known(academy)
    users = f"/academies/{academy}/users"
    for number in ("1", "2/a"):
        await done(service, await service.http.post(users, json=body(number, active=True)))
    for role in (Role.MANAGER, Role.MEMBER):
        refused = await service.http.post(
            f"{users}/1/grant-administrator",
            headers=bearer(role, academy, department="Sales", personnel_number="1"),
        )
        assert refused.status_code == 403
    administrator = bearer(Role.ADMINISTRATOR, academy)
    for number, action, code in (
        ("1", "grant-administrator", "updated"),
        ("2/a", "grant-administrator", "updated"),
        ("2/a", "grant-administrator", "unchanged"),
        ("2/a", "revoke-administrator", "updated"),
        ("1", "revoke-administrator", "rejected"),
        ("1", "deactivate", "rejected"),
    ):
        outcome = await done(service, await service.http.post(f"{users}/{number}/{action}", headers=administrator))
        assert outcome["code"] == code, (number, action)
    assert outcome["errors"] == [{"code": "last_administrator"}]
    assert (await service.http.get(f"{users}/1")).json()["administrator"] is True
    await service.send(
        "user.checks",
        f"{academy}/1",
        UserCheckRequested(person=PersonFields(personnel_number="1", active="-")),
        request_id=f"{academy}-check",
    )
    _, checked = await service.answer(f"{academy}-check")
    assert checked["errors"] == [{"code": "last_administrator", "field": "active"}]


async def test_history_is_told_newest_first_to_whoever_may_see_the_person(service: Service, academy: str) -> None:
    await service.known(academy)
    users = f"/academies/{academy}/users"
    added = await done(service, await service.http.post(users, json=body("1/a")))
    connection = await asyncpg.connect(service.database)
    await connection.execute("UPDATE person SET ever_accepted_terms = true WHERE academy = $1", academy)
    await connection.close()
    actor = bearer(Role.ADMINISTRATOR, academy, sub=f"user:{added['user']['user_id']}")
    await done(service, await service.http.patch(f"{users}/1/a", json={"first_name": "Anna"}, headers=actor))
    told = (await service.http.get(f"{users}/1/a/history")).json()["history"]
    assert [(one["type"], one["version"], one["actor_name"]) for one in told] == [
        ("updated", 2, "Anna Jansen"),
        ("created", 1, None),
    ]
    assert told[0]["changes"] == {"first_name": ["Eva", "Anna"]}
    for department, status in (("Sales", 200), ("Stock", 404)):
        manager = bearer(Role.MANAGER, academy, department=department)
        assert (await service.http.get(f"{users}/1/a/history", headers=manager)).status_code == status


async def test_an_academy_that_was_defined_a_moment_ago_gets_its_administrator(service: Service, academy: str) -> None:
    path = f"/academies/{academy}/administrators"
    asked = {"personnel_number": "9", "first_name": "Ada", "last_name": "Vries", "email": "ada@acme.example"}
    unknown = await service.http.post(path, json=asked)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_academy")
    making = asyncio.create_task(service.http.post(path, json=asked, params={"min_org_revision": 1}))
    await service.define(academy)
    assert (await making).status_code == 201


async def test_a_manager_is_listed_the_own_department_alone(service: Service, academy: str) -> None:
    await service.known(academy)
    users = f"/academies/{academy}/users"
    await done(service, await service.http.post(users, json=body("1")))
    for department, wanted, count in (
        ("Sales", {}, 1),
        ("Stock", {}, 0),
        ("Stock", {"department": "Sales"}, 0),
        ("Sales", {"status": "deleted"}, 0),
        ("Sales", {"search": "jan", "status": "inactive", "invitation": "none"}, 1),
    ):
        manager = bearer(Role.MANAGER, academy, department=department)
        page = await service.http.get(users, params=wanted, headers=manager)
        assert len(page.json()["users"]) == count, (department, wanted)
    assert (await service.http.get(users, params={"status": "other"})).status_code == 422


@pytest.mark.slow
async def test_a_kill_in_the_middle_of_a_burst_leaves_exactly_one_outcome_for_each_request(
    service: Service, academy: str
) -> None:
    await service.known(academy)
    requests = []
    for n in range(6_000):
        id_ = f"{academy}-{n}"
        topic = "user.requests" if n % 3 == 0 else "user.requests.bulk"
        message = UserRequested(person=person(str(n % 4_000), email=f"{n % 4_000}@acme.example"))
        envelope = Envelope(id=id_, type=message.TYPE, source="test", academy=academy)
        value = message.model_dump_json(exclude_unset=True).encode()
        key = f"{academy}/{n % 4_000}".encode()
        requests.append(id_)
        await service.producer.send(topic, value, key=key, headers=envelope.headers())
    await service.producer.flush()
    await eventually(lambda: len(service.of(academy)) >= 500, what="some are answered")
    await service.kill()
    assert len({envelope.request_id for envelope, _ in service.of(academy)}) < len(requests)
    await service.start()

    def answered() -> dict[str, set[str]]:
        """The ids of the outcomes of each request: the relay may publish one of them twice, as the same event."""
        found: dict[str, set[str]] = {}
        for envelope, _ in service.of(academy):
            found.setdefault(envelope.request_id, set()).add(envelope.id)
        return found

    await eventually(lambda: len(answered()) == len(requests), timeout=120, what="every request is answered")
    assert answered().keys() == set(requests)
    assert all(len(ids) == 1 for ids in answered().values())
    types = {(envelope.id, envelope.type.split(".")[2]) for envelope, _ in service.of(academy)}
    assert sorted(type_ for _, type_ in types) == ["created"] * 4_000 + ["unchanged"] * 2_000


async def test_people_follow_a_department_that_moves_and_its_manager_goes_on_seeing_them(
    service: Service, academy: str
) -> None:
    await service.known(academy)
    for number in ("1", "2"):
        await service.answer(await service.ask(academy, number))
    beta = CompanyChanged(id="b", name="Beta", revision=2)
    moved = DepartmentChanged(id="Sales", company_id="b", name="Sales", revision=2)
    for key, message in (
        ("company/b", beta),
        ("department/Sales", moved),
        (f"academy/{academy}", AcademyChanged(id=academy, **ACADEMY, revision=2)),
    ):
        await service.send("org.structure", f"{academy}/{key}", message, org_revision=2, actor="user:admin")
    manager = bearer(Role.MANAGER, academy, department="Sales")
    users = f"/academies/{academy}/users"

    async def seen() -> bool:
        listed = (await service.http.get(users, headers=manager)).json()["users"]
        return [(user["company"], user["department"]) for user in listed] == [("Beta", "Sales")] * 2

    await eventually(seen, what="the manager sees both in the new company")
    listed = (await service.http.get(users, params={"company": "b"})).json()["users"]
    assert [user["personnel_number"] for user in listed] == ["1", "2"]
    assert (await service.http.get(users, params={"company": "c"})).json()["users"] == []
    for department in ("other", ""):
        stranger = bearer(Role.MANAGER, academy, department=department)
        assert (await service.http.get(users, headers=stranger)).json()["users"] == []

    def told() -> list[str]:
        return [e.subject for e, value in service.of(academy) if value.get("changes") == {"company": ["Acme", "Beta"]}]

    await eventually(lambda: sorted(told()) == ["1", "2"], what="each is told of")
    last = await service.ask(academy, "1", company="Beta")
    assert (await service.answer(last))[0].type == "instroom.user.unchanged.v1"
    wrong = await service.ask(academy, "1", company="Acme")
    envelope, value = await service.answer(wrong)
    assert (envelope.type, value["errors"][0]["code"]) == ("instroom.user.rejected.v1", "department_not_in_company")
    assert sorted(told()) == ["1", "2"]
