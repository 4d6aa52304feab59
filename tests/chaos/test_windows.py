"""Killed in the two moments in which something is done and not yet written down: nothing is done a second time."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from cases import Size
from harm import PATIENCE, Instance, away, process, second_instance
from ledger import Ledger, TooLate, in_time
from people import Workforce
from test_kills import REPEATS_PER_KILL

from instroom.testing import wait_until

DYING = {"user": "user.requests.bulk", "import": "user.events", "notify": "user.events"}
"""Which service dies at the first batch of which topic."""


@pytest.mark.case(
    "commit-window",
    "user-, import- and notify-service killed between the commit of the database and that of the offsets: the batches "
    "come again, 0 rows lost, 0 users twice, one invitation per person by Message-ID with at most 208 repeats, of what "
    "notify-service was mailing",
)
@in_time
def test_a_batch_that_is_written_but_not_committed_comes_again_and_changes_nothing(
    ledger: Ledger, size: Size, tmp_path: Path
) -> None:
    workforce = Workforce(ledger.academy, size.rows(1_500, 50_000), invite_every=2)
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    with ThreadPoolExecutor(len(DYING)) as pool, ExitStack() as stack:

        def dying(service: str) -> Instance:
            told = {"DIES_AT": DYING[service], "LAST_WORDS": str(tmp_path / service)}
            return stack.enter_context(second_instance(ledger.platform, service, through="dying.py", environment=told))

        instances = dict(zip(DYING, pool.map(dying, DYING), strict=True))
        ledger.start(import_id)
        words = {}
        for service, instance in instances.items():
            wait_until(lambda one=instance: one.process.poll() is not None, timeout=PATIENCE, every=0.01)
            assert instance.process.returncode == -signal.SIGKILL
            words[service] = json.loads((tmp_path / service).read_text())
        ledger.until(import_id, "completed")

    ledger.balance(workforce, import_id, repeats=REPEATS_PER_KILL)
    again = [each["again"] for each in words.values()]
    assert all(again), "each died in between"
    repeated = {message_id for message_id, copies in ledger.mails().items() if len(copies) > 1}
    claimed = words["notify"]["claimed"]
    others = {each for each in repeated if not any(invitation in each for invitation in claimed)}
    assert not others, "only what the instance that died had claimed may go out again"
    ledger.close(kills=len(DYING), records_again=sum(again), claimed=len(claimed))


@pytest.mark.case(
    "mail-window",
    "notify-service killed between the server's 250 and the record of it: one invitation per person by Message-ID, "
    "repeats the same byte for byte and at most 208 per kill",
)
@in_time
def test_mails_that_were_accepted_but_not_recorded_go_out_again_the_same_and_no_others(
    ledger: Ledger, size: Size
) -> None:
    workforce = Workforce(ledger.academy, size.rows(1_500, 20_000), invite_every=1)
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)

    times = size.times(1, 10)
    unrecorded = 0
    for nth in range(times):
        ledger.mails_in_the_middle(workforce, 0.1 + 0.6 * nth / times)
        _freeze_in_between(ledger)
        with away(ledger.platform, "notify-service"):
            wait_until(lambda: ledger.ask("notify", ALONE), timeout=PATIENCE, every=0.01, what="its connections end")
            unrecorded = max(unrecorded, _unrecorded(ledger))  # those of the time before may still be among them
    if not unrecorded:
        raise TooLate("what was under way to the database when it died was all there was")
    ledger.until(import_id, "completed")

    ledger.balance(workforce, import_id, repeats=times * REPEATS_PER_KILL)
    repeats = sum(len(copies) - 1 for copies in ledger.mails().values())
    assert repeats >= unrecorded, "what was accepted and not recorded goes out again"
    ledger.close(kills=times, unrecorded=unrecorded)


def _freeze_in_between(ledger: Ledger) -> None:
    """Stop notify-service where the server has accepted mails that are not recorded."""
    pid = process(ledger.platform, "notify-service").pid
    assert pid is not None

    def in_between() -> bool:
        os.kill(pid, signal.SIGSTOP)
        found = _unrecorded(ledger) > 0
        if not found:
            os.kill(pid, signal.SIGCONT)
        return found

    wait_until(in_between, timeout=PATIENCE, every=0.02, what="a mail is accepted and not recorded")


def _unrecorded(ledger: Ledger) -> int:
    return len(ledger.mails()) - int(ledger.ask("notify", RECORDED, ledger.academy))


ALONE = """SELECT NOT EXISTS (SELECT FROM pg_stat_activity
                              WHERE datname = current_database() AND pid <> pg_backend_pid())"""
RECORDED = "SELECT count(*) FROM mail WHERE academy = $1 AND state = 'sent'"
