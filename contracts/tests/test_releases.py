"""Nothing that was released is broken or changed."""

import json
import shutil
from pathlib import Path

import pytest

from contracts_tools import outputs
from contracts_tools.registry import registry
from contracts_tools.releases import FreezeRefused, broken, freeze, released, tampered
from contracts_tools.schemas import all_schemas


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the folder that may be frozen and spoilt."""
    root = tmp_path / "contracts"
    ignored = shutil.ignore_patterns("__pycache__", "released", "tests", "node_modules")
    shutil.copytree(outputs.ROOT, root, ignore=ignored)
    return root


def test_there_is_a_release_to_hold_to() -> None:
    assert released()


@pytest.mark.parametrize("release", released(), ids=lambda path: path.name)
def test_what_is_said_now_breaks_with_no_release(release: Path) -> None:
    assert broken(release) == []


@pytest.mark.parametrize("release", released(), ids=lambda path: path.name)
def test_a_release_is_as_it_was_when_it_was_frozen(release: Path) -> None:
    assert not tampered(release)


def test_a_freeze_makes_the_next_release_of_all_schemas_and_examples(copy: Path) -> None:
    assert freeze(copy) == copy / "released" / "1"
    assert freeze(copy) == copy / "released" / "2"
    assert [path.name for path in released(copy)] == ["1", "2"]
    release = copy / "released" / "1"
    assert {path.stem for path in (release / "schemas").iterdir()} == set(all_schemas())
    assert len(list((release / "examples").glob("*/*.json"))) == len(list(copy.glob("examples/instroom.*/*.json")))
    assert broken(release) == []
    assert not tampered(release)


def test_a_freeze_is_refused_while_a_generated_file_is_not_current(copy: Path) -> None:
    (copy / "schemas" / "envelope.json").write_text("{}", encoding="utf-8")
    with pytest.raises(FreezeRefused, match=r"schemas/envelope\.json"):
        freeze(copy)


def test_a_release_that_was_changed_is_noticed(copy: Path) -> None:
    release = freeze(copy)
    example = next(release.glob("examples/*/maximal.json"))
    example.write_text(example.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert tampered(release)


def test_a_file_that_is_gone_from_a_release_is_noticed(copy: Path) -> None:
    release = freeze(copy)
    next(release.glob("examples/*/minimal.json")).unlink()
    assert tampered(release)


def test_a_message_that_is_gone_or_changed_breaks_with_the_release(copy: Path) -> None:
    release = freeze(copy)
    schemas = all_schemas()
    del schemas["instroom.user.created.v1"]
    del schemas["instroom.user.rejected.v1"]["properties"]["errors"]
    reasons = broken(release, schemas)
    assert "instroom.user.created.v1 is gone" in reasons
    assert "instroom.user.rejected.v1.errors is gone" in reasons


def test_a_topic_that_is_gone_breaks_with_the_release(copy: Path) -> None:
    release = freeze(copy)
    now = registry()
    del now["topics"]["user.events"]
    assert broken(release, now=now) == ["topic user.events is gone"]


def test_a_break_forbids_the_next_freeze(copy: Path) -> None:
    release = freeze(copy)
    file = release / "schemas" / "instroom.user.rejected.v1.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    schema["properties"]["severity"] = {"type": "string"}
    file.write_text(json.dumps(schema), encoding="utf-8")
    with pytest.raises(FreezeRefused, match="severity is gone"):
        freeze(copy)
