"""Instances that come and go while people are taken in: each time partitions go to others."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from cases import Size
from harm import second_instance
from ledger import Ledger
from people import Workforce

from instroom.testing import Platform

pytestmark = pytest.mark.case(
    "rebalance",
    "0 rows lost, 0 users twice, one invitation per person, the state that the rows say, while instances come and go",
)


def test_imports_come_out_as_ever_while_instances_come_and_go_without_a_pause(ledger: Ledger, size: Size) -> None:
    more = ("user", "import", "user", "notify", "user", "user") if size.long else ("user",)
    before, wanted = 0, size.times(3, 36)
    with _coming_and_going(ledger.platform, more, pause=size.seconds(0, 2)) as storm:
        while True:
            workforce = Workforce(ledger.academy, size.rows(2_000, 20_000), invite_every=10)
            import_id = ledger.upload(workforce)
            ledger.until(import_id, "checked")
            ledger.start(import_id)
            ledger.until(import_id, "completed")
            changes = storm.changes
            ledger.balance(workforce, import_id)
            ledger.close(instances_came_or_went=changes - before)
            if changes >= wanted:
                return
            before = changes
            ledger.begin_again()


class _Storm:
    def __init__(self, platform: Platform, more: Sequence[str], pause: float) -> None:
        self._platform, self._more, self._pause = platform, more, pause
        self._over = threading.Event()
        self._changes = 0

    @property
    def changes(self) -> int:
        """How many instances came or went so far."""
        assert not self._over.is_set(), "the storm ended by itself"
        return self._changes

    def end(self) -> None:
        self._over.set()

    def blow(self) -> None:
        """One more instance after the other, then all of them go, until it is over."""
        try:
            while not self._over.is_set():
                with ExitStack() as stack:
                    for service in self._more:
                        stack.callback(self._change)
                        stack.enter_context(second_instance(self._platform, service))
                        self._change()
        finally:
            self.end()

    def _change(self) -> None:
        self._changes += 1
        self._over.wait(self._pause)


@contextmanager
def _coming_and_going(platform: Platform, more: Sequence[str], *, pause: float) -> Iterator[_Storm]:
    """From two instances of each of these services to one more for each mention and back, again and again."""
    storm = _Storm(platform, more, pause)
    with ExitStack() as two, ThreadPoolExecutor(1) as pool:
        for service in sorted(set(more)):
            two.enter_context(second_instance(platform, service))
        blowing = pool.submit(storm.blow)
        try:
            yield storm
        finally:
            storm.end()
            blowing.result()
