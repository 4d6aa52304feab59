"""What a command shows: tables and progress bars to a person, plain lines to a pipe, one document to a program."""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from instroom.failure import Exit, Failure
from instroom.words import Language, Words, language_of, words

_ENDLESS: Final = 1_000_000
"""Columns of a terminal that breaks no cell."""


class Output:
    """One command's output. With `as_json` stdout gets one document and nothing else; the bar goes to stderr."""

    def __init__(self, *, as_json: bool, language: Language | None = None) -> None:
        self.as_json = as_json
        self.speak(language)
        self.terminal = sys.stdout.isatty() and not as_json
        self._console = Console(highlight=False, markup=False, soft_wrap=True)
        self._bars = Console(stderr=True, highlight=False, markup=False)

    def speak(self, language: Language | None) -> None:
        """Say everything in this language from now on; None is that nobody has said which."""
        self.language = language
        self.say: Words = words(language)

    def line(self, text: str = "") -> None:
        """A line for a person; nothing under `--json`."""
        if not self.as_json:
            self._console.print(text) if self.terminal else print(text)

    def document(self, document: Any) -> None:
        """The one document of a command under `--json`."""
        json.dump(document, sys.stdout, ensure_ascii=False, separators=(",", ":"))
        sys.stdout.write("\n")
        sys.stdout.flush()

    def raw_document(self, document: IO[bytes]) -> None:
        """A document that a service made, as it is."""
        sys.stdout.flush()
        shutil.copyfileobj(document, sys.stdout.buffer)
        sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()

    def moment(self, at: str | None) -> str:
        """A time to the second: that of the clock on the wall for a person, RFC 3339 in UTC elsewhere."""
        if not at:
            return ""
        moment = datetime.fromisoformat(at)
        if self.terminal:
            return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]], *, whole: bool = False) -> None:
        """A table on a terminal; elsewhere a line per row, cells separated by tabs, without headers.

        In a narrow terminal long cells are broken; with `whole` none is, since there are ids in them to be copied.
        """
        if self.as_json:
            return
        if not self.terminal:
            for row in rows:
                print("\t".join(" ".join(cell.split()) for cell in row))
            return
        table = Table(box=None, header_style="bold", pad_edge=False, show_header=any(headers))
        for header in headers:
            table.add_column(capitalised(header), overflow="fold")
        for row in rows:
            table.add_row(*row)
        console = Console(highlight=False, markup=False)
        if whole:
            console.width = max(
                console.width, console.measure(table, options=console.options.update(width=_ENDLESS)).maximum
            )
        console.print(table)

    def failure(self, failure: Failure) -> None:
        """Tell why the command could not be done: on stdout as a document under `--json`, else on stderr."""
        if self.as_json:
            self.document({"error": {"code": failure.code, "message": failure.message}})
        else:
            self._bars.print(f"instroom: {failure.message}", soft_wrap=True)

    @contextmanager
    def progress(self, what: str, *, in_bytes: bool = False) -> Iterator["Bar"]:
        """A bar while something long goes on, where somebody looks; one plain line in a pipe."""
        if self._bars.is_terminal:
            counts = DownloadColumn() if in_bytes else MofNCompleteColumn()
            columns = (TextColumn("{task.description}"), BarColumn(), counts, TimeElapsedColumn())
            with Progress(*columns, console=self._bars, transient=True) as progress:
                yield Bar(progress, what)
        else:
            self.line(what)
            yield Bar(None, what)


def capitalised(text: str) -> str:
    """`text` as a heading: the rest keeps its case."""
    return text[:1].upper() + text[1:]


class Bar:
    """How far something is."""

    def __init__(self, progress: Progress | None, what: str) -> None:
        self._progress = progress
        self._task = progress.add_task(what, total=None) if progress is not None else None
        self._said = ""

    @property
    def visible(self) -> bool:
        return self._progress is not None

    def at(self, done: int, total: int | None) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, total=total)

    def say_once(self, text: str) -> None:
        """Something to know meanwhile, above the bar; the same text is not repeated."""
        if self._progress is not None and text != self._said:
            self._said = text
            self._progress.console.print(text)


@contextmanager
def command(as_json: bool, environment: Mapping[str, str] | None = None) -> Iterator[Output]:
    """Run a command's body: a Failure is told and becomes the exit code."""
    language = language_of() if environment is None else language_of(environment)
    output = Output(as_json=as_json, language=language)
    try:
        yield output
    except Failure as failure:
        output.failure(failure)
        raise typer.Exit(failure.exit_code) from None


def finish(code: Exit) -> None:
    """End the command with `code`."""
    if code is not Exit.DONE:
        raise typer.Exit(code)
