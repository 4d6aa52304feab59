"""The command line on a platform of the test's own making."""

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cli_fakes import SERVICES, CommandLine, FakePlatform

from instroom import session
from instroom.client import Client


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a platform that was started once."""
    folder = tmp_path / "home"
    folder.mkdir()
    addresses = {"kafka": "127.0.0.1:1", "database": "", "smtp": "", "services": SERVICES}
    (folder / "platform.json").write_text(json.dumps({"addresses": addresses}))
    monkeypatch.setenv("INSTROOM_HOME", str(folder))
    monkeypatch.setenv("INSTROOM_LANG", "nl")
    return folder


@pytest.fixture
def platform(home: Path, monkeypatch: pytest.MonkeyPatch) -> FakePlatform:
    fake = FakePlatform()
    transport = httpx.MockTransport(fake)
    given: dict[str, Any] = {
        "transport": transport,
        "clock": fake.clock,
        "pause": fake.pause,
        "running": fake.is_running,
    }
    monkeypatch.setattr(session, "Client", lambda services, **s: Client(services, **s | given))
    return fake


@pytest.fixture
def instroom() -> CommandLine:
    return CommandLine()
