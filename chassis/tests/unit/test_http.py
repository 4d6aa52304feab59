"""What a service says of itself: alive, ready, and whose trace it takes up."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Request

from chassis.access import PUBLIC, Verifier
from chassis.http import Health, make_app, traceparent_of
from contracts.envelope import is_traceparent


def turning(**said: Any) -> Health:
    """The event loop turns, however long the test is held up."""
    return Health(beat=time.monotonic() + 600, **said)


async def ask(health: Health, path: str, **headers: str) -> tuple[int, Any]:
    router = APIRouter()

    @router.get("/trace", dependencies=[PUBLIC])
    async def trace(request: Request) -> str:
        return traceparent_of(request)

    transport = httpx.ASGITransport(make_app("test", [router], health, Verifier({})))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get(path, headers=headers)
    return answer.status_code, answer.json()


def saying(reason: str | None) -> Callable[[], Any]:
    async def check() -> str | None:
        return reason

    return check


async def test_a_service_is_dead_when_its_event_loop_does_not_turn() -> None:
    reasons = ["the event loop does not turn"]
    assert await ask(turning(started=True), "/livez") == (200, {"live": True, "reasons": []})
    health = Health(started=True, beat=time.monotonic() - 6)
    assert await ask(health, "/livez") == (503, {"live": False, "reasons": reasons})
    assert await ask(health, "/readyz") == (503, {"ready": False, "reasons": reasons})


async def test_a_service_is_dead_and_not_ready_when_a_consumer_has_ended() -> None:
    health = turning(started=True, live=[lambda: None, lambda: "a consumer has ended"])
    assert await ask(health, "/livez") == (503, {"live": False, "reasons": ["a consumer has ended"]})
    assert await ask(health, "/readyz") == (503, {"ready": False, "reasons": ["a consumer has ended"]})


async def test_a_service_that_is_not_ready_is_alive_and_says_why() -> None:
    health = turning(started=True, ready=[saying(None), saying("the database does not answer")])
    assert await ask(health, "/livez") == (200, {"live": True, "reasons": []})
    assert await ask(health, "/readyz") == (503, {"ready": False, "reasons": ["the database does not answer"]})


async def test_a_service_that_starts_is_not_ready_and_answers_no_requests_yet() -> None:
    health = turning(serving=False, reason="replicas are being read")
    assert await ask(health, "/livez") == (200, {"live": True, "reasons": []})
    assert await ask(health, "/readyz") == (503, {"ready": False, "reasons": ["replicas are being read"]})
    status, document = await ask(health, "/trace")
    assert (status, document["code"], document["detail"]) == (503, "not_ready", "replicas are being read")


async def test_a_service_that_is_ready_again_goes_on_telling_that_its_database_was_restored() -> None:
    health = turning(started=True, warnings=["the database was restored"])
    answer = {"ready": True, "reasons": [], "warnings": ["the database was restored"]}
    assert await ask(health, "/readyz") == (200, answer)


async def test_a_trace_context_is_taken_up() -> None:
    context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert await ask(turning(), "/trace", traceparent=context) == (200, context)


@pytest.mark.parametrize(
    "odd",
    ["", "nonsense", "x" * 55, "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01", "é" * 55],
)
async def test_what_the_next_consumer_would_not_take_for_a_trace_context_begins_a_new_trace(odd: str) -> None:
    status, context = await ask(turning(), "/trace", traceparent=odd.encode("latin-1"))  # type: ignore[arg-type]
    assert status == 200
    assert context != odd
    assert is_traceparent(context)
