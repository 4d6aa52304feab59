"""Runs a service that dies, as by kill -9, between the commit in its database and the commit of its offsets.

Run: dying.py MODULE, with the topic in DIES_AT. It lives on until it has handled a batch of that topic, and leaves in
the file LAST_WORDS which offsets it was about to commit.
"""

import json
import os
import runpy
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from chassis.broker import Membership

commit = Membership.commit


async def die(self: Membership, positions: Mapping[tuple[str, int], int]) -> None:
    if any(topic == os.environ["DIES_AT"] for topic, _ in positions):
        Path(os.environ["LAST_WORDS"]).write_text(json.dumps({p: offset for (_, p), offset in positions.items()}))
        os.kill(os.getpid(), signal.SIGKILL)
    await commit(self, positions)


Membership.commit = die  # type: ignore[method-assign]
runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
