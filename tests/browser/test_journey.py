"""From the first log-in to an invited person's own: all that the help article describes, in a browser."""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from outside.academy import LINK, Academy, NewAcademy
from playwright.sync_api import Locator, Page, expect

from browser.academies import PASSWORD, add_administrator
from browser.conftest import NewVisitor
from browser.visitor import press
from instroom import home
from instroom.testing import wait_until

OWN_PASSWORD = "nog een lang wachtwoord"
LONGEST = 60_000
"""Milliseconds that a check or an import of a few rows may take on a machine that does other things too."""
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
        "activities": "Leeractiviteiten",
        "name": "Naam",
        "add": "Toevoegen",
        "add user": "Gebruiker toevoegen",
        "import": "Importeren",
        "upload new": "Nieuwe & geüpdate gebruikers uploaden",
        "next": "Volgende",
        "template": "Template downloaden",
        "start": "Start import",
        "save": "Opslaan",
        "personal": "Persoonsgegevens",
        "organisational": "Organisatiegegevens",
        "status": "Status",
        "active": "Actief",
        "manager": "Manager",
        "invite": "Uitnodiging versturen",
        "number": "Personeelsnummer",
        "first name": "Voornaam",
        "last name": "Achternaam",
        "company": "Bedrijf",
        "department": "Afdeling",
        "functions": "Functies",
        "file": "Bestand",
        "upload": "Uploaden",
        "accept": "Uitnodiging accepteren",
        "rejected": "Deze mensen worden niet geïmporteerd",
        "nobody": "Regels zonder persoon",
        "rows": "Gebruikers",
        "created": "Nieuw",
        "updated": "Bijgewerkt",
        "unchanged": "Ongewijzigd",
        "not imported": "Niet geïmporteerd",
        "all rows": "Alle regels",
        "total": "Regels in het bestand",
        "waiting": "Wachtende uitnodigingen",
        "one waits": "1 uitnodiging wacht tot de gebruiker actief is",
        "cost centre": "Kostenplaats: (leeg) → 4711",
        "renamed": "Voornaam: Piet → Pieter",
        "did": "Wat de import heeft gedaan",
        "will": "Wat de import gaat doen",
        "report": "Rapport downloaden",
        "nothing good": "De import kan niet starten: het bestand heeft geen regel die geïmporteerd kan worden.",
        "nobody there": "bestaat niet bij bedrijf",
        "refused": "Je mag deze pagina niet zien",
        "log out": "Uitloggen",
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
        "activities": "Learning activities",
        "name": "Name",
        "add": "Add",
        "add user": "Add user",
        "import": "Import",
        "upload new": "Upload new & updated users",
        "next": "Next",
        "template": "Download template",
        "start": "Start import",
        "save": "Save",
        "personal": "Personal details",
        "organisational": "Organisation details",
        "status": "Status",
        "active": "Active",
        "manager": "Manager",
        "invite": "Send invitation",
        "number": "Personnel number",
        "first name": "First name",
        "last name": "Last name",
        "company": "Company",
        "department": "Department",
        "functions": "Functions",
        "file": "File",
        "upload": "Upload",
        "accept": "Accept the invitation",
        "rejected": "These people are not imported",
        "nobody": "Rows without a person",
        "rows": "Users",
        "created": "New",
        "updated": "Updated",
        "unchanged": "Unchanged",
        "not imported": "Not imported",
        "all rows": "All rows",
        "total": "Rows in the file",
        "waiting": "Waiting invitations",
        "one waits": "1 invitation waits until the user is active",
        "cost centre": "Cost centre: (empty) → 4711",
        "renamed": "First name: Piet → Pieter",
        "did": "What the import did",
        "will": "What the import will do",
        "report": "Download report",
        "nothing good": "The import cannot start: the file has no row that can be imported.",
        "nobody there": "does not exist in company",
        "refused": "You may not see this page",
        "log out": "Log out",
    },
}
ADMINISTRATORS_PAGES = ("users", "users/new", "imports", "imports/new", "organisation", "invitations", "events")
Row = dict[str, Any]


@dataclass
class Journey:
    """One administrator on their way, in one language."""

    academy: Academy
    page: Page
    say: dict[str, str]
    folder: Path

    def press(self, name: str, page: Page | None = None) -> None:
        press(page or self.page, self.say[name])

    def field(self, name: str) -> Locator:
        return self.page.get_by_label(self.say[name], exact=True)

    def log_in(self, email: str, password: str, page: Page | None = None) -> None:
        at = page or self.page
        at.get_by_label(self.say["email"]).fill(email)
        at.get_by_label(self.say["password"]).fill(password)
        self.press("log in", at)

    def add_unit(self, what: str, name: str, **more: str) -> None:
        self.page.get_by_role("main").get_by_role("link", name=self.say[what]).or_(
            self.page.get_by_role("main").get_by_role("button", name=self.say[what])
        ).first.click()
        self.field("name").fill(name)
        for label, text in more.items():
            self.field(label).fill(text)
        self.press("add")
        expect(self.page.get_by_role("main").get_by_text(name).first).to_be_visible()

    def upload(self, file: Path) -> None:
        """From the list of people to the last check, past the template."""
        self.page.goto(f"/{self.academy.id}/users")
        self.page.get_by_role("main").get_by_role("button", name=self.say["import"], exact=True).click()
        expect(self.page.get_by_label(self.say["upload new"])).to_be_checked()
        self.press("next")
        self.field("file").set_input_files(file)
        self.press("upload")
        expect(self.page.get_by_role("heading", name=self.say["will"])).to_be_visible(timeout=LONGEST)

    def template(self) -> openpyxl.Workbook:
        """As it is downloaded in the second step."""
        self.page.goto(f"/{self.academy.id}/imports/new?action=people")
        with self.page.expect_download() as download:
            self.press("template")
        return openpyxl.load_workbook(io.BytesIO(Path(download.value.path()).read_bytes()))

    def filled(self, name: str, rows: list[list[Any]]) -> tuple[Path, int]:
        """The template with these rows in it, and the number of the first."""
        book = self.template()
        sheet = book.worksheets[0]
        first = sheet.max_row + 1
        for row in rows:
            sheet.append(row)
        path = self.folder / name
        book.save(path)
        return path, first

    def counts(self) -> dict[str, int]:
        """What the check or the report counts; they add up to the rows of the file."""
        found = self.page.locator("dl.sum > div")
        names = {self.say[each]: each for each in ("created", "updated", "unchanged", "not imported", "total")}
        told = {}
        for label, number in zip(
            found.locator("dt").all_inner_texts(), found.locator("dd").all_inner_texts(), strict=True
        ):
            told[names[label.lstrip("+= ")]] = int(number)
        assert sum(told.values()) == 2 * told["total"]
        return told

    def show(self, name: str) -> Locator:
        """The rows of one filter."""
        self.page.get_by_role("link", name=re.compile(rf"^{self.say[name]} \(")).click()
        return self.page.get_by_role("main").locator("tbody tr")


def person(
    academy: Academy, number: str, first: str, department: str = "Verkoop", *, active: str = "x", **more: str
) -> list[Any]:
    """A row of the template."""
    place = ["Acme BV", department, None, more.get("cost_centre")]
    return [number, first, None, "Smit", f"{number}@{academy.id}.example", *place, "x", active, None]


@pytest.mark.parametrize("spoken", list(WORDS))
def test_an_administrator_takes_people_in_and_an_invited_person_gets_in(
    make_academy: NewAcademy, new_visitor: NewVisitor, tmp_path: Path, spoken: str
) -> None:
    about = {"name": "Academie Zuid", "default_language": "nl", "languages": ["nl", "en"]}
    academy = make_academy(academy=about, companies=[], functions=[])
    url = home.addresses(academy.platform.home).console
    say = WORDS[spoken]
    journey = Journey(academy, new_visitor(url, language=say["language"]).page, say, tmp_path)

    _first_log_in(journey, add_administrator(academy))
    _organisation(journey)
    _one_user(journey)
    _import(journey)
    _second_import(journey)
    _nothing_good(journey)

    to = f"2001@{academy.id}.example"
    mails = wait_until(lambda: [each for each in academy.platform.mails() if each.to == to], what="the invitation")
    links = [LINK.search(each.text) for each in mails]
    assert len(links) == 1
    assert links[0] is not None
    invited = new_visitor(url, language=say["language"], width=360, height=740).page
    _invited_person(journey, invited, links[0][0], to)


def _first_log_in(journey: Journey, email: str) -> None:
    page, say = journey.page, journey.say
    page.goto(f"/{journey.academy.id}/")
    journey.log_in(email, PASSWORD)
    page.get_by_label(say["agree"]).check()
    journey.press("go on")
    expect(page.get_by_role("heading", name=say["users"], level=1)).to_be_visible()
    expect(page.get_by_role("heading", name=say["structure first"])).to_be_visible()


def _organisation(journey: Journey) -> None:
    journey.page.get_by_role("navigation").get_by_role("link", name=journey.say["organisation"]).click()
    journey.add_unit("add company", "Acme BV")
    journey.add_unit("add department", "Verkoop")
    journey.add_unit("add function", "Adviseur", activities="Privacy basis")
    expect(journey.page.get_by_text("Privacy basis")).to_be_visible()


def _one_user(journey: Journey) -> None:
    page, say, academy = journey.page, journey.say, journey.academy
    page.goto(f"/{academy.id}/users")
    expect(page.get_by_text(say["structure first"])).to_have_count(0)
    page.get_by_role("main").get_by_role("button", name=say["add user"]).click()
    for group, fields in {
        "personal": ("number", "first name", "last name", "email"),
        "organisational": ("company", "department", "functions"),
        "status": ("active", "manager", "invite"),
    }.items():
        for each in fields:
            expect(page.get_by_role("group", name=say[group]).get_by_label(say[each], exact=True)).to_be_visible()
    assert page.get_by_label(say["agree"]).count() == 0
    journey.field("number").fill("1001")
    journey.field("first name").fill("Jan")
    journey.field("last name").fill("Smit")
    journey.field("email").fill(f"1001@{academy.id}.example")
    journey.field("company").select_option(label="Acme BV")
    journey.field("department").select_option(label="Verkoop")
    journey.field("functions").get_by_label("Adviseur").check()
    journey.press("save")
    expect(page.get_by_role("heading", name="Jan Smit", level=1)).to_be_visible()
    expect(page.get_by_role("main").get_by_text("Privacy basis")).to_be_visible()


def _import(journey: Journey) -> None:
    page, say, academy = journey.page, journey.say, journey.academy
    nobody = [None, None, None, None, None, "Acme BV", *[None] * 6]
    rows = [
        person(academy, "2001", "Piet"),
        person(academy, "2002", "Kees", "Onbekend"),
        person(academy, "2003", "Anna", active=""),
        nobody,
        person(academy, "1001", "Jan", cost_centre="4711"),
    ]
    file, first = journey.filled("mensen.xlsx", rows)
    journey.upload(file)
    planned = {"created": 2, "updated": 1, "unchanged": 0, "not imported": 2, "total": 5}
    assert journey.counts() == planned
    expect(page.get_by_text(say["one waits"])).to_be_visible()
    rejected = page.get_by_role("table", name=say["rejected"]).locator("tbody tr")
    expect(rejected).to_have_count(1)
    for text in ("2002", "Kees Smit", f"G{first + 1}", "Onbekend", say["nobody there"]):
        expect(rejected).to_contain_text(text)
    without = page.get_by_role("table", name=say["nobody"]).locator("tbody tr")
    expect(without).to_have_count(1)
    expect(without.locator("td").first).to_have_text(str(first + 3))
    expect(without).to_contain_text(f"A{first + 3}")
    expect(journey.show("updated")).to_contain_text([say["cost centre"]])
    expect(journey.show("waiting")).to_contain_text(["Anna Smit"])
    expect(journey.show("all rows")).to_have_count(5)

    journey.press("start")
    expect(page.get_by_role("heading", name=say["did"])).to_be_visible(timeout=LONGEST)
    assert journey.counts() == planned
    expect(page.get_by_role("main").get_by_role("button", name=say["report"])).to_be_visible()
    page.goto(f"/{academy.id}/users")
    for name in ("Piet Smit", "Anna Smit", "Jan Smit"):
        expect(page.get_by_role("rowheader", name=name)).to_be_visible()


def _second_import(journey: Journey) -> None:
    """What changes is told field by field; what is as it was is not sent again."""
    file, _ = journey.filled(
        "nog-eens.xlsx", [person(journey.academy, "2001", "Pieter"), person(journey.academy, "2003", "Anna", active="")]
    )
    journey.upload(file)
    assert journey.counts() == {"created": 0, "updated": 1, "unchanged": 1, "not imported": 0, "total": 2}
    changed = journey.show("updated")
    expect(changed).to_contain_text([journey.say["renamed"]])
    journey.press("start")
    expect(journey.page.get_by_role("heading", name=journey.say["did"])).to_be_visible(timeout=LONGEST)
    assert journey.counts()["updated"] == 1


def _nothing_good(journey: Journey) -> None:
    file, _ = journey.filled("fout.xlsx", [person(journey.academy, "2002", "Kees", "Onbekend")])
    journey.upload(file)
    start = journey.page.get_by_role("button", name=journey.say["start"])
    expect(start).to_be_disabled()
    expect(start).to_have_accessible_description(re.compile(re.escape(journey.say["nothing good"])))


def _invited_person(journey: Journey, page: Page, link: str, email: str) -> None:
    say, academy = journey.say, journey.academy
    page.goto(link)
    page.get_by_label(say["agree"]).check()
    page.get_by_label(say["password"], exact=True).fill(OWN_PASSWORD)
    page.get_by_label(say["again"]).fill(OWN_PASSWORD)
    journey.press("accept", page)
    journey.log_in(email, OWN_PASSWORD, page)
    expect(page).to_have_url(re.compile("/profile"))
    expect(page.get_by_role("cell", name="Pieter Smit")).to_be_visible()
    for path in ADMINISTRATORS_PAGES:
        answer = page.goto(f"/{academy.id}/{path}")
        assert answer is not None
        assert answer.status == 403
        expect(page.get_by_role("heading", name=say["refused"])).to_be_visible()
    page.get_by_role("button", name=say["log out"]).click()
    page.goto(f"/{academy.id}/profile")
    expect(page.get_by_role("heading", name=say["log in"])).to_be_visible()
