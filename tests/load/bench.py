"""How fast and how small: create, update and unchanged of ROWS rows, beside the bare pipeline in the same run.

Run: python tests/load/bench.py [ROWS]   (default 100,000)

Starts a platform of its own, imports the same workbooks through the product and through `sketch.py`, in turn, and
prints a table (each measurement begins when the mails of the one before are out): rows per second for check and apply, the ratio to the sketch, processor seconds and peak memory of each
process. Machines are shared: compare ratios of one run, not figures of two.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import xlsxwriter

from contracts.fields import IMPORT_FIELDS
from instroom.samples import large
from instroom.stack.mails import read_entries
from instroom.testing import Platform, wait_until

HERE = Path(__file__).parent
KINDS = (("create", 0), ("update", 1), ("unchanged", 1))
"""What is measured, and which of the two workbooks is imported for it."""


def write(path: Path, count: int, changed_every: int) -> None:
    """The workbook of `count` rows."""
    workbook = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_numbers": False})
    sheet = workbook.add_worksheet("Gebruikers")
    sheet.write_row(0, 0, IMPORT_FIELDS)
    for number, row in enumerate(large.rows(count, changed_every=changed_every), start=1):
        sheet.write_row(number, 0, [row.get(name) or "" for name in IMPORT_FIELDS])
    workbook.close()


def cpu_seconds(platform: Platform) -> dict[str, float]:
    """Processor seconds so far, children included, per process of the platform."""
    seconds = {}
    for process in platform.status()["processes"]:
        tree = psutil.Process(process["pid"])
        members = [tree, *tree.children(recursive=True)]
        seconds[process["name"]] = sum(sum(m.cpu_times()[:2]) for m in members if m.is_running())
    return seconds


def peak_mib(platform: Platform) -> dict[str, float]:
    """Highest resident memory of each service so far (Linux only)."""
    peaks = {}
    for process in platform.status()["processes"]:
        status = Path(f"/proc/{process['pid']}/status")
        if process["name"].endswith("-service") and status.exists():
            line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
            peaks[process["name"]] = int(line.split()[1]) / 1024
    return peaks


def product(platform: Platform, academy: str, file: Path) -> dict[str, Any]:
    """Import a workbook; seconds of check and apply, and the counts."""
    base = f"{platform.address('import')}/academies/{academy}/imports"
    with platform.http() as http:
        began = time.perf_counter()
        import_id = http.post(base, params={"filename": file.name}, content=file.read_bytes()).json()["import_id"]

        def in_state(state: str) -> dict[str, Any] | None:
            document: dict[str, Any] = http.get(f"{base}/{import_id}").json()
            return document if document["state"] == state else None

        wait_until(lambda: in_state("checked"), timeout=900, every=0.05, what="checked")
        checked = time.perf_counter()
        http.post(f"{base}/{import_id}/start").raise_for_status()
        document = wait_until(lambda: in_state("completed"), timeout=900, every=0.05, what="completed")
        return {"check_s": checked - began, "apply_s": time.perf_counter() - checked, "document": document}


def sketch(environment: dict[str, str], file: Path, number: int) -> dict[str, float]:
    """The same through the bare pipeline."""
    line = subprocess.run(
        [sys.executable, str(HERE / "sketch.py"), "importing", str(file), str(number)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    measured: dict[str, float] = json.loads(line)
    return measured


def received(platform: Platform, count: int) -> bool:
    """Whether the mail sink has that many."""
    return sum(1 for _ in read_entries(platform.home)) >= count


async def make_database(dsn: str) -> str:
    admin = await asyncpg.connect(dsn)
    await admin.execute("CREATE DATABASE sketch")
    await admin.close()
    return dsn.rpartition("/")[0] + "/sketch"


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory(prefix="instroom-bench-") as folder:
        files = [Path(folder) / name for name in ("create.xlsx", "update.xlsx")]
        write(files[0], rows, 0)
        write(files[1], rows, 1)
        platform = Platform(Path(folder) / "home")
        Path(folder).chmod(0o755)
        platform.up()
        try:
            measure(platform, files, rows)
        finally:
            platform.down()


def measure(platform: Platform, files: list[Path], rows: int) -> None:
    organisation = platform.home.parent / "organisation.yaml"
    organisation.write_text(json.dumps(large.organisation("bench")), "utf-8")
    platform.ok("org", "apply", organisation, "--academy", "bench")
    environment = os.environ | {
        "SKETCH_KAFKA": platform.address("broker"),
        "SKETCH_DATABASE": asyncio.run(make_database(platform.database())),
    }
    subprocess.run([sys.executable, str(HERE / "sketch.py"), "prepare"], env=environment, check=True)
    print(f"{rows:,} rows, {os.cpu_count()} processors, Python {sys.version.split()[0]}; load {os.getloadavg()[0]:.1f}")
    print(f"{'':10} {'check':>9} {'apply':>9} {'sketch':>9} {'apply ÷ sketch':>15}   processor µs a row")
    with subprocess.Popen(
        [sys.executable, str(HERE / "sketch.py"), "users"], env=environment, stdout=subprocess.PIPE
    ) as users:
        assert users.stdout is not None
        users.stdout.readline()
        invited = 0
        for number, (kind, file) in enumerate(KINDS, start=1):
            before = cpu_seconds(platform)
            mine = product(platform, "bench", files[file])
            after = cpu_seconds(platform)
            invited += mine["document"]["invited"]
            counts = {k: mine["document"][k] for k in ("rows", "created", "updated", "unchanged", "rejected")}
            assert counts["rows"] == rows, counts
            began = time.perf_counter()
            wait_until(partial(received, platform, invited), timeout=600, every=0.5, what="all mails")
            mailed = time.perf_counter() - began
            bare = sketch(environment, files[file], number)
            rates = rows / mine["check_s"], rows / mine["apply_s"], rows / bare["apply_s"]
            costs = {n: (after[n] - before[n]) * 1e6 / rows for n in after if after[n] - before[n] > 0.05}
            print(
                f"{kind:10} {rates[0]:7,.0f}/s {rates[1]:7,.0f}/s {rates[2]:7,.0f}/s {rates[1] / rates[2]:15.2f}   "
                + " ".join(f"{name} {cost:.0f}" for name, cost in costs.items())
            )
            print(f"{'':10} {counts}; the last of {invited} mails {mailed:.1f} s later", flush=True)
        users.terminate()
    print("peak MiB   " + "  ".join(f"{name} {mib:.0f}" for name, mib in peak_mib(platform).items()))


if __name__ == "__main__":
    main(int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 100_000)
