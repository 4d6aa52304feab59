"""Asking the services."""

import httpx
import pytest

from web_console import services
from web_console.services import Refused, Services, Unreachable, segment


def _services(*answers: httpx.Response) -> Services:
    left = list(answers)
    return Services({"user": "http://user/"}, httpx.MockTransport(lambda _: left.pop(0)))


async def test_a_command_is_followed_to_its_outcome() -> None:
    ask = _services(
        httpx.Response(202, json={"command_id": "c1"}),
        httpx.Response(200, json={"state": "pending", "outcome": None}),
        httpx.Response(200, json={"state": "done", "outcome": {"code": "created"}}),
    ).ask()
    assert await ask.command("user", "POST", "/x", json={}) == {"code": "created"}


async def test_a_command_that_takes_long_is_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "OUTCOME_SECONDS", 0)
    ask = _services(httpx.Response(202, json={"command_id": "c1"})).ask()
    assert await ask.command("user", "POST", "/x") == {"code": "pending", "command_id": "c1"}


async def test_a_refusal_is_told_with_its_code_and_anything_else_is_no_answer() -> None:
    refusal = httpx.Response(422, json={"code": "bad", "detail": "why", "errors": [{"code": "x"}]})
    ask = _services(refusal, httpx.Response(500, text="<html>"), httpx.Response(200, text="<html>")).ask()
    with pytest.raises(Refused) as refused:
        await ask.get("user", "/x")
    assert (refused.value.status, refused.value.code, refused.value.errors) == (422, "bad", [{"code": "x"}])
    for _ in range(2):
        with pytest.raises(Unreachable):
            await ask.get("user", "/x")


@pytest.mark.parametrize("text", ["a/b", "..", ".", "a?b#c", "%2F", "é"])
async def test_any_text_is_one_segment_of_a_path(text: str) -> None:
    seen: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(200, json={})

    ask = Services({"user": "http://user"}, httpx.MockTransport(answer)).ask()
    await ask.get("user", f"/academies/{segment(text)}/end", missing=None)
    assert seen[0].count(b"/") == 3
    assert seen[0].endswith(b"/end")
