"""`dlq`: which letters are meant, in what order and how fast they are handed out, and what the shell is told."""

import json
from typing import Any

import httpx
import pytest
from cli_fakes import SERVICES, CommandLine, FakePlatform, problem

from instroom import dead_letters
from instroom.client import Client

BULK = "user.requests.bulk"


def letter(id_: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "state": "open",
        "topic": BULK,
        "partition": 0,
        "offset": 1,
        "group": f"user-service.{BULK}",
        "academy": "demo",
        "type": "instroom.user.requested.v1",
        "key": "demo/1",
        "reason": "Fault while it was handled",
        "at": "2026-11-30T10:00:00Z",
        "size": 10,
    } | more


class Desk:
    """Services with letters, that deal with all of them but those they skip."""

    def __init__(self, platform: FakePlatform, **letters: list[str]) -> None:
        self.platform = platform
        self.skips: dict[str, str] = {}
        self.most = 1_000
        for service in SERVICES:
            page = {"dead_letters": [letter(id_) for id_ in letters.get(service.partition("-")[0], [])], "next": None}
            platform.on("GET /dead-letters", lambda request, p=platform: self.pages[request.url.host])
            platform.on("POST /dead-letters/replay", self.deal)
            platform.on("POST /dead-letters/drop", self.deal)
            self.pages = getattr(self, "pages", {}) | {service: httpx.Response(200, json=page)}

    def deal(self, request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.read())
        dealt = [self.one(id_) for id_ in asked["ids"][: self.most]]
        return httpx.Response(200, json={"dead_letters": dealt})

    def one(self, id_: str) -> dict[str, Any]:
        reason = self.skips.get(id_)
        return {
            "id": id_,
            "topic": BULK,
            "key": "demo/1",
            "outcome": "skipped" if reason else "done",
            "reason": reason,
            "detail": "",
            "forceable": reason == "changed_later",
        }

    def acted(self) -> list[tuple[str, list[str]]]:
        """Which service was asked to deal with what."""
        return [
            (request.url.host, json.loads(body)["ids"])
            for request, body in zip(self.platform.asked, self.platform.bodies, strict=True)
            if request.method == "POST"
        ]

    def questions(self) -> dict[str, dict[str, str]]:
        return {r.url.host: dict(r.url.params) for r in self.platform.asked if r.method == "GET"}


def test_filters_go_to_the_services_that_can_have_such_letters(platform: FakePlatform, instroom: CommandLine) -> None:
    desk = Desk(platform, user=["u1"])
    words = ["--topic", f"{BULK}.dlq", "--academy", "demo", "--type", "t", "--reason", "Fault"]
    result = instroom("dlq", "list", *words, "--since", "2026-11-30T10:00:00+00:00", "--json")
    assert [each["id"] for each in json.loads(result.stdout)["dead_letters"]] == ["u1"]
    (asked,) = desk.questions().values()
    assert list(desk.questions()) == ["user-service"]
    assert {name: asked[name] for name in ("topic", "academy", "type", "reason", "state")} == {
        "topic": BULK,
        "academy": "demo",
        "type": "t",
        "reason": "Fault",
        "state": "open",
    }
    assert asked["since"].startswith("2026-11-30T")
    platform.asked.clear()
    instroom("dlq", "list", "--group", "import-service.user.events", "--state", "all")
    assert list(desk.questions()) == ["import-service"]
    assert "state" not in desk.questions()["import-service"]
    platform.asked.clear()
    instroom("dlq", "list")
    assert set(desk.questions()) == set(SERVICES)


@pytest.mark.parametrize(
    "words",
    [
        ["replay"],
        ["drop"],
        ["replay", "--all", "--academy", "demo"],
        ["drop", "--all", "x1"],
        ["list", "--topic", "user.nothing"],
        ["list", "--since", "yesterday"],
        ["replay", "--all", "--rate", "0"],
        ["list", "--state", "lost"],
    ],
)
def test_wrong_use_is_told_and_nothing_is_done(platform: FakePlatform, instroom: CommandLine, words: list[str]) -> None:
    desk = Desk(platform, user=["u1"])
    assert instroom("dlq", *words).exit_code == 2
    assert desk.acted() == []


def test_replay_deals_with_all_and_tells_what_was_skipped_and_why(
    platform: FakePlatform, instroom: CommandLine
) -> None:
    desk = Desk(platform, user=["u1", "u2", "u3"], org=["o1"])
    desk.skips = {"u2": "changed_later", "u3": "truncated"}
    desk.most = 2
    result = instroom("dlq", "replay", "--all", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (document["done"], document["skipped"], document["dry_run"], document["forced"]) == (2, 2, False, False)
    assert [(each["id"], each["outcome"], each["reason"]) for each in document["dead_letters"]] == [
        ("o1", "done", None),
        ("u1", "done", None),
        ("u2", "skipped", "changed_later"),
        ("u3", "skipped", "truncated"),
    ]
    assert "gewijzigd" in document["dead_letters"][2]["message"]
    assert desk.acted() == [("org-service", ["o1"]), ("user-service", ["u1", "u2", "u3"]), ("user-service", ["u3"])]
    runs = {json.loads(body)["run"] for body in platform.bodies if body}
    assert runs == {document["run"]}

    said = instroom("dlq", "replay", "--all").stdout
    assert "2 opnieuw verstuurd, 2 overgeslagen" in said
    assert "--force" in said
    desk.skips = {}
    assert instroom("dlq", "drop", "--all").exit_code == 0


def test_a_dry_run_asks_for_one_and_says_that_nothing_was_done(platform: FakePlatform, instroom: CommandLine) -> None:
    Desk(platform, user=["u1"])
    result = instroom("dlq", "replay", "--academy", "demo", "--dry-run", "--force")
    assert result.exit_code == 0
    assert "er is nog niets gedaan" in result.stdout
    (asked,) = [json.loads(body) for body in platform.bodies if body]
    assert (asked["dry_run"], asked["force"]) == (True, True)


def test_named_letters_are_meant_whatever_their_state_and_an_unknown_one_is_told(
    platform: FakePlatform, instroom: CommandLine
) -> None:
    desk = Desk(platform, user=["u1"])
    result = instroom("dlq", "replay", "u1", "nowhere", "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (1, "not_found")
    assert desk.acted() == []
    assert instroom("dlq", "replay", "u1").exit_code == 0
    assert all("state" not in asked for asked in desk.questions().values())
    platform.on("GET /dead-letters/nowhere", problem(404, "not_found"))
    assert instroom("dlq", "show", "nowhere").exit_code == 1


def test_nothing_to_deal_with_is_no_failure(platform: FakePlatform, instroom: CommandLine) -> None:
    desk = Desk(platform)
    result = instroom("dlq", "replay", "--all", "--json")
    assert (result.exit_code, json.loads(result.stdout)["dead_letters"]) == (0, [])
    assert desk.acted() == []


def test_an_answer_that_was_lost_is_asked_for_again_in_the_same_run(
    platform: FakePlatform, instroom: CommandLine
) -> None:
    desk = Desk(platform, user=["u1"])
    platform.on("POST /dead-letters/replay", httpx.ReadError("gone"), desk.deal)
    assert instroom("dlq", "replay", "u1").exit_code == 0
    first, again = [json.loads(body) for body in platform.bodies if body]
    assert first == again


def test_the_audit_of_all_services_is_in_the_order_of_time(platform: FakePlatform, instroom: CommandLine) -> None:
    def actions(request: httpx.Request) -> httpx.Response:
        hour = {"user-service": "09", "org-service": "11"}.get(request.url.host)
        action = {
            "id": 1,
            "at": f"2026-11-30T{hour}:00:00Z",
            "run": "r",
            "actor": "operator",
            "action": "replay",
            "letter": f"l{hour}",
            "topic": BULK,
            "forced": True,
            "outcome": "skipped",
            "reason": "truncated",
        }
        return httpx.Response(200, json={"actions": [action] if hour else [], "next": None})

    platform.on("GET /dead-letter-actions", actions)
    told = json.loads(instroom("dlq", "audit", "--run", "r", "--json").stdout)["actions"]
    assert [(each["letter"], each["service"]) for each in told] == [("l09", "user-service"), ("l11", "org-service")]
    lines = instroom("dlq", "audit").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["l09", "l11"]
    assert "opnieuw versturen --force" in lines[0]


@pytest.mark.parametrize(("rate", "pauses", "sizes"), [(None, 0.0, [500, 500, 200]), (100.0, 11.0, [100] * 12)])
def test_letters_are_handed_out_no_faster_than_asked(
    platform: FakePlatform, rate: float | None, pauses: float, sizes: list[int]
) -> None:
    desk = Desk(platform)
    client = Client(SERVICES, transport=httpx.MockTransport(platform))
    letters: dead_letters.Found = [("user-service", letter(f"u{n}")) for n in range(1_200)]
    list(
        dead_letters.deal(
            client,
            "replay",
            letters,
            run="r",
            force=False,
            dry_run=False,
            rate=rate,
            clock=platform.clock,
            pause=platform.pause,
        )
    )
    assert [len(ids) for _, ids in desk.acted()] == sizes
    assert [id_ for _, ids in desk.acted() for id_ in ids] == [f"u{n}" for n in range(1_200)]
    assert platform.now == pytest.approx(pauses)
