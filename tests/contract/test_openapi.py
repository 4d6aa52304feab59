"""What a service's OpenAPI document promises: every answer has a form that it tells, and none is an error of ours."""

import json
import time
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OKPKey
from outside.academy import Academy
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from contracts.access import AUDIENCE, ISSUER
from instroom.home import addresses
from instroom.testing import Platform

SERVICES = ("org-service", "user-service", "import-service", "notify-service")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 12
ENDLESS = "/academies/{academy}/events"
"""Its answer goes on for ever: only how it begins is looked at."""
PATIENCE = {"wait": 0.2, "min_org_revision": 1}
"""What a request may wait for, and how much of it a test has time for."""


def operator(platform: Platform) -> dict[str, str]:
    """The headers of somebody who may call everything, for as long as the test takes."""
    secrets = json.loads((platform.home / "secrets.json").read_text("utf-8"))
    key = {"kty": "OKP", "crv": "Ed25519", "d": secrets["access_signing_key"], "x": secrets["access_verify_key"]}
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "operator", "role": "operator", "iat": now, "exp": now + 600}
    header = {"alg": "Ed25519", "kid": secrets["access_signing_key_id"]}
    token = jwt.encode(header, claims, OKPKey.import_key(key), algorithms=["Ed25519"])
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_answer_is_as_the_document_says_and_none_is_an_error_of_ours(
    platform: Platform, acme: Academy, service: str
) -> None:
    url = addresses(platform.home).services[service] + "/openapi.json"
    document = httpx.get(url, trust_env=False).json()
    assert document["openapi"].startswith("3.1.")
    headers = operator(platform)
    imported = acme.take_in(acme.person("1001"))
    known = {"academy": acme.id, "import_id": imported["import_id"], "number": "1001"}
    seen = 0
    for found in schemathesis.openapi.from_url(url).get_all_operations():
        operation = found.ok()
        seen += 1
        good, bad = (operation.as_strategy(mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE))

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=st.one_of(good, good, bad), is_known=st.sampled_from([True, True, True, False]))
        def ask(case: Any, is_known: bool) -> None:
            if is_known:
                case.path_parameters |= {name: known[name] for name in case.path_parameters if name in known}
            for name, most in PATIENCE.items():
                if isinstance(given := (case.query or {}).get(name), int | float):
                    case.query[name] = min(given, most)
            if case.path == ENDLESS:
                assert _begins_well(case, headers)
                return
            case.call_and_validate(headers=headers, timeout=60, checks=CHECKS)

        ask()
    assert seen == sum(len(methods) for methods in document["paths"].values())


def _begins_well(case: Any, headers: dict[str, str]) -> bool:
    told = case.as_transport_kwargs(headers=headers)
    request = httpx.Request(told["method"], told["url"], params=told.get("params"), headers=dict(told["headers"]))
    with httpx.Client(timeout=60, trust_env=False) as client:
        answer = client.send(request, stream=True)
        form = answer.headers["content-type"].partition(";")[0]
        if answer.status_code != 200:
            answer.read()
            return answer.status_code < 500 and form == "application/problem+json"
        first = next(answer.iter_lines())
        answer.close()
        return form == "text/event-stream" and first.startswith((":", "id:"))
