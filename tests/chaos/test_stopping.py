"""Stopped in order in the middle of an import: each process ends by itself, and it goes on as if nothing had been."""

import re
import time

import pytest
from cases import Size
from ledger import Ledger, in_time
from people import Workforce

from chassis.relay import CHUNK

SERVICES = ("org-service", "user-service", "import-service", "notify-service")
GRACE = 25.0
"""Seconds that the supervisor gives a service."""


@pytest.mark.case(
    "stop",
    "stopped under load: every service ends in order within its time, 0 rows lost, 0 users and 0 mails twice, "
    "at most one chunk of outcomes told again",
)
@in_time
def test_down_under_load_ends_each_service_in_order_and_up_again_completes_the_import(
    ledger: Ledger, size: Size
) -> None:
    workforce = Workforce(ledger.academy, size.rows(4_000, 50_000))
    logs = ledger.platform.home / "logs"
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    ledger.in_the_middle(import_id, "running")

    sizes = {name: (logs / f"{name}.log").stat().st_size for name in (*SERVICES, "supervisor")}
    ledger.platform.ok("down", timeout=120)
    said = {name: (logs / f"{name}.log").read_bytes()[size:].decode() for name, size in sizes.items()}
    for name in SERVICES:
        assert '"service.stopped"' in said[name], f"{name} did not end in order: {said[name][-2000:]}"
        assert not re.search(r"[Uu]nclosed|never (awaited|retrieved)", said[name])
    (took,) = re.findall(r"stopped .*org-service.* \(([0-9.]+) s\)", said["supervisor"])
    assert float(took) < GRACE

    began = time.monotonic()
    ledger.platform.up()
    ledger.until(import_id, "completed")
    ledger.balance(workforce, import_id)
    outcomes = ledger.outcomes()
    again = sum(map(len, outcomes.values())) - len(outcomes)
    assert again <= CHUNK
    ledger.close(seconds_until_stopped=float(took), seconds_until_completed=time.monotonic() - began, told_again=again)
