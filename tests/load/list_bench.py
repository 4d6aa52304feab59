"""How fast the list of people is: every filter over HTTP, and the console's page of it.

Run: python tests/load/list_bench.py [ROWS]   (default 100,000)

Fills an academy with ROWS people in every state, beside NEIGHBOURS others of the same names and addresses, on a platform
of its own, and prints how long each question takes, with and without the total, and whether the goals are met.
"""

import asyncio
import itertools
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import asyncpg
import httpx

from contracts.fields import email_key, number_key
from instroom.home import addresses
from instroom.samples import large
from instroom.testing import Platform
from user_service import store
from user_service.domain.person import InvitationState, User

GOALS_MS: Final = (100, 100, 200)
"""Of the median: a page, a page with the total, the console's page."""
NEIGHBOURS: Final = ("north", "south")
"""Academies that have as many people of the same names in the same table."""
ASKED: Final = 15
CHUNK: Final = 5_000
ADDRESS, PASSWORD = "chef@list.example", "three large green boats"
NOW: Final = datetime.now(UTC).replace(microsecond=0)
INVITATIONS: Final = {
    "none": (30, InvitationState()),
    "waiting": (5, InvitationState(status="waiting")),
    "open": (30, InvitationState("?", 1, "open", NOW + timedelta(days=20))),
    "expired": (1, InvitationState("?", 1, "open", NOW - timedelta(days=20))),
    "accepted": (32, InvitationState("?", 1, "accepted", NOW)),
    "failed": (1, InvitationState("?", 1, "failed", NOW)),
    "withdrawn": (1, InvitationState("?", 1, "withdrawn", NOW)),
}
"""Of a hundred people."""


class Structure:
    """The ids of an academy's units by name."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.companies = {unit["name"]: unit["id"] for unit in told["companies"]}
        self.departments = {
            (company["name"], unit["name"]): unit["id"]
            for company in told["companies"]
            for unit in company["departments"]
        }
        self.functions = {unit["name"]: unit["id"] for unit in told["functions"]}


def users(rows: int, academy: str, structure: Structure) -> Iterator[User]:
    """People in every state; every twentieth is not active, every fiftieth deleted."""
    rng = random.Random(academy)
    states = list(INVITATIONS.values())
    weights = [weight for weight, _ in states]
    for serial, row in enumerate(large.rows(rows), start=1):
        number, address = str(row["personnel_number"]), str(row["email"])
        [(_, invitation)] = rng.choices(states, weights)
        if invitation.invitation_id:
            invitation = invitation._replace(invitation_id=f"{academy}-i{serial}", email_key=email_key(address))
        functions = str(row.get("functions") or "").split("; ")
        yield User(
            user_id=f"{academy}-u{serial}",
            number=number,
            number_key=number_key(number),
            first_name=str(row["first_name"]),
            infix=row.get("infix"),  # type: ignore[arg-type]
            last_name=str(row["last_name"]),
            email=address,
            email_key=email_key(address) or "",
            company_id=structure.companies[str(row["company"])],
            department_id=structure.departments[str(row["company"]), str(row["department"])],
            function_ids=tuple(structure.functions[name] for name in functions if name and serial % 500 != 0),
            cost_centre=None,
            language="nl",
            active=serial % 20 != 0,
            deleted=serial % 50 == 7,
            version=1,
            invitation=invitation,
        )


async def fill(dsn: str, academy: str, rows: int, structure: Structure) -> None:
    """Write the people as an import does, without its events."""
    connection = await asyncpg.connect(dsn)
    try:
        some = users(rows, academy, structure)
        while chunk := {(academy, user.number_key): user for user in itertools.islice(some, CHUNK)}:
            await store.insert_users(connection, chunk)
        await connection.execute("ANALYZE person")
    finally:
        await connection.close()


def questions(structure: Structure, rare: str) -> dict[str, dict[str, Any]]:
    """Every filter, alone and with others."""
    company, department = next(iter(structure.departments))
    place = {"company": structure.companies[company], "department": structure.departments[company, department]}
    function = {"function": structure.functions["Kok"]}
    states = ("none", "waiting", "already_invited", "already_accepted", "failed", "expired", "withdrawn")
    return {
        "no filter": {},
        "search: one person's number": {"search": rare},
        "search: a common first name": {"search": "jan"},
        "search: two words": {"search": "jan vries"},
        "search: what everybody has": {"search": "example"},
        "search: one letter": {"search": "b"},
        "search: nobody": {"search": "zzzz"},
        "search: two words, nobody": {"search": "example zzzz"},
        "search: two common words, nobody": {"search": "bedrijf07 bedrijf08"},
        "company": {"company": place["company"]},
        "department": {"department": place["department"]},
        "company and department": place,
        "function": function,
        "function of nobody": {"function": "nobody"},
        "company of nobody": {"company": "nobody"},
        **{f"status: {status}": {"status": status} for status in ("active", "inactive", "deleted")},
        **{f"invitation: {state}": {"invitation": state} for state in states},
        "not active, failed": {"status": "inactive", "invitation": "failed"},
        "not active, failed, one company": {"status": "inactive", "invitation": "failed", "company": place["company"]},
        "expired, one function": {"invitation": "expired", **function},
        "search in a company": {"search": "jan", "company": place["company"]},
        "search in a department": {"search": "jan", "department": place["department"]},
        "search, function and status": {"search": "b", "status": "inactive", **function},
        "search, rare state": {"search": "example", "invitation": "failed", "status": "inactive"},
        "deleted, search": {"search": "jan", "status": "deleted"},
        "everything at once": {"search": "jan", "status": "active", "invitation": "already_accepted"}
        | place
        | function,
    }


def measure(ask: Callable[[], httpx.Response]) -> tuple[float, float]:
    """Median and 95th percentile of ASKED times, in milliseconds."""
    took = []
    for _ in range(ASKED + 1):
        began = time.perf_counter()
        ask().raise_for_status()
        took.append((time.perf_counter() - began) * 1e3)
    took = sorted(took[1:])  # the first one pays for what is kept from then on
    return median(took), took[round(0.95 * (len(took) - 1))]


def deep(http: httpx.Client, url: str, rows: int) -> str:
    """The cursor in the middle of the whole list."""
    after = ""
    for _ in range(max(rows // 2_000, 1)):
        after = http.get(url, params={"limit": 1000, "after": after}).json()["next"] or after
    return after


def log_in(platform: Platform, http: httpx.Client, academy: str) -> httpx.Client:
    """An administrator in the console."""
    service = platform.address("user")
    person = {"personnel_number": "chef", "first_name": "Anna", "last_name": "Chef", "email": ADDRESS}
    http.post(f"{service}/academies/{academy}/administrators", json=person | {"password": PASSWORD}).raise_for_status()
    said = httpx.post(
        f"{service}/academies/{academy}/sessions", json={"email": ADDRESS, "password": PASSWORD}, timeout=60
    ).raise_for_status()
    session = said.json()["session"]
    own = httpx.Client(headers={"Authorization": f"Bearer {session}"}, timeout=60, trust_env=False)
    version = own.get(f"{service}/sessions/current/terms").raise_for_status().json()["version"]
    own.post(f"{service}/sessions/current/terms", json={"version": version}).raise_for_status()
    return httpx.Client(cookies={"instroom-session": session}, timeout=60, trust_env=False)


def run(platform: Platform, rows: int) -> None:
    dsn = platform.database().rpartition("/")[0] + "/instroom_user"
    structures = {}
    with platform.http() as http:
        for academy in ("list", *NEIGHBOURS):
            file = platform.home.parent / f"{academy}.json"
            file.write_text(json.dumps(large.organisation(academy)), "utf-8")
            platform.ok("org", "apply", file, "--academy", academy)
            told = http.get(f"{platform.address('org')}/academies/{academy}/structure").raise_for_status().json()
            structures[academy] = Structure(told)
            asyncio.run(fill(dsn, academy, rows, structures[academy]))
        url = f"{platform.address('user')}/academies/list/users"
        first = http.get(url, params={"limit": 1}).raise_for_status().json()["users"][0]
        asked = questions(structures["list"], first["personnel_number"])
        after = deep(http, url, rows)
        asked |= {"the page in the middle": {"after": after}, "the same, search": {"after": after, "search": "jan"}}
        print(f"{rows:,} people of {rows * (1 + len(NEIGHBOURS)):,} in the table; load {os.getloadavg()[0]:.1f}")
        print("milliseconds: median and 95th percentile of a page of 50, of one with the total, of the console's page")
        with log_in(platform, http, "list") as console:
            page = f"{addresses(platform.home).console}/list/users"
            late = 0
            for what, params in asked.items():
                pages = partial(http.get, url, params={"limit": 50} | params)
                totals = partial(http.get, url, params={"limit": 50, "count": True} | params)
                took = [measure(ask) for ask in (pages, totals, partial(console.get, page, params=params))]
                met = all(middle <= goal for (middle, _), goal in zip(took, GOALS_MS, strict=True))
                late += not met
                figures = " ".join(f"{middle:8.1f} {p95:7.1f}" for middle, p95 in took)
                print(f"{what:36} {figures}   {'met' if met else 'missed'}", flush=True)
        print(f"goals: medians of {GOALS_MS}; {'all met' if not late else f'{late} of {len(asked)} missed'}")


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory(prefix="instroom-list-") as folder:
        Path(folder).chmod(0o755)
        platform = Platform(Path(folder) / "home")
        platform.up()
        try:
            run(platform, rows)
        finally:
            platform.down()


if __name__ == "__main__":
    main(int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 100_000)
