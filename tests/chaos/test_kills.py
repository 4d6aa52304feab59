"""kill -9 in the middle of an import: it completes by itself, nothing is lost, nothing is twice."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from operator import itemgetter

import pytest
from cases import OpenLedger, Size
from harm import PATIENCE, kill_everything, process
from ledger import Document, Ledger, in_time
from people import Workforce

from instroom.testing import wait_until
from notify_service.delivery import GROUP
from notify_service.settings import Settings as NotifySettings

CONNECTIONS: int = NotifySettings.model_fields["smtp_connections"].default
REPEATS_PER_KILL = CONNECTIONS + GROUP
"""Mails that the server accepted and nobody wrote down: one per connection, and one group of results."""
REPEATS = {"notify-service": REPEATS_PER_KILL, "postgres": REPEATS_PER_KILL, "mail": CONNECTIONS}
"""By who was killed; a database that dies takes the results with it that were being written."""
CHECKING = ("kafka", "postgres", "org-service", "user-service", "import-service")
STARTED = (*CHECKING, "notify-service", "mail", "web-console")
HOLDING = ("kafka", "postgres", "user-service", "import-service")
"""Without any of these an import stands still."""
SHORTLY = 0.4
"""Seconds between two kills of a round at most."""

pytestmark = pytest.mark.case(
    "kills",
    "50 random kill -9 over all processes in an import of 50,000 rows: 0 rows lost, 0 users twice, one invitation per "
    "person by Message-ID with at most 208 repeats per kill, the final state that of an undisturbed run; the same where "
    "everything is killed at once",
)


@in_time
def test_processes_killed_at_random_in_check_and_start_leave_what_an_undisturbed_run_leaves(
    ledger: Ledger, open_ledger: OpenLedger, size: Size
) -> None:
    rows, seed = size.rows(3_000, 50_000), random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    workforce = Workforce(ledger.academy, rows)
    in_check = _rounds(rng, CHECKING, size.times(5, 15), at_once=5)
    in_start = _rounds(rng, STARTED, size.times(16, 35), at_once=size.times(16, 8))
    import_id = ledger.upload(workforce)
    _kill_through(ledger, import_id, "checking", in_check, rng)
    ledger.until(import_id, "checked")
    assert ledger.people() == [], "a check writes nothing"
    ledger.start(import_id)
    _kill_through(ledger, import_id, "running", in_start, rng)
    ledger.until(import_id, "completed")

    killed = [name for victims in (*in_check, *in_start) for name in victims]
    ledger.balance(workforce, import_id, repeats=sum(REPEATS.get(name, 0) for name in killed))
    print(f"killed {dict(Counter(killed))}")
    undisturbed = open_ledger(ledger.platform)
    _import(undisturbed, Workforce(undisturbed.academy, rows))
    assert _state(ledger) == _state(undisturbed)
    ledger.close(kills=len(killed))


def _rounds(rng: random.Random, names: Sequence[str], times: int, *, at_once: int) -> list[list[str]]:
    """So many victims, each name as often as the others and in any order, but nothing goes on without the first one."""
    victims: list[str] = []
    while len(victims) < times:
        first = rng.choice(HOLDING)
        victims += [first, *rng.sample([name for name in names if name != first], len(names) - 1)]
    return [victims[n : min(n + at_once, times)] for n in range(0, times, at_once)]


def _kill_through(
    ledger: Ledger, import_id: str, state: str, rounds: Sequence[Sequence[str]], rng: random.Random
) -> None:
    """Round after round while the import goes on, those of a round at random moments shortly after one another."""
    for nth, victims in enumerate(rounds):
        ledger.in_the_middle(import_id, state, 0.05 + 0.5 * nth / len(rounds), 1.0)
        for name in victims:
            _kill(ledger, name)
            time.sleep(rng.uniform(0, SHORTLY))


def _kill(ledger: Ledger, name: str) -> None:
    pid = wait_until(lambda: process(ledger.platform, name).pid, timeout=PATIENCE, every=0.01, what=f"{name} runs")
    with contextlib.suppress(ProcessLookupError):  # it ended by itself a moment ago, as what it needs was killed
        os.kill(pid, signal.SIGKILL)


def _import(ledger: Ledger, workforce: Workforce) -> str:
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    ledger.until(import_id, "completed")
    ledger.until_mailed(len(workforce.mailed))
    return import_id


def _state(ledger: Ledger) -> list[Document]:
    """All that is known of the people, but for the ids and dates that every run gives anew."""
    of_this_run = {"user_id", "company_id", "department_id", "function_ids", "invitation_expires_at"}
    people = [{name: person[name] for name in person.keys() - of_this_run} for person in ledger.people()]
    domain = f"@{ledger.academy}.example"
    return sorted(
        (person | {"email": person["email"].removesuffix(domain)} for person in people),
        key=itemgetter("personnel_number"),
    )


@in_time
def test_everything_killed_at_once_goes_on_after_up_with_all_its_data(ledger: Ledger, size: Size) -> None:
    workforce = Workforce(ledger.academy, size.rows(3_000, 50_000))
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    ledger.in_the_middle(import_id, "running")

    kill_everything(ledger.platform)
    began = time.monotonic()
    ledger.platform.up()
    up = time.monotonic() - began

    ledger.until(import_id, "completed")
    ledger.balance(workforce, import_id, repeats=REPEATS_PER_KILL)
    ledger.close(seconds_until_up=up, seconds_until_completed=time.monotonic() - began)
