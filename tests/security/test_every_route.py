"""Every route of every service, with real ids of two academies and by everybody: only those who may are let in."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest

from contracts.access import TOKEN_SECONDS, Role
from instroom import home
from instroom.testing import Platform, wait_until
from security.academies import Person, Realm, access_token
from security.callers import Forger
from security.routes import (
    EVENTS_OF_BEFORE,
    NEVER_ENDS,
    PATIENCE,
    SERVICES,
    Route,
    guessed,
    leaked,
    names_in,
    queries_of,
    request_of,
    routes_of,
    told,
)

Realms = tuple[Realm, Realm]
ROLE_OF = {
    "operator": Role.OPERATOR,
    "administrator": Role.ADMINISTRATOR,
    "api token": Role.ADMINISTRATOR,
    "manager": Role.MANAGER,
    "lid": Role.MEMBER,
}
TELLS_EVENTS = "/events/latest"
MEMBERS = ("administrator", "api token", "manager", "lid")


class Walker:
    """Asks every route in the name of anybody."""

    def __init__(self, platform: Platform, realms: Realms, forger: Forger) -> None:
        self.platform, self.forger = platform, forger
        self.noord, self.zuid = realms
        self.http = httpx.Client(timeout=30, trust_env=False, limits=PATIENCE)
        addresses = self.noord.services
        self.addresses = addresses
        self.routes = {service: list(routes_of(service, addresses[service])) for service in SERVICES}
        self._tokens: dict[str, str] = {}

    def token(self, realm: Realm, who: str) -> str:
        """A real one, got for a real session; taken again before it is over."""
        credential = home.credential(self.platform.home, {}) if who == "operator" else realm.credential(who)
        assert credential
        made, token = self._tokens.get(credential, (0.0, ""))
        if time.monotonic() - made > TOKEN_SECONDS / 2:
            token = access_token(self.platform, credential)
            self._tokens[credential] = (time.monotonic(), token)
        return token

    def ask(self, route: Route, token: str | None, asked: Mapping[str, Any]) -> httpx.Response:
        """The whole answer; of what never ends only that it began."""
        headers = dict(asked.get("headers", {})) | ({} if token is None else {"Authorization": f"Bearer {token}"})
        rest = {name: value for name, value in asked.items() if name not in ("headers", "url")}
        url = self.addresses[route.service] + asked["url"]
        with self.http.stream(url=url, headers=headers, **rest) as answer:
            if route.path.endswith(NEVER_ENDS) and answer.is_success:
                return httpx.Response(answer.status_code, headers=answer.headers, request=answer.request)
            answer.read()
            return answer

    def outcome(self, route: Route, token: str, answer: httpx.Response) -> httpx.Response:
        """What became of a command that was taken."""
        url = f"{self.addresses[route.service]}{answer.headers['location']}"
        return self.http.get(url, params={"wait": 20}, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
def walker(platform: Platform, realms: Realms, forger: Forger) -> Iterator[Walker]:
    walker = Walker(platform, realms, forger)
    yield walker
    walker.http.close()


def unknown(realm: Realm) -> Realm:
    """Things that no academy has, to ask for without harm."""
    nobody = Person(f"niemand-{realm.mark}", f"niemand@{realm.id}.example", "")
    return replace(realm, people={"elders": nobody}, units=dict.fromkeys(realm.units, str(uuid.uuid4())))


@pytest.mark.parametrize("service", SERVICES)
def test_these_tests_know_a_real_id_for_every_parameter_and_a_body_for_every_route(
    walker: Walker, service: str
) -> None:
    assert walker.routes[service]
    for route in walker.routes[service]:
        request_of(route, walker.noord.ids, walker.noord)


@pytest.mark.parametrize("service", SERVICES)
def test_without_a_good_token_every_route_is_refused_but_those_for_everybody(walker: Walker, service: str) -> None:
    noord = walker.noord
    bad = walker.forger.bad(noord.id)
    wrong = []
    for route in walker.routes[service]:
        asked = request_of(route, guessed(noord), noord)
        for kind, token in bad.items() if route.roles else [("no token", None)]:
            answer = walker.ask(route, token, asked)
            if (route.roles and answer.status_code != 401) or answer.status_code >= 500 or leaked(answer, [noord.mark]):
                wrong.append((str(route), kind, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_but_operators_gets_into_another_academy(walker: Walker, service: str) -> None:
    noord, zuid = walker.noord, walker.zuid
    before = noord.state()
    wrong = []
    for route in walker.routes[service]:
        asked = request_of(route, guessed(noord), noord)
        for who in MEMBERS:
            answer = walker.ask(route, walker.token(zuid, who), asked)
            refused = answer.status_code == 403 if route.roles and "{academy}" in route.path else True
            if not refused or answer.status_code >= 500 or leaked(answer, [noord.mark]):
                wrong.append((str(route), who, answer.status_code))
    assert wrong == []
    assert noord.state() == before


@pytest.mark.parametrize("service", SERVICES)
def test_ids_of_another_academy_name_nothing_in_the_own_one(walker: Walker, service: str) -> None:
    noord, zuid = walker.noord, walker.zuid
    ids = guessed(zuid) | {"academies/{academy}": noord.id}
    before, own = zuid.state(), noord.state()
    wrong = []
    for route in walker.routes[service]:
        asked = request_of(route, ids, zuid)
        named = [name for name in names_in(route.path) if name != "academies/{academy}"]
        for who in MEMBERS:
            token = walker.token(noord, who)
            answers = [walker.ask(route, token, asked)]
            answers += [walker.ask(route, token, asked | {"params": query}) for query in queries_of(route, zuid)]
            if answers[0].status_code == 202 and "command_id" in answers[0].text:
                answers.append(walker.outcome(route, token, answers[0]))
            if named and route.method == "get" and route.roles and answers[0].status_code not in (403, 404):
                wrong.append((str(route), who, answers[0].status_code))
            if route.path.endswith(EVENTS_OF_BEFORE):
                whose = {
                    event["academy"] for answer in answers if answer.is_success for event in answer.json()["events"]
                }
                wrong += [(str(route), who, academy) for academy in whose - {noord.id}]
                continue
            for answer in answers:
                asked_for = answers[0].request if answer.request.url.path.startswith("/commands/") else answer.request
                repeats = route.path.endswith(TELLS_EVENTS)  # what was asked in here before: see the next test
                if (leaked(answer, [zuid.mark], asked_for) and not repeats) or answer.is_server_error:
                    wrong.append((str(route), who, answer.status_code))
    assert wrong == []
    assert zuid.state() == before
    after = noord.state()
    assert [part for part in ("people", "structure", "terms") if after[part] != own[part]] == []


def test_a_stream_of_events_tells_the_own_academy_only_wherever_it_begins(walker: Walker) -> None:
    noord, zuid = walker.noord, walker.zuid

    def read(service: str) -> list[str]:
        claims = {"exp": int(time.time()) + 3}  # the stream ends with the token
        token = walker.forger.token("administrator", noord.id, **claims)
        url = f"{walker.addresses[service]}/academies/{noord.id}/events"
        headers = {"Authorization": f"Bearer {token}", "Last-Event-ID": zuid.starts[service]}
        lines = walker.http.get(url, headers=headers).text.splitlines()
        events = [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
        assert {json.loads(event)["academy"] for event in events} <= {noord.id}, service
        return events

    def follow(service: str) -> None:
        wait_until(lambda: any(noord.mark in event for event in read(service)), what=f"{service} tells of the own")

    with ThreadPoolExecutor(len(SERVICES)) as pool:
        list(pool.map(follow, SERVICES))
    for service in SERVICES:
        url = f"{walker.addresses[service]}/academies/{noord.id}{TELLS_EVENTS}"
        headers = {"Authorization": f"Bearer {walker.token(noord, 'administrator')}"}
        latest = walker.http.get(url, params={"limit": 200}, headers=headers).json()["events"]
        assert {event["academy"] for event in latest} == {noord.id}, service


def test_a_manager_sees_nobody_of_another_department(walker: Walker) -> None:
    noord = walker.noord
    mark, others = noord.people["elders"].number, [noord.people["elders"].number, noord.people["administrator"].number]
    before, wrong = noord.state(), []
    for route in (route for service in SERVICES for route in walker.routes[service]):
        token = walker.token(noord, "manager")
        for number in others:
            asked = request_of(route, guessed(noord) | {"users/{number}": number}, unknown(noord))
            answer = walker.ask(route, token, asked)
            if leaked(answer, others) or ("{number}" in route.path and answer.status_code not in (403, 404)):
                wrong.append((str(route), number, answer.status_code))
        for query in [*queries_of(route, noord), {"department": noord.units["elsewhere"]}, {"search": mark}]:
            if route.path == "/academies/{academy}/users" and route.method == "get":
                answer = walker.ask(route, token, asked | {"params": query})
                wrong += [(str(route), str(query), 0) for _ in leaked(answer, others)]
    assert wrong == []
    assert noord.state() == before


def test_a_manager_without_a_department_sees_nobody_but_themselves(walker: Walker) -> None:
    noord = walker.noord
    manager = noord.people["manager"].number
    token = walker.forger.token("manager", noord.id, personnel_number=manager, department="")
    for route in walker.routes["user-service"]:
        if "manager" not in route.roles or route.method != "get":
            continue
        for who, person in noord.people.items():  # the administrator has no department either
            ids = noord.ids | {"users/{number}": person.number}
            answer = walker.ask(route, token, request_of(route, ids, noord))
            others = [each.number for each in noord.people.values() if each.number != manager]
            assert leaked(answer, others) == [], (str(route), who)


@pytest.mark.parametrize("service", SERVICES)
def test_what_everybody_may_read_of_a_service_names_nobody(walker: Walker, service: str) -> None:
    for path in ("/metrics", "/livez", "/readyz", "/openapi.json"):
        answer = walker.http.get(walker.addresses[service] + path)
        assert answer.is_success
        assert leaked(answer, [walker.noord.mark, walker.noord.id, walker.zuid.id]) == [], path


def test_a_member_sees_nobody_else(walker: Walker) -> None:
    noord = walker.noord
    others = [person.number for who, person in noord.people.items() if who != "lid"]
    before, wrong = noord.state(), []
    for route in (route for service in SERVICES for route in walker.routes[service]):
        token = walker.token(noord, "lid")
        for number in others:
            asked = request_of(route, guessed(noord) | {"users/{number}": number}, unknown(noord))
            answer = walker.ask(route, token, asked)
            if leaked(answer, others) or ("{number}" in route.path and answer.status_code not in (403, 404)):
                wrong.append((str(route), number, answer.status_code))
            if "{number}" not in route.path:
                break
    assert wrong == []
    assert noord.state() == before
    elders = walker.token(noord, "elders")  # their session has not been ended
    assert elders


@pytest.mark.parametrize("service", SERVICES)
def test_a_role_gets_into_its_routes_and_no_other(walker: Walker, service: str) -> None:
    noord = walker.noord
    ids = noord.ids | {"users/{number}": noord.people["weg"].number, "api-tokens/{id}": str(uuid.uuid4())}
    wrong = []
    for route in walker.routes[service]:
        asked = request_of(route, ids, unknown(noord))
        for who, role in ROLE_OF.items():
            answer = walker.ask(route, walker.token(noord, who), asked)
            may = role.value in route.roles or role is Role.OPERATOR
            refused = answer.status_code in (401, 403)
            if (route.roles and may == refused) or (not may and answer.status_code != 403 and route.roles):
                wrong.append((str(route), who, answer.status_code))
            if answer.is_server_error:
                wrong.append((str(route), who, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("service", SERVICES)
def test_whatever_an_administrator_reads_holds_the_mark_by_which_a_leak_is_known(walker: Walker, service: str) -> None:
    noord = walker.noord
    without = []
    for route in walker.routes[service]:
        known_to_all = (NEVER_ENDS, "/identity-provider")  # everybody is sent to that
        if route.method == "get" and "administrator" in route.roles and not route.path.endswith(known_to_all):
            answer = walker.ask(route, walker.token(noord, "administrator"), request_of(route, noord.ids, noord))
            if "{academy}" in route.path and noord.mark not in told(answer):
                without.append((str(route), answer.status_code))
    assert without == []
