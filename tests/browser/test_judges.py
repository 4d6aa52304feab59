"""Those who judge the console's pages do find what is wrong, under the policy that the console's pages have."""

import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from browser.visitor import Visitor

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'"
GOOD = """<!doctype html>
<html lang="nl">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Gebruikers</title>
<link rel="stylesheet" href="/style.css"></head>
<body><main><h1>Gebruikers</h1><form method="post"><label for="name">Naam</label> <input id="name" name="name">
<button>Opslaan</button></form></main></body>
</html>
"""
STYLE = "@media (prefers-color-scheme: dark) { body { background: #111; color: #eee } .dim { color: #222 } }"
PAGES = {
    "/good": GOOD,
    "/unlabelled": GOOD.replace('<label for="name">Naam</label> ', ""),
    "/dim": GOOD.replace("<form", '<p class="dim">Niet te lezen</p><form'),
    "/wide": GOOD.replace("<form", f"<p>{'x' * 300}</p><form"),
    "/style.css": STYLE,
    "/inline": GOOD.replace("<form", "<script>document.title = 'x'</script><form"),
    "/foreign": GOOD.replace("<form", '<img alt="" src="http://foreign.invalid/x.png"><form'),
}


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = PAGES.get(self.path)
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/css" if self.path.endswith(".css") else "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", POLICY if self.path != "/foreign" else "")
        self.end_headers()
        self.wfile.write((body or "").encode())

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_nothing_is_found_on_a_good_page(
    page: Page, site: str, audit: Callable[..., None], valid_html: Callable[..., None]
) -> None:
    page.goto(f"{site}/good")
    audit(page)
    valid_html(page.content())
    valid_html(GOOD)


@pytest.mark.parametrize(
    ("path", "found"),
    [("unlabelled", "light: label: "), ("dim", "dark: color-contrast: "), ("wide", "pixels too wide")],
)
def test_what_keeps_people_out_is_found(
    page: Page, site: str, audit: Callable[..., None], path: str, found: str
) -> None:
    page.goto(f"{site}/{path}")
    with pytest.raises(AssertionError, match=found):
        audit(page)


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (GOOD.replace("<form", "<p><div></div></p><form"), "line"),
        (GOOD.replace('for="name"', 'for="nobody"'), "for"),
        (GOOD.replace("<title>Gebruikers</title>", ""), "title"),
        (GOOD.replace(' lang="nl"', ""), "lang"),
    ],
)
def test_what_is_no_html_is_found(valid_html: Callable[..., None], wrong: str, found: str) -> None:
    with pytest.raises(AssertionError, match=found):
        valid_html(wrong)


@pytest.mark.parametrize(
    ("path", "trouble"), [("inline", "Content Security Policy"), ("foreign", "a foreign server was asked")]
)
def test_what_a_visitor_meets_on_the_way_is_told(browser: Any, site: str, path: str, trouble: str) -> None:
    visitor = Visitor.come(browser, site)
    visitor.page.goto(f"/{path}")
    assert any(trouble in each for each in visitor.leave())


def test_a_picture_is_taken_where_it_is_asked_for(
    new_visitor: Callable[..., Any], site: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("browser.visitor.SCREENSHOTS", tmp_path)
    visitor = new_visitor(site, dark=True, width=360)
    visitor.page.goto("/good")
    monkeypatch.delenv("SCREENSHOTS", raising=False)
    visitor.picture("people")
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("SCREENSHOTS", "1")
    visitor.picture("people")
    assert (tmp_path / "people.png").read_bytes().startswith(b"\x89PNG")


def test_without_script_a_page_is_seen_all_the_same(new_visitor: Callable[..., Any], site: str) -> None:
    visitor = new_visitor(site, script=False)
    visitor.page.goto("/good")
    assert visitor.page.get_by_role("heading", name="Gebruikers").is_visible()
