"""Cases of trouble: each is a name and what must hold through it, picked by `--cases` and sized by `--rows`.

They share a platform to be harmed: killed, frozen, fed with duplicates. Each test has an academy of its own on it.
"""

import itertools
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

sys.path.insert(0, str(Path(__file__).parent))

import reliability
from cases import SETTINGS, OpenLedger, Size
from ledger import Ledger

from instroom.testing import Platform, new_home, running

LONGEST = {False: 900, True: 5400}
"""Seconds until a test counts as hanging, in the short and in the long form."""
_LONGEST_FIRST = ("test_soak.py", "test_kills.py", "test_mail_trouble.py", "test_restored.py")
_HERE = Path(__file__).parent
_catalogue = pytest.StashKey[reliability.Catalogue]()
_numbers = itertools.count(1)


# picking and sizing


def pytest_addoption(parser: pytest.Parser) -> None:
    chaos = parser.getgroup("chaos")
    chaos.addoption("--cases", default="", help="cases to run, with commas between them (default: all)")
    chaos.addoption("--long", action="store_true", help="the long form of each case")
    chaos.addoption("--rows", type=int, help="rows of each import, instead of the form's own")
    chaos.addoption("--soak", type=float, help="minutes that the soak takes, instead of the form's own")
    chaos.addoption(
        "--result", type=Path, help="JSON file that keeps the last result of each case; a page goes beside it"
    )


def _option(config: pytest.Config, name: str) -> object:
    return config.getoption(name, None)  # a run of all tests loads this file too late for options of its own


def _size(config: pytest.Config) -> Size:
    return Size(
        bool(_option(config, "--long")),
        _option(config, "--rows"),
        _option(config, "--soak"),  # type: ignore[arg-type]
    )


@pytest.fixture(scope="session")
def size(pytestconfig: pytest.Config) -> Size:
    return _size(pytestconfig)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "case(name, criterion): the case of the catalogue and what must hold through it")
    config.addinivalue_line(
        "markers", "long: a variant of a case that only the long form has, of which the short form has another"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = {item: _case(item) for item in items if item.path.parent == _HERE}
    catalogue: reliability.Catalogue = {}
    for name, criterion in here.values():
        catalogue.setdefault(name, {})[criterion] = None
    picked = [name for name in str(_option(config, "--cases") or "").split(",") if name]
    if unknown := [name for name in picked if name not in catalogue]:
        raise pytest.UsageError(f"there is no case {', '.join(unknown)}; the cases are {', '.join(catalogue)}")
    long = _size(config).long
    for item, (name, _) in here.items():
        item.add_marker(pytest.mark.slow)
        item.add_marker(pytest.mark.timeout(LONGEST[long]))
        item.user_properties.append(("case", name))
    left_out = [
        item
        for item, (name, _) in here.items()
        if (picked and name not in picked) or (not long and item.get_closest_marker("long"))
    ]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    config.stash[_catalogue] = catalogue
    if long:
        items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """The longest first, so that two processes end together."""
    return _LONGEST_FIRST.index(item.path.name) if item.path.name in _LONGEST_FIRST else len(_LONGEST_FIRST)


def _case(item: pytest.Item) -> tuple[str, str]:
    marker = item.get_closest_marker("case")
    if marker is None:
        raise pytest.UsageError(f'{item.nodeid} belongs to no case: mark it with case("name", "what must hold")')
    name, criterion = marker.args
    return str(name), str(criterion)


# what came of it

_reports: list[pytest.TestReport] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    yield
    assert any(name == "ledger" for name, _ in item.user_properties), "the test never closed its ledger"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _reports.append(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("ledgers")
    for line in reliability.told(_reports):
        terminalreporter.write_line(line)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: "WorkerController") -> None:
    """What the processes that share the cases have collected, this one has not."""
    if catalogue := getattr(node, "workeroutput", {}).get("catalogue"):
        node.config.stash[_catalogue] = catalogue


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write down what ran, unless the run was broken off."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["catalogue"] = session.config.stash.get(_catalogue, None)
        return
    result = _option(session.config, "--result")
    if result is not None and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        form = _size(session.config).form
        reliability.write(Path(str(result)), session.config.stash[_catalogue], _reports, form)


# platforms


@pytest.fixture(scope="session")
def _harmed() -> Iterator[Platform]:
    if home := os.environ.get("INSTROOM_CHAOS_HOME"):  # one that runs already, for quick rounds while developing
        yield Platform(Path(home), dict(SETTINGS))
        return
    with running(Platform(new_home("instroom-chaos-", on_disk=True), dict(SETTINGS))) as platform:
        yield platform


@pytest.fixture
def harmed(_harmed: Platform) -> Platform:
    """A platform that runs, whatever the test before did to it."""
    _harmed.up()
    return _harmed


@pytest.fixture
def impatient() -> Iterator[Platform]:
    """A platform whose imports wait two seconds for answers before they ask again."""
    with running(
        Platform(new_home("instroom-chaos-", on_disk=True), SETTINGS | {"INSTROOM_STALL_AFTER": "2"})
    ) as platform:
        yield platform


@pytest.fixture
def open_ledger(request: pytest.FixtureRequest) -> OpenLedger:
    """Makes an academy with an organisation and no people on a platform, and its books."""

    def opened(platform: Platform) -> Ledger:
        def write_down(figures: dict[str, float]) -> None:
            request.node.user_properties.append(("ledger", figures))

        books = Ledger(platform, f"chaos-{os.getpid()}-{next(_numbers)}", write_down)
        books.define()
        return books

    return opened


@pytest.fixture
def ledger(harmed: Platform, open_ledger: OpenLedger) -> Ledger:
    """An academy with an organisation and no people on the platform that all cases share, and its books."""
    return open_ledger(harmed)
