"""Runs a service that dies, as by kill -9, between the commit in its database and the commit of its offsets.

Run: dying.py MODULE, with the topic in DIES_AT. It lives on until it has handled a batch of that topic, and leaves in
the file LAST_WORDS how many records of it come again, and which invitations it had claimed.
"""

import json
import os
import runpy
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition

from chassis.broker import Membership
from notify_service import store

LAST_WORDS = Path(os.environ["LAST_WORDS"])
commit, claim = Membership.commit, store.claim
claimed: list[str] = []


async def note(*arguments: Any, **more: Any) -> Any:
    mails, last = await claim(*arguments, **more)
    claimed.extend(str(mail.key[1]) for mail in mails)
    return mails, last


async def die(self: Membership, positions: Mapping[tuple[str, int], int]) -> None:
    if any(topic == os.environ["DIES_AT"] for topic, _ in positions):
        committed = {at: await self._consumer.committed(TopicPartition(*at)) or 0 for at in positions}
        again = sum(offset - committed[at] for at, offset in positions.items())
        LAST_WORDS.write_text(json.dumps({"again": again, "claimed": claimed}))  # noqa: ASYNC240 - it does nothing else any more
        os.kill(os.getpid(), signal.SIGKILL)
    await commit(self, positions)


Membership.commit = die  # type: ignore[method-assign]
store.claim = note
runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
