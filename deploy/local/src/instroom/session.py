"""What a command works with: its output, and the platform it finds by INSTROOM_HOME or the folders above."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from instroom import home as homes
from instroom import revisions
from instroom.client import Client
from instroom.output import Output, command
from instroom.words import Language, known_language


class Found:
    """The platform of this command, looked for when it is first needed: wrong use is told before that."""

    def __init__(self, output: Output, academy: str | None) -> None:
        self._output, self._academy = output, academy

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
        """Its services over HTTP, in the language of the person; if nobody said which, in that of the academy."""
        here = self.home

        def applied(academy: str) -> bool:
            return revisions.seen(here, academy) > 0

        language = self._output.language
        client = Client(
            self.addresses.services,
            credential=homes.credential(here),
            language=language,
            applied=applied,
            running=self.running,
        )
        if language is None:
            language = self._default_language(client) or "en"
            self._output.speak(language)
            client.speak(language)
        return client

    def _default_language(self, client: Client) -> Language | None:
        if self._academy is None:
            return None
        known = (client.glance("org-service", "/academies") or {}).get("academies", ())
        return next((known_language(each["default_language"]) for each in known if each["id"] == self._academy), None)

    def running(self) -> bool:
        """Whether somebody keeps the platform up."""
        from instroom.stack.supervisor import running  # asked only when something cannot be reached

        return running(self.home) is not None

    def close(self) -> None:
        if "client" in vars(self):
            self.client.close()


@contextmanager
def session(as_json: bool, academy: str | None = None) -> Iterator[tuple[Output, Found]]:
    """Run a command's body, about an academy or none; a Failure is told and becomes the exit code."""
    with command(as_json) as output:
        found = Found(output, academy)
        try:
            yield output, found
        finally:
            found.close()
