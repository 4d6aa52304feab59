import asyncio
import sys
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from contracts.errors import ErrorCode, WarningCode
from import_service.reading import reader
from import_service.reading.reader import CellFault, FoundColumn, open_file
from import_service.reading.refused import FileCode, FileRefused


@pytest.fixture
def started(monkeypatch) -> list[tuple[Process, dict[str, object]]]:
    """The processes that were started, and with what."""
    processes: list[tuple[Process, dict[str, object]]] = []
    start = asyncio.create_subprocess_exec

    async def starting(*command, **options):
        process = await start(*command, **options)
        processes.append((process, options))
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", starting)
    return processes


@pytest.fixture
def instead(monkeypatch):
    """Lets another program be the process."""
    start = asyncio.create_subprocess_exec

    def instead(program: str) -> None:
        async def starting(*_, **options):
            return await start(sys.executable, "-c", program, **options)

        monkeypatch.setattr(asyncio, "create_subprocess_exec", starting)

    return instead


@pytest.fixture
def upload(tmp_path: Path, xlsx, headers, person):
    """A workbook on disk, of so many rows."""

    def upload(count: int) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(xlsx([headers, *([n, *person[1:]] for n in range(count)), ["\x01", "Jan"]]))
        return path

    return upload


async def test_the_header_comes_first_then_rows_in_chunks_then_what_is_worth_a_look(upload):
    async with open_file(upload(2500), "Mensen.XLSX") as reading:
        assert reading.header.columns["email"] == FoundColumn("E", "Emailadres")
        assert (reading.header.format, reading.header.sheet, reading.header.row) == ("xlsx", "Gebruikers", 1)
        chunks = [chunk async for chunk in reading]
    assert [len(chunk.rows) for chunk in chunks] == [1000, 1000, 501]
    assert [chunk.numbers[0] for chunk in chunks] == [2, 1002, 2002]
    assert chunks[0].rows[1][:3] == ("1", "Jan", "de")
    assert chunks[2].faults == {2502: [CellFault("invalid_characters", "personnel_number", "\ufffd", {})]}
    assert chunks[2].rows[-1][:2] == (None, "Jan")
    assert reading.rows == 2501
    assert [(warning.code, warning.field) for warning in reading.warnings] == [
        (WarningCode.LEADING_ZEROS, "personnel_number")
    ]


async def test_a_refusal_is_raised_before_any_row(tmp_path):
    path = tmp_path / "upload"
    path.write_bytes(b"")
    with pytest.raises(FileRefused) as refused:
        async with open_file(path, "x.xlsx"):
            pytest.fail("an empty file was opened")
    assert refused.value.code == "empty_file"


async def test_the_process_is_gone_when_its_consumer_leaves_a_full_pipe(upload, started, monkeypatch):
    monkeypatch.setattr(reader, "MIB", 4096)
    async with open_file(upload(5000), "x.xlsx") as reading:
        async for _ in reading:
            break
    assert started[0][0].returncode is not None


async def test_the_process_is_gone_when_its_consumer_fails(upload, started):
    with pytest.raises(KeyError):
        async with open_file(upload(3000), "x.xlsx"):
            raise KeyError
    assert started[0][0].returncode is not None


async def test_the_process_is_gone_when_its_consumer_is_cancelled(upload, started):
    reached = asyncio.Event()

    async def consume(path: Path) -> None:
        async with open_file(path, "x.xlsx"):
            reached.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(consume(upload(3000)))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert started[0][0].returncode is not None


async def test_a_process_that_takes_too_long_is_killed_and_the_file_too_large(upload, instead):
    instead("import signal; signal.pause()")
    with pytest.raises(FileRefused) as refused:
        async with open_file(upload(1), "x.xlsx", wall_seconds=0.2):
            pass
    assert refused.value.code == "file_too_large"


@pytest.mark.parametrize(
    ("death", "code"),
    [
        ("os.kill(os.getpid(), signal.SIGABRT)", "file_too_large"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "file_too_large"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "file_too_large"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "unreadable_file"),
        ("os._exit(1)", "unreadable_file"),
        ("os._exit(0)", "unreadable_file"),
        ("os.write(1, b'\\0\\0\\0\\x09{}'); os._exit(0)", "unreadable_file"),
        ("os.write(1, b'\\xff\\xff\\xff\\xff' * 10); signal.pause()", "unreadable_file"),
    ],
)
async def test_a_process_that_dies_refuses_the_file_by_the_way_it_died(upload, instead, death, code):
    instead(f"import os, signal; {death}")
    with pytest.raises(FileRefused) as refused:
        async with open_file(upload(1), "x.xlsx"):
            pass
    assert refused.value.code == code


async def test_the_process_knows_no_setting_of_the_service(upload, started, monkeypatch):
    monkeypatch.setenv("INSTROOM_POSTGRES", "postgresql://user:secret@host/db")
    async with open_file(upload(1), "x.xlsx"):
        pass
    environment = started[0][1]["env"]
    assert "secret" not in str(environment)
    assert set(environment) <= {"PATH", "LD_LIBRARY_PATH", "LANG", "SYSTEMROOT"}


async def test_a_name_that_looks_like_a_flag_or_a_path_does_no_harm(upload):
    for name in ("--help", "-c", "../../x.xlsx", "x\n.xlsx", "", "." * 300, "x.csv; rm -rf"):
        async with open_file(upload(1), name) as reading:
            assert reading.header.row == 1


def test_every_code_of_a_refused_file_is_in_the_closed_list():
    file_codes = set(FileCode.__args__)
    assert file_codes <= set(ErrorCode)
    assert len(file_codes) == 8


def test_a_frame_may_not_be_larger_than_what_rows_can_hold():
    assert reader.MAX_FRAME_BYTES == 64 * 1024 * 1024
