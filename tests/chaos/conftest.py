"""A platform to be harmed: killed, frozen, fed with duplicates. Each test has an academy of its own on it."""

import itertools
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ledger import Ledger

from instroom.testing import Platform, new_home

SETTINGS = {
    # What a killed instance was at goes to the next one after so many seconds; 45 are the services' own choice.
    "INSTROOM_SESSION_TIMEOUT": "4",
    # A mail server that stalls is not offered its mails again so soon; the lease is at least twice that.
    "INSTROOM_SMTP_TIMEOUT": "30",
    "INSTROOM_MAIL_LEASE": "60",
    "INSTROOM_MAIL_FIRST_RETRY": "2",
    # Rows without an answer are not sent again so soon: that would cover up that something was lost.
    "INSTROOM_STALL_AFTER": "120",
}
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def _harmed() -> Iterator[Platform]:
    if home := os.environ.get("INSTROOM_CHAOS_HOME"):  # one that runs already, for quick rounds while developing
        yield Platform(Path(home), dict(SETTINGS))
        return
    yield from _running(Platform(new_home("instroom-chaos-"), dict(SETTINGS)))


def _running(platform: Platform) -> Iterator[Platform]:
    try:
        platform.up()
        yield platform
    finally:
        platform.down()
        shutil.rmtree(platform.home.parent, ignore_errors=True)


@pytest.fixture
def harmed(_harmed: Platform) -> Platform:
    """A platform that runs, whatever the test before did to it."""
    _harmed.up()
    return _harmed


@pytest.fixture
def impatient() -> Iterator[Platform]:
    """A platform whose imports wait two seconds for answers before they ask again."""
    yield from _running(Platform(new_home("instroom-chaos-"), SETTINGS | {"INSTROOM_STALL_AFTER": "2"}))


@pytest.fixture
def ledger(harmed: Platform) -> Ledger:
    """An academy with an organisation and no people, and its books."""
    books = Ledger(harmed, f"chaos-{os.getpid()}-{next(_numbers)}")
    books.define()
    return books
