"""Wrong use and crashes end with the documented codes, and under --json with a document."""

import json

import pytest
import typer
from cli_fakes import CommandLine

from instroom.running import run


def test_wrong_use_under_json_is_a_document(instroom: CommandLine, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["user", "list", "--json"], ["import", "list", "--what", "--json"], ["user", "fly", "--json"]):
        assert run(instroom.root, words) == 2
        told = json.loads(capsys.readouterr().out)
        assert told["error"]["code"] == "wrong_use"
        assert told["error"]["message"]


def test_wrong_use_without_json_shows_the_usage_on_stderr(
    instroom: CommandLine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(instroom.root, ["user", "list"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "--academy" in told.err


def test_the_usage_of_import_names_its_file_once(instroom: CommandLine, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(instroom.root, ["import", "users.xlsx"]) == 2
    assert "Usage: instroom import FILE [OPTIONS]\n" in capsys.readouterr().err


def test_a_crash_is_3(capsys: pytest.CaptureFixture[str]) -> None:
    root = typer.Typer(pretty_exceptions_enable=False)

    @root.callback()
    def group() -> None:
        """Something."""

    @root.command("crash")
    def crash(as_json: bool = typer.Option(False, "--json")) -> None:
        raise RuntimeError("broken")

    assert run(root, ["crash", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "failed"
    assert run(root, ["crash"]) == 3


def test_a_failure_of_a_command_keeps_its_code(
    instroom: CommandLine, capsys: pytest.CaptureFixture[str], tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTROOM_HOME", f"{tmp_path}/none")
    assert run(instroom.root, ["user", "list", "--academy", "demo", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "no_platform"
    assert run(instroom.root, ["user", "list", "--academy", "demo"]) == 3
