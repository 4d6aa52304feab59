"""Somebody with a browser: what they ask for, and the trouble that they met on the way."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

SCREENSHOTS = Path(__file__).parents[2] / "docs" / "screenshots"
WAIT = 15_000
"""Milliseconds that a page may take on a slow machine."""


@dataclass
class Visitor:
    """A browser profile with one page in front."""

    context: BrowserContext
    page: Page
    base_url: str = ""
    trouble: list[str] = field(default_factory=list)

    @classmethod
    def come(
        cls,
        browser: Browser,
        base_url: str = "",
        *,
        script: bool = True,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        language: str = "nl-NL",
    ) -> Visitor:
        """Open an empty page."""
        context = browser.new_context(
            base_url=base_url or None,
            java_script_enabled=script,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale=language,
            timezone_id="Europe/Amsterdam",
            accept_downloads=True,
        )
        context.set_default_timeout(WAIT)
        visitor = cls(context, context.new_page(), base_url)
        context.on("request", visitor._asks)
        context.on("console", visitor._is_told)
        context.on("weberror", lambda error: visitor.trouble.append(f"script error: {error.error}"))
        return visitor

    def let_in(self, cookie: str, session: str, url: str = "") -> None:
        """Carry a session that was made elsewhere."""
        self.context.add_cookies([{"name": cookie, "value": session, "url": url or self.base_url}])

    def picture(self, name: str, *, whole: bool = True) -> None:
        """Write docs/screenshots/<name>.png where SCREENSHOTS=1 asks for it."""
        if os.environ.get("SCREENSHOTS") == "1":
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(
                path=SCREENSHOTS / f"{name}.png", full_page=whole, animations="disabled", caret="hide", scale="css"
            )

    def leave(self) -> list[str]:
        """Close everything; what went wrong."""
        self.context.close()
        return self.trouble

    def _asks(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.hostname not in ("127.0.0.1", "localhost"):
            self.trouble.append(f"a foreign server was asked: {request.url}")

    def _is_told(self, message: ConsoleMessage) -> None:
        refused = message.text.startswith("Failed to load resource: the server responded with a status of 4")
        if message.type == "error" and not refused:
            self.trouble.append(f"{message.page.url if message.page else ''}: {message.text}")


def press(page: Page, name: str) -> None:
    """The button of this name in the content of the page."""
    page.get_by_role("main").get_by_role("button", name=name, exact=True).first.click()
