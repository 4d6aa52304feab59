"""What tests that drive a whole platform from outside share."""

import os
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from outside.academy import Academy, NewAcademy, new_academy

from instroom.testing import Platform

_numbers = count(1)


@pytest.fixture
def make_academy(platform: Platform, tmp_path: Path) -> Iterator[NewAcademy]:
    """Makes academies that no other test, and no earlier run on the same platform, has."""
    made: list[Academy] = []

    def make(**structure: Any) -> Academy:
        id_ = f"e{os.getpid()}-{next(_numbers)}-{time.time_ns() % 1_000_000_000}"
        made.append(new_academy(platform, id_, tmp_path / id_, **structure))
        return made[-1]

    yield make
    for academy in made:
        academy.client.close()


@pytest.fixture
def acme(make_academy: NewAcademy) -> Academy:
    """An academy of this test's own with the usual organisation."""
    return make_academy()
