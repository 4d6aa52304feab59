"""Programs that prepare something and end."""

import sys

from instroom.stack.spawning import why_failed


async def test_a_program_that_fails_is_told_by_its_last_words() -> None:
    assert await why_failed([sys.executable, "-c", "print('fine')"]) is None
    assert await why_failed([sys.executable, "-c", "import sys; sys.exit('no room')"]) == "no room"


async def test_a_program_that_does_not_end_is_ended() -> None:
    assert await why_failed([sys.executable, "-c", "input()"], seconds=30) is not None  # it has nobody to ask
    endless = [sys.executable, "-c", "import threading; threading.Event().wait()"]
    assert await why_failed(endless, seconds=0.2) == "it did not end within 0.2 s"
