"""Rows per second and memory of reading workbooks through the process that import-service uses.

Beside it calamine alone, which is the floor: no gate, no texts, no pipe. Processor seconds are those of the reading
process; on a busy machine they say more than the clock.

Run: python tests/load/read_bench.py [ROWS …]   (default 20,000, 100,000 and 250,000)
"""

import asyncio
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import xlsxwriter
from python_calamine import CalamineWorkbook

from contracts.fields import IMPORT_FIELDS
from import_service.reading.reader import open_file

FIRST = ("Jan", "Zoë", "Sanne", "Daan", "José", "Fatima", "Noor", "Bram")
LAST = ("Jansen", "De Vries", "Bakker", "Yıldız", "Visser", "Smit")


def write(path: Path, count: int) -> None:
    """A workbook of `count` people in twelve columns, the same for the same count."""
    pick = random.Random(count)
    workbook = xlsxwriter.Workbook(str(path), {"strings_to_urls": False})
    sheet = workbook.add_worksheet("Gebruikers")
    sheet.write_row(0, 0, IMPORT_FIELDS)
    for row in range(1, count + 1):
        first, last, unit = pick.choice(FIRST), pick.choice(LAST), row % 200
        email = f"{first}.{last}.{row}@voorbeeld.nl".lower()
        functions = "Adviseur; Verkoper" if row % 3 == 0 else "Adviseur"
        infix = "van der" if row % 5 == 0 else None
        cells = [f"P{row:07}", first, infix, last, email, f"Bedrijf {unit % 20}", f"Afdeling {unit}", functions]
        sheet.write_row(row, 0, [*cells, f"KP{row % 900:04}", "x", "x", "nl"])
    workbook.close()


async def measure(path: Path) -> tuple[int, float, float]:
    """Rows, seconds until the first row, seconds in all."""
    start = time.perf_counter()
    first = 0.0
    async with open_file(path, path.name) as reading:
        async for _ in reading:
            first = first or time.perf_counter() - start
    return reading.rows, first, time.perf_counter() - start


def calamine_alone(path: Path) -> None:
    """Read all rows and do nothing with them."""
    for _ in CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).iter_rows():
        pass


def apart(work: Callable[..., None], *arguments: object) -> float:
    """Do `work` in a process of its own, so that its memory is not ours; return its processor seconds."""
    before = processor_seconds()
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    return processor_seconds() - before


def processor_seconds() -> float:
    """Of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(counts: list[int]) -> None:
    """Print one line per size."""
    print("    rows   rows/s  first row s  total s  processor s  calamine alone  own MiB")
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            path = Path(folder) / f"{count}.xlsx"
            apart(write, path, count)
            before = processor_seconds()
            rows, first, seconds = asyncio.run(measure(path))
            used = processor_seconds() - before
            own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            alone = apart(calamine_alone, path)
            print(
                f"{rows:>8} {rows / seconds:>8.0f} {first:>12.2f} {seconds:>8.2f} {used:>12.2f} {alone:>15.2f} {own:>8}"
            )


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [20_000, 100_000, 250_000])
