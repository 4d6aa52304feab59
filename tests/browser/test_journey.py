"""From the first log-in to an invited person's own: all that the help article describes, in a browser."""

import io
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from browser.conftest import NewVisitor
from instroom import home
from instroom.client import Client
from instroom.testing import Platform, wait_until

PASSWORD = "een lang genoeg wachtwoord"
WORDS: dict[str, dict[str, str]] = {
    "nl": {
        "language": "nl-NL",
        "email": "E-mailadres",
        "password": "Wachtwoord",
        "again": "Wachtwoord nogmaals",
        "log in": "Inloggen",
        "agree": "Akkoord gebruikersvoorwaarden",
        "go on": "Verder",
        "users": "Gebruikers",
        "organisation": "Organisatiestructuur",
        "structure first": "Richt eerst je organisatiestructuur in",
        "add company": "Bedrijf toevoegen",
        "add department": "Afdeling toevoegen",
        "add function": "Functie toevoegen",
        "name": "Naam",
        "add": "Toevoegen",
        "add user": "Gebruiker toevoegen",
        "import": "Importeren",
        "upload new": "Nieuwe & geüpdate gebruikers uploaden",
        "next": "Volgende",
        "template": "Template downloaden",
        "start": "Start import",
        "save": "Opslaan",
        "number": "Personeelsnummer",
        "first name": "Voornaam",
        "last name": "Achternaam",
        "company": "Bedrijf",
        "department": "Afdeling",
        "file": "Bestand",
        "upload": "Uploaden",
        "accept": "Uitnodiging accepteren",
    },
    "en": {
        "language": "en-GB",
        "email": "E-mail address",
        "password": "Password",
        "again": "Password again",
        "log in": "Log in",
        "agree": "I agree to the terms of use",
        "go on": "Go on",
        "users": "Users",
        "organisation": "Organisation structure",
        "structure first": "Set up your organisation structure first",
        "add company": "Add company",
        "add department": "Add department",
        "add function": "Add function",
        "name": "Name",
        "add": "Add",
        "add user": "Add user",
        "import": "Import",
        "upload new": "Upload new & updated users",
        "next": "Next",
        "template": "Download template",
        "start": "Start import",
        "save": "Save",
        "number": "Personnel number",
        "first name": "First name",
        "last name": "Last name",
        "company": "Company",
        "department": "Department",
        "file": "File",
        "upload": "Upload",
        "accept": "Accept the invitation",
    },
}
_numbers = count(1)


class Academy:
    """An academy with nothing but its first administrator."""

    def __init__(self, platform: Platform, id_: str) -> None:
        self.platform, self.id, self.email = platform, id_, f"beheer@{id_}.example"
        known = home.addresses(platform.home)
        self.url = known.console
        client = Client(known.services, credential=home.credential(platform.home, {}), applied=lambda _: True)
        academy = {"name": "Academie Zuid", "default_language": "nl", "languages": ["nl", "en"]}
        about = {"type": "instroom.org.define-academy.v1", "data": academy}
        assert client.command("org-service", "POST", f"/academies/{id_}/commands", json=about)["code"] == "applied"
        first = {"personnel_number": "b1", "first_name": "Bea", "last_name": "Heer", "email": self.email}
        made: Callable[[], Any] = lambda: client.send(  # noqa: E731
            "user-service", "POST", f"/academies/{id_}/administrators", json=first | {"password": PASSWORD}
        )
        assert made().status_code == 201
        client.close()


@pytest.fixture
def academy(platform: Platform) -> Academy:
    return Academy(platform, f"journey-{next(_numbers)}")


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name, exact=True).first.click()


@pytest.mark.parametrize("spoken", list(WORDS))
def test_an_administrator_takes_people_in_and_an_invited_person_gets_in(
    academy: Academy, new_visitor: NewVisitor, tmp_path: Path, spoken: str
) -> None:
    say = WORDS[spoken]
    administrator = new_visitor(academy.url, language=say["language"])
    page = administrator.page

    page.goto(f"/{academy.id}/")
    page.get_by_label(say["email"]).fill(academy.email)
    page.get_by_label(say["password"]).fill(PASSWORD)
    press(page, say["log in"])
    page.get_by_label(say["agree"]).check()
    press(page, say["go on"])
    expect(page.get_by_role("heading", name=say["users"], level=1)).to_be_visible()
    expect(page.get_by_text(say["structure first"]).first).to_be_visible()

    page.get_by_role("link", name=say["organisation"]).first.click()
    page.get_by_role("button", name=say["add company"]).click()
    page.get_by_label(say["name"]).fill("Acme BV")
    press(page, say["add"])
    page.get_by_role("link", name=re.compile(say["add department"])).first.click()
    page.get_by_label(say["name"]).fill("Verkoop")
    press(page, say["add"])

    page.goto(f"/{academy.id}/users")
    page.get_by_role("button", name=say["add user"]).or_(page.get_by_role("link", name=say["add user"])).first.click()
    page.get_by_label(say["number"]).fill("1001")
    page.get_by_label(say["first name"]).fill("Jan")
    page.get_by_label(say["last name"]).fill("Vries")
    page.get_by_label(say["email"]).fill(f"jan@{academy.id}.example")
    page.get_by_label(say["company"]).select_option(label="Acme BV")
    page.get_by_label(say["department"]).select_option(label="Verkoop")
    press(page, say["save"])
    expect(page.get_by_text("Jan Vries").first).to_be_visible()

    page.goto(f"/{academy.id}/users")
    page.get_by_role("button", name=say["import"], exact=True).click()
    page.get_by_label(say["upload new"]).check()
    press(page, say["next"])
    with page.expect_download() as download:
        press(page, say["template"])
    book = openpyxl.load_workbook(io.BytesIO(Path(download.value.path()).read_bytes()))
    sheet = book.worksheets[0]
    rows = [("2001", "Piet", f"piet@{academy.id}.example", "Verkoop"), ("2002", "Kees", "k@x.example", "Onbekend")]
    for number, first, email, department in rows:
        sheet.append([number, first, None, "Smit", email, "Acme BV", department, None, None, "x", "x", None])
    filled = tmp_path / "mensen.xlsx"
    book.save(filled)
    page.locator("input[type=file]").set_input_files(filled)
    press(page, say["upload"])
    expect(page.get_by_role("button", name=say["start"])).to_be_enabled(timeout=30_000)
    expect(page.get_by_text("Onbekend").first).to_be_visible()
    press(page, say["start"])
    expect(
        page.get_by_role("link", name=re.compile("rapport|report", re.I))
        .or_(page.get_by_role("button", name=re.compile("rapport|report", re.I)))
        .first
    ).to_be_visible(timeout=30_000)

    mail = wait_until(
        lambda: next((m for m in academy.platform.mails() if m.to == f"piet@{academy.id}.example"), None), what="mail"
    )
    link = re.search(r"https?://\S+/invitation/[\w.-]+", mail.text)
    assert link is not None
    invited = new_visitor(academy.url, language=say["language"], width=360, height=740).page
    invited.goto(link[0])
    invited.get_by_role("checkbox").check()
    invited.get_by_label(say["password"], exact=True).fill("nog een lang wachtwoord")
    invited.get_by_label(say["again"]).fill("nog een lang wachtwoord")
    press(invited, say["accept"])
    invited.get_by_label(say["email"]).fill(f"piet@{academy.id}.example")
    invited.get_by_label(say["password"]).fill("nog een lang wachtwoord")
    press(invited, say["log in"])
    expect(invited).to_have_url(re.compile("/profile"))
    answer = invited.goto(f"/{academy.id}/users")
    assert answer is not None
    assert answer.status == 403
