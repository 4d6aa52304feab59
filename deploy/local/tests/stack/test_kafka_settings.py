"""What is written for the broker before it starts."""

from pathlib import Path

import pytest

from instroom.stack import kafka
from instroom.stack.java import Java
from instroom.stack.kafka_jars import Installation


async def test_a_home_of_any_name_is_written_the_way_java_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def formatted(home: Path, java: Java, installation: Installation) -> None:
        (home / "kafka" / "data.new").mkdir()

    monkeypatch.setattr(kafka, "_format", formatted)
    home = tmp_path / "zoë \\ 🎉"
    home.mkdir()
    await kafka.prepare(home, Java(tmp_path / "java", "25"), Installation(tmp_path, ()), 1, 2)
    escaped = f"{tmp_path}/zo\\u00eb \\\\ \\ud83c\\udf89"
    assert f"log.dirs={escaped}/kafka/data\n" in (home / "kafka" / "server.properties").read_text()
    assert f"fileName={escaped}/logs/kafka.log\n" in (home / "kafka" / "log4j2.properties").read_text()
