"""Measure, write the result and its page, and say of each measure whether its goal is met.

python -m load.bench [--rows 100000] [--only create,mails] [--rounds 1]    (in tests/)
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Final

from load.bench import (
    part_floors,
    part_form,
    part_imports,
    part_mails,
    part_profiles,
    part_scale,
    part_startup,
    platforms,
)
from load.bench.goals import verdicts
from load.bench.machine import taken_by_others
from load.bench.page import write_page
from load.bench.result import Result

KINDS: Final = tuple(part_imports.KINDS)
PARTS: Final = (*KINDS, "floors", "scale", "form", "startup", "profiles", "mails")


def main() -> int:
    """The command of this module; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="make bench", description="How fast and how small the product is.")
    parser.add_argument("--rows", type=_rows, default=100_000)
    parser.add_argument("--only", type=_parts, default=PARTS, help=f"some of {','.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=1, help="of create, update and unchanged; the median counts")
    parser.add_argument("--stacks", type=Path, help="a folder for the profiles' stacks")
    said = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the platform is stopped then, too
    result = Result(said.rows)
    others = taken_by_others()
    print(f"{said.rows:,} rows; other work takes {others:.0f} % of the cores", flush=True)
    with tempfile.TemporaryDirectory(prefix="instroom-books-") as folder:
        for part, found in _measured(Path(folder), said):
            result.add(part, found, others)
    write_page()
    told = verdicts({part: result.parts[part] for part in PARTS if part in said.only}, said.rows)
    _print(told)
    return 0 if all(verdict.met for verdict in told) else 1


def _measured(folder: Path, said: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """Each part with what was found; all but the mails on one platform."""
    rows, only, began = said.rows, said.only, time.monotonic()
    on_platform: dict[str, Callable[[platforms.Measured], Any]] = {
        "floors": lambda platform: part_floors.measure(platform, folder, rows),
        "scale": lambda platform: part_scale.measure(platform, folder, rows),
        "form": lambda platform: part_form.measure(platform, folder, 2 * rows),
        "startup": part_startup.measure,
        "profiles": lambda platform: part_profiles.measure(platform, folder, rows, said.stacks),
    }
    if set(only) - {"mails"}:
        with platforms.running() as platform:
            kinds = [kind for kind in KINDS if kind in only]
            if kinds:
                _say(", ".join(kinds), began)
                rounds = [part_imports.measure(platform, folder, rows, kinds, n) for n in range(said.rounds)]
                for kind in kinds:
                    yield kind, [one[kind] for one in rounds]
            for part, measure in on_platform.items():
                if part in only:
                    _say(part, began)
                    yield part, measure(platform)
    if "mails" in only:
        _say("mails", began)
        yield "mails", part_mails.measure(folder, rows)
    _say("page", began)


def _say(what: str, began: float) -> None:
    print(f"{time.monotonic() - began:6.0f} s  {what}", flush=True)


def _print(told: Collection[Any]) -> None:
    lines = [verdict.columns() for verdict in told]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    for name, figure, goal, verdict in lines:
        print(f"{name:{widths[0]}}  {figure:>{widths[1]}}  {goal:>{widths[2]}}  {verdict}")


def _rows(text: str) -> int:
    rows = int(text.replace(",", "").replace("_", ""))
    if not 1_000 <= rows <= 100_000:
        raise argparse.ArgumentTypeError(
            "from 1,000 to 100,000 rows: a file has 250,000 at most, and scale takes 2.5 times as many"
        )
    return rows


def _parts(text: str) -> tuple[str, ...]:
    asked = text.split(",")
    if unknown := [part for part in asked if part not in PARTS]:
        raise argparse.ArgumentTypeError(f"no part is called {', '.join(unknown)}: use some of {', '.join(PARTS)}")
    return tuple(part for part in PARTS if part in asked)


if __name__ == "__main__":
    sys.exit(main())
