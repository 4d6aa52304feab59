"""From the command to the supervisor: install what is missing, then keep the platform until told to stop."""

import asyncio
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final

from instroom.stack import kafka_install, table
from instroom.stack.java import NoJava
from instroom.stack.kafka_jars import JarsMissing
from instroom.stack.supervisor import AlreadyRunning, Say, Supervisor

UNABLE: Final = (AlreadyRunning, NoJava, JarsMissing)
"""Why nothing was started; the message is for people."""


def keep(
    home: Path,
    say: Say,
    on_ready: Callable[[], None],
    *,
    only: Collection[str] | None = None,
    on_start: Callable[[Supervisor], None] = lambda _: None,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Run until SIGTERM, SIGINT or `stop` of what `on_start` is given. Raises one of UNABLE if it cannot begin."""
    own_broker = (only is None or "kafka" in only) and not environment.get("INSTROOM_KAFKA")
    broker = kafka_install.ensure(say) if own_broker else None
    supervisor = Supervisor(home, lambda: table.build(home, broker, only, environment), say)

    async def run() -> None:
        on_start(supervisor)
        await supervisor.run(on_ready)

    asyncio.run(run())
