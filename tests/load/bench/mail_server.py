"""The mail server that the mails are measured into: Postfix' smtp-sink where this machine has it, else our own."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from chassis.testing import free_port
from instroom.testing import wait_until

HERE = Path(__file__).parent


class MailServer:
    """Can be stopped and started again at the same address."""

    def __init__(self) -> None:
        self.port = free_port()
        found = shutil.which("smtp-sink", path=f"{os.environ['PATH']}:/usr/sbin")
        self.name = "smtp-sink of Postfix" if found else "tests/load/bench/sink.py"
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        self._command = (
            [found, *user, self.address, "1000"] if found else [sys.executable, HERE / "sink.py", str(self.port)]
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        wait_until(self._answers, timeout=30, what="the mail server answers")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            return connection.recv(3) == b"220"
        return False


@contextlib.contextmanager
def mail_server() -> Iterator[MailServer]:
    """Running, until the end of the block."""
    server = MailServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()
