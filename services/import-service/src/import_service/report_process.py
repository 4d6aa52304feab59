"""The process that writes a report: `python -m import_service.report_process LANGUAGE < lines > report.xlsx`.

A workbook of 250,000 rows takes half a minute and hundreds of megabytes; neither belongs into a service. The first line
is the document without its results, each further one a result with the texts of its row.
"""

import io
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

import orjson

from import_service.report import build_report_workbook


class _Results:
    """The results of a document, read from a file whenever they are asked for."""

    def __init__(self, lines: IO[bytes]) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._lines.seek(0)
        for line in self._lines:
            yield orjson.loads(line)["result"]

    def __getitem__(self, part: slice) -> Iterator[dict[str, Any]]:
        return islice(self, part.start, part.stop, part.step)


def main(language: str, source: IO[bytes], target: IO[bytes]) -> None:
    """Write the report of what `source` tells."""
    document = orjson.loads(source.readline())
    rows: dict[int, dict[str, str | None]] = {}
    with tempfile.TemporaryFile() as lines:
        for line in source:
            lines.write(line)
            told = orjson.loads(line)
            if told["texts"] is not None:
                rows[told["result"]["row"]] = told["texts"]
        document["results"] = _Results(lines)
        target.write(build_report_workbook(document, language, rows))


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.buffer, io.FileIO(1, "wb", closefd=False))
