"""The parser of AsyncAPI's makers judges our document. It needs node, which only the build machine must have."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.events import MESSAGES, org
from contracts.topics import all_topics
from contracts_tools.outputs import ROOT

SOURCES = ROOT / "tools" / "asyncapi-judge"


def _leave_out(reason: str) -> None:
    """In the build nothing is left out; elsewhere it is, and told."""
    if os.environ.get("CI"):
        pytest.fail(f"AsyncAPI is not judged: {reason}")
    pytest.skip(f"LEFT OUT: AsyncAPI is not judged: {reason}")


@pytest.fixture(scope="module")
def judge(request: pytest.FixtureRequest) -> Path:
    """The judge with its packages, installed once per lock file into pytest's cache."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _leave_out("node and npm are not on this machine")
    lock = (SOURCES / "package-lock.json").read_bytes()
    assert request.config.cache is not None
    home = Path(request.config.cache.mkdir(f"asyncapi-judge-{hashlib.sha256(lock).hexdigest()[:12]}"))
    shutil.copytree(SOURCES, home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    if not (home / "installed").is_file():
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            _leave_out(f"its packages cannot be installed: {done.stderr[-500:]}")
        (home / "installed").touch()
    return home / "judge.mjs"


def ask(judge: Path, *documents: Path) -> list[dict[str, Any]]:
    """What the judge says of each document."""
    done = subprocess.run(["node", judge, *documents], capture_output=True, text=True, check=False)
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(verdicts) == len(documents), done.stderr
    return verdicts


def test_asyncapi_s_own_parser_finds_nothing_wrong_and_sees_every_topic_and_message(judge: Path) -> None:
    (verdict,) = ask(judge, ROOT / "asyncapi.yaml")
    assert verdict["wrong"] == []
    assert set(verdict["channels"]) == {topic.name for topic in all_topics()}
    assert set(verdict["messages"]) == {*MESSAGES, *org.REMOVED.values(), "DeadLetter"}


def dangling_message(document: dict[str, Any]) -> None:
    document["channels"]["user.events"]["messages"]["UserCreated"]["$ref"] = "#/components/messages/Nobody"


def missing_schema(document: dict[str, Any]) -> None:
    document["components"]["messages"]["UserCreated"]["payload"]["$ref"] = "./schemas/nothing.json"


def unknown_action(document: dict[str, Any]) -> None:
    document["operations"]["user-service.send.user.events"]["action"] = "shout"


def test_the_judge_does_find_what_is_wrong(judge: Path, tmp_path: Path) -> None:
    spoilt = []
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    for spoil in (dangling_message, missing_schema, unknown_action):
        document = json.loads(json.dumps(yaml.safe_load((ROOT / "asyncapi.yaml").read_text(encoding="utf-8"))))
        spoil(document)
        spoilt.append(tmp_path / f"{spoil.__name__}.json")
        spoilt[-1].write_text(json.dumps(document), encoding="utf-8")
    assert [bool(verdict["wrong"]) for verdict in ask(judge, *spoilt)] == [True, True, True]
