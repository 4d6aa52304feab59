"""Every route of every service, with every token and with what is none: only those who may are let in."""

import base64
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from contracts.access import AUDIENCE, ISSUER, Role
from instroom.home import addresses
from instroom.testing import Platform

SERVICES = ("org-service", "user-service", "import-service", "notify-service")
MINE, OTHER = "walker-mine", "walker-other"
METHODS = ("get", "post", "put", "patch", "delete")


class Walker:
    """Knows the platform's key, and so signs what it likes."""

    def __init__(self, platform: Platform) -> None:
        secrets = json.loads((platform.home / "secrets.json").read_text("utf-8"))
        self.kid = secrets["access_signing_key_id"]
        self.key = OKPKey.import_key(
            {"kty": "OKP", "crv": "Ed25519", "d": secrets["access_signing_key"], "x": secrets["access_verify_key"]}
        )
        self.services = addresses(platform.home).services
        self.http = httpx.Client(timeout=30, trust_env=False)

    def claims(self, role: str = "operator", academy: str = "", **said: Any) -> dict[str, Any]:
        now = int(time.time())
        good = {"iss": ISSUER, "aud": AUDIENCE, "sub": f"user:{role}", "role": role, "academy": academy}
        return good | {"iat": now, "exp": now + 60} | said

    def token(self, role: str = "operator", academy: str = "", key: OKPKey | None = None, **said: Any) -> str:
        header = {"alg": "Ed25519", "kid": self.kid}
        return jwt.encode(header, self.claims(role, academy, **said), key or self.key, algorithms=["Ed25519"])

    def none(self) -> str:
        parts = ({"alg": "none", "kid": self.kid}, self.claims())
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
        return ".".join([*encoded, ""])

    def bad(self) -> dict[str, str | None]:
        old = int(time.time()) - 3600
        return {
            "no token": None,
            "nonsense": "nonsense",
            "forged": self.token(key=OKPKey.generate_key("Ed25519", auto_kid=False)),
            "expired": self.token(iat=old, exp=old + 60),
            "other issuer": self.token(iss="somebody/else"),
            "other audience": self.token(aud="another"),
            "alg none": self.none(),
        }

    def routes(self, service: str) -> Iterator[tuple[str, str, list[str]]]:
        document = self.http.get(f"{self.services[service]}/openapi.json").json()
        for path, methods in document["paths"].items():
            for method in METHODS:
                if method in methods:
                    yield method, path, methods[method]["x-roles"]

    def call(self, service: str, method: str, path: str, token: str | None, academy: str = MINE) -> int:
        """The status of the answer; its body is not waited for, since some go on for ever."""
        full = re.sub(r"\{[^}]+\}", "x", path.replace("{academy}", academy))
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        with self.http.stream(method.upper(), self.services[service] + full, headers=headers) as answer:
            return answer.status_code


@pytest.fixture(scope="module")
def walker(platform: Platform) -> Iterator[Walker]:
    walker = Walker(platform)
    yield walker
    walker.http.close()


@pytest.mark.parametrize("service", SERVICES)
def test_without_a_good_token_every_route_is_refused_but_those_for_everybody(walker: Walker, service: str) -> None:
    let_in = [
        (method, path, kind, status)
        for method, path, roles in walker.routes(service)
        for kind, token in walker.bad().items()
        if roles and (status := walker.call(service, method, path, token)) != 401
    ]
    assert let_in == []


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_but_operators_gets_into_another_academy(walker: Walker, service: str) -> None:
    let_in = [
        (method, path, role, status)
        for method, path, roles in walker.routes(service)
        if roles and "{academy}" in path
        for role in (Role.ADMINISTRATOR, Role.MANAGER, Role.MEMBER)
        if (status := walker.call(service, method, path, walker.token(role.value, OTHER))) not in (403, 404)
    ]
    assert let_in == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_role_gets_into_its_routes_and_no_other(walker: Walker, service: str) -> None:
    wrong = []
    for method, path, roles in walker.routes(service):
        for role in Role:
            academy = "" if role is Role.OPERATOR else MINE
            status = walker.call(service, method, path, walker.token(role.value, academy))
            may = not roles or role.value in roles or role is Role.OPERATOR
            if not may and status not in (403, 404):
                wrong.append((method, path, role.value, status))
            if status >= 500:
                wrong.append((method, path, role.value, status))
    assert wrong == []
