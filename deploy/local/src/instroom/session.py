"""What a command works with: its output, and the platform it finds by INSTROOM_HOME or the folders above."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from instroom import home as homes
from instroom import revisions
from instroom.client import Client
from instroom.output import Output, command


class Found:
    """The platform of this command, looked for when it is first needed: wrong use is told before that."""

    def __init__(self, output: Output) -> None:
        self._output = output

    @cached_property
    def home(self) -> Path:
        """Its folder. A Failure if there is none."""
        return homes.find()

    @cached_property
    def addresses(self) -> homes.Addresses:
        """Where it listens. A Failure if it was never started."""
        return homes.addresses(self.home)

    @cached_property
    def client(self) -> Client:
        """Its services over HTTP, in the language of the person."""
        here = self.home

        def applied(academy: str) -> bool:
            return revisions.seen(here, academy) > 0

        language = self._output.language
        return Client(self.addresses.services, language=language, applied=applied, running=self.running)

    def running(self) -> bool:
        """Whether somebody keeps the platform up."""
        from instroom.stack.supervisor import running  # asked only when something cannot be reached

        return running(self.home) is not None

    def close(self) -> None:
        if "client" in vars(self):
            self.client.close()


@contextmanager
def session(as_json: bool) -> Iterator[tuple[Output, Found]]:
    """Run a command's body; a Failure is told and becomes the exit code."""
    with command(as_json) as output:
        found = Found(output)
        try:
            yield output, found
        finally:
            found.close()
