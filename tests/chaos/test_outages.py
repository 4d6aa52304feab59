"""The broker or the database away in the middle of an import, for a minute: everything waits, nothing is given up."""

import contextlib
import time

import httpx
import pytest
from cases import Size
from harm import PATIENCE, away, second_instance
from health import Health, starts, watched
from ledger import Ledger, in_time
from people import Workforce

from instroom.testing import wait_until


@pytest.mark.case(
    "broker-away",
    "broker down for 60 s: no service ends, /livez stays 200, /readyz is 503 for who has yet to start, the backlog is "
    "drained, 0 rows lost, 0 users and 0 mails twice",
)
@in_time
def test_an_import_goes_on_by_itself_when_the_broker_is_back(ledger: Ledger, size: Size) -> None:
    workforce = Workforce(ledger.academy, size.rows(4_000, 50_000))
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    ledger.in_the_middle(import_id, "running")
    before = starts(ledger.platform)

    with away(ledger.platform, "kafka"), second_instance(ledger.platform, "org", until_ready=False) as late:
        health = watched(ledger.services, size.seconds(5, 60))
        newcomer = Health()
        wait_until(lambda: _answers(newcomer, late.url), timeout=PATIENCE, what="the newcomer answers")
    back = time.monotonic()
    ledger.until(import_id, "completed")
    ledger.until_quiet()
    drained = time.monotonic() - back

    assert set().union(*health.live.values()) == {200}
    assert (newcomer.live, newcomer.ready) == ({"late": {200}}, {"late": {503}})
    assert starts(ledger.platform) == before
    ledger.balance(workforce, import_id)
    ledger.close(seconds_away=size.seconds(5, 60), seconds_until_drained=drained)


@pytest.mark.case(
    "database-away",
    "every connection to the database cut again and again, then the database down for 60 s: no service ends, /livez "
    "stays 200, /readyz is 503, 0 dead letters, 0 rows lost, 0 users twice, versions of each person in order",
)
@in_time
def test_an_import_goes_on_by_itself_when_the_database_is_back(ledger: Ledger, size: Size) -> None:
    workforce = Workforce(ledger.academy, size.rows(4_000, 50_000))
    before = starts(ledger.platform)
    cuts = size.times(4, 20)
    import_id = ledger.upload(workforce)
    ledger.in_the_middle(import_id, "checking", 0.05)
    _cut_all_connections(ledger, cuts // 2)
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    ledger.in_the_middle(import_id, "running", 0.05)
    _cut_all_connections(ledger, cuts - cuts // 2)
    with away(ledger.platform, "postgres"):
        health = watched(ledger.services, size.seconds(5, 60))
    back = time.monotonic()
    ledger.until(import_id, "completed")
    completed = time.monotonic() - back

    assert set().union(*health.live.values()) == {200}
    assert all(503 in said for said in health.ready.values()), health.ready
    assert starts(ledger.platform) == before
    ledger.balance(workforce, import_id)
    ledger.close(cuts=cuts, seconds_away=size.seconds(5, 60), seconds_until_completed=completed)


def _answers(health: Health, url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        health.look("late", url)
    return bool(health.ready)


def _cut_all_connections(ledger: Ledger, times: int) -> None:
    """Again and again, before the services have come to rest after the time before."""
    for _ in range(times):
        ledger.ask("user", CUT)
        time.sleep(0.2)


CUT = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""
