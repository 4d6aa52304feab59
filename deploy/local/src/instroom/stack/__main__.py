"""`python -m instroom.stack --home DIR [--only postgres,kafka,mail]`: PostgreSQL, Kafka and the mail sink, for tests.

Prints one line of JSON with their addresses when all are ready; stops at SIGTERM, SIGINT, or when its standard input,
if that is a pipe, is closed. With `--platform` it is the detached supervisor of a whole platform (`instroom up`).
"""

import argparse
import asyncio
import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import Final

from instroom import home as homes
from instroom.stack.keeping import UNABLE, keep
from instroom.stack.supervisor import Supervisor
from instroom.stack.table import INFRASTRUCTURE

READY: Final = "READY"
"""What the detached supervisor says last to whoever started it."""


def main() -> None:
    """The command of this module."""
    parser = argparse.ArgumentParser(prog="python -m instroom.stack")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--only", default=",".join(INFRASTRUCTURE), help="some of: " + ", ".join(INFRASTRUCTURE))
    parser.add_argument("--platform", action="store_true", help="the whole platform, for who started this and left")
    arguments = parser.parse_args()
    only = [name for name in arguments.only.split(",") if name]
    if unknown := set(only) - set(INFRASTRUCTURE):
        parser.error(f"--only knows {', '.join(INFRASTRUCTURE)}, not {', '.join(sorted(unknown))}")
    home = arguments.home.absolute()
    homes.prepare(home)
    try:
        if arguments.platform:
            _keep_platform(home)
        else:
            keep(home, _log, lambda: _tell_addresses(home), only=only, on_start=_stop_with_input)
    except UNABLE as error:
        sys.exit(str(error))


def _log(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _tell_addresses(home: Path) -> None:
    at = homes.addresses(home)
    print(json.dumps({"kafka": at.kafka, "postgres": at.database, "smtp": at.smtp, "home": str(home)}), flush=True)


def _stop_with_input(supervisor: Supervisor) -> None:
    if stat.S_ISFIFO(os.fstat(0).st_mode) or stat.S_ISSOCK(os.fstat(0).st_mode):
        loop = asyncio.get_running_loop()

        def readable() -> None:
            if not os.read(0, 4096):
                loop.remove_reader(0)
                supervisor.stop()

        loop.add_reader(0, readable)


def _keep_platform(home: Path) -> None:
    attended = True  # whoever started this reads along until it is ready

    def say(text: str) -> None:
        nonlocal attended
        _log(text)
        if attended:
            try:
                print(text, flush=True)
            except BrokenPipeError:
                attended = False

    def on_ready() -> None:
        nonlocal attended
        say(READY)
        attended = False
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)

    keep(home, say, on_ready)


if __name__ == "__main__":
    main()
