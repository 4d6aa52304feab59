"""Bodies that are too large, and files of those who may not send any, are refused before they do harm."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from outside import books

from chassis.http import LONGEST_BODY
from import_service.reading.limits import MAX_FILE_BYTES
from instroom import home
from instroom.testing import Platform
from security.academies import Realm, access_token
from security.browsers import Browser, already_in
from security.pages import FORMS
from security.routes import SERVICES, Route, fill, routes_of
from web_console.app import LONGEST_FORM
from web_console.pages.imports import LARGEST_FORM

Realms = tuple[Realm, Realm]
PIECE = b"a" * 2**20
FIELD = b"&a=" + b"a" * 2**17
UPLOAD = "/{academy}/imports/new"


def pieces(size: int, start: bytes = b"", end: bytes = b"") -> Iterator[bytes]:
    """A body that does not say how long it is."""
    yield start
    for _ in range(size // len(PIECE) + 1):
        yield PIECE
    yield end


@pytest.fixture
def url(platform: Platform) -> str:
    return home.addresses(platform.home).console


def with_bodies(realm: Realm) -> list[tuple[Route, str]]:
    """Every route that reads a body, and addresses that only look like that of the upload."""
    found = [(route, fill(route.path, realm.ids, route.service)) for route in _routes(realm) if route.takes_body]
    lookalikes = {
        "/invitations/{token}": "/invitations/imports",
        "/password-resets/{token}": "/password-resets/imports",
    }
    found += [(route, lookalikes[route.path]) for route, _ in found if route.path in lookalikes]
    patched = next(route for route, _ in found if route.method == "patch")
    return [*found, (patched, f"/academies/{realm.id}/users/imports")]


def _routes(realm: Realm) -> list[Route]:
    return [route for service in SERVICES for route in routes_of(service, realm.services[service])]


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in chunks"])
def test_a_service_takes_no_body_that_is_larger_than_any_command(
    platform: Platform, realms: Realms, announced: bool
) -> None:
    noord, _ = realms
    tokens = {
        "administrator": access_token(platform, noord.api_token),
        "member": access_token(platform, noord.credential("lid")),
    }
    tokens["operator"] = access_token(platform, home.credential(platform.home, {}) or "")
    taken = []
    for route, path in with_bodies(noord):
        who = (
            "member"
            if "member" in route.roles
            else "operator"
            if route.roles in ((), ("operator",))
            else "administrator"
        )
        headers = {"Authorization": f"Bearer {tokens[who]}", "Content-Type": "application/json"}
        content = b'{"a":"%s"}' % (b"a" * LONGEST_BODY) if announced else pieces(LONGEST_BODY, b'{"a":"', b'"}')
        url = noord.services[route.service] + path
        answer = httpx.request(route.method, url, headers=headers, content=content, timeout=60, trust_env=False)
        if answer.status_code != 413 or answer.json()["code"] != "too_large":
            taken.append((str(route), path, answer.status_code))
    assert taken == []


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in chunks"])
def test_the_console_takes_no_form_that_is_larger_than_any(url: str, realms: Realms, announced: bool) -> None:
    noord, _ = realms
    browser = already_in(url, noord, "administrator")
    addresses = [fill(path, noord.ids) for path in FORMS if path not in (UPLOAD, "/-/operator/academies")]
    addresses += ["/-/invitation/imports", f"/{noord.id}/users/p/imports/new"]
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    taken = []
    for address in [each for each in addresses if "/administrators" not in each]:
        fields = [FIELD] * (LONGEST_FORM // len(FIELD) + 1)
        content = b"".join(fields) if announced else iter(fields)
        answer = browser.http.post(address, content=content, headers=kind)
        taken += [(address, answer.status_code)] if answer.status_code != 413 else []
    assert taken == []


def test_the_console_takes_no_file_that_is_too_large_or_does_not_say_how_large(url: str, realms: Realms) -> None:
    noord, _ = realms
    browser = already_in(url, noord, "administrator")
    before = noord.state()["imports"]
    path, kind = fill(UPLOAD, noord.ids), {"Content-Type": "multipart/form-data; boundary=x"}
    assert browser.http.post(path, content=pieces(0), headers=kind).status_code == 411
    head = said(url, path, {"Cookie": f"instroom-session={browser.cookie('session')}"}, LARGEST_FORM + 1)
    assert head.startswith("HTTP/1.1 303")
    assert f"location: {path}?action=people&problem=too_large" in head
    assert noord.state()["imports"] == before


def test_a_file_that_is_too_large_is_an_import_that_was_refused(platform: Platform, realms: Realms) -> None:
    noord, _ = realms
    headers = {"Authorization": f"Bearer {access_token(platform, noord.api_token)}"}
    url = f"{noord.services['import-service']}/academies/{noord.id}/imports?filename=groot.xlsx"
    made = httpx.post(url, headers=headers, content=pieces(MAX_FILE_BYTES), timeout=120, trust_env=False).json()
    document = noord.academy.client.get("import-service", made["location"])
    assert (document["state"], document["errors"][0]["code"]) == ("refused", "file_too_large")


@pytest.mark.parametrize("who", ["nobody", "manager", "lid", "other academy"])
def test_who_may_not_import_is_refused_before_the_file_is_sent(
    platform: Platform, url: str, realms: Realms, who: str
) -> None:
    noord, zuid = realms
    credential = {"nobody": "", "other academy": zuid.credential("administrator")}.get(who) or noord.credential(
        who if who in noord.people else "lid"
    )
    session = {} if who == "nobody" else {"Cookie": f"instroom-session={credential}"}
    page = said(url, fill(UPLOAD, noord.ids), session, LARGEST_FORM - 1)
    assert page.startswith(("HTTP/1.1 303", "HTTP/1.1 403"))
    assert "location: " not in page or f"location: /{noord.id}/\r\n" in page
    token = {} if who == "nobody" else {"Authorization": f"Bearer {access_token(platform, credential)}"}
    path = f"/academies/{noord.id}/imports?filename=a.xlsx"
    answer = said(noord.services["import-service"], path, token, MAX_FILE_BYTES)
    assert answer.startswith("HTTP/1.1 401" if who == "nobody" else "HTTP/1.1 403")


def said(url: str, path: str, headers: dict[str, str], length: int) -> str:
    """The answer to a body of which only the length and the first bytes are sent."""
    parts = urlsplit(url)
    lines = [f"POST {path} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {length}"]
    lines += ["Content-Type: multipart/form-data; boundary=x", *(f"{name}: {value}" for name, value in headers.items())]
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", "--x"]).encode())
        told = b""
        while b"\r\n\r\n" not in told and (piece := connection.recv(65536)):
            told += piece
    return told.decode("latin-1").partition("\r\n\r\n")[0] + "\r\n"


def test_nothing_of_a_file_is_taken_from_who_may_not_import(url: str, realms: Realms) -> None:
    noord, zuid = realms
    before = noord.state()["imports"]
    file = {"file": ("mensen.xlsx", books.workbook([{"personnel_number": "1"}]))}
    for browser in (already_in(url, noord, "manager"), already_in(url, noord, "lid"), Browser(url)):
        answer = browser.post(fill(UPLOAD, noord.ids), files=file)
        assert answer.status_code in (303, 403)
    stranger = already_in(url, zuid, "administrator")
    assert stranger.post(fill(UPLOAD, noord.ids), files=file).headers["location"] == f"/{noord.id}/"
    assert noord.state()["imports"] == before


def test_a_form_of_thousands_of_fields_is_refused(url: str, realms: Realms) -> None:
    noord, _ = realms
    browser = Browser(url)
    part = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = browser.http.post(f"/{noord.id}/", content=(part * 5000 + "--x--\r\n").encode(), headers=kind)
    assert answer.status_code == 400
