"""What the tests of identity share."""

from collections.abc import AsyncIterator
from importlib.resources import files

import pytest

from chassis.testing import MakePool
from user_service.testing import Site, make_site


@pytest.fixture
async def site(make_migrated_pool: MakePool, academy: str) -> AsyncIterator[Site]:
    pool = await make_migrated_pool(("user-service", files("user_service") / "migrations"))
    async with make_site(pool, academy) as site:
        yield site
