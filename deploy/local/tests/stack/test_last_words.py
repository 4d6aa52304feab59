"""The reason that is shown for the end of a process."""

from pathlib import Path

import pytest

from instroom.stack.last_words import last_words

REFUSED = '{"event": "start.refused", "error": "fsync is off", "level": "error"}'
NOISE = '{"event": "Unable connect to broker", "level": "error"}'
STOPPED = '{"event": "service.stopped", "level": "info"}'


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ([REFUSED, NOISE, STOPPED], "start.refused: fsync is off"),
        ([NOISE, STOPPED], "Unable connect to broker"),
        ([STOPPED], "service.stopped"),
        (
            [NOISE, "Traceback (most recent call last):", "ValueError: port must be a number"],
            "ValueError: port must be a number",
        ),
        (["plain text", ""], "plain text"),
        ([], ""),
    ],
)
def test_the_last_error_is_told_rather_than_the_last_line(tmp_path: Path, log: list[str], words: str) -> None:
    path = tmp_path / "x.log"
    path.write_text("".join(f"{line}\n" for line in log))
    assert last_words(path) == words


def test_a_process_without_a_log_said_nothing(tmp_path: Path) -> None:
    assert last_words(tmp_path / "none.log") == ""
