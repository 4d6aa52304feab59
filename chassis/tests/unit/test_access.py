"""Access tokens: only ours are taken, whole and in their minute; and a route that forgot to ask for one is never served."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Request
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OKPKey

from chassis.access import LEEWAY, LONGEST_TOKEN, PUBLIC, Verifier, actor_of, allow
from chassis.http import Health, make_app
from chassis.testing import ACCESS_KEYS, access_token, bearer
from contracts.access import AUDIENCE, ISSUER, TOKEN_SECONDS, Role

OWN = OKPKey.generate_key("Ed25519", auto_kid=False)
OTHER = OKPKey.generate_key("Ed25519", auto_kid=False)


def public(key: OKPKey) -> str:
    return str(key.as_dict(private=False)["x"])


VERIFIER = Verifier({"one": public(OWN)})


def claims(**said: Any) -> dict[str, Any]:
    """What a good administrator's token says; None leaves a claim out."""
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "user:1",
        "role": "administrator",
        "academy": "acme",
        "iat": now,
        "exp": now + TOKEN_SECONDS,
    }
    return {name: value for name, value in (good | said).items() if value is not None}


def signed(key: OKPKey = OWN, kid: str | None = "one", **said: Any) -> str:
    header = {"alg": "Ed25519"} | ({} if kid is None else {"kid": kid})
    return jwt.encode(header, claims(**said), key, algorithms=["Ed25519"])


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_header(header: dict[str, Any], secret: bytes | None = None, hashed: Any = hashlib.sha256, **said: Any) -> str:
    """A token made by hand, as no library would: with an HMAC under `secret`, or with no signature."""
    body = f"{part(header)}.{part(claims(**said))}"
    return f"{body}.{part(hmac.new(secret, body.encode(), hashed).digest()) if secret is not None else ''}"


def test_a_token_of_ours_says_who_asks() -> None:
    caller = VERIFIER.verify(signed(personnel_number="1001", department="d1"))
    assert caller is not None
    assert (caller.sub, caller.role, caller.academy) == ("user:1", Role.ADMINISTRATOR, "acme")
    assert (caller.personnel_number, caller.department) == ("1001", "d1")


def test_a_token_that_another_key_signed_is_not_taken() -> None:
    assert VERIFIER.verify(signed(OTHER)) is None


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_token_that_was_changed_anywhere_is_not_taken(place: int) -> None:
    parts = signed().split(".")
    others = signed(role="manager", sub="user:2").split(".")
    parts[place] = others[place] if place else part({"alg": "Ed25519", "kid": "one", "typ": "changed"})
    assert VERIFIER.verify(".".join(parts)) is None


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_without_signature_is_not_taken(alg: str) -> None:
    assert VERIFIER.verify(with_header({"alg": alg, "kid": "one"})) is None


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_the_public_key_is_no_secret_to_sign_with(alg: str) -> None:
    hashed = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[alg]
    raw = base64.urlsafe_b64decode(public(OWN) + "=")
    for secret in (raw, public(OWN).encode(), OWN.as_pem(private=False), b"", b"one"):
        assert VERIFIER.verify(with_header({"alg": alg, "kid": "one"}, secret, hashed)) is None


def test_a_key_that_the_token_itself_brings_is_not_used() -> None:
    own_key = OTHER.as_dict(private=False)
    for header in ({"jwk": own_key}, {"jku": "https://example.com/keys"}, {"x5u": "https://example.com/x"}):
        body = f"{part({'alg': 'Ed25519', 'kid': 'one'} | header)}.{part(claims())}"
        signature = OTHER.private_key.sign(body.encode())  # type: ignore[union-attr, call-arg]
        assert VERIFIER.verify(f"{body}.{part(signature)}") is None


@pytest.mark.parametrize("kid", ["two", "", None, "../one", "ONE"])
def test_an_unknown_key_id_is_not_taken(kid: str | None) -> None:
    assert VERIFIER.verify(signed(kid=kid)) is None


@pytest.mark.parametrize("kid", [["one"], {"one": 1}, 1, True])
def test_a_key_id_that_is_no_text_is_not_taken(kid: Any) -> None:
    body = f"{part({'alg': 'Ed25519', 'kid': kid})}.{part(claims())}"
    assert VERIFIER.verify(f"{body}.{part(b'x' * 64)}") is None


@pytest.mark.parametrize(
    "said",
    [
        {"iss": "somebody/else"},
        {"iss": None},
        {"aud": "another"},
        {"aud": [AUDIENCE, "another"]},
        {"aud": None},
        {"sub": None},
        {"sub": 1},
        {"role": "owner"},
        {"role": None},
        {"role": ["administrator"]},
        {"academy": None},
        {"academy": ""},
        {"academy": "acme", "role": "operator"},
        {"iat": None},
        {"exp": None},
        {"exp": "never"},
        {"exp": 1e400},
    ],
    ids=str,
)
def test_a_token_that_says_anything_else_is_not_taken(said: dict[str, Any]) -> None:
    assert VERIFIER.verify(signed(**said)) is None


@pytest.mark.parametrize(
    ("issued", "over", "taken"),
    [
        (0, TOKEN_SECONDS, True),
        (LEEWAY - 1, TOKEN_SECONDS, True),
        (LEEWAY + 5, TOKEN_SECONDS, False),
        (-TOKEN_SECONDS, 0, True),
        (-TOKEN_SECONDS - LEEWAY - 1, -LEEWAY - 1, False),
        (-86_400, -86_340, False),
    ],
)
def test_a_token_is_taken_in_its_time_only(
    issued: int, over: int, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = int(time.time())
    token = signed(iat=now + issued, exp=now + over)
    monkeypatch.setattr(time, "time", lambda: float(now))
    assert (VERIFIER.verify(token) is not None) is taken


def test_a_huge_token_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    huge = signed(sub="x" * LONGEST_TOKEN)
    monkeypatch.setattr(jwt, "decode", lambda *_, **__: pytest.fail("it was looked at"))
    assert VERIFIER.verify(huge) is None
    assert VERIFIER.verify("." * 10_000_000) is None


def test_while_keys_are_rotated_both_are_taken_and_afterwards_the_new_one_only() -> None:
    before, after = signed(OWN, "one"), signed(OTHER, "two")
    both = Verifier({"one": public(OWN), "two": public(OTHER)})
    assert both.verify(before)
    assert both.verify(after)
    assert both.verify(signed(OWN, "two")) is None, "each key under its own id only"
    only_new = Verifier({"two": public(OTHER)})
    assert only_new.verify(before) is None
    assert only_new.verify(after)


def test_without_keys_nobody_gets_in() -> None:
    assert Verifier({}).verify(signed()) is None


def test_a_key_that_is_none_is_refused_at_start() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Verifier({"one": "AAAA"})


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: f"{part(raw)}.{part(raw)}.{part(raw)}"))
def test_no_text_makes_it_fail(text: str) -> None:
    assert VERIFIER.verify(text) is None


# ---- routes ----------------------------------------------------------------------------------------------------


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/open", dependencies=[PUBLIC])
    async def everybody() -> str:
        return "open"

    @router.get("/academies/{academy}/settings", dependencies=[allow(Role.ADMINISTRATOR)])
    async def settings(request: Request, academy: str) -> str:
        return f"{academy} for {actor_of(request)}"

    @router.get("/academies/{academy}/team", dependencies=[allow(Role.ADMINISTRATOR, Role.MANAGER)])
    async def team(academy: str) -> str:
        return academy

    @router.get("/everywhere", dependencies=[allow()])
    async def everywhere() -> str:
        return "everywhere"

    @router.post("/academies/{academy}/settings", dependencies=[allow(Role.ADMINISTRATOR)])
    async def change(academy: str, number: int) -> str:
        return f"{academy} {number}"

    return router


async def ask(path: str, headers: dict[str, str] | None = None, method: str = "GET") -> tuple[int, Any]:
    app = make_app("test", [routes()], Health(started=True), Verifier(ACCESS_KEYS))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.request(method, path, headers=headers)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("path", "roles"),
    [
        ("/academies/acme/settings", {Role.OPERATOR, Role.ADMINISTRATOR}),
        ("/academies/acme/team", {Role.OPERATOR, Role.ADMINISTRATOR, Role.MANAGER}),
        ("/everywhere", {Role.OPERATOR}),
        ("/open", set(Role)),
    ],
)
async def test_a_route_is_open_to_its_roles_and_to_operators(path: str, roles: set[Role]) -> None:
    for role in Role:
        status, _ = await ask(path, bearer(role, "" if role is Role.OPERATOR else "acme"))
        assert status == (200 if role in roles else 403), role


async def test_the_actor_is_who_the_token_names() -> None:
    headers = bearer(Role.ADMINISTRATOR, "acme", sub="user:7")
    assert await ask("/academies/acme/settings", headers) == (200, "acme for user:7")


async def test_another_academy_is_refused_whether_it_exists_or_not_and_before_anything_is_read() -> None:
    refused = await ask("/academies/other/settings", bearer(Role.ADMINISTRATOR, "acme"))
    assert (refused[0], refused[1]["code"]) == (403, "forbidden")
    assert await ask("/academies/unheard-of/settings", bearer(Role.ADMINISTRATOR, "acme")) == refused
    assert await ask("/academies/other/settings", bearer(Role.ADMINISTRATOR, "acme"), "POST") == refused
    for odd in ("Acme", "acme%20", "acme%00", "%61cme2"):
        assert (await ask(f"/academies/{odd}/settings", bearer(Role.ADMINISTRATOR, "acme")))[0] == 403


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer nonsense", "Bearer a.b.c", "Token {}", "{}", "Bearer {} x"],
)
async def test_without_a_good_token_a_route_is_refused_and_one_for_everybody_is_not(authorization: str | None) -> None:
    given = {} if authorization is None else {"Authorization": authorization.format(access_token())}
    status, document = await ask("/everywhere", given)
    assert (status, document["code"]) == (401, "unauthenticated")
    assert await ask("/open", given) == (200, "open")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
async def test_the_scheme_is_written_in_any_case(scheme: str) -> None:
    assert await ask("/everywhere", {"Authorization": f"{scheme} {access_token()}"}) == (200, "everywhere")


@pytest.mark.parametrize("access", [[], [PUBLIC, allow()], [allow(), allow(Role.MEMBER)]], ids=["none", "open+", "two"])
def test_a_route_that_does_not_say_once_who_may_call_it_is_refused_at_start(access: list[Any]) -> None:
    router = APIRouter()
    router.add_api_route("/forgotten", lambda: "open", dependencies=access)
    with pytest.raises(TypeError, match=r"/forgotten must say once who may call it"):
        make_app("test", [router], Health(), Verifier(ACCESS_KEYS))


def _websocket(router: APIRouter) -> None:
    router.add_api_websocket_route("/odd", lambda _: None)  # type: ignore[arg-type, return-value]


def _plain(router: APIRouter) -> None:
    router.add_route("/odd", lambda _: None)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("add", [_websocket, _plain])
def test_a_route_of_another_kind_cannot_say_it_and_is_refused_at_start(add: Callable[[APIRouter], None]) -> None:
    router = APIRouter()
    add(router)
    with pytest.raises(TypeError, match="is no route that can be described"):
        make_app("test", [router], Health(), Verifier(ACCESS_KEYS))


async def test_openapi_shows_who_may_call_a_route() -> None:
    _, document = await ask("/openapi.json")
    shown = {path: route["get"]["x-roles"] for path, route in document["paths"].items() if "get" in route}
    assert shown == {
        "/open": [],
        "/academies/{academy}/settings": ["administrator"],
        "/academies/{academy}/team": ["administrator", "manager"],
        "/everywhere": ["operator"],
    }
