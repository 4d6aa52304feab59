"""What is seen of an import while it goes on, and that nothing jumps meanwhile."""

import re
from pathlib import Path
from typing import Any

import pytest
from outside import books
from outside.academy import Academy
from playwright.sync_api import expect

from browser.academies import add_administrator, log_in
from browser.conftest import NewVisitor
from contracts.fields import IMPORT_FIELDS
from instroom import home

ROWS = 16_000
"""So many that they take longer than the page waits until it looks again."""
LONGEST = 150_000
"""Milliseconds for them on a machine that does other things too."""
MOST_SHIFT = 0.02
"""Of layout that moves without being asked to; 0.1 is called good."""
WATCH = """() => {
    const keep = (name, value) => {
        const kept = JSON.parse(sessionStorage.getItem(name) || "[]");
        if (kept.at(-1) !== value) sessionStorage.setItem(name, JSON.stringify([...kept, value]));
    };
    new PerformanceObserver((list) => {
        for (const each of list.getEntries()) if (!each.hadRecentInput) keep("shifts", each.value);
    }).observe({type: "layout-shift", buffered: true});
    addEventListener("DOMContentLoaded", () => {
        const look = () => {
            for (const id of ["live", "aloud"]) {
                const found = document.getElementById(id);
                if (found) keep(id, found.innerText.replace(/\\s+/g, " ").trim());
            }
        };
        look();
        new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true});
    });
}"""
"""Keeps what the page showed and how much it moved, over the times that it loads again."""


@pytest.mark.slow
def test_an_import_is_followed_live_and_told_aloud_and_nothing_jumps(
    acme: Academy, new_visitor: NewVisitor, tmp_path: Path
) -> None:
    visitor = new_visitor(home.addresses(acme.platform.home).console)
    page = visitor.page
    add_administrator(acme)
    visitor.let_in(*log_in(acme, "b1"))
    page.add_init_script(f"({WATCH})()")
    file = tmp_path / "veel.csv"
    people = (acme.person(10_000 + number, active="x") for number in range(ROWS))
    file.write_bytes(books.text(books.table(people, IMPORT_FIELDS)))

    page.goto(f"/{acme.id}/imports/new?action=people")
    page.get_by_label("Bestand", exact=True).set_input_files(file)
    page.get_by_role("button", name="Uploaden").click()
    start = page.get_by_role("button", name="Start import")
    expect(start).to_be_enabled(timeout=LONGEST)
    start.click()
    expect(page.get_by_role("heading", name="Wat de import heeft gedaan")).to_be_visible(timeout=LONGEST)
    expect(page.locator("dl.sum .total dd")).to_have_text(str(ROWS))

    seen: dict[str, list[Any]] = {
        name: page.evaluate("name => JSON.parse(sessionStorage.getItem(name) || '[]')", name)
        for name in ("live", "aloud", "shifts")
    }
    steps = [int(found[1]) for each in seen["live"] if (found := re.match(rf"(?:\d+% )?(\d+) van {ROWS} regels", each))]
    assert [each for each in steps if 0 < each < ROWS], f"nothing of the way was seen: {seen['live']}"
    told = [each for each in seen["aloud"] if re.search(r"wordt (gelezen|gecontroleerd)|import is bezig", each)]
    assert told == seen["aloud"]
    assert re.search(r"\d+ procent", " ".join(told))
    assert sum(seen["shifts"]) <= MOST_SHIFT
