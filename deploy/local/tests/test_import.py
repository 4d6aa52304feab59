"""`import`: reserved words, asking, following, documents and exit codes."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cli_fakes import CommandLine, FakePlatform, problem

from instroom import session
from instroom.client import Client
from instroom.commands import imports
from instroom.commands.reserved import with_command

BASE = "/academies/demo/imports"
COUNTS = dict.fromkeys(
    ("rows", "created", "updated", "unchanged", "rejected", "not_attempted", "invited", "waiting", "already_invited"), 0
)


def document(state: str, *results: dict[str, Any], **counts: int) -> dict[str, Any]:
    made: dict[str, Any] = {"import_id": "i1", "academy": "demo", "state": state, **COUNTS, **counts}
    return made | {"errors": [], "warnings": [], "results": list(results)}


def result(row: int, outcome: str, **more: Any) -> dict[str, Any]:
    made = {"row": row, "personnel_number": f"00{row}", "name": "Jan de Vries", "outcome": outcome, "restored": False}
    return made | {"drifted": False, "planned": outcome, "invitation": "none", "changes": {}, "errors": [], **more}


BAD = result(
    3,
    "rejected",
    errors=[
        {
            "code": "invalid_email",
            "column": "email",
            "header": "E-mail",
            "cell": "E3",
            "value": "jan@",
            "message": "Geen adres.",
            "suggestion": None,
        }
    ],
)


@pytest.fixture
def workbook(tmp_path: Path) -> str:
    path = tmp_path / "users.xlsx"
    path.write_bytes(b"PK" + b"x" * 600_000)
    return str(path)


@pytest.fixture
def one_bad_row(platform: FakePlatform) -> FakePlatform:
    """An import of two rows, one of which is wrong."""
    platform.on(f"POST {BASE}", httpx.Response(202, json={"import_id": "i1"}))
    platform.on(
        f"GET {BASE}/i1",
        document("checking"),
        document("checking", rows=1, done=1, reading=True),
        document("checking", rows=2),
        document("checked", rows=2, created=1, rejected=1, invited=1),
        document("running", rows=2, rejected=1),
        document("completed", rows=2, created=1, rejected=1, invited=1),
    )
    checked = document("checked", result(2, "created"), BAD, rows=2, created=1, rejected=1, invited=1)
    platform.on(f"GET {BASE}/i1/document", checked, {**checked, "state": "completed"})
    platform.on(f"POST {BASE}/i1/start", httpx.Response(202, json={}))
    return platform


def test_the_first_word_decides_wherever_the_flags_stand() -> None:
    assert with_command(["start", "ID", "--academy", "a"]) == ["start", "ID", "--academy", "a"]
    assert with_command(["--academy", "a", "start", "ID"]) == ["start", "--academy", "a", "ID"]
    assert with_command(["--academy=a", "list"]) == ["list", "--academy=a"]
    assert with_command(["--json", "report", "ID", "-o", "x"]) == ["report", "--json", "ID", "-o", "x"]
    assert with_command(["users.xlsx", "--academy", "list"]) == ["FILE", "users.xlsx", "--academy", "list"]
    assert with_command(["./report", "--academy", "a"]) == ["FILE", "./report", "--academy", "a"]
    assert with_command(["--academy", "a", "--", "start"]) == ["FILE", "--academy", "a", "--", "start"]
    assert with_command(["--help"]) == ["--help"]


def test_without_a_terminal_it_starts_at_once_and_follows(
    one_bad_row: FakePlatform, instroom: CommandLine, workbook: str
) -> None:
    told = instroom("import", workbook, "--academy", "demo")
    assert told.exit_code == 1
    assert len(one_bad_row.bodies[0]) == 600_002
    assert one_bad_row.asked[0].url.params["filename"] == "users.xlsx"
    assert f"POST {BASE}/i1/start" in one_bad_row.lines()
    lines = told.stdout.splitlines()
    assert "3\t003\tJan de Vries\tE3\tE-mail\tGeen adres." in lines
    assert any("1 nieuw, 0 bijgewerkt, 0 ongewijzigd, 1 niet te importeren" in line for line in lines)
    assert any("1 nieuw, 0 bijgewerkt, 0 ongewijzigd, 1 niet geïmporteerd" in line for line in lines)
    assert sum("Geen adres." in line for line in lines) == 1


def test_a_file_whose_name_is_no_text_goes_in(one_bad_row: FakePlatform, instroom: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "b\udce4nk.csv"
    path.write_bytes(b"x")
    assert instroom("import", str(path), "--academy", "demo", "--json").exit_code == 1
    assert one_bad_row.asked[0].url.params["filename"] == "b\ufffdnk.csv"


def test_with_json_stdout_is_the_document_and_nothing_else(
    one_bad_row: FakePlatform, instroom: CommandLine, workbook: str
) -> None:
    one_bad_row.on(f"GET {BASE}/i1/document", document("completed", result(2, "created"), BAD, rows=2))
    told = instroom("import", workbook, "--academy", "demo", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["state"] == "completed"
    assert told.stdout.count("\n") == 1


class BreaksOff(httpx.SyncByteStream):
    """The answer of a service that is killed while it gives it."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"import_id":"i1",'
        raise httpx.ReadError("killed")


def test_with_json_a_document_that_breaks_off_is_asked_for_again(
    platform: FakePlatform, instroom: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = document("completed", result(2, "created"), rows=1, created=1)
    platform.on(f"GET {BASE}/i1", done)
    platform.on(f"GET {BASE}/i1/document", httpx.ReadError("killed"), problem(503, "starting"), done)
    broken = [httpx.Response(200, stream=BreaksOff())]

    def answer(request: httpx.Request) -> httpx.Response:
        return broken.pop() if broken and request.url.path.endswith("/document") else platform(request)

    given: Any = {"transport": httpx.MockTransport(answer), "clock": platform.clock, "pause": platform.pause}
    monkeypatch.setattr(session, "Client", lambda services, **how: Client(services, **how | given))
    told = instroom("import", "report", "i1", "--academy", "demo", "--json")
    assert (told.exit_code, json.loads(told.stdout)) == (0, done)


def test_check_only_does_not_start_and_is_1_for_a_rejected_row(
    one_bad_row: FakePlatform, instroom: CommandLine, workbook: str
) -> None:
    told = instroom("import", workbook, "--academy", "demo", "--check-only", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["state"] == "checked"
    assert f"POST {BASE}/i1/start" not in one_bad_row.lines()


@pytest.mark.parametrize(
    ("answer", "started"), [("j\n", True), ("JA\n", True), ("\n", False), ("n\n", False), ("", False)]
)
def test_on_a_terminal_it_asks_once_and_no_leaves_it_checked_with_0(
    one_bad_row: FakePlatform,
    instroom: CommandLine,
    workbook: str,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    started: bool,
) -> None:
    monkeypatch.setattr(imports, "at_terminal", lambda: True)
    told = instroom("import", workbook, "--academy", "demo", stdin=answer)
    assert (told.stderr.count("Start import? [j/N]"), "Start import?" in told.stdout) == (1, False)
    assert told.stderr.endswith("[j/N] \n") is (answer == "")
    assert (f"POST {BASE}/i1/start" in one_bad_row.lines()) is started
    assert told.exit_code == (1 if started else 0)


@pytest.mark.parametrize("flag", ["--yes", "--json"])
def test_yes_and_json_do_not_ask(
    one_bad_row: FakePlatform, instroom: CommandLine, workbook: str, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    monkeypatch.setattr(imports, "at_terminal", lambda: True)
    told = instroom("import", workbook, "--academy", "demo", flag)
    assert "Start import?" not in told.output
    assert f"POST {BASE}/i1/start" in one_bad_row.lines()


def test_a_refused_file_is_1_with_its_document(platform: FakePlatform, instroom: CommandLine, workbook: str) -> None:
    refused = document("refused") | {"errors": [{"code": "encrypted_file", "message": "Beveiligd.", "columns": []}]}
    platform.on(f"POST {BASE}", {"import_id": "i1"})
    platform.on(f"GET {BASE}/i1", refused)
    platform.on(f"GET {BASE}/i1/document", refused)
    told = instroom("import", workbook, "--academy", "demo", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["errors"][0]["code"] == "encrypted_file"
    assert "Beveiligd. [encrypted_file]" in instroom("import", workbook, "--academy", "demo").stdout


def test_all_rows_good_is_0_and_a_failed_import_is_3(
    platform: FakePlatform, instroom: CommandLine, workbook: str
) -> None:
    platform.on(f"GET {BASE}/i1", document("completed", rows=1, created=1))
    platform.on(f"GET {BASE}/i1/document", document("completed", result(2, "created"), rows=1, created=1))
    assert instroom("import", "report", "i1", "--academy", "demo").exit_code == 0
    platform.on(f"GET {BASE}/i1", document("failed"))
    assert instroom("import", "report", "i1", "--academy", "demo").exit_code == 3


def test_start_of_a_started_import_follows_it(platform: FakePlatform, instroom: CommandLine) -> None:
    platform.on(f"GET {BASE}/i1", document("running", rows=1), document("completed", rows=1, unchanged=1))
    platform.on(f"POST {BASE}/i1/start", httpx.Response(202, json={}))
    platform.on(f"GET {BASE}/i1/document", document("completed", result(2, "unchanged"), rows=1, unchanged=1))
    told = instroom("import", "start", "i1", "--academy", "demo", "--json")
    assert told.exit_code == 0
    assert json.loads(told.stdout)["unchanged"] == 1


def test_the_report_as_a_workbook_is_written_whole(
    platform: FakePlatform, instroom: CommandLine, tmp_path: Path
) -> None:
    platform.on(f"GET {BASE}/i1", document("completed", rows=1, created=1))
    platform.on(f"GET {BASE}/i1/document", document("completed", result(2, "created"), rows=1, created=1))
    platform.on(f"GET {BASE}/i1/report.xlsx", httpx.Response(200, content=b"PKreport"))
    target = tmp_path / "report.xlsx"
    assert instroom("import", "report", "i1", "--academy", "demo", "-o", str(target)).exit_code == 0
    assert target.read_bytes() == b"PKreport"
    report = next(request for request in platform.asked if request.url.path.endswith("/report.xlsx"))
    assert report.extensions["timeout"]["read"] > 180, "the service may think about it for as long"
    assert instroom("import", "report", "i1", "--academy", "demo", "-o", str(tmp_path / "no" / "x")).exit_code == 2


def test_what_is_no_ordinary_file_is_wrong_use(instroom: CommandLine, home: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/null")):
        told = instroom("import", str(path), "--academy", "demo")
        assert (told.exit_code, "is geen gewoon bestand" in told.stderr) == (2, True)


def test_one_row_is_one_row(platform: FakePlatform, instroom: CommandLine) -> None:
    platform.on(f"GET {BASE}/i1", document("checked", rows=1), document("completed", rows=2))
    platform.on(f"GET {BASE}/i1/document", document("completed", rows=2))
    assert "i1: 1 regel\n" in instroom("import", "report", "i1", "--academy", "demo").stdout
    assert "klaar, 2 regels\n" in instroom("import", "report", "i1", "--academy", "demo").stdout


@pytest.mark.parametrize("id_", [".", "..", "", "a/b", "../imports"])
def test_an_id_that_leads_nowhere_is_not_found(platform: FakePlatform, instroom: CommandLine, id_: str) -> None:
    platform.on(f"GET {BASE}", {"imports": []})
    for dots in (".", ".."):
        platform.on(f"GET {BASE}/{dots}", problem(404, "not_found"))
    for word in ("start", "report"):
        told = instroom("import", word, id_, "--academy", "demo", "--json")
        assert (told.exit_code, json.loads(told.stdout)["error"]["code"]) == (1, "not_found")


@pytest.mark.parametrize(
    ("states", "told"),
    [
        (["checking"], "De controle loopt door; er is nog niets geïmporteerd."),
        (["checked", "running"], "De import loopt door."),
    ],
)
def test_ctrl_c_tells_what_goes_on(platform: FakePlatform, instroom: CommandLine, states: list[str], told: str) -> None:
    platform.on(f"GET {BASE}/i1", *(document(state, rows=1) for state in states), KeyboardInterrupt())
    platform.on(f"POST {BASE}/i1/start", {})
    ended = instroom("import", "start", "i1", "--academy", "demo")
    assert told in ended.stdout
    assert ("instroom import report i1 --academy demo" in ended.stdout) is (states == ["checking"])
    assert "instroom import start i1 --academy demo" in ended.stdout


def test_rows_that_became_different_from_the_check_are_told(platform: FakePlatform, instroom: CommandLine) -> None:
    drifted = result(2, "updated", planned="created", drifted=True)
    platform.on(f"GET {BASE}/i1", document("completed", rows=1, updated=1))
    platform.on(f"GET {BASE}/i1/document", document("completed", drifted, rows=1, updated=1))
    told = instroom("import", "report", "i1", "--academy", "demo")
    assert "2\t002\tJan de Vries\tnieuw\tbijgewerkt" in told.stdout


def test_on_screen_only_rows_that_somebody_has_to_see_are_fetched(
    platform: FakePlatform, instroom: CommandLine, workbook: str
) -> None:
    platform.on(f"POST {BASE}", httpx.Response(202, json={"import_id": "i1"}))
    checked, completed = (document(state, rows=1, created=1) for state in ("checked", "completed"))
    platform.on(f"GET {BASE}/i1", checked, completed)
    platform.on(f"POST {BASE}/i1/start", httpx.Response(202, json={}))
    platform.on(f"GET {BASE}/i1/document", completed)
    assert instroom("import", workbook, "--academy", "demo").exit_code == 0
    fetched = [request.url.params for request in platform.asked if request.url.path.endswith("/document")]
    assert [dict(params) for params in fetched] == [{"notable": "true"}]
