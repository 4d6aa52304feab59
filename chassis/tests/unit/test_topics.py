"""A broker that may lose or misplace what it acknowledged is refused, with what to change."""

from types import SimpleNamespace
from typing import Any

import pytest

from chassis.database import UnsafeSettings
from chassis.topics import UNSAFE_IF_TRUE, _check_broker


class Admin:
    def __init__(self, settings: dict[str, str]) -> None:
        self._settings = settings

    async def describe_configs(self, resources: list[Any]) -> list[Any]:
        return [SimpleNamespace(resources=[(0, "", 4, "1", list(self._settings.items()))])]


@pytest.mark.parametrize("setting", UNSAFE_IF_TRUE)
async def test_an_unsafe_broker_setting_refuses_the_start(setting: str) -> None:
    with pytest.raises(UnsafeSettings, match=setting):
        await _check_broker(Admin({setting: "true"}), "1")  # type: ignore[arg-type]
    await _check_broker(Admin({setting: "false"}), "1")  # type: ignore[arg-type]
