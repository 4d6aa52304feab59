"""What a person sees on a terminal, and what goes into a pipe."""

import time
from collections.abc import Iterator

import pytest
from cli_fakes import CommandLine, FakePlatform
from test_import import BASE, document

from instroom.output import Output

ID = "01a210ba-10aa-770b-97cc-3ffc9b2f72ab"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Output]:
    """A narrow one, in Amsterdam."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TZ", "Europe/Amsterdam")
    time.tzset()
    output = Output(as_json=False, language="nl")
    output.terminal = True
    yield output
    monkeypatch.undo()
    time.tzset()


def test_a_narrow_terminal_breaks_no_id_and_loses_no_column(
    terminal: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.table(["import", "file", "rows"], [[ID, "a long name of a file.xlsx", "1000"]], whole=True)
    assert [line.split("  ") for line in capsys.readouterr().out.splitlines()][1] == [
        ID,
        "a long name of a file.xlsx",
        "1000",
    ]
    terminal.table(["import", "file"], [[ID, "a long name of a file.xlsx"]])
    assert all(len(line) <= 40 for line in capsys.readouterr().out.splitlines())


def test_a_table_without_headers_begins_with_its_rows(terminal: Output, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.table(["", ""], [["Voornaam", "Jan"]])
    assert capsys.readouterr().out.splitlines() == ["Voornaam  Jan"]


def test_a_time_is_that_of_the_clock_on_the_wall_on_a_terminal_and_rfc_3339_elsewhere(terminal: Output) -> None:
    assert terminal.moment("2026-11-25T03:22:39.171107+00:00") == "2026-11-25 04:22:39"
    assert terminal.moment(None) == ""
    terminal.terminal = False
    assert terminal.moment("2026-11-25T03:22:39.171107+00:00") == "2026-11-25T03:22:39Z"
    assert terminal.moment("2026-11-25T04:22:39.171+01:00") == "2026-11-25T03:22:39Z"


def test_the_list_of_imports_goes_through_all_pages_and_tells_the_state_in_the_persons_language(
    platform: FakePlatform, instroom: CommandLine
) -> None:
    about = {"created_at": "2026-11-25T03:22:39.171107+00:00", "filename": "users.xlsx"}
    newer, older = document("completed", rows=2) | about, document("of a newer version") | about
    platform.on(f"GET {BASE}", {"imports": [newer], "next": "i1"}, {"imports": [older], "next": None})
    lines = instroom("import", "list", "--academy", "demo").stdout.splitlines()
    assert lines == [
        "i1\t2026-11-25T03:22:39Z\tusers.xlsx\tklaar\t2\t0\t0\t0\t0",
        "i1\t2026-11-25T03:22:39Z\tusers.xlsx\tof a newer version\t0\t0\t0\t0\t0",
    ]
    assert platform.asked[1].url.params["after"] == "i1"
