"""What a service's OpenAPI document promises: no request of its form is answered with an error of ours."""

import json
import time
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from joserfc import jwt
from joserfc.jwk import OKPKey
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from contracts.access import AUDIENCE, ISSUER
from instroom.home import addresses
from instroom.testing import Platform

SERVICES = ("org-service", "user-service", "notify-service")
ENDLESS = "/academies/{academy}/events"
"""Its answer goes on for ever."""


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
def test_every_answer_is_as_the_document_says_and_none_is_an_error_of_ours(platform: Platform, service: str) -> None:
    url = addresses(platform.home).services[service] + "/openapi.json"
    schema = schemathesis.openapi.from_url(url)
    headers = operator(platform)
    seen = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path == ENDLESS:
            continue
        seen += 1

        @settings(
            max_examples=3, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            answer = case.call(headers=headers, timeout=30)
            case.validate_response(answer, checks=[not_a_server_error, response_schema_conformance])

        ask()
    assert seen
