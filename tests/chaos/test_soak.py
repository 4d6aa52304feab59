"""Half of what it can do, for long: memory, descriptors and tables stay as they are."""

import json
import statistics
import time
from collections import defaultdict
from typing import Any, NamedTuple

import psutil
import pytest
from cases import Size
from harm import process
from health import SERVICES, starts
from ledger import Ledger
from people import Workforce, state_hash

from instroom.testing import Platform

WARM = 0.3
"""The part of the time in which caches fill: it is not judged."""
MEMORY_A_MINUTE = 1.0
"""MiB that a service may grow each minute, and MEMORY_NOISE beside: how full its heap is at any one moment."""
MEMORY_NOISE = 24.0
DESCRIPTORS = 20
SMALL_TABLES = ("outbox_cursor", "consumer_position")
SMALL = 4 * 2**20
"""Bytes of a table that has a few rows, all of them changed for ever."""
DEAD = 2.0
"""Dead rows per living one, in tables of more than DEAD_FROM rows: autovacuum looks once a minute."""
DEAD_FROM = 5_000

TABLES = """SELECT json_agg(json_build_object('name', relname, 'live', n_live_tup, 'dead', n_dead_tup,
                                              'bytes', pg_total_relation_size(relid))) FROM pg_stat_user_tables"""


class Sample(NamedTuple):
    """What a service took at one moment."""

    minute: float
    mib: float
    descriptors: int


@pytest.mark.case(
    "soak",
    "imports at half the speed for 60 minutes (SOAK=60; 20 by default): no service ends or grows by more than 1 MiB a "
    "minute, descriptors stay within 20, tables of few rows below 4 MiB, dead rows at most two per living one, 0 rows "
    "lost, 0 users and 0 mails twice",
)
def test_memory_descriptors_and_tables_stay_as_they_are(ledger: Ledger, size: Size) -> None:
    rows, lasts = size.rows(500, 1_000), size.soak(20, 20 * 60)
    before, began = starts(ledger.platform), time.monotonic()
    samples: dict[str, list[Sample]] = defaultdict(list)
    state: dict[str, dict[str, Any]] = {}
    mailed: set[str] = set()
    rounds = 0
    while time.monotonic() < began + lasts:
        busy = time.monotonic()
        for workforce in _round(ledger.academy, rows, rounds):
            _take_in(ledger, workforce)
            state |= {person["personnel_number"]: person for person in workforce.state}
            mailed |= workforce.mailed
        rounds += 1
        rest = 2 * time.monotonic() - busy
        while time.monotonic() < rest:
            for name in SERVICES:
                samples[name].append(_sample(ledger.platform, name, began))
            time.sleep(0.5)
    ledger.until_mailed(len(mailed))
    ledger.until_quiet()

    people = ledger.people()
    assert state_hash(people) == state_hash(state.values())
    assert starts(ledger.platform) == before
    ledger.no_twins()
    ledger.versions_have_no_gap()
    ledger.nothing_is_set_aside()
    ledger.each_is_mailed_once(mailed)
    grown = {name: _grown(samples[name]) for name in SERVICES}
    _tables_are_small(ledger)
    ledger.close(
        minutes=(time.monotonic() - began) / 60,
        **{f"MiB_{name}_grew_per_minute": slope for name, slope in grown.items()},
    )


def _round(academy: str, rows: int, number: int) -> list[Workforce]:
    """New people, and those of the round before, all of them changed."""
    new = Workforce(academy, rows, first=1 + number * rows)
    return [new, Workforce(academy, rows, first=new.first - rows, changed="*")] if number else [new]


def _take_in(ledger: Ledger, workforce: Workforce) -> None:
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    done = ledger.until(import_id, "completed")
    assert done["updated" if workforce.changed else "created"] == len(workforce.state)


def _sample(platform: Platform, name: str, began: float) -> Sample:
    one = psutil.Process(process(platform, name).pid)
    return Sample((time.monotonic() - began) / 60, one.memory_info().rss / 2**20, one.num_fds())


def _grown(samples: list[Sample]) -> float:
    """By how many MiB a minute a service grew once it was warm; neither that nor its descriptors is too much."""
    warm = [sample for sample in samples if sample.minute >= WARM * samples[-1].minute]
    minutes = warm[-1].minute - warm[0].minute
    slope = statistics.linear_regression([s.minute for s in warm], [s.mib for s in warm]).slope
    assert slope * minutes <= MEMORY_A_MINUTE * minutes + MEMORY_NOISE, f"{slope:.1f} MiB a minute for {minutes:.1f}"
    descriptors = [sample.descriptors for sample in warm]
    assert max(descriptors) <= statistics.median(descriptors[: 1 + len(descriptors) // 3]) + DESCRIPTORS
    return slope


def _tables_are_small(ledger: Ledger) -> None:
    for service in ("org", "user", "import", "notify"):
        for table in json.loads(ledger.ask(service, TABLES)):
            name, live, dead = table["name"], table["live"], table["dead"]
            assert dead <= DEAD * max(live, DEAD_FROM), f"{service}-service: {name} has {dead} dead rows beside {live}"
            assert name not in SMALL_TABLES or table["bytes"] <= SMALL, f"{service}-service: {name} is large"
