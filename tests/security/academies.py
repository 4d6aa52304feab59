"""Two academies in which everything is: whatever of one is seen by the other is a leak, and can be recognised.

Every name, address, number and file name of an academy holds its `mark`; those of a person the person's own.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from outside import books, broker
from outside.academy import Academy, new_academy

from contracts.fields import IMPORT_FIELDS
from instroom import home
from instroom.testing import Platform, wait_until

PASSWORD = "Een goed wachtwoord van {}"
TOKEN = re.compile(r"/-/(?:invitation|password)/([\w-]+)")
PEOPLE = ("manager", "lid", "collega", "elders", "weg")
"""In a department with its manager: a member, somebody who is invited and somebody whom tests may delete; elsewhere a
member of another department."""


@dataclass
class Person:
    """Somebody with a password and a session."""

    number: str
    email: str
    password: str
    session: str = ""
    session_id: str = ""


@dataclass
class Realm:
    """An academy with ids of everything that can be named in an address."""

    academy: Academy
    mark: str
    people: dict[str, Person] = field(default_factory=dict)
    api_token: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    """By what stands before the parameter in a path, and its name: `users/{number}`."""
    units: dict[str, str] = field(default_factory=dict)
    starts: dict[str, str] = field(default_factory=dict)
    """The places in the event streams before anything happened here, by service."""
    secrets: set[str] = field(default_factory=set)
    """What must be found nowhere but with whom it was given to."""

    @property
    def id(self) -> str:
        return self.academy.id

    @property
    def services(self) -> dict[str, str]:
        return dict(home.addresses(self.academy.platform.home).services)

    def credential(self, role: str) -> str:
        """The session of a person, or the API token."""
        return self.api_token if role == "api token" else self.people[role].session

    def state(self) -> dict[str, Any]:
        """What somebody of another academy could have changed."""
        get, path = self.academy.client.get, self.academy.path
        return {
            "people": [self.academy.show(person.number) for who, person in self.people.items() if who != "weg"],
            "structure": get("org-service", path("structure")),
            "terms": get("org-service", path("terms")),
            "log-in": get("user-service", path("welcome"))["log_in"],
            "tokens": [each["id"] for each in get("user-service", path("api-tokens"))["api_tokens"]],
            "imports": [(each["import_id"], each["state"]) for each in get("import-service", path("imports"))["imports"]],
        }  # fmt: skip


def access_token(platform: Platform, credential: str) -> str:
    """What the credential gives for a minute."""
    url = home.addresses(platform.home).services["user-service"] + "/access-tokens"
    answer = httpx.post(url, headers={"Authorization": f"Bearer {credential}"}, timeout=30, trust_env=False)
    assert answer.is_success, answer.text
    return str(answer.json()["access_token"])


def dsn_of(platform: Platform, service: str) -> str:
    """Of the database of a service (its short name), for whoever may look into all."""
    return urlunsplit(urlsplit(platform.database())._replace(path=f"/instroom_{service}"))


def two_realms(platform: Platform, folder: Path, run: str, issuer: str) -> tuple[Realm, Realm]:
    """Both with the same everything, but for their marks."""
    begun = Barrier(2, timeout=120)  # what is told of either is behind where both begin
    with ThreadPoolExecutor(2) as pool:
        noord, zuid = pool.map(lambda name: _Made(platform, folder, run, name, issuer, begun).realm, ("noord", "zuid"))
    return noord, zuid


class _Made:
    """Makes a realm, over HTTP and by mails, as people do."""

    def __init__(self, platform: Platform, folder: Path, run: str, name: str, issuer: str, begun: Barrier) -> None:
        id_, mark = f"{name}-{run}", f"kanarie{name}{run}"
        academy = new_academy(platform, id_, folder / name, **_structure(mark))
        self.realm = Realm(academy, mark)
        self.http = httpx.Client(
            timeout=30,
            trust_env=False,
            headers={"User-Agent": f"Browser {mark}"},
            limits=httpx.Limits(keepalive_expiry=2),
        )
        self._note_starts()
        begun.wait()
        terms = {"type": "instroom.org.define-terms.v1", "data": {"texts": {"nl": f"Voorwaarden {mark}"}}}
        self.realm.ids["org-service commands/{command_id}"] = self._command("org-service", "commands", terms)
        self._note_units()
        self._add_administrator()
        self._import()
        for who in ("manager", "lid", "elders"):
            self._accept(who)
        act = {"json": {"manager": True}, "method": "PATCH"}
        self.realm.ids["user-service commands/{command_id}"] = self._command(
            "user-service", f"users/{self.realm.people['manager'].number}", **act
        )
        for who in ("administrator", "manager", "lid", "elders"):
            self._log_in(self.realm.people[who])
        self._add_token()
        self._add_provider(issuer)
        self._ask_reset()
        self._set_aside()
        self._note_ids()
        self.http.close()

    def _note_starts(self) -> None:
        operator = access_token(
            self.realm.academy.platform, home.credential(self.realm.academy.platform.home, {}) or ""
        )
        for service, address in self.realm.services.items():
            url, headers = f"{address}/academies/{self.realm.id}/events", {"Authorization": f"Bearer {operator}"}
            with self.http.stream("GET", url, headers=headers) as stream:
                line = next(line for line in stream.iter_lines() if line.startswith("id:"))
            self.realm.starts[service] = line.partition(":")[2].strip()

    def _note_units(self) -> None:
        structure = self.realm.academy.client.get("org-service", self.realm.academy.path("structure"))
        company, function = structure["companies"][0], structure["functions"][0]
        departments = {each["name"].rpartition(" ")[2]: each["id"] for each in company["departments"]}
        self.realm.units = {"company": company["id"], "function": function["id"], "department": departments["hier"]}
        self.realm.units["elsewhere"] = departments["elders"]

    def _command(self, service: Any, path: str, json: Any, method: str = "POST") -> str:
        """The id of a command, once it is done."""
        client = self.realm.academy.client
        made = client.send(service, method, self.realm.academy.path(path), json=json).json()
        done = wait_until(
            lambda: (found := client.get(service, made["location"], wait=5))["state"] == "done" and found,
            what=f"{path} is done",
        )
        assert done["outcome"]["code"] in ("applied", "updated"), done
        return str(made["command_id"])

    def _person(self, who: str) -> Person:
        mark = f"{self.realm.mark}-{who}"
        person = Person(mark, f"{mark}@{self.realm.id}.example", PASSWORD.format(mark))
        self.realm.people[who] = person
        self.realm.secrets.add(person.password)
        return person

    def _add_administrator(self) -> None:
        person = self._person("administrator")
        first = {"personnel_number": person.number, "first_name": "Ada", "last_name": person.number}
        body = first | {"email": person.email, "password": person.password}
        made = self.realm.academy.client.send(
            "user-service", "POST", self.realm.academy.path("administrators"), json=body
        )
        assert made.status_code == 201

    def _import(self) -> None:
        mark, academy = self.realm.mark, self.realm.academy
        rows = [self._row(self._person(who), "elders" if who == "elders" else "hier") for who in PEOPLE]
        wrong = self._row(Person(f"{mark}-fout", "geen adres", ""), "hier")
        known = academy.check(books.workbook([*rows, wrong], IMPORT_FIELDS), f"{mark}.xlsx")
        assert academy.start(known["import_id"])["created"] == len(PEOPLE)
        self.realm.ids["imports/{import_id}"] = known["import_id"]

    def _row(self, person: Person, department: str) -> dict[str, str]:
        mark = self.realm.mark
        return {
            "personnel_number": person.number,
            "first_name": "Jan",
            "last_name": person.number,
            "email": person.email,
            "company": f"Bedrijf {mark}",
            "department": f"Afdeling {mark} {department}",
            "functions": f"Functie {mark}",
            "cost_centre": person.number,
            "invite": "x",
            "active": "x",
        }

    def _token_for(self, person: Person, what: str) -> str:
        def mailed() -> str | None:
            texts = [mail.text for mail in self.realm.academy.platform.mails() if mail.to == person.email]
            return next((found[1] for text in texts if f"/-/{what}/" in text and (found := TOKEN.search(text))), None)

        token = str(wait_until(mailed, what=f"the {what} of {person.email}"))
        self.realm.secrets.add(token)
        return token

    def _ask(self, method: str, path: str, secret: str = "", json: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        answer = self.http.request(method, self.realm.services["user-service"] + path, headers=headers, json=json)
        assert answer.is_success, (method, path, answer.text)
        return answer.json() if answer.content else None

    def _accept(self, who: str) -> None:
        person = self.realm.people[who]
        token = self._token_for(person, "invitation")
        version = self._ask("GET", f"/invitations/{token}")["terms"]["version"]
        self._ask("POST", f"/invitations/{token}", json={"password": person.password, "terms_version": version})

    def _log_in(self, person: Person) -> None:
        body = {"email": person.email, "password": person.password}
        person.session = self._ask("POST", f"/academies/{self.realm.id}/sessions", json=body)["session"]
        self.realm.secrets.add(person.session)
        terms = self._ask("GET", "/sessions/current/terms", person.session)
        if not terms["accepted"]:
            self._ask("POST", "/sessions/current/terms", person.session, {"version": terms["version"]})
        access = self._ask("POST", "/access-tokens", person.session)["access_token"]
        own = self._ask("GET", f"/academies/{self.realm.id}/profile/sessions", access)["sessions"]
        person.session_id = next(each["id"] for each in own if each["current"])

    def _add_token(self) -> None:
        access = self._ask("POST", "/access-tokens", self.realm.credential("administrator"))["access_token"]
        path = f"/academies/{self.realm.id}/api-tokens"
        made = self._ask("POST", path, access, {"name": f"Programma {self.realm.mark}"})
        self.realm.api_token = made["token"]
        self.realm.secrets.add(made["token"])
        self.realm.ids["api-tokens/{id}"] = made["id"]

    def _add_provider(self, issuer: str) -> None:
        """Everybody may know it, since everybody is sent there; but for its secret."""
        secret = f"geheim-{self.realm.mark}"
        body = {"name": "Aanbieder", "issuer": issuer, "client_id": "academie", "client_secret": secret}
        self.realm.academy.client.send("user-service", "PUT", self.realm.academy.path("identity-provider"), json=body)
        self.realm.secrets.add(secret)

    def _ask_reset(self) -> None:
        person = self.realm.people["elders"]
        self._ask("POST", f"/academies/{self.realm.id}/password-resets", json={"email": person.email})
        self.realm.ids["password-resets/{token}"] = self._token_for(person, "password")

    def _set_aside(self) -> None:
        """A request that nobody can read."""
        key = f"{self.realm.id}/{self.realm.mark}"
        poison = broker.event("user.requests", key, "instroom.user.requested.v1", self.realm.mark.encode())
        broker.publish(self.realm.academy.platform.address("broker"), [poison])
        client = self.realm.academy.client

        def letters() -> Any:
            return client.get("user-service", "/dead-letters", academy=self.realm.id)["dead_letters"]

        self.realm.ids["dead-letters/{id}"] = wait_until(letters, what="a dead letter")[0]["id"]

    def _note_ids(self) -> None:
        realm = self.realm
        invitation = wait_until(
            lambda: realm.academy.invitations().get(realm.people["collega"].number), what="notify-service knows it"
        )
        realm.ids |= {
            "academies/{academy}": realm.id,
            # Services that take no commands are asked for another's.
            "commands/{command_id}": realm.ids["user-service commands/{command_id}"],
            "users/{number}": realm.people["elders"].number,
            "accounts/{number}": realm.people["elders"].number,
            "{number}/{action}": "resend-invitation",
            "sessions/{id}": realm.people["elders"].session_id,
            "invitations/{token}": self._token_for(realm.people["collega"], "invitation"),
            "/{academy}": realm.id,
            "p/{number}": realm.people["elders"].number,
            "imports/{id}": realm.ids["imports/{import_id}"],
            "organisation/{kind}": "function",
            "{kind}/{id}": realm.units["function"],
            "department/{id}": realm.units["department"],
            "languages/{code}": "en",
            "academies/{new}": realm.id,
            "invitation/{token}": self._token_for(realm.people["collega"], "invitation"),
            "password/{token}": realm.ids["password-resets/{token}"],
            "invitation": f"{invitation['invitation_id']}:{invitation['generation']}",
        }


def _structure(mark: str) -> dict[str, Any]:
    return {
        # Everybody may know the name of an academy: its log-in shows it.
        "academy": {"name": "Academie", "default_language": "nl", "languages": ["nl", "en"]},
        "companies": [
            {
                "name": f"Bedrijf {mark}",
                "departments": [{"name": f"Afdeling {mark} hier"}, {"name": f"Afdeling {mark} elders"}],
            }
        ],
        "functions": [{"name": f"Functie {mark}", "learning_activities": [f"Leren {mark}"]}],
    }
