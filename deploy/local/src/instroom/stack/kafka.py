"""Apache Kafka in KRaft mode: one node that is broker and controller, on the loopback interface."""

import base64
import re
import shutil
import uuid
from pathlib import Path
from typing import Final

from instroom.stack.java import AHEAD_OF_TIME, Java
from instroom.stack.kafka_jars import Installation
from instroom.stack.ports import LOOPBACK
from instroom.stack.spawning import why_failed

MAIN: Final = "kafka.Kafka"
FORMAT: Final = "kafka.tools.StorageTool"

_JVM: Final = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Dlog4j2.disableJmx=true",
)

_SETTINGS: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    # A mistyped topic is an error, not a topic.
    "auto.create.topics.enable": "false",
    # One node.
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Few files to open and to recover.
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    "num.recovery.threads.per.data.dir": "2",
    # The members of one process join within a moment, and there is nobody else to wait for; tests of a killed consumer
    # need not wait long for its partitions.
    "group.initial.rebalance.delay.ms": "100",
    "group.min.session.timeout.ms": "1000",
    # Two cores and 512 MB.
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "group.coordinator.threads": "1",
    "share.coordinator.threads": "1",
    "log.cleaner.dedupe.buffer.size": "16777216",
}

_LOGGING: Final = """\
status=error
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={folder}/kafka.log
appender.file.filePattern={folder}/kafka.log.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d %p %m (%c)%n
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=20MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=2
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=info
logger.logs.name=kafka.log.LogManager
logger.logs.level=info
rootLogger.level=warn
rootLogger.appenderRef.file.ref=file
"""


class KafkaFailed(Exception):
    """The broker could not be prepared; the message is its own."""


def aot_cache(installation: Installation, java: Java) -> Path | None:
    """Where the ahead-of-time cache for this Java is or will be; None if it has none."""
    if java.major < AHEAD_OF_TIME:
        return None
    return installation.folder / f"kafka-{java.version}.aot"


def jvm(java: Java, installation: Installation, home: Path, *extra: str) -> list[str]:
    """The Java program with its flags and class path; the main class follows."""
    flags = [*_JVM, f"-Dlog4j2.configurationFile={_folder(home) / 'log4j2.properties'}"]
    if java.major >= AHEAD_OF_TIME:
        # Libraries of the broker that newer versions of Java warn about; a cache that does not fit is not used, silently.
        flags += ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]
        flags += ["-Xlog:disable", "-Xlog:all=error:stderr"]
    return [str(java.program), *flags, *extra, "-cp", installation.class_path()]


def command(home: Path, java: Java, installation: Installation, *extra: str) -> list[str]:
    """What runs the broker in the foreground."""
    return [*jvm(java, installation, home, *_cached(installation, java), *extra), MAIN, str(_properties(home))]


async def prepare(home: Path, java: Java, installation: Installation, port: int, controller_port: int) -> None:
    """Write the settings; format the data folder if there is none, all or nothing."""
    folder = _folder(home)
    folder.mkdir(exist_ok=True)
    (folder / "log4j2.properties").write_text(_LOGGING.format(folder=_escaped(home / "logs")))
    data = folder / "data"
    if not (data / "meta.properties").exists():
        new = folder / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(data, ignore_errors=True)
        _write_settings(home, new, port, controller_port)
        await _format(home, java, installation)
        new.rename(data)
    _write_settings(home, data, port, controller_port)


async def _format(home: Path, java: Java, installation: Installation) -> None:
    tool = [*jvm(java, installation, home, *_cached(installation, java)), FORMAT]
    failed = await why_failed([*tool, "format", "-t", _cluster_id(), "-c", str(_properties(home))])
    if failed is not None:
        raise KafkaFailed(f"formatting the broker's folder failed: {failed}")


def _write_settings(home: Path, data: Path, port: int, controller_port: int) -> None:
    settings = _SETTINGS | {
        "log.dirs": _escaped(data),
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        # A static quorum: unlike a dynamic one its address is not in the data, and may change between two starts.
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
    }
    _properties(home).write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def _cached(installation: Installation, java: Java) -> list[str]:
    cache = aot_cache(installation, java)
    return [f"-XX:AOTCache={cache}"] if cache is not None and cache.exists() else []


def _cluster_id() -> str:
    while True:
        made = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if not made.startswith("-"):  # the tool would take it for a flag
            return made


def _folder(home: Path) -> Path:
    return home / "kafka"


def _properties(home: Path) -> Path:
    return _folder(home) / "server.properties"


def _escaped(path: Path) -> str:
    """As a value of a .properties file, which Java reads as Latin-1: what is not ASCII is written in UTF-16 as \\uXXXX."""

    def units(found: re.Match[str]) -> str:
        return re.sub("(....)", r"\\u\1", found[0].encode("utf-16-be", "surrogatepass").hex())

    return re.sub("[^ -~]", units, str(path).replace("\\", "\\\\"))
