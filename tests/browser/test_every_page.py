"""Every page of the console in every state: everybody can use it, in light and dark, narrow and wide, and it is HTML."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Page, Response
from starlette.routing import Route

from browser import academies, addresses
from browser.academies import World
from browser.addresses import NO_PAGES, Picture, View
from browser.conftest import NewVisitor
from browser.judges import NARROW, Judges, too_wide
from browser.visitor import Visitor
from instroom.testing import Platform, wait_until
from web_console.testing import Played

ROUTES = sorted({r.path for r in Played().app.routes if isinstance(r, Route) and "GET" in (r.methods or ())})
WIDTHS = (NARROW, 1280, 1920)
LANGUAGES = {"nl": "nl-NL", "en": "en-GB"}
JUDGED = {"nl": ("light", 1280), "en": ("dark", NARROW)}
"""How each page is looked at by all rules in each language."""


@pytest.fixture(scope="module")
def world(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> World:
    return academies.make(platform, f"zuid{time.time_ns() % 10**6}", tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def played() -> Iterator[str]:
    """The address of a console over services that are played."""
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    console = Played(public_url=url)
    addresses.play(console)
    server = uvicorn.Server(uvicorn.Config(console.app, log_level="warning"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    wait_until(lambda: server.started, what="the played console")
    yield url
    server.should_exit = True
    thread.join()


def test_every_route_of_the_console_is_looked_at_or_is_no_page(world: World, played: str) -> None:
    seen = {view.route for view in addresses.views(world, played)}
    assert sorted(seen | set(NO_PAGES)) == ROUTES
    assert not seen & set(NO_PAGES)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_found_on_any_page(
    new_visitor: NewVisitor, judges: Judges, world: World, played: str, language: str
) -> None:
    visitors: dict[str, Visitor] = {}
    documents: dict[str, str] = {}
    found: list[str] = []
    for view in addresses.views(world, played):
        if view.who not in visitors:
            visitors[view.who] = new_visitor(world.url, language=LANGUAGES[language])
            if view.who == "played":
                visitors[view.who].let_in("instroom-session", "s" * 43, played)
            elif view.who != "guest":
                visitors[view.who].let_in(*world.sessions[view.who])
        visitor = visitors[view.who]
        answer = visitor.page.goto(view.path)
        if view.act:
            answer = view.act(visitor.page)
        assert answer is not None
        documents[view.name] = _document(view, answer)
        if answer.status != view.status:
            found.append(f"{view.name}: {visitor.page.url} answered {answer.status}")
        if view.status >= 500:  # a browser tells it as an error of its own
            visitor.trouble[:] = [each for each in visitor.trouble if f"a status of {view.status}" not in each]
        if not view.part:
            found += [f"{view.name}: {each}" for each in _judged(visitor.page, judges, language)]
        for picture in view.pictures:
            if picture.language == language:
                _picture(visitor, picture)
        if view.route == "/{academy}/events":  # its stream ends with the token, which a browser tells as an error
            visitor.page.goto("about:blank")
    found += judges.about(documents)
    assert not found, "\n".join(found)


def _judged(page: Page, judges: Judges, language: str) -> Iterator[str]:
    page.emulate_media(color_scheme="light")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        if (wide := too_wide(page)) > 0:
            yield f"{wide} pixels too wide for a window of {width}"
    scheme, width = JUDGED[language]
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    yield from (f"{scheme}, {width}: {each}" for each in judges.against(page))


def _picture(visitor: Visitor, picture: Picture) -> None:
    visitor.page.set_viewport_size({"width": picture.width, "height": picture.height})
    visitor.page.emulate_media(color_scheme="dark" if picture.dark else "light")
    visitor.picture(picture.name, whole=False)


def _document(view: View, answer: Response) -> str:
    if not view.part:
        return answer.text()
    return f'<!doctype html><html lang="nl"><head><title>x</title></head><body>{answer.text()}</body></html>'
