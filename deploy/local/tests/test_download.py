"""`-o`: what may be replaced, and what is written to as it is."""

import os
import stat
import threading
from pathlib import Path

import httpx
import pytest
from cli_fakes import CommandLine, FakePlatform


@pytest.fixture
def template(platform: FakePlatform, instroom: CommandLine) -> "Template":
    platform.on("GET /academies/demo/template.xlsx", httpx.Response(200, content=b"PKtemplate"))
    return Template(instroom)


class Template:
    def __init__(self, instroom: CommandLine) -> None:
        self.instroom = instroom

    def into(self, path: Path | str) -> tuple[int, str, str]:
        told = self.instroom("template", "--academy", "demo", "-o", str(path))
        return told.exit_code, told.stdout, told.stderr


def test_a_file_that_is_there_keeps_its_mode_and_a_new_one_has_the_usual(template: Template, tmp_path: Path) -> None:
    private = tmp_path / "private.xlsx"
    private.touch(0o600)
    private.chmod(0o640)
    assert template.into(private)[0] == template.into(tmp_path / "new.xlsx")[0] == 0
    assert private.read_bytes() == (tmp_path / "new.xlsx").read_bytes() == b"PKtemplate"
    (tmp_path / "usual").touch()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (private, tmp_path / "new.xlsx", tmp_path / "usual")]
    assert modes == [0o640, modes[2], modes[2]]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["new.xlsx", "private.xlsx", "usual"]


def test_a_link_goes_on_pointing_to_its_file(template: Template, tmp_path: Path) -> None:
    (tmp_path / "real.xlsx").write_bytes(b"old")
    for name, to in (("link.xlsx", "real.xlsx"), ("dangling.xlsx", "made.xlsx")):
        (tmp_path / name).symlink_to(to)
        assert template.into(tmp_path / name)[0] == 0
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / to).read_bytes() == b"PKtemplate"


def test_a_pipe_is_written_through_and_nothing_else_is_said(template: Template, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    assert template.into(pipe) == (0, "", "")
    reader.join(10)
    assert read == [b"PKtemplate"]
    assert pipe.is_fifo()
    assert template.into("/dev/null")[0] == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("name", [".", "", "x" * 300, "no/such.xlsx", "-"])
def test_what_cannot_be_a_file_is_wrong_use_told_in_one_sentence(
    template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = template.into(name)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_a_name_as_long_as_a_name_may_be_is_written(template: Template, tmp_path: Path) -> None:
    assert template.into(tmp_path / ("x" * 255))[0] == 0
