"""The generated files are current, and say what the code says."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from contracts.errors import ErrorCode, WarningCode
from contracts.events import BY_TOPIC, MESSAGES
from contracts.topics import TOPICS, all_topics
from contracts_tools import outputs
from contracts_tools.schemas import all_schemas


def test_every_generated_file_is_current() -> None:
    assert outputs.differences() == [], "run `make generate`"


def test_a_file_that_is_missing_changed_or_stale_is_named(tmp_path: Path) -> None:
    root = tmp_path / "contracts"
    shutil.copytree(outputs.ROOT, root, ignore=shutil.ignore_patterns("__pycache__", "released", "tests"))
    (root / "schemas" / "envelope.json").write_text("{}", encoding="utf-8")
    (root / "asyncapi.yaml").unlink()
    (root / "schemas" / "instroom.user.vanished.v1.json").write_text("{}", encoding="utf-8")
    readme = root / "README.md"
    readme.write_text(
        readme.read_text(encoding="utf-8").replace("| `org.commands` |", "| `org.orders` |"), encoding="utf-8"
    )
    assert outputs.differences(root) == [
        "README.md",
        "asyncapi.yaml",
        "schemas/envelope.json",
        "schemas/instroom.user.vanished.v1.json (stale)",
    ]
    outputs.write(root)
    assert outputs.differences(root) == []


def test_a_readme_without_a_section_is_refused() -> None:
    with pytest.raises(ValueError, match="has no section"):
        outputs.readme("nothing")


def test_the_command_that_the_build_runs_finds_nothing_wrong() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "contracts_tools", "check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", sorted(all_schemas()))
def test_every_schema_is_one_and_says_what_it_is_for(name: str) -> None:
    schema = all_schemas()[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"].endswith(name)
    assert schema["description"]


@pytest.mark.parametrize(
    "person", [{"personnel_number": 1001}, {"functions": "Adviseur"}, {"invite": 1}, {"first_name": {}}], ids=str
)
def test_the_schema_refuses_what_the_model_refuses(person: dict[str, Any]) -> None:
    validator = Draft202012Validator(all_schemas()["instroom.user.requested.v1"])
    assert not validator.is_valid({"person": person})
    assert validator.is_valid({"person": {"personnel_number": "1001", "invite": True, "infix": None}})


@pytest.fixture(scope="module")
def asyncapi() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((outputs.ROOT / "asyncapi.yaml").read_text(encoding="utf-8"))
    return document


def test_asyncapi_has_one_channel_per_topic_with_its_partitions_and_clean_up(asyncapi: dict[str, Any]) -> None:
    assert set(asyncapi["channels"]) == {topic.name for topic in all_topics()}
    for topic in all_topics():
        channel = asyncapi["channels"][topic.name]
        kafka = channel["bindings"]["kafka"]
        assert channel["address"] == kafka["topic"] == topic.name
        assert kafka["partitions"] == topic.partitions
        assert kafka["topicConfiguration"]["cleanup.policy"] == [topic.cleanup]
        assert kafka["topicConfiguration"].get("retention.ms") == topic.retention_ms


def test_asyncapi_has_every_message_of_every_topic_with_payload_key_and_headers(asyncapi: dict[str, Any]) -> None:
    for topic in TOPICS:
        messages = asyncapi["channels"][topic.name]["messages"]
        assert {model.__name__ for model in BY_TOPIC[topic]} <= set(messages)
    for type_, model in MESSAGES.items():
        message = asyncapi["components"]["messages"][model.__name__]
        assert message["name"] == type_
        assert (outputs.ROOT / message["payload"]["$ref"]).is_file()
        assert message["bindings"]["kafka"]["key"]["type"] == "string"
        assert message["headers"]["allOf"][0] == {"$ref": "./schemas/envelope.json"}


def test_asyncapi_has_an_operation_for_each_service_that_sends_or_receives(asyncapi: dict[str, Any]) -> None:
    told = {(o["tags"][0]["name"], o["action"], o["channel"]["$ref"]) for o in asyncapi["operations"].values()}
    assert told == {
        (service, action, f"#/channels/{topic.name}")
        for topic in all_topics()
        for action, parties in (("send", topic.producers), ("receive", topic.consumers))
        for service in parties
        if service != "outside"
    }


def test_the_readme_names_every_topic_type_code_and_header() -> None:
    text = (outputs.ROOT / "README.md").read_text(encoding="utf-8")
    names = [
        *MESSAGES,
        *(topic.name for topic in TOPICS),
        *ErrorCode,
        *WarningCode,
        *all_schemas()["envelope"]["properties"],
    ]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_example_client_uses_nothing_of_this_repository() -> None:
    for client in (outputs.ROOT / "examples" / "clients").glob("*.py"):
        source = client.read_text(encoding="utf-8")
        compile(source, client.name, "exec")
        assert not any(f"import {name}" in source or f"from {name}" in source for name in ("contracts", "chassis"))


def test_contracts_need_pydantic_and_the_standard_library_only() -> None:
    script = (
        "import sys; there = set(sys.modules); import contracts, contracts.events, contracts.topics, contracts.sentences, contracts.languages; "
        "print(sorted({m.partition('.')[0] for m in set(sys.modules) - there} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    allowed = {
        "annotated_types",
        "contracts",
        "pydantic",
        "pydantic_core",
        "typing_extensions",
        "typing_inspection",
    }
    loaded = {name for name in eval(done.stdout) if not name.startswith("_")}
    assert loaded <= allowed
