"""One language per command: INSTROOM_LANG, LC_ALL or LANG, the first that is set, else the academy's, else English."""

import json
from pathlib import Path

import httpx
import pytest
from cli_fakes import CommandLine, FakePlatform, problem

from instroom.words import language_of

ACADEMIES = [{"id": "demo", "default_language": "nl"}, {"id": "haus", "default_language": "de"}]


@pytest.fixture
def silent(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> FakePlatform:
    """A platform whose person has said nothing about a language."""
    for variable in ("INSTROOM_LANG", "LC_ALL", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    platform.on("GET /academies", {"academies": ACADEMIES})
    for academy in ("demo", "haus", "new"):
        platform.on(f"GET /academies/{academy}/imports", {"imports": [], "next": None})
    return platform


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"INSTROOM_LANG": "en", "LANG": "nl_NL.UTF-8"}, "en"),
        ({"INSTROOM_LANG": "", "LC_ALL": "", "LANG": "nl_NL.UTF-8"}, "nl"),
        ({"LC_ALL": "en_GB.UTF-8", "LANG": "nl_NL.UTF-8"}, "en"),
        ({"LC_ALL": "C.UTF-8", "LANG": "nl_NL.UTF-8"}, None),
        ({"INSTROOM_LANG": "fr", "LANG": "nl_NL.UTF-8"}, None),
        ({"LANG": "POSIX"}, None),
        ({"LANG": "nlx_XX"}, None),
        ({"LANG": "NL"}, "nl"),
        ({}, None),
    ],
)
def test_the_first_variable_that_is_set_decides(environment: dict[str, str], language: str | None) -> None:
    assert language_of(environment) == language


def test_the_person_goes_before_the_academy(
    silent: FakePlatform, instroom: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    assert instroom("import", "list", "--academy", "demo").stdout == "No imports yet.\n"
    assert silent.asked[-1].headers["Accept-Language"] == "en"
    assert "GET /academies" not in silent.lines()


@pytest.mark.parametrize(
    ("academy", "language", "told"),
    [("demo", "nl", "Nog geen imports."), ("haus", "en", "No imports yet."), ("new", "en", "No imports yet.")],
)
def test_the_academys_language_is_that_of_the_command_line_and_of_the_services(
    silent: FakePlatform, instroom: CommandLine, academy: str, language: str, told: str
) -> None:
    assert instroom("import", "list", "--academy", academy).stdout == told + "\n"
    assert silent.asked[-1].headers["Accept-Language"] == language


def test_without_an_answer_about_the_academy_it_is_english_at_once(silent: FakePlatform, instroom: CommandLine) -> None:
    silent.on("GET /academies", httpx.ConnectError("refused"))
    assert instroom("import", "list", "--academy", "demo").stdout == "No imports yet.\n"
    assert silent.now == 0


def test_a_refused_user_is_told_in_the_academys_language(silent: FakePlatform, instroom: CommandLine) -> None:
    errors = [{"code": "invalid_email", "field": "email", "value": "jan@", "message": "Not a valid address."}]
    silent.command("PATCH /academies/demo/users/7", {"code": "rejected", "errors": errors})
    told = instroom("user", "update", "7", "--academy", "demo", "--email", "jan@").stdout
    assert "Geweigerd:" in told
    assert "geen geldig e-mailadres" in told


def test_what_a_service_tells_in_english_only_is_told_by_the_command_line(
    platform: FakePlatform, instroom: CommandLine
) -> None:
    platform.on("GET /academies/demo/users/7", problem(404, "not_found", "there is nobody"))
    platform.on("GET /academies/demo/imports/i1", problem(404, "not_found", "there is no import"))
    assert "Er is geen gebruiker met personeelsnummer “7”" in instroom("user", "show", "7", "--academy", "demo").stderr
    for word in ("start", "report"):
        assert "Er is geen import “i1”" in instroom("import", word, "i1", "--academy", "demo").stderr
    platform.on("GET /academies/demo/imports/i1", {"import_id": "i1", "state": "checked"})
    platform.on("POST /academies/demo/imports/i1/start", problem(410, "too_old", "upload the file again"))
    assert "import i1 is te oud om te starten" in instroom("import", "start", "i1", "--academy", "demo").stderr
    template = instroom("template", "--academy", "demo", "--lang", "xx", "-o", "x.xlsx")
    assert template.exit_code == 2
    assert "er is geen sjabloon in taal xx; kies uit nl, en, de, fr" in template.stderr


def test_where_no_platform_is_it_is_told_in_the_language_of_the_person(
    instroom: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "platform.json").write_text(json.dumps({"ports": {}}))
    assert "nog niets gestart" in instroom("user", "list", "--academy", "demo").stderr
    monkeypatch.setenv("INSTROOM_HOME", str(home / "none"))
    assert "er is geen platform" in instroom("user", "list", "--academy", "demo").stderr
