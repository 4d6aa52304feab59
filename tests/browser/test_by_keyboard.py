"""With the keyboard alone: a log-in, a form and an import."""

from pathlib import Path

import pytest
from outside import books
from outside.academy import Academy
from playwright.sync_api import Page, expect

from browser.academies import PASSWORD, add_administrator
from browser.conftest import NewVisitor
from instroom import home

MOST_STEPS = 60
"""Presses of Tab within which everything on a page is reached."""
FOCUSED = """() => {
    const focused = document.activeElement;
    const label = focused.labels && focused.labels.length ? focused.labels[0].innerText : focused.innerText;
    const style = getComputedStyle(focused);
    return {
        name: (focused.getAttribute("aria-label") || label || "").trim(),
        seen: style.outlineStyle !== "none" || style.boxShadow !== "none" || focused.type === "radio",
    };
}"""


@pytest.fixture
def page(acme: Academy, new_visitor: NewVisitor) -> Page:
    """The log-in of an academy with an organisation and an administrator."""
    page = new_visitor(home.addresses(acme.platform.home).console).page
    page.goto(f"/{acme.id}/")
    email = add_administrator(acme)
    _type(page, "E-mailadres", email)
    _type(page, "Wachtwoord", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Gebruikersvoorwaarden")).to_be_visible()
    _go(page, "Akkoord gebruikersvoorwaarden", "Space")
    _go(page, "Verder", "Enter")
    expect(page.get_by_role("heading", name="Gebruikers", level=1)).to_be_visible()
    return page


def test_somebody_is_added_by_keyboard_alone(page: Page) -> None:
    _go(page, "Naar de inhoud", "Enter")
    _go(page, "Gebruiker toevoegen", "Enter")
    expect(page.get_by_role("heading", name="Gebruiker toevoegen")).to_be_visible()
    _type(page, "Personeelsnummer", "1001")
    _type(page, "Voornaam", "Jan")
    _type(page, "Achternaam", "Smit")
    _type(page, "E-mailadres", "jan.smit@toetsen.example")
    _type(page, "Bedrijf", "Acme")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Afdeling").locator("option", has_text="Verkoop")).to_have_count(1)
    _type(page, "Afdeling", "Verk")
    _go(page, "Manager", "Space")
    _go(page, "Opslaan", "Enter")
    expect(page.get_by_role("heading", name="Jan Smit", level=1)).to_be_visible()
    expect(page.get_by_label("Afdeling").locator("option:checked")).to_have_text("Verkoop")
    expect(page.get_by_label("Manager", exact=True)).to_be_checked()


def test_a_file_is_imported_by_keyboard_alone(page: Page, acme: Academy, tmp_path: Path) -> None:
    file = tmp_path / "mensen.xlsx"
    file.write_bytes(books.workbook([acme.person("2001"), acme.person("2002", department="Nergens")]))
    _go(page, "Naar de inhoud", "Enter")
    _go(page, "Importeren", "Enter")
    expect(page.get_by_role("heading", name="Stap 1 van 6")).to_be_visible()
    _go(page, "Volgende", "Enter")
    expect(page.get_by_role("heading", name="Stap 2 van 6")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        _go(page, "Bestand", "Enter")
    chooser.value.set_files(file)
    _go(page, "Uploaden", "Enter")
    expect(page.get_by_role("button", name="Start import")).to_be_enabled(timeout=60_000)
    _go(page, "Start import", "Enter")
    expect(page.get_by_role("heading", name="Wat de import heeft gedaan")).to_be_visible(timeout=60_000)
    expect(page.locator("dl.sum .total dd")).to_have_text("2")


def _go(page: Page, name: str, key: str) -> None:
    """Tab to what has this name, which shows that it has the focus; then press the key."""
    passed: list[str] = []
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        passed.append(focused["name"])
        if focused["name"] == name:
            assert focused["seen"], f"nobody sees that “{name}” has the focus"
            page.keyboard.press(key)
            return
    pytest.fail(f"“{name}” is not reached by Tab, but {passed}")


def _type(page: Page, name: str, text: str) -> None:
    _go(page, name, "Home")
    page.keyboard.type(text)
