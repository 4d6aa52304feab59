"""Invitations per second: the product's, and bare aiosmtplib's with bytes made before, into the same mail server."""

import time
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from instroom.testing import wait_until
from load.bench import platforms
from load.bench.mail_server import mail_server
from load.bench.processes import cpu_seconds, spent
from load.bench.product import Imports
from load.bench.programs import run
from load.bench.workbooks import write

CONNECTIONS = 8
"""As notify-service has it."""


def measure(folder: Path, rows: int) -> dict[str, Any]:
    """All invitations of an import at once: they wait because the mail server is away, and then it is there."""
    with mail_server() as server, platforms.running({"INSTROOM_SMTP": server.address}) as platform:
        academy = platform.organise("mails")
        book = write(folder / "mails.xlsx", rows, invited=True)
        found: dict[str, Any] = {"server": server.name, "mails": rows}
        found["ceiling"] = _rate(run("sending.py", "raw", server.port, 2 * rows, CONNECTIONS))
        server.stop()
        with platform.http(timeout=120) as http:
            imports = Imports(platform.address("import"), academy, http)
            imports.start(imports.check(book))
        before = cpu_seconds(platform.pids)
        server.start()
        found["product"] = _product(platform, rows)
        found["cpu_us"] = spent(before, cpu_seconds(platform.pids), rows)
        found["bare"] = _rate(run("sending.py", "aiosmtplib", server.port, rows, CONNECTIONS))
    return found


def _rate(measured: dict[str, Any]) -> float:
    return round(measured["mails"] / measured["seconds"], 1)


def _product(platform: platforms.Measured, mails: int) -> float:
    """Mails per second from the first to the last, as notify-service counts those that were accepted."""
    seen: list[tuple[float, int]] = []

    def all_sent() -> bool:
        now, sent = time.perf_counter(), _sent(platform)
        if sent and (not seen or sent > seen[-1][1]):
            seen.append((now, sent))
        return sent >= mails

    wait_until(all_sent, timeout=900, every=0.1, what=f"{mails} mails are sent")
    (began, first), (ended, last) = seen[0], seen[-1]
    return round((last - first) / (ended - began), 1)


def _sent(platform: platforms.Measured) -> int:
    with platform.http() as http:
        text = http.get(f"{platform.address('notify')}/metrics").raise_for_status().text
    return sum(
        int(sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "instroom_mails_total" and sample.labels["result"] == "sent"
    )
