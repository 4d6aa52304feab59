"""Instances whose clocks are wrong: order, leases and expiry do not come from them."""

import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email import message_from_string, policy

import httpx
import libfaketime
import pytest
from browser.leaving_out import leave_out
from cases import Size
from harm import Instance, second_instance
from health import consumed
from ledger import Document, Ledger
from outside.academy import LINK
from people import Workforce

SKEWS = {"user": 10, "import": -10, "notify": 10, "org": -10}
"""Minutes by which the clock of a second instance of each service is wrong."""
WORK = {"user": "user.requests.bulk", "import": "user.events", "notify": "user.events"}
VALID = timedelta(days=30)
MINUTE = timedelta(minutes=1)


@pytest.mark.case(
    "clock-skew",
    "a second instance of each service 10 minutes ahead or behind: 0 rows lost, 0 users and 0 mails twice, versions in "
    "order, invitations valid for 30 days of the database's clock; a wrong clock lets in no caller for longer",
)
def test_instances_with_wrong_clocks_share_the_work_and_order_and_expiry_stay_right(ledger: Ledger, size: Size) -> None:
    if reason := _why_impossible():
        leave_out(reason)
    workforce = Workforce(ledger.academy, size.rows(1_500, 50_000))
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    with ThreadPoolExecutor(len(SKEWS)) as pool, ExitStack() as stack:

        def skewed(service: str) -> Instance:
            clock = _clock(timedelta(minutes=SKEWS[service]))
            return stack.enter_context(second_instance(ledger.platform, service, environment=clock))

        instances = dict(zip(SKEWS, pool.map(skewed, SKEWS), strict=True))
        before, began = {name: consumed(instances[name].url, WORK[name]) for name in WORK}, _now()
        ledger.start(import_id)
        ledger.until(import_id, "completed")
        ledger.until_mailed(len(workforce.mailed))
        ledger.until_quiet()
        shares = {name: consumed(instances[name].url, WORK[name]) - before[name] for name in WORK}

        assert all(shares.values()), f"those with a wrong clock had nothing to do: {shares}"
        for person in ledger.people():
            if expires := person["invitation_expires_at"]:
                assert abs(datetime.fromisoformat(expires) - VALID - began) < _now() - began + MINUTE
        ledger.balance(workforce, import_id)
        for copies in list(ledger.mails().values())[:5]:
            _accept(instances["user"].url, copies[0])
        with ledger.platform.http() as caller:
            answer = caller.get(f"{instances['import'].url}{ledger.path('imports')}")
            assert answer.status_code == 401, "a token of the future is none"
    ledger.close(skewed_minutes=max(map(abs, SKEWS.values())), records_of_skewed=sum(shares.values()))


def _why_impossible() -> str | None:
    ahead = subprocess.run(
        [sys.executable, "-c", "import time; print(time.time())"], env=_clock(timedelta(days=1)), capture_output=True
    )
    if ahead.returncode == 0 and float(ahead.stdout) > (_now() + timedelta(hours=23)).timestamp():
        return None
    return f"libfaketime does not change the clock here: {ahead.stderr.decode(errors='replace').strip()[-200:]}"


def _clock(ahead: timedelta) -> Mapping[str, str]:
    """What a process is told so that its clock, and no other, is so far ahead."""
    return libfaketime.get_reload_information()[1] | {"FAKETIME": f"{ahead.total_seconds():+.0f}s"}


def _accept(url: str, mail: Document) -> None:
    body = message_from_string(mail["content"], policy=policy.default).get_body(("plain",))
    assert body is not None
    link = LINK.search(body.get_content())
    assert link is not None
    at = f"{url}/invitations/{link[0].rpartition('/')[2]}"
    invitation = httpx.get(at, timeout=60).json()
    assert invitation["state"] == "valid"
    asked = {"password": "een lang en onraadbaar woord", "terms_version": invitation["terms"]["version"]}
    assert httpx.post(at, json=asked, timeout=60).status_code == 200


def _now() -> datetime:
    return datetime.now(UTC)
