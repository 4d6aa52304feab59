"""A real browser for the tests of the console, and who judges what it shows. The tests in here are plain functions.

What a machine has not (chromium, node) leaves the tests out, and says so; with CI set it makes them fail.
"""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from browser.chromium import find_chromium
from browser.judges import Judges, install
from browser.visitor import Visitor

NewVisitor = Callable[..., Visitor]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program; installed first where it is missing and may be."""
    return find_chromium()


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for all tests of this folder, and gone behind them: other tests have event loops of their own."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def judges(request: pytest.FixtureRequest) -> Judges:
    """axe-core and the Nu checker, installed once per lock file into pytest's cache."""
    assert request.config.cache is not None
    return install(request.config.cache)


@pytest.fixture
def audit(judges: Judges) -> Callable[..., None]:
    """`audit(page)`: nothing against accessibility, in light and in dark, and no sideways scrolling at 360 pixels."""
    return judges.audit


@pytest.fixture
def valid_html(judges: Judges) -> Callable[..., None]:
    """`valid_html(text)`: the Nu checker has nothing against the document."""
    return judges.valid_html


@pytest.fixture
def new_visitor(browser: Browser) -> Iterator[NewVisitor]:
    """Makes visitors with a browser profile of their own: `new_visitor(base_url, script=False, width=360, dark=True)`.

    At the end of the test none of them may have met a script error, a violated policy or a foreign server.
    """
    visitors: list[Visitor] = []

    def make(base_url: str = "", **options: object) -> Visitor:
        visitors.append(Visitor.come(browser, base_url, **options))  # type: ignore[arg-type]
        return visitors[-1]

    yield make
    met = [trouble for visitor in visitors for trouble in visitor.leave()]
    assert not met, "\n".join(met)


@pytest.fixture
def page(new_visitor: NewVisitor) -> Page:
    """An empty page of a visitor who speaks Dutch."""
    return new_visitor().page
