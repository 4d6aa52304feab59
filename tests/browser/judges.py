"""Who judges pages: axe-core whether everybody can use them, the Nu checker whether they are HTML."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from browser.leaving_out import leave_out
from instroom.stack.java import NoJava
from instroom.stack.java import find as find_java

SOURCES = Path(__file__).parent / "tools"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NARROW = 360
"""Pixels of the narrowest window."""


@dataclass(frozen=True, slots=True)
class Judges:
    axe: str
    """The script."""
    nu: list[str]
    """The command that judges the files that are named behind it."""

    def audit(self, page: Page, *, but: tuple[str, ...] = ()) -> None:
        """Nothing against accessibility, in light and in dark, and no sideways scrolling in a narrow window.

        `but` names rules of axe that do not hold here. The page must run scripts.
        """
        found = []
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            found += [f"{scheme}: {line}" for line in self.against(page, but)]
        page.emulate_media(color_scheme="light")
        assert not found, f"{page.url}\n" + "\n".join(found)
        fits(page)

    def valid_html(self, text: str) -> None:
        """The Nu checker has neither errors nor warnings about the document."""
        found = self.about({"document": text})
        assert not found, "\n".join(found)

    def about(self, documents: Mapping[str, str]) -> list[str]:
        """What the Nu checker has against these documents, by their names; one start of it for all."""
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / f"{number}.html" for number in range(len(documents))]
            for file, text in zip(files, documents.values(), strict=True):
                file.write_text(text, "utf-8")
            done = subprocess.run([*self.nu, *files], capture_output=True, text=True, check=False, timeout=120)
        try:
            messages = json.loads(done.stdout)["messages"]
        except ValueError:
            pytest.fail(f"the Nu checker gave no judgement: {done.stderr[-500:]}")
        names = dict(zip((file.name for file in files), documents, strict=True))
        return [
            f"{(name := names[m['url'].rpartition('/')[2]])}: line {m.get('lastLine')}: {m['message']}"
            f" | {_line(documents[name], m.get('lastLine'))}"
            for m in messages
            if m["type"] != "info" or m.get("subType") == "warning"
        ]

    def against(self, page: Page, but: tuple[str, ...] = ()) -> list[str]:
        """What axe has against the page as it is shown now."""
        if page.evaluate("!window.axe"):
            page.evaluate(self.axe)
        run = {"type": "tag", "values": TAGS}
        options = {"runOnly": run, "rules": {rule: {"enabled": False} for rule in but}, "resultTypes": ["violations"]}
        violations: list[dict[str, Any]] = page.evaluate(
            "async options => (await axe.run(document, options)).violations", options
        )
        return [
            f"{broken['id']}: {broken['help']}: {node['html'][:300]} {node['failureSummary']}"
            for broken in violations
            for node in broken["nodes"]
        ]


def _line(text: str, number: int | None) -> str:
    return text.splitlines()[number - 1].strip()[:200] if number else ""


def fits(page: Page) -> None:
    """Nothing is wider than a narrow window; the window is as it was afterwards."""
    before = page.viewport_size
    page.set_viewport_size({"width": NARROW, "height": 740})
    wide = too_wide(page)
    if before:
        page.set_viewport_size(before)
    assert wide <= 0, f"{page.url} is {wide} pixels too wide for a window of {NARROW}"


def too_wide(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"))


def install(cache: pytest.Cache) -> Judges:
    """Fetch what the lock file names, unless it was fetched already."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        leave_out("pages are not judged: node and npm are not on this machine")
    try:
        java = find_java()
    except NoJava as error:
        leave_out(f"pages are not judged: {error}")
    lock = (SOURCES / "package-lock.json").read_bytes()
    home = Path(cache.mkdir(f"page-judges-{hashlib.sha256(lock).hexdigest()[:12]}"))
    if not (home / "installed").is_file():
        shutil.copytree(SOURCES, home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            leave_out(f"pages are not judged: their judges cannot be installed: {done.stderr[-500:]}")
        (home / "installed").touch()
    modules = home / "node_modules"
    small = ["-Xss4m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    jar = modules / "vnu-jar" / "build" / "dist" / "vnu.jar"
    return Judges(
        axe=(modules / "axe-core" / "axe.min.js").read_text("utf-8"),
        nu=[str(java.program), *small, "-jar", str(jar), "--format", "json", "--stdout", "--exit-zero-always"],
    )
