"""Where output cannot go: a reader that left, a stream that was closed, a disk that is full."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest
from cli_fakes import CommandLine, FakePlatform
from test_import import BASE, COUNTS

from instroom import streams
from instroom.running import run


@pytest.fixture
def unread() -> Iterator[TextIO]:
    """A pipe that nobody reads any more."""
    read, write = os.pipe()
    os.close(read)
    with streams.outliving(write) as stream:
        yield stream
    os.close(write)


def shell(line: str, home: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        env=os.environ | {"INSTROOM_HOME": str(home), "I": f"{sys.executable} -m instroom", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_reader_that_left_does_not_stop_an_import_and_the_exit_code_is_the_imports(
    platform: FakePlatform, instroom: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unread: TextIO
) -> None:
    workbook = tmp_path / "users.csv"
    workbook.write_bytes(b"x")
    about = {"import_id": "i1", "academy": "demo", **COUNTS, "rows": 1, "errors": [], "warnings": [], "results": []}
    done = {**about, "state": "completed", "rejected": 1}
    platform.on(f"POST {BASE}", {"import_id": "i1"})
    platform.on(f"GET {BASE}/i1", {**about, "state": "checked"}, done)
    platform.on(f"GET {BASE}/i1/document", done)
    platform.on(f"POST {BASE}/i1/start", {})
    monkeypatch.setattr(sys, "stdout", unread)
    print("the last line that a reader took")
    sys.stdout.flush()
    assert streams.unread()
    assert run(instroom.root, ["import", str(workbook), "--academy", "demo", "--yes"]) == 1
    assert f"POST {BASE}/i1/start" in platform.lines()
    assert streams.ended(1) == 1


@pytest.mark.parametrize("where", ["| true", ">&-", "2>&- | true", ">&- 2>&-", "2>&1 | true"])
def test_a_command_that_only_reads_ends_quietly_with_0_when_nobody_reads(home: Path, where: str) -> None:
    ended = shell(f"$I mail list {where}", home)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_3_and_one_sentence(home: Path) -> None:
    for words in ("mail list", "mail list --json", "--help"):
        ended = shell(f"$I {words} > /dev/full", home)
        assert (ended.returncode, ended.stderr) == (3, "instroom: standard output: No space left on device\n")
