"""The broker's jars and the Java that runs them."""

import re
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiokafka.errors import KafkaError

from instroom.stack import java as javas
from instroom.stack import kafka, kafka_install, kafka_jars, probes
from instroom.stack.java import Java
from instroom.stack.kafka_jars import Installation, Jar, JarsMissing


def test_every_locked_jar_has_a_checksum_and_no_host_is_named() -> None:
    jars = kafka_jars.locked_jars()
    assert len(jars) > 40
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in jars)
    for file in ("jgo.toml", "jgo.lock.toml"):
        assert "http" not in (kafka_jars.lock_folder() / file).read_text().replace("httpc", "")


def test_all_jars_of_the_broker_are_of_one_version() -> None:
    versions = {jar.version for jar in kafka_jars.locked_jars() if jar.group == "org.apache.kafka"}
    assert len(versions) == 1


def test_the_cache_is_per_user_and_named_after_what_is_locked() -> None:
    folder = kafka_jars.installation({"XDG_CACHE_HOME": "/cache"}).folder
    assert re.fullmatch(r"/cache/instroom/kafka-4\.\d+\.\d+-[0-9a-f]{12}", str(folder))
    assert kafka_jars.installation({"INSTROOM_CACHE": "/elsewhere"}).folder.parent == Path("/elsewhere")


def test_a_jar_that_is_not_the_locked_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.jar"
    other.write_bytes(b"something else")
    monkeypatch.setattr(kafka_jars, "_resolver", lambda staging: lambda jar: other)
    target = Installation(tmp_path / "kafka", (Jar("g", "a", "1", "0" * 64),))
    with pytest.raises(JarsMissing, match="checksum differs"):
        kafka_jars.fetch(target, print)
    assert not target.complete
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.jar"]


def test_without_a_network_the_failure_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    def unreachable(jar: Jar) -> Path:
        raise requests.ConnectionError("Name or service not known")

    monkeypatch.setattr(kafka_jars, "_resolver", lambda staging: unreachable)
    with pytest.raises(JarsMissing, match=r"network is needed once.*INSTROOM_KAFKA"):
        kafka_jars.fetch(Installation(tmp_path / "kafka", (Jar("g", "a", "1", "0" * 64),)), print)


def test_an_old_java_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.touch(mode=0o755)
    (tmp_path / "release").write_text('IMPLEMENTOR="x"\nJAVA_VERSION="11.0.2"\n')
    monkeypatch.setattr(javas, "find_spec", lambda name: None)
    with pytest.raises(javas.NoJava, match=r"JAVA_HOME has Java 11\.0\.2.*set JAVA_HOME"):
        javas.find({"JAVA_HOME": str(tmp_path), "PATH": ""})
    (tmp_path / "release").write_text('JAVA_VERSION="21"\n')
    assert javas.find({"JAVA_HOME": str(tmp_path), "PATH": ""}).major == 21


@pytest.mark.parametrize("failure", [KafkaError("no"), kafka.KafkaFailed("no"), OSError("no"), TimeoutError("no")])
def test_a_cache_that_cannot_be_made_is_told_and_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    async def train(*_: Any) -> None:
        raise failure

    java, installed, said = Java(tmp_path / "java", "25"), Installation(tmp_path / "kafka", ()), []
    (installed.folder / "jars").mkdir(parents=True)
    monkeypatch.setattr(javas, "find", lambda: java)
    monkeypatch.setattr(kafka_jars, "installation", lambda: installed)
    monkeypatch.setattr(kafka_install, "train", train)
    assert kafka_install.ensure(said.append) == (java, installed)
    assert said[-1] == f"the cache cannot be made, the broker starts without it: {failure}"


async def test_the_broker_of_a_training_that_fails_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = tmp_path / "pid"
    code = f"import os, signal; open({str(started)!r}, 'w').write(str(os.getpid())); signal.pause()"

    async def prepared(*_: Any) -> None:
        pass

    async def probe(_: str) -> None:
        if not (started.exists() and started.read_text()):
            raise probes.NotReady("not yet")

    async def refused(_: str) -> None:
        raise KafkaError("the topic cannot be made")

    monkeypatch.setattr(kafka, "prepare", prepared)
    monkeypatch.setattr(kafka, "command", lambda *_: [sys.executable, "-c", code])
    monkeypatch.setattr(probes, "kafka", probe)
    monkeypatch.setattr(kafka_install, "_exercise", refused)
    cache = tmp_path / "kafka.aot"
    with pytest.raises(KafkaError, match="the topic cannot be made"):
        await kafka_install.train(Java(tmp_path / "java", "25"), Installation(tmp_path, ()), cache)
    assert not psutil.pid_exists(int(started.read_text()))
    assert not cache.exists()
