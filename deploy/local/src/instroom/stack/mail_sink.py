"""A mail server that accepts everything and sends nothing on: `python -m instroom.stack.mail_sink --home DIR --port N`.

For tests it can misbehave. `--fail-rate P` answers a share of the mails with 451. And some recipients are answered in
a way of their own, by how their local part begins (more may follow after a dot, plus or hyphen, so that each test has
its own addresses):

- `bounce-550@…` is refused with that code (any from 500 to 559), every time;
- `later-451-3@…` is refused with that code (any from 400 to 459) the first three times, then accepted;
- `slow-2@…` is accepted after two seconds;
- `vanish-1@…` is accepted and kept, but the first time the connection is cut before the sender is told.
"""

import argparse
import asyncio
import contextlib
import random
import re
import signal
from collections import Counter
from pathlib import Path
from typing import Final

from instroom.stack.mails import Mailbox
from instroom.stack.ports import LOOPBACK
from instroom.stack.smtp_session import Session

_BEHAVIOUR: Final = re.compile(
    r"(?:(?P<bounce>bounce)-(?P<bounce_code>5[0-5]\d)|(?P<later>later)-(?P<later_code>4[0-5]\d)-(?P<later_times>\d+)"
    r"|(?P<slow>slow)-(?P<seconds>\d+)|(?P<vanish>vanish)-(?P<vanish_times>\d+))(?:[.+-].*)?",
    re.IGNORECASE,
)


class Sink:
    """Keeps each mail, or behaves as its recipient says."""

    def __init__(self, mailbox: Mailbox, fail_rate: float = 0.0, randomness: random.Random | None = None) -> None:
        self._mailbox = mailbox
        self._fail_rate = fail_rate
        self._random = randomness or random.Random()  # noqa: S311
        self._times: Counter[str] = Counter()

    def answer(self, recipient: str) -> tuple[str, float]:
        """The reply to RCPT, and after how many seconds it is given."""
        behaviour = _BEHAVIOUR.fullmatch(recipient.partition("@")[0])
        if behaviour is not None:
            if behaviour["bounce"]:
                return f"{behaviour['bounce_code']} 5.1.1 {recipient}: refused, as this address asks for", 0.0
            if behaviour["later"]:
                self._times[recipient] += 1
                if self._times[recipient] <= int(behaviour["later_times"]):
                    return f"{behaviour['later_code']} 4.3.0 {recipient}: try again later", 0.0
            if behaviour["slow"]:
                return "250 OK", float(behaviour["seconds"])
        return "250 OK", 0.0

    def take(self, sender: str, recipients: list[str], content: bytes) -> str | None:
        """Keep the mail; the reply, or None where the connection is to be cut instead."""
        if self._fail_rate and self._random.random() < self._fail_rate:
            return "451 4.3.0 try again later"
        made = self._mailbox.append(sender, recipients, content)
        return None if any(self._vanishes(address) for address in recipients) else f"250 OK {made}"

    def _vanishes(self, address: str) -> bool:
        behaviour = _BEHAVIOUR.fullmatch(address.partition("@")[0])
        if behaviour is None or not behaviour["vanish"]:
            return False
        self._times[address] += 1
        return self._times[address] <= int(behaviour["vanish_times"])


async def serve(home: Path, port: int, fail_rate: float = 0.0) -> None:
    """Receive mails until SIGTERM or SIGINT."""
    mailbox = Mailbox(home)
    mailbox.open()
    sink = Sink(mailbox, fail_rate)
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, stopping.set)

    server = await loop.create_server(lambda: Session(sink), LOOPBACK, port, reuse_address=True)
    try:
        await stopping.wait()
    finally:
        server.close()
        mailbox.close()


def main() -> None:
    """The command of this module."""
    parser = argparse.ArgumentParser(prog="python -m instroom.stack.mail_sink")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--fail-rate", type=float, default=0.0, help="share of the mails that is answered with 451")
    arguments = parser.parse_args()
    try:
        import uvloop
    except ImportError:  # Windows
        asyncio.run(serve(arguments.home, arguments.port, arguments.fail_rate))
    else:
        uvloop.run(serve(arguments.home, arguments.port, arguments.fail_rate))


if __name__ == "__main__":
    main()
