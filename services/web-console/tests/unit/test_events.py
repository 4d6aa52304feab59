"""Gebeurtenissen: several streams as one, resumed where each was."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from web_console.merging import Sent, pack, read, unpack
from web_console.pages.events import shown
from web_console.testing import Played

CREATED = "instroom.user.created.v1"


def sse(id_: str, type_: str, **document: Any) -> str:
    return f"event: {type_}\ndata: {json.dumps(document)}\nid: {id_}\n\n"


class Slow(httpx.AsyncByteStream):
    """A stream that says its part and then goes on for a while."""

    def __init__(self, text: str, seconds: float) -> None:
        self.text, self.seconds = text, seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.text.encode()
        await asyncio.sleep(self.seconds)


def played(text: str = "", role: str = "administrator") -> Played:
    services = Played(role)
    for name in ("org", "import", "notify"):
        services.answers[f"GET {name} /academies/demo/events"] = lambda _: httpx.Response(200, stream=Slow("", 5))
    services.answers["GET user /academies/demo/events"] = lambda _: httpx.Response(200, stream=Slow(text, 0.05))
    return services


async def follow(services: Played, query: str = "", last: str = "") -> str:
    async with services.browser(logged_in=True) as browser:
        headers = {"Last-Event-ID": last} if last else {}
        return (await browser.get(f"/demo/events/stream{query}", headers=headers)).text


async def test_events_of_a_stream_are_read_without_its_comments() -> None:
    async def lines() -> AsyncIterator[str]:
        for line in (": ping", "", "id: 7;;1", "event: x", "data: a", "data: b", "", "id: 8;;2", "", "data: cut off"):
            yield line

    assert [each async for each in read(lines(), "org")] == [
        Sent("org", "7;;1", "x", "a\nb"),
        Sent("org", "8;;2", "", ""),
    ]


def test_places_survive_being_packed() -> None:
    places = {"org": "10:12:11;;3", "user": "1:1:;2:2:;9"}
    assert unpack(pack(places)) == places


@pytest.mark.parametrize(
    "text", [None, "", "%%%", "bm8=", pack({"elsewhere": "1"}), pack({"org": "a\nb: c"}), "A" * 20_000]
)
def test_what_was_not_packed_here_is_nothing(text: str | None) -> None:
    assert unpack(text) == {}


def test_the_filter_looks_at_the_type_and_the_text_as_people_type_it() -> None:
    event = Sent("user", "1", CREATED, '{"data": {"last_name": "Andr\\u00e9"}}')
    assert shown(event, [], "")
    assert shown(event, [CREATED], "andré")
    assert not shown(event, ["instroom.user.updated.v1"], "")
    assert not shown(event, [], "peter")


async def test_an_event_comes_as_a_line_with_the_place_of_its_service() -> None:
    event = sse("4:4:;;8", CREATED, time="2026-12-01T09:30:00.000Z", subject="1001", data={"name": "<b>Ada</b>"})
    text = await follow(played(event))
    assert "event: happened" in text
    assert "&lt;b&gt;Ada" in text
    assert "<b>" not in text
    id_ = next(line.removeprefix("id: ") for line in text.splitlines() if line.startswith("id: "))
    assert unpack(id_) == {"user": "4:4:;;8"}


async def test_data_of_more_lines_stays_one_message() -> None:
    text = await follow(played(sse("1", CREATED, data={"a": 1, "b": "x\ny"})))
    assert all(line.split(":")[0] in ("", "id", "event", "data", "retry") for line in text.splitlines())


async def test_each_service_goes_on_behind_its_own_last_event() -> None:
    services = played()
    await follow(services, last=pack({"user": "4:4:;;8", "org": "2:2:;;1"}))
    sent = {each.url.host: each.headers.get("last-event-id") for each in services.asked if "events" in each.url.path}
    assert sent == {"user": "4:4:;;8", "org": "2:2:;;1", "import": None, "notify": None}


async def test_a_place_that_is_no_longer_kept_is_told_and_the_stream_goes_on() -> None:
    services = played()

    def gone(request: httpx.Request) -> httpx.Response:
        if "last-event-id" in request.headers:
            return httpx.Response(410, json={"code": "gone", "detail": "old"})
        return httpx.Response(200, stream=Slow(sse("9", CREATED, subject="1001"), 0.05))

    services.answers["GET user /academies/demo/events"] = gone
    text = await follow(services, last=pack({"user": "1"}))
    assert "user-service heeft gebeurtenissen die niet meer bewaard zijn" in text
    assert "1001" in text


async def test_the_filter_of_the_page_is_that_of_its_stream() -> None:
    async with played().browser(logged_in=True) as browser:
        page = (await browser.get("/demo/events", params={"type": CREATED, "text": 'a "b"'})).text
    assert f'sse-connect="/demo/events/stream?type={CREATED}&amp;text=a%20%22b%22"' in page
    assert f'<option value="{CREATED}" selected>' in page
    event = sse("1", CREATED, subject="1001") + sse("2", "instroom.user.updated.v1", subject="2002")
    text = await follow(played(event), f"?type={CREATED}")
    assert "1001" in text
    assert "2002" not in text


@pytest.mark.parametrize(
    ("role", "status"), [("operator", 200), ("administrator", 200), ("manager", 403), ("member", 403)]
)
async def test_events_are_for_operators_and_administrators(role: str, status: int) -> None:
    services = played(role=role)
    async with services.browser(logged_in=True) as browser:
        assert (await browser.get("/demo/events")).status_code == status
        assert (await browser.get("/demo/events/stream")).status_code == status


async def test_a_service_that_does_not_answer_is_told_once_and_the_others_go_on() -> None:
    services = played(sse("1", CREATED, subject="1001"))
    services.answers["GET org /academies/demo/events"] = (503, "down")
    text = await follow(services)
    assert text.count("org-service antwoordt niet") == 1
    assert "1001" in text


async def test_an_event_that_is_not_shown_still_moves_the_place() -> None:
    text = await follow(played(sse("3:3:;;4", CREATED, subject="1001")), "?text=peter")
    assert "event: happened" not in text
    assert unpack(text.rpartition("id: ")[2].strip()) == {"user": "3:3:;;4"}


def event(minute: int, type_: str, **more: Any) -> dict[str, Any]:
    return {"type": type_, "time": f"2026-11-25T12:{minute:02}:00Z", "data": {}} | more


async def test_the_last_events_of_all_services_are_there_at_once_and_the_stream_begins_behind_them() -> None:
    services = played()
    told = {"events": [event(3, CREATED, subject="1003"), event(1, CREATED, subject="1001")], "place": "5:5:;;0"}
    services.answers["GET user /academies/demo/events/latest"] = (200, told)
    other = {"events": [event(2, "instroom.import.started.v1", subject="<i>2002")], "place": "7:7:;;0"}
    services.answers["GET import /academies/demo/events/latest"] = (200, other)
    async with services.browser(logged_in=True) as browser:
        page = (await browser.get("/demo/events")).text
        filtered = (await browser.get("/demo/events", params={"text": "1001"})).text
    assert page.index("1003") < page.index("&lt;i&gt;2002") < page.index("1001")
    behind = page.partition("behind=")[2].partition('"')[0]
    assert unpack(unquote(behind)) == {"user": "5:5:;;0", "import": "7:7:;;0"}
    assert "1001" in filtered.partition("<ul")[2]
    assert "1003" not in filtered
    await follow(services, f"?behind={behind}")
    asked = [each for each in services.asked if each.url.path == "/academies/demo/events" and each.url.host == "user"]
    assert asked[-1].headers["last-event-id"] == "5:5:;;0"


async def test_a_browser_that_comes_back_goes_on_behind_what_it_saw_itself() -> None:
    services = played()
    await follow(services, f"?behind={pack({'user': '5:5:;;0'})}", last=pack({"user": "6:6:;;0"}))
    asked = [each for each in services.asked if each.url.path == "/academies/demo/events" and each.url.host == "user"]
    assert asked[-1].headers["last-event-id"] == "6:6:;;0"
