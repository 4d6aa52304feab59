"""An academy in which every page has something to show, one that is empty, and who may see them."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from outside import books
from outside.academy import Academy, new_academy

from contracts.fields import IMPORT_FIELDS
from instroom import home
from instroom.stack.databases import name
from instroom.testing import Platform, wait_until

PASSWORD = "een lang genoeg wachtwoord"
COMPANIES = [
    {"name": "Acme BV", "code": "ACME", "departments": [{"name": "Verkoop", "code": "VK"}, {"name": "Inkoop"}]},
    {"name": "Bakkerij Zoë", "departments": [{"name": "Winkel"}, {"name": "Bezorging"}]},
]
FUNCTIONS = [
    {"name": "Adviseur", "learning_activities": ["Privacy basis", "Veilig werken"]},
    {"name": "Inkoper", "learning_activities": ["Onderhandelen"]},
    {"name": "Chauffeur"},
]
NAMES = (
    ("1001", "Anna", "de", "Vries"),
    ("1002", "Bram", "", "Jansen"),
    ("1003", "Carla", "van den", "Berg"),
    ("1004", "Daan", "", "Bakker"),
    ("1005", "Emma", "", "Visser"),
    ("1006", "Finn", "", "Smit"),
    ("1007", "Guusje", "", "Meijer"),
    ("1008", "Hugo", "de", "Boer"),
    ("1009", "Iris", "", "Mulder"),
    ("1010", "Jurre", "de", "Groot"),
    ("1011", "Karin", "", "Bos"),
    ("1012", "Lars", "", "Vos"),
    ("2001", "Mees", "", "Dekker"),
    ("2002", "Noor", "", "Peters"),
    ("2003", "Otto", "", "Kok"),
    ("b1", "Bea", "de", "Heer"),
    ("b2", "Cor", "", "Nieuwland"),
)
IMPORTED = NAMES[:12]
LINK = re.compile(r"https?://[^/\s]+(/-/(?:invitation|password)/[\w.-]+)")
Row = dict[str, Any]
Session = tuple[str, str]
"""The name of a cookie and the session in it."""


class Named(Academy):
    """An academy whose people have addresses as people have them."""

    def address(self, number: object = "1001") -> str:
        name = next((f"{first}.{last}" for known, first, _, last in NAMES if known == str(number)), f"nr{number}")
        return f"{name.lower()}@{self.id}.example"


@dataclass
class World:
    """What was made, and the sessions of who may see it."""

    full: Academy
    empty: Academy
    url: str
    sessions: dict[str, Session] = field(default_factory=dict)
    """By who it is."""
    imports: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    """Addresses of invitations and of new passwords, by what became of them."""
    units: dict[str, str] = field(default_factory=dict)


def person(academy: Academy, number: str, first: str, infix: str, last: str, **more: Any) -> Row:
    """A row of a workbook, or a form, that is good."""
    place = COMPANIES[int(number) % 2]
    fixed = {"personnel_number": number, "first_name": first, "infix": infix or None, "last_name": last}
    where = {"company": place["name"], "department": place["departments"][int(number) // 2 % 2]["name"]}  # type: ignore[index]
    return fixed | where | {"email": academy.address(number), "functions": "Adviseur", "active": "x"} | more


def make(platform: Platform, id_: str, folder: Path) -> World:
    """Everything, over the services as other frontends use them."""
    about = {"default_language": "nl", "languages": ["nl", "en"]}
    south = {"academy": about | {"name": "Academie Zuid"}, "companies": COMPANIES, "functions": FUNCTIONS}
    north = {"academy": about | {"name": "Academie Noord"}, "companies": [], "functions": []}
    full = Named(**vars(new_academy(platform, id_, folder / id_, **south)))
    empty = Named(**vars(new_academy(platform, f"{id_}-0", folder / f"{id_}-0", **north)))
    world = World(full, empty, home.addresses(platform.home).console)
    with _identity(platform) as http:
        _people(world)
        _structure(world)
        _imports(world)
        _links(world, http)
        _sessions(world, http, home.credential(platform.home, {}) or "")
    return world


def _people(world: World) -> None:
    full = world.full
    rows = [person(full, *each, invite="x" if int(each[0]) % 3 else "") for each in IMPORTED]
    rows[3] |= {"active": "", "functions": ""}
    rows[7] |= {"department": "Verkoob"}
    rows[9] |= {"email": "jurre.degroot@"}
    world.imports["done"] = full.take_in(*rows)["import_id"]
    flags = {"infix": None, "active": True, "invite": True}
    full.add(2001, first_name="Mees", last_name="Dekker", **flags)
    full.add(2002, first_name="Noor", last_name="Peters", manager=True, **flags)
    full.add(2003, first_name="Otto", last_name="Kok", **flags)
    full.act(1002, "deactivate")
    full.update(1001, cost_centre="4711", functions=["Inkoper"])
    for each in (2001, 2002, 2003):
        _link(full, each, "invitation")
    full.delete(2003)


def _structure(world: World) -> None:
    full = world.full
    found = full.client.get("org-service", full.path("structure"))
    world.units = {each["name"]: each["id"] for each in (*found["companies"], *found["functions"])}
    world.units |= {each["name"]: each["id"] for company in found["companies"] for each in company["departments"]}
    removal = {"kind": "department", "unit": world.units["Bezorging"]}
    about = {"type": "instroom.org.remove-unit.v1", "data": removal}
    outcome = full.client.command("org-service", "POST", full.path("commands"), json=about)
    assert outcome["code"] == "applied", outcome


def _imports(world: World) -> None:
    full = world.full
    rows = [person(full, *each) for each in NAMES[:6]]
    rows[0] |= {"cost_centre": "9000", "first_name": "Anne"}
    rows[4] |= {"company": "Acme", "email": "emma"}
    rows[5] |= {"active": "", "invite": "x"}
    newer = [
        person(full, "3001", "Pim", "", "Post", invite="x"),
        person(full, "3002", "Quinten", "", "Haan", active="", invite="x"),
        person(full, "3003", "Roos", "van", "Dam", personnel_number=""),
        {"company": "Acme BV", "cost_centre": "12"},
    ]
    for what, data, file in (
        ("checked", books.workbook([*rows, *newer]), "september.xlsx"),
        ("nothing good", books.workbook([rows[4]]), "fout.xlsx"),
        (
            "refused",
            books.workbook(rows, [each for each in IMPORT_FIELDS if each != "personnel_number"]),
            "zonder-nummer.xlsx",
        ),
    ):
        world.imports[what] = full.check(data, file)["import_id"]


def _links(world: World, http: httpx.Client) -> None:
    full, links = world.full, world.links
    links["invitation valid"] = _link(full, 2001, "invitation")
    links["invitation replaced"] = _link(full, 1006, "invitation")
    full.act(1006, "resend-invitation")
    links["invitation not_active"] = _link(full, 1007, "invitation")
    full.act(1007, "deactivate")
    links["invitation expired"] = _link(full, 1003, "invitation")
    yesterday = "= now() - interval '1 day' WHERE academy = $1 AND number_key = $2"
    _change(full, f"UPDATE person SET invitation_expires_at {yesterday}", "1003")
    for number in (1009, 2002):
        links["invitation accepted"] = _link(full, number, "invitation")
        _accept(http, links["invitation accepted"])
    for state, number, count in (("used", 1009, 1), ("expired", 1009, 2), ("valid", 2002, 1)):
        _post(http, full.path("password-resets"), email=full.address(number))
        links[f"password {state}"] = _link(full, number, "password", count)
        if state == "used":
            _post(http, links["password used"].replace("/-/password/", "/password-resets/"), password=PASSWORD)
        elif state == "expired":
            _change(full, f"UPDATE password_reset SET expires_at {yesterday} AND used_at IS NULL", "1009")


def _link(academy: Academy, number: object, kind: str, count: int = 1) -> str:
    """Where the newest of the `count` mails of this kind to this person leads."""

    def look() -> list[str]:
        found = [LINK.search(mail.text) for mail in academy.mails(number)]
        return [each[1] for each in found if each and f"/-/{kind}/" in each[1]]

    wait_until(lambda: len(look()) >= count, what=f"{count} mails with a link to {number}")
    return look()[-1]


def _accept(http: httpx.Client, link: str) -> None:
    path = link.replace("/-/invitation/", "/invitations/")
    told = http.get(path).json()
    _post(http, path, password=PASSWORD, terms_version=told["terms"]["version"])


def _sessions(world: World, http: httpx.Client, operator: str) -> None:
    for academy, number, who in (
        (world.full, "b1", "administrator"),
        (world.full, "b2", "newcomer"),
        (world.empty, "b1", "first"),
    ):
        add_administrator(academy, number)
        world.sessions[who] = log_in(academy, number, accept=who != "newcomer")
    world.sessions["manager"] = log_in(world.full, 2002)
    world.sessions["member"] = log_in(world.full, 1009)
    world.sessions["operator"] = ("instroom-operator", _post(http, "/operator/sessions", token=operator)["session"])


def add_administrator(academy: Academy, number: str = "b1") -> str:
    """Bea, or Cor, with PASSWORD; their address. They did not accept the terms."""
    _, first, infix, last = next(each for each in NAMES if each[0] == number)
    body = {"personnel_number": number, "first_name": first, "infix": infix or None, "last_name": last}
    body |= {"email": academy.address(number), "password": PASSWORD}
    academy.client.send("user-service", "POST", academy.path("administrators"), json=body)
    return academy.address(number)


def log_in(academy: Academy, number: object, *, accept: bool = True) -> Session:
    """Log in with PASSWORD, and accept the terms."""
    with _identity(academy.platform) as http:
        session = str(
            _post(http, academy.path("sessions"), email=academy.address(number), password=PASSWORD)["session"]
        )
        shown = {"Authorization": f"Bearer {session}"}
        if accept:
            version = http.get("/sessions/current/terms", headers=shown).json()["version"]
            http.post("/sessions/current/terms", headers=shown, json={"version": version}).raise_for_status()
    return "instroom-session", session


def _identity(platform: Platform) -> httpx.Client:
    """For what everybody may ask user-service."""
    address = home.addresses(platform.home).services["user-service"]
    return httpx.Client(base_url=address, timeout=30, trust_env=False)


def _post(http: httpx.Client, path: str, **body: Any) -> Any:
    return http.post(path, json=body).raise_for_status().json()


def _change(academy: Academy, statement: str, number_key: str) -> None:
    """Change one person in user-service's database: let time pass for them. The browser has a loop in this thread."""
    base, _, query = academy.platform.database().partition("?")
    dsn = f"{base.rpartition('/')[0]}/{name('user')}" + (f"?{query}" if query else "")

    async def run() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(statement, academy.id, number_key)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()
