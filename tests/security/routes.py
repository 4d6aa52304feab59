"""The routes of the services as their OpenAPI documents tell them, and real requests for each."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from outside import books

from security.academies import Realm

SERVICES = ("org-service", "user-service", "import-service", "notify-service")
METHODS = ("get", "post", "put", "patch", "delete")
PARAMETER = re.compile(r"(?P<before>[^/]*)/\{(?P<name>\w+)(?::path)?\}")
NEVER_ENDS = "/events"
JSON = "application/json"
PATIENCE = httpx.Limits(keepalive_expiry=2)
"""A connection is let go before the service, which waits five seconds, does."""
EVENTS_OF_BEFORE = "/events/latest"
"""Tells also what its own members asked for before, with whatever words."""


@dataclass(frozen=True)
class Route:
    """One of a service; without roles it is for everybody."""

    service: str
    method: str
    path: str
    roles: tuple[str, ...]
    takes_body: bool

    def __str__(self) -> str:
        return f"{self.service} {self.method.upper()} {self.path}"


def routes_of(service: str, address: str) -> Iterator[Route]:
    document = httpx.get(f"{address}/openapi.json", timeout=30, trust_env=False).json()
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                about = methods[method]
                yield Route(
                    service,
                    method,
                    path,
                    tuple(about["x-roles"]),
                    JSON in about.get("requestBody", {}).get("content", {}),
                )


def names_in(path: str) -> list[str]:
    """What is asked for in a path: each parameter behind what stands before it."""
    found, at = [], 0
    while part := PARAMETER.search(path, at):
        found.append(f"{part['before']}/{{{part['name']}}}")
        at = part.start("name") - 1  # a parameter may stand before the next
    return found


def fill(path: str, ids: Mapping[str, str], service: str = "") -> str:
    """The path with real ids. LookupError where there is none: tell the academies of these tests what it is."""
    filled = path
    for name in names_in(path):
        value = ids.get(f"{service} {name}", ids.get(name))
        if value is None:
            raise LookupError(f"{service} {path}: these tests know no real id for {name}; give Realm.ids one")
        filled = re.sub(r"/\{\w+(:path)?\}", f"/{quote(value, safe='')}", filled, count=1)
    return filled


def guessed(realm: Realm) -> dict[str, str]:
    """The ids of an academy as somebody else may know them: what is itself a secret is guessed, and wrong."""
    secret = ("invitations/{token}", "password-resets/{token}", "invitation/{token}", "password/{token}")
    return realm.ids | {name: "A" + realm.ids[name][1:-4] + "AAAA" for name in secret}


def body_of(route: Route, realm: Realm) -> dict[str, Any]:
    """A right body that names things of the academy. LookupError where the route is not known here."""
    person, units = realm.people["elders"], realm.units
    placed = {"company": units["company"], "department": units["elsewhere"], "functions": [units["function"]]}
    rename = {"kind": "department", "unit": units["elsewhere"], "name": f"Andere {realm.mark}"}
    new = {"personnel_number": person.number, "first_name": "Jan", "last_name": "Jansen", "email": person.email}
    provider = {
        "name": "Ander",
        "issuer": "https://nergens.invalid",
        "client_id": realm.mark,
        "client_secret": "geheim",
    }
    letters = {"ids": [realm.ids["dead-letters/{id}"]], "run": realm.mark}
    bodies: dict[tuple[str, str], Any] = {
        ("post", "/dead-letters/replay"): letters,
        ("post", "/dead-letters/drop"): letters,
        ("put", "/academies/{academy}/identity-provider"): provider,
        ("post", "/academies/{academy}/oidc-sessions"): {"flow": "niets", "state": "niets", "code": "niets"},
        ("post", "/academies/{academy}/structure"): {"companies": [{"name": units["company"], "remove": True}]},
        ("post", "/academies/{academy}/commands"): {"type": "instroom.org.rename-unit.v1", "data": rename},
        ("post", "/academies/{academy}/sessions"): {"email": person.email, "password": "niet het wachtwoord"},
        ("post", "/operator/sessions"): {"token": "op_nonsense"},
        ("post", "/sessions/current/terms"): {"version": 1},
        ("post", "/invitations/{token}"): {"password": "kort", "terms_version": 1},
        ("post", "/password-resets/{token}"): {"password": "kort"},
        ("post", "/academies/{academy}/password-resets"): {"email": "niemand@example.com"},
        ("put", "/academies/{academy}/profile/password"): {"current": "niet het wachtwoord", "new": "iets heel anders"},
        ("post", "/academies/{academy}/api-tokens"): {"name": "Programma van de wandeling"},
        ("post", "/academies/{academy}/administrators"): new,
        ("post", "/academies/{academy}/users"): new | placed,
        ("patch", "/academies/{academy}/users/{number}"): placed,
    }
    try:
        return dict(bodies[route.method, route.path])
    except KeyError:
        raise LookupError(f"{route}: these tests know no body for it; add one to body_of") from None


def request_of(route: Route, ids: Mapping[str, str], named: Realm) -> dict[str, Any]:
    """What httpx asks: ids of the path from `ids`, those of the body from the academy `named`."""
    asked: dict[str, Any] = {"method": route.method.upper(), "url": fill(route.path, ids, route.service)}
    uploads = route.method == "post" and route.path.endswith("/imports")
    if route.takes_body and not uploads:
        asked["json"] = body_of(route, named)
    if uploads:
        row = {"personnel_number": named.people["elders"].number, "company": named.units["company"]}
        asked |= {"params": {"filename": "wandeling.xlsx"}, "content": books.workbook([row])}
    if route.path.endswith(NEVER_ENDS):
        asked["headers"] = {"Last-Event-ID": named.starts[route.service]}
    return asked


def queries_of(route: Route, realm: Realm) -> list[dict[str, str]]:
    """Ids of the academy as parameters of a list."""
    units, ids = realm.units, realm.ids
    return {
        "/academies/{academy}/users": [
            {"company": units["company"]},
            {"department": units["department"]},
            {"function": units["function"]},
            {"search": realm.mark},
            {"status": "deleted"},
        ],
        "/academies/{academy}/imports": [{"after": ids["imports/{import_id}"]}],
        "/academies/{academy}/invitations": [{"after": ids["invitation"]}],
    }.get(route.path if route.method == "get" else "", [])


def told(answer: httpx.Response) -> str:
    """Everything that an answer says, unpacked, without the case of letters."""
    text = f"{answer.headers}"
    if answer.content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as parts:
            return text + "".join(parts.read(name).decode("utf-8", "replace") for name in parts.namelist()).casefold()
    return (text + answer.text).casefold()


def leaked(answer: httpx.Response, marks: Sequence[str], asked: httpx.Request | None = None) -> list[str]:
    """Those of the marks that the answer tells, apart from where it repeats what was `asked`, if not by its request."""
    text = told(answer)
    request = asked or answer.request
    words = re.findall(r"[\w.@-]+", f"{request.url} {_sent(request)}".casefold())
    for word in sorted(set(words), key=len, reverse=True):
        if any(mark.casefold() in word for mark in marks):
            text = text.replace(word, "")
    return [mark for mark in marks if mark.casefold() in text]


def _sent(request: httpx.Request) -> str:
    try:
        return request.content.decode("utf-8", "replace")
    except httpx.RequestNotRead:
        return ""
