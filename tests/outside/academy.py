"""An academy of a test's own and what people and programs do in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from contracts.fields import IMPORT_FIELDS
from instroom import home, revisions
from instroom.client import Client
from instroom.stack.mails import Mail
from instroom.testing import Platform, Ran, wait_until
from outside import books

COMPANIES = [
    {
        "name": "Acme BV",
        "code": "ACME",
        "departments": [{"name": "Verkoop", "code": "VK"}, {"name": "Inkoop", "code": "INK"}],
    },
    {"name": "Bakkerij Zoë", "code": "BZ", "departments": [{"name": "Winkel"}, {"name": "Verkoop"}]},
]
FUNCTIONS = [
    {"name": "Adviseur", "code": "ADV", "learning_activities": ["Privacy basis", "Veilig werken"]},
    {"name": "Inkoper", "learning_activities": ["Onderhandelen"]},
    {"name": "Manager, verkoop", "learning_activities": ["Leidinggeven"]},
]
LINK = re.compile(r"https?://\S+/invitation/[\w.-]+")
ENDED = ("checked", "completed", "refused", "failed", "cancelled")


@dataclass
class Academy:
    """One academy on a platform: over HTTP with the command line's own client, or by the command line itself."""

    platform: Platform
    id: str
    client: Client
    folder: Path

    # the organisation

    def apply(self, **structure: Any) -> int:
        """Define or update the organisation; what follows from here on waits for it, as it does behind the command."""
        outcome = self.client.command("org-service", "POST", self.path("structure"), json=structure)
        assert outcome["code"] == "applied", outcome
        revisions.remember(self.platform.home, self.id, outcome["revision"])
        return int(outcome["revision"])

    @property
    def revision(self) -> int:
        return revisions.seen(self.platform.home, self.id)

    def path(self, *parts: str) -> str:
        return "/".join(("/academies", self.id, *parts))

    # the command line

    def cli(self, *words: str | Path, timeout: float = 120, language: str = "nl") -> Ran:
        """`instroom … --academy <this>`."""
        spoken = {"INSTROOM_LANG": language}
        return self.platform.run(*words, "--academy", self.id, timeout=timeout, environment=spoken)

    def file(self, data: bytes, name: str = "mensen.xlsx") -> Path:
        """The data as a file of that name."""
        path = self.folder / name
        path.write_bytes(data)
        return path

    def import_file(self, data: bytes, *flags: str, name: str = "mensen.xlsx", code: int = 0) -> dict[str, Any]:
        """`instroom import FILE --json`, which must end with `code`; its document."""
        ran = self.cli("import", self.file(data, name), "--json", *flags)
        assert ran.code == code, f"{ran.code}\n{ran.out}\n{ran.err}"
        document: dict[str, Any] = ran.json()
        return document

    # imports over HTTP

    def upload(self, data: bytes, name: str = "mensen.xlsx") -> str:
        params = {"filename": name, "min_org_revision": self.revision}
        answer = self.client.send(
            "import-service", "POST", self.path("imports"), params=params, content=lambda: iter([data])
        )
        return str(answer.json()["import_id"])

    def ended(self, import_id: str, *, after: str = "checking") -> dict[str, Any]:
        """The document once the import has left `after`, and is not on its way any more."""
        path = self.path("imports", import_id)

        def look() -> bool:
            state = self.client.get("import-service", path, wait=5, after_state=after)["state"]
            return state != after and state in ENDED

        wait_until(look, timeout=120, what=f"import {import_id} ends")
        document: dict[str, Any] = self.client.get("import-service", path + "/document")
        return document

    def check(self, data: bytes, name: str = "mensen.xlsx") -> dict[str, Any]:
        """The last check of the file."""
        return self.ended(self.upload(data, name))

    def start(self, import_id: str) -> dict[str, Any]:
        """What the import came to."""
        self.client.send("import-service", "POST", self.path("imports", import_id, "start"))
        return self.ended(import_id, after="running")

    def take_in(self, *people: books.Person, fields: Sequence[str] = IMPORT_FIELDS) -> dict[str, Any]:
        """Import these people from a workbook and start it: the document of the outcome."""
        return self.start(self.check(books.workbook(people, fields))["import_id"])

    # people

    def person(self, number: object = "1001", **changes: Any) -> dict[str, Any]:
        """Somebody good; their address is nobody else's on the platform."""
        person = {
            "personnel_number": str(number),
            "first_name": "Jan",
            "infix": "de",
            "last_name": "Vries",
            "email": self.address(number),
            "company": "Acme BV",
            "department": "Verkoop",
            "functions": "Adviseur",
        }
        return person | changes

    def address(self, number: object = "1001") -> str:
        return f"p{number}@{self.id}.example"

    def command(self, method: str, *path: str, json: Any = None) -> dict[str, Any]:
        """The outcome of a command to user-service."""
        params = {"min_org_revision": self.revision}
        return self.client.command("user-service", method, self.path("users", *path), params=params, json=json)

    def add(self, number: object = "1001", **changes: Any) -> dict[str, Any]:
        """Add somebody as a form does (mode create)."""
        person = self.person(number, **changes)
        if isinstance(person["functions"], str):
            person["functions"] = [person["functions"]]
        return self.command("POST", json=person)

    def update(self, number: object, **changes: Any) -> dict[str, Any]:
        return self.command("PATCH", str(number), json=changes)

    def act(self, number: object, action: str) -> dict[str, Any]:
        return self.command("POST", str(number), action)

    def delete(self, number: object) -> dict[str, Any]:
        return self.command("DELETE", str(number))

    def show(self, number: object = "1001") -> dict[str, Any]:
        user: dict[str, Any] = self.client.get("user-service", self.path("users", str(number)))
        return user

    def users(self) -> list[dict[str, Any]]:
        users: list[dict[str, Any]] = self.client.get("user-service", self.path("users"), limit=1000)["users"]
        return users

    # mails

    def mails(self, number: object | None = None) -> list[Mail]:
        """Those that went to people of this academy, or to one of them."""
        wanted = self.address(number) if number is not None else f"@{self.id}.example"
        return [mail for mail in self.platform.mails() if mail.to.endswith(wanted)]

    def mail(self, number: object = "1001", count: int = 1) -> Mail:
        """The newest of the `count` mails that this person gets."""
        mails: list[Mail] = wait_until(
            lambda: self.mails(number) if len(self.mails(number)) >= count else None,
            timeout=60,
            what=f"{count} mails to {self.address(number)}",
        )
        assert len(mails) == count, [mail.subject for mail in mails]
        return mails[-1]

    def invitations(self) -> dict[str, dict[str, Any]]:
        """What notify-service knows, by personnel number."""
        found = self.client.get("notify-service", self.path("invitations"))["invitations"]
        return {invitation["personnel_number"]: invitation for invitation in found}

    def page(self, mail: Mail) -> httpx.Response:
        """What the link of the mail opens."""
        link = LINK.search(mail.text)
        assert link is not None, mail.text
        return httpx.get(link[0], timeout=30, trust_env=False)


NewAcademy = Callable[..., Academy]


def new_academy(platform: Platform, id_: str, folder: Path, **structure: Any) -> Academy:
    """An academy with the usual organisation, or the one that is given."""
    folder.mkdir(exist_ok=True)
    services = home.addresses(platform.home).services
    made = Academy(
        platform, id_, Client(services, credential=home.credential(platform.home, {}), applied=lambda _: True), folder
    )
    about = {"name": f"Academy {id_}", "default_language": "nl", "languages": ["nl", "en"]}
    made.apply(**({"academy": about, "companies": COMPANIES, "functions": FUNCTIONS} | structure))
    return made


def as_yaml(document: Any) -> bytes:
    """JSON is YAML."""
    return json.dumps(document).encode()
