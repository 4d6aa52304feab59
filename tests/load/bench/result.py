"""What a run found, kept as JSON: a file for each number of rows, of which a run replaces the parts that it measured."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from load.bench.machine import describe

ROOT: Final = Path(__file__).parents[3]
FOLDER: Final = ROOT / "docs" / "performance"


class Result:
    """Of one number of rows."""

    def __init__(self, rows: int, folder: Path = FOLDER) -> None:
        self.rows = rows
        self._file = folder / f"rows-{rows}.json"
        self._document: dict[str, Any] = {"rows": rows, "runs": {}, "parts": {}}
        if self._file.exists():
            self._document = json.loads(self._file.read_text("utf-8"))

    @property
    def parts(self) -> dict[str, Any]:
        """What was measured, by part."""
        parts: dict[str, Any] = self._document["parts"]
        return parts

    @property
    def runs(self) -> dict[str, dict[str, Any]]:
        """When, of which revision and on which machine each part was measured."""
        runs: dict[str, dict[str, Any]] = self._document["runs"]
        return runs

    def add(self, part: str, found: Any, others: float) -> None:
        """Keep it at once: what a run that is cut off had found stays. `others` took so many percent of the cores."""
        self.parts[part] = found
        when = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "revision": _revision(), "others": others}
        self.runs[part] = when | describe()
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._document, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")


def largest() -> Result | None:
    """The kept result with the most rows."""
    rows = [int(file.stem.removeprefix("rows-")) for file in FOLDER.glob("rows-*.json")]
    return Result(max(rows)) if rows else None


def _revision() -> str:
    ran = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.stdout.strip()
