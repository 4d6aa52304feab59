"""`make demo DEMO_EXIT=1`: the main job in a home of its own, and nothing stays."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from instroom import demo
from instroom.testing import Platform, new_home

pytestmark = pytest.mark.slow

IMPORT = re.compile(r"^(first|second) +import: (\d+(?: \+ \d+){4}) = (\d+) rows$", re.MULTILINE)
MAILS = re.compile(r"^mails: +(\d+) for (\d+) invitations, then (\d+) for (\d+)$", re.MULTILINE)


@pytest.fixture
def place() -> Iterator[Platform]:
    """Where a platform can be started; none is yet."""
    platform = Platform(new_home())
    yield platform
    platform.down()
    shutil.rmtree(platform.home.parent, ignore_errors=True)


def test_the_demo_does_the_main_job_its_sums_add_up_and_nothing_is_left_running(place: Platform) -> None:
    expected = json.loads((demo.SAMPLE / "expected.json").read_text("utf-8"))["beside_colleagues"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INSTROOM_")}
    if "INSTROOM_CACHE" in os.environ:
        environment["INSTROOM_CACHE"] = os.environ["INSTROOM_CACHE"]
    ran = subprocess.run(
        [sys.executable, "-m", "instroom.demo"],
        env=environment | {"INSTROOM_HOME": str(place.home), "DEMO_EXIT": "1"},
        cwd=place.home.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    counts = {
        which: ([int(part) for part in parts.split(" + ")], int(rows))
        for which, parts, rows in IMPORT.findall(ran.stdout)
    }
    created, updated, unchanged, rejected = (expected[name] for name in ("created", "updated", "unchanged", "rejected"))
    assert counts == {
        "first": ([created, updated, unchanged, rejected, 0], 1000),
        "second": ([0, 0, created + updated + unchanged, rejected, 0], 1000),
    }
    assert all(sum(parts) == rows for parts, rows in counts.values())
    (mails,) = MAILS.findall(ran.stdout)
    assert mails == (str(expected["invited"]), str(expected["invited"]), "0", "0")
    assert (place.home / "demo" / "report.xlsx").exists()
    assert place.status()["state"] == "down"
    assert running_in(place.home) == []


def running_in(home: Path) -> list[str]:
    """Every process that was told of this home or runs in it."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        told = " ".join(process.info["cmdline"] or ())
        if str(home) in told or (process.info["cwd"] or "").startswith(str(home)):
            found.append(told)
    return found
