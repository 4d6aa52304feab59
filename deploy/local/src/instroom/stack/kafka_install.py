"""What the broker needs before its first start: its jars, and an ahead-of-time cache that makes it start in a second."""

import asyncio
import contextlib
import logging
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

import fasteners  # type: ignore[import-untyped]

from instroom.stack import java as javas
from instroom.stack import kafka, kafka_jars, ports, probes
from instroom.stack.java import Java
from instroom.stack.kafka_jars import Installation, Say
from instroom.stack.spawning import child_setup

TRAINING_SECONDS: Final = 120.0
"""For the start and for the end of the run in which the cache is recorded."""


def ready() -> tuple[Java, Installation] | None:
    """The Java and the jars, if nothing is left to be installed."""
    java, installation = javas.find(), kafka_jars.installation()
    cache = kafka.aot_cache(installation, java)
    return (java, installation) if installation.complete and (cache is None or cache.exists()) else None


def ensure(say: Say) -> tuple[Java, Installation]:
    """Install what is missing, once per user, however many ask at the same time.

    Raises NoJava or JarsMissing. A cache that cannot be made is no failure: the broker starts without it.
    """
    if found := ready():
        return found
    java, installation = javas.find(), kafka_jars.installation()
    installation.folder.parent.mkdir(parents=True, exist_ok=True)
    with fasteners.InterProcessLock(str(installation.folder.with_name(f".{installation.folder.name}.lock"))):
        if not installation.complete:
            kafka_jars.fetch(installation, say)
        cache = kafka.aot_cache(installation, java)
        if cache is not None and not cache.exists():
            say("making the broker's ahead-of-time cache, once")
            try:
                asyncio.run(train(java, installation, cache))
            except Exception as error:  # whatever it is, the broker only starts more slowly
                say(f"the cache cannot be made, the broker starts without it: {str(error) or type(error).__name__}")
    return java, installation


class TrainingFailed(Exception):
    """There is no cache; the message says why."""


async def train(java: Java, installation: Installation, cache: Path) -> None:
    """Run a broker of its own once, end it in order, and keep what it recorded: the file appears as a whole.

    However this ends, that broker has ended.
    """
    with tempfile.TemporaryDirectory(prefix="instroom-kafka-") as folder:
        home, recorded = Path(folder), cache.with_name(f".{cache.name}.new")
        recorded.unlink(missing_ok=True)
        (home / "logs").mkdir()
        port, controller = ports.choose(("kafka", "controller"), {}).values()
        await kafka.prepare(home, java, installation, port, controller)
        process = await asyncio.create_subprocess_exec(
            *kafka.command(home, java, installation, f"-XX:AOTCacheOutput={recorded}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            preexec_fn=child_setup(signal.SIGKILL),
        )
        ended = asyncio.create_task(process.wait())
        try:
            async with asyncio.timeout(TRAINING_SECONDS):
                while not ended.done():
                    with contextlib.suppress(probes.NotReady):
                        await probes.kafka(f"{ports.LOOPBACK}:{port}")
                        await _exercise(f"{ports.LOOPBACK}:{port}")
                        process.terminate()
                        break
                    await asyncio.wait({ended}, timeout=0.05)
                await ended  # the cache is written at the end of the process
        except TimeoutError:
            raise TrainingFailed(f"the broker did not start and end within {TRAINING_SECONDS:g} s") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await ended
        if not recorded.exists():
            raise TrainingFailed("the broker ended without having recorded a cache")
        recorded.rename(cache)


async def _exercise(address: str) -> None:
    """Do once what the services do at their start, so that the cache holds the broker's part of it too."""
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells each wait for a new topic as an error
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic(f"training-{n}", num_partitions=12, replication_factor=1) for n in range(4)]
        )
    finally:
        await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True)
    consumer = AIOKafkaConsumer(
        "training-0", bootstrap_servers=address, group_id="training", auto_offset_reset="earliest"
    )
    await producer.start()
    try:
        for number in range(500):
            await producer.send("training-0", b"x" * 500, key=str(number).encode())
        await producer.flush()
        await consumer.start()
        seen = 0
        while seen < 500:
            seen += sum(len(records) for records in (await consumer.getmany(timeout_ms=500)).values())
            await consumer.commit()
    finally:
        await consumer.stop()
        await producer.stop()


if __name__ == "__main__":
    try:
        ensure(print)
    except (javas.NoJava, kafka_jars.JarsMissing) as error:
        sys.exit(str(error))
