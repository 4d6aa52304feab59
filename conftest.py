"""What every test of the repository may use, and which of them share a process."""

import os
import shutil
from pathlib import Path

import pytest

import contracts  # noqa: F401 - before pytest takes the folder of that name for the package

pytest_plugins = ["chassis.testing", "instroom.testing"]

_MEMORY, _ROOM = Path("/dev/shm"), 8 * 2**30  # noqa: S108 - what is in it has names that nobody can guess
"""Where files are in memory, and how much must be free there for those of all stacks and platforms of a run."""
_ROOT = Path(__file__).parent
_LONGEST_FIRST = ("tests/chaos", "tests/browser", "tests/security", "tests", "deploy/local/tests/stack")


def pytest_configure() -> None:
    """Keep databases and brokers in memory where there is room: a third of the time of a run waits for disks else.

    The cases of trouble and what is measured stay on the disk.
    """
    if "INSTROOM_TEST_FOLDER" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM:
        os.environ["INSTROOM_TEST_FOLDER"] = str(_MEMORY)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together what uses one platform or one stack, the longest first; the others go wherever there is room."""
    for item in items:
        if group := _group(item):
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=_turn)


def _group(item: pytest.Item) -> str | None:
    if item.config.getoption("long", False):  # of the cases of trouble: each file may have a platform of its own
        return item.path.name
    folder = item.path.relative_to(_ROOT).parent
    for shared in _LONGEST_FIRST:
        if folder.is_relative_to(shared):
            return shared
    return str(folder) if folder.name == "integration" else None


def _turn(item: pytest.Item) -> int:
    group = _group(item)
    if group is None:
        return len(_LONGEST_FIRST) + 1
    return _LONGEST_FIRST.index(group) if group in _LONGEST_FIRST else len(_LONGEST_FIRST)
