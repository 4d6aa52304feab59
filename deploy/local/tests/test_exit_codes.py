"""0 done, 1 refused, 2 wrong use, 3 no platform; under --json a failure is a document."""

import json
from pathlib import Path

import httpx
import pytest
from cli_fakes import CommandLine, FakePlatform, problem

from instroom import revisions


def error_of(stdout: str) -> str:
    document = json.loads(stdout)
    assert set(document) == {"error"}
    assert set(document["error"]) == {"code", "message"}
    return str(document["error"]["code"])


def test_no_platform_is_3(instroom: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTROOM_HOME", str(tmp_path / "none"))
    result = instroom("user", "list", "--academy", "demo", "--json")
    assert result.exit_code == 3
    assert error_of(result.stdout) == "no_platform"


def test_a_service_that_stays_away_for_30_s_is_3(platform: FakePlatform, instroom: CommandLine) -> None:
    platform.on("GET /academies/demo/users", httpx.ConnectError("refused"))
    result = instroom("user", "list", "--academy", "demo", "--json")
    assert result.exit_code == 3
    assert error_of(result.stdout) == "unreachable"
    assert 30 <= platform.now < 31


def test_a_platform_that_nobody_keeps_up_is_3_at_once_unless_it_answered_before(
    platform: FakePlatform, instroom: CommandLine
) -> None:
    platform.running = False
    platform.on("GET /academies/demo/users", httpx.ConnectError("refused"))
    result = instroom("user", "list", "--academy", "demo", "--json")
    assert (result.exit_code, error_of(result.stdout), platform.now) == (3, "no_platform", 0)
    platform.on("GET /academies/demo/users", {"users": [], "next": "1"}, httpx.ReadError("killed"), {"users": []})
    assert instroom("user", "list", "--academy", "demo", "--json").exit_code == 0


def test_a_service_that_comes_back_in_time_is_no_failure(platform: FakePlatform, instroom: CommandLine) -> None:
    starting = httpx.Response(503, json={"ready": False, "reasons": ["starting"]})
    platform.on(
        "GET /academies/demo/users", httpx.ReadError("killed"), starting, problem(500, "internal_error"), {"users": []}
    )
    result = instroom("user", "list", "--academy", "demo", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"users": []}


def test_an_outcome_that_does_not_come_in_30_s_is_3(platform: FakePlatform, instroom: CommandLine) -> None:
    platform.on("DELETE /academies/demo/users/7", httpx.Response(202, json={"command_id": "c1"}))

    def waiting(request: httpx.Request) -> httpx.Response:
        platform.now += float(request.url.params["wait"])
        return httpx.Response(200, json={"state": "pending", "outcome": None})

    platform.on("GET /commands/c1", waiting)
    result = instroom("user", "delete", "7", "--academy", "demo", "--json")
    assert result.exit_code == 3
    assert error_of(result.stdout) == "not_in_time"


def test_an_unknown_academy_is_2_at_once(platform: FakePlatform, instroom: CommandLine) -> None:
    platform.on("GET /academies/nope/users", problem(404, "unknown_academy"))
    result = instroom("user", "list", "--academy", "nope", "--json")
    assert result.exit_code == 2
    assert error_of(result.stdout) == "unknown_academy"
    assert platform.now == 0


def test_an_academy_that_was_applied_a_moment_ago_is_waited_for(
    platform: FakePlatform, instroom: CommandLine, home: Path
) -> None:
    revisions.remember(home, "fresh", 1)
    platform.on("GET /academies/fresh/users", problem(404, "unknown_academy"), {"users": []})
    assert instroom("user", "list", "--academy", "fresh").exit_code == 0


def test_somebody_who_is_not_there_is_1(platform: FakePlatform, instroom: CommandLine) -> None:
    platform.on("GET /academies/demo/users/7", problem(404, "not_found"))
    result = instroom("user", "show", "7", "--academy", "demo", "--json")
    assert result.exit_code == 1
    assert error_of(result.stdout) == "not_found"


def test_a_missing_flag_is_2(instroom: CommandLine, home: Path) -> None:
    assert instroom("user", "list").exit_code == 2
    assert instroom("user", "add", "--academy", "demo").exit_code == 2
    assert instroom("import", "start", "--academy", "demo").exit_code == 2
    assert instroom("events", "tail", "--from", "yesterday").exit_code == 2


def test_a_command_asked_again_after_a_lost_answer_has_the_same_key(
    platform: FakePlatform, instroom: CommandLine
) -> None:
    accepted = httpx.Response(202, json={"command_id": "c1"})
    platform.on("DELETE /academies/demo/users/7", httpx.ReadError("killed"), accepted)
    platform.on("GET /commands/c1", {"state": "done", "outcome": {"code": "deleted", "user": None}})
    assert instroom("user", "delete", "7", "--academy", "demo").exit_code == 0
    first, second = (request.headers["Idempotency-Key"] for request in platform.asked[:2])
    assert first == second


def test_words_that_are_no_text_are_2(platform: FakePlatform, instroom: CommandLine) -> None:
    assert instroom("user", "show", "\udcff", "--academy", "demo").exit_code == 2
    assert instroom("user", "update", "7", "--academy", "demo", "--first-name", "\udcff").exit_code == 2
