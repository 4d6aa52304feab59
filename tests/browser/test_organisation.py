"""An administrator changes the structure without a script: what moves, what loses its code, what is turned off."""

from typing import Any

import pytest
from outside.academy import Academy
from playwright.sync_api import Page, expect

from browser.academies import PASSWORD
from browser.conftest import NewVisitor
from instroom import home
from instroom.testing import wait_until


@pytest.fixture
def page(acme: Academy, new_visitor: NewVisitor) -> Page:
    """The structure, before an administrator whose browser runs no script."""
    bea = {"personnel_number": "b1", "first_name": "Bea", "last_name": "Heer", "email": acme.address("b1")}
    path = acme.path("administrators")
    acme.client.send("user-service", "POST", path, json=bea | {"password": PASSWORD})
    page = new_visitor(home.addresses(acme.platform.home).console, script=False).page
    page.goto(f"/{acme.id}/")
    page.get_by_label("E-mailadres").fill(acme.address("b1"))
    page.get_by_label("Wachtwoord").fill(PASSWORD)
    press(page, "Inloggen")
    page.get_by_label("Akkoord gebruikersvoorwaarden").check()
    press(page, "Verder")
    page.get_by_role("link", name="Organisatiestructuur").first.click()
    expect(page.get_by_role("heading", name="Organisatiestructuur", level=1)).to_be_visible()
    return page


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name, exact=True).first.click()


def company(page: Page, name: str) -> Any:
    """The company in the tree, with its departments."""
    return page.get_by_role("listitem").filter(has=page.get_by_role("link", name=name, exact=True)).first


def test_a_department_goes_to_another_company_with_its_people_where_its_name_is_free(acme: Academy, page: Page) -> None:
    acme.take_in(acme.person(1001, department="Inkoop"), acme.person(1002, department="Inkoop"), acme.person(1003))
    company(page, "Acme BV").get_by_role("link", name="Inkoop", exact=True).click()
    press(page, "Verplaatsen")
    expect(page.get_by_role("heading", name="Inkoop verplaatsen", level=1)).to_be_visible()
    expect(page.get_by_text("2 mensen hebben dit nu.")).to_be_visible()
    page.get_by_label("Nieuw bedrijf").select_option(label="Bakkerij Zoë")
    press(page, "Verplaatsen")
    expect(page.get_by_text("Inkoop hoort nu bij Bakkerij Zoë.")).to_be_visible()
    expect(company(page, "Bakkerij Zoë").get_by_role("link", name="Inkoop", exact=True)).to_be_visible()
    wait_until(
        lambda: {acme.show(each)["company"] for each in (1001, 1002)} == {"Bakkerij Zoë"}, what="both have followed"
    )
    page.get_by_role("link", name="Bakkerij Zoë", exact=True).click()
    page.get_by_role("link", name="Toon deze mensen").click()
    expect(page.get_by_role("row").filter(has_text="Bakkerij Zoë")).to_have_count(2)

    page.goto(f"/{acme.id}/organisation")
    company(page, "Acme BV").get_by_role("link", name="Verkoop", exact=True).click()
    press(page, "Verplaatsen")
    page.get_by_label("Nieuw bedrijf").select_option(label="Bakkerij Zoë")
    press(page, "Verplaatsen")
    refused = "Bakkerij Zoë heeft al een afdeling “Verkoop”. Geef eerst een van de twee een andere naam."
    expect(page.get_by_role("alert")).to_contain_text(refused)
    assert acme.show(1003)["company"] == "Acme BV"


def test_a_code_that_is_emptied_is_gone(acme: Academy, page: Page) -> None:
    company(page, "Acme BV").get_by_role("link", name="Inkoop", exact=True).click()
    expect(page.get_by_label("Code", exact=True)).to_have_value("INK")
    page.get_by_label("Code", exact=True).fill("")
    press(page, "Opslaan")
    expect(page.get_by_text("Inkoop is opgeslagen.")).to_be_visible()
    structure = acme.client.get("org-service", acme.path("structure"))
    codes = {each["name"]: each["code"] for each in structure["companies"][0]["departments"]}
    assert codes == {"Inkoop": None, "Verkoop": "VK"}


def test_turning_a_language_off_tells_first_who_has_it(acme: Academy, page: Page) -> None:
    acme.take_in(acme.person(1001, language="en"))
    page.get_by_role("link", name="Engels uitzetten").click()
    expect(page.get_by_text("1 persoon heeft dit nu.")).to_be_visible()
    press(page, "Uitzetten")
    expect(page.get_by_text("Engels staat uit.")).to_be_visible()
    assert acme.client.get("org-service", acme.path("structure"))["academy"]["languages"] == ["nl"]
    assert acme.show(1001)["language"] == "en"


def test_a_function_is_added_renamed_and_removed_with_what_that_affects(acme: Academy, page: Page) -> None:
    press(page, "Functie toevoegen")
    page.get_by_label("Naam", exact=True).fill("Bakker")
    page.get_by_label("Leeractiviteiten", exact=True).fill("Deeg\nOven")
    press(page, "Toevoegen")
    acme.take_in(acme.person(1001, functions="Bakker"))
    assert acme.show(1001)["learning_activities"] == ["Deeg", "Oven"]
    page.get_by_role("link", name="Bakker", exact=True).click()
    expect(page.get_by_text("1 persoon heeft dit nu.")).to_be_visible()
    page.get_by_label("Naam", exact=True).fill("Banketbakker")
    page.get_by_label("Leeractiviteiten", exact=True).fill("Deeg")
    press(page, "Opslaan")
    expect(page.get_by_text("Banketbakker is opgeslagen.")).to_be_visible()
    known = ("functions", "learning_activities")
    wait_until(
        lambda: [acme.show(1001)[each] for each in known] == [["Banketbakker"], ["Deeg"]], what="the person has both"
    )
    page.get_by_role("link", name="Banketbakker", exact=True).click()
    press(page, "Verwijderen")
    expect(page.get_by_text("1 persoon heeft dit nu.")).to_be_visible()
    press(page, "Verwijderen")
    expect(page.get_by_text("Banketbakker is verwijderd.")).to_be_visible()
    assert acme.show(1001)["functions"] == ["Banketbakker"]
