"""What the tests of this folder share: two academies with everything in them, made once."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from instroom.testing import Platform
from security.academies import Realm, two_realms
from security.callers import Forger
from user_service.testing_openid import running_provider


@pytest.fixture(scope="session")
def realms(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Realm, Realm]]:
    """Two academies that nobody changes behind a test's back: what is changed is put back, or is a test's own."""
    run = f"{os.getpid()}x{time.time_ns() % 1_000_000_000}"
    with running_provider() as provider:
        made = two_realms(platform, Path(tmp_path_factory.mktemp("realms")), run, provider.issuer)
        yield made
        for realm in made:
            realm.academy.client.close()


@pytest.fixture(scope="session")
def forger(platform: Platform) -> Forger:
    return Forger(platform)
