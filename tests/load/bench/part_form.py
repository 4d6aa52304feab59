"""One user by the form, from the request to *created*: on an idle platform, and while another academy imports."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import httpx

from contracts.fields import IMPORT_FIELDS
from load.bench.platforms import Measured
from load.bench.product import Imports
from load.bench.workbooks import people, write

IDLE_TIMES = 200
SMALL = 500
PAUSE = 0.05
"""Seconds between two people: an administrator is no queue."""


T = TypeVar("T")


def p95(seconds: list[float]) -> float:
    return sorted(seconds)[max(0, round(0.95 * len(seconds)) - 1)]


class Form:
    """Somebody who adds people of one academy, one after the other."""

    def __init__(self, platform: Measured, academy: str, http: httpx.Client) -> None:
        self._service, self._academy, self._http = platform.address("user"), academy, http
        self._people = _forms()

    def add(self) -> float:
        """The seconds from the request until the outcome could be read."""
        began = time.perf_counter()
        path = f"{self._service}/academies/{self._academy}/users"
        accepted = self._http.post(path, json=next(self._people)).raise_for_status().json()
        while True:
            told = self._http.get(f"{self._service}{accepted['location']}", params={"wait": 20}).raise_for_status()
            if (command := told.json())["state"] == "done":
                assert command["outcome"]["code"] == "created", command
                return time.perf_counter() - began


def _forms() -> Iterator[dict[str, Any]]:
    for cells in people(10**6, prefix="f", invited=True):
        person: dict[str, Any] = {name: cell for name, cell in zip(IMPORT_FIELDS, cells, strict=True) if cell}
        person |= {"active": True, "invite": True, "language": "nl"}
        if "functions" in person:
            person["functions"] = person["functions"].split("; ")
        yield person


class Beside:
    """What happens in an academy while another one imports."""

    def __init__(self, form: Form, imports: Imports, books: list[Path]) -> None:
        self._form, self._imports, self._books = form, imports, books
        self.added: list[float] = []
        self.imported: list[float] = []

    def during(self, work: Callable[[], T]) -> T:
        """Do the others' work; meanwhile add people, and import one of the small workbooks."""
        over, begun = threading.Event(), threading.Event()

        def add() -> None:
            while not over.wait(PAUSE):
                self.added.append(self._form.add())
                begun.set()

        def import_one() -> None:
            begun.wait()
            began = time.perf_counter()
            self._imports.start(self._imports.check(self._books.pop()))
            self.imported.append(time.perf_counter() - began)

        with ThreadPoolExecutor(2) as pool:
            beside = [pool.submit(add), pool.submit(import_one)]
            try:
                return work()
            finally:
                over.set()
                begun.set()
                for each in beside:
                    each.result()


def measure(platform: Measured, folder: Path, rows: int) -> dict[str, Any]:
    """`rows` are those of the other academy's import."""
    crowd, neighbour = platform.organise("crowd"), platform.organise("neighbour")
    large = write(folder / "crowd.xlsx", rows)
    small = [write(folder / f"small-{n}.xlsx", SMALL, prefix=f"s{n}") for n in range(2)]
    with platform.http(timeout=120) as http, platform.http(timeout=120) as others:
        form = Form(platform, neighbour, http)
        idle = [form.add() for _ in range(IDLE_TIMES)]
        beside = Beside(form, Imports(platform.address("import"), neighbour, others), small)
        with platform.http(timeout=120) as third:
            imports = Imports(platform.address("import"), crowd, third)
            checked = beside.during(lambda: imports.check(large))
            beside.during(lambda: imports.start(checked))
    return {
        "rows": rows,
        "idle_p50_s": round(median(idle), 4),
        "idle_p95_s": round(p95(idle), 4),
        "beside_p50_s": round(median(beside.added), 4),
        "beside_p95_s": round(p95(beside.added), 4),
        "beside_times": len(beside.added),
        "small_rows": SMALL,
        "small_s": [round(seconds, 3) for seconds in beside.imported],
    }
