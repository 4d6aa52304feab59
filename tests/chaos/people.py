"""A workbook of made-up people, and what must come of it: computed from the rows, not asked from the system."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

COMPANIES = {f"Bedrijf {n}": [f"Afdeling {m}" for m in range(4)] for n in range(5)}
FUNCTIONS = ("Adviseur", "Monteur")
HEADERS = {
    "personnel_number": "Personeelsnummer",
    "first_name": "Voornaam",
    "infix": "Tussenvoegsel",
    "last_name": "Achternaam",
    "email": "E-mailadres",
    "company": "Bedrijf",
    "department": "Afdeling",
    "functions": "Functie",
    "cost_centre": "Kostenplaats",
    "invite": "Uitnodiging versturen",
    "active": "Actief",
    "language": "Taal",
}
_FIRST = ("Jan", "Zoë", "Fatima", "Daan", "Ömer", "Sanne", "Willem")
_LAST = ("Vries", "Jansen", "Bakker", "Visser", "El Idrissi")


@dataclass(frozen=True)
class Workforce:
    """`count` people of an academy, from number `first` on. Of each `invite_every` one is invited; a few rows are
    wrong."""

    academy: str
    count: int
    invite_every: int = 5
    special: tuple[str, ...] = ()
    """Local parts of the addresses of the first people, for what a mail server does with them."""
    first: int = 1
    changed: str = ""
    """Stands behind each cost centre: another one makes a change of everybody."""

    @cached_property
    def rows(self) -> list[dict[str, str]]:
        return [self._row(n) for n in self._numbers]

    @property
    def _numbers(self) -> range:
        return range(self.first, self.first + self.count)

    @cached_property
    def file(self) -> bytes:
        lines = [",".join(HEADERS.values()), *(",".join(row[field] for field in HEADERS) for row in self.rows)]
        return "\r\n".join(lines).encode("utf-8-sig")

    @cached_property
    def asked(self) -> list[dict[str, Any]]:
        """The rows as members of a request."""
        return [
            {field: value.split("; ") if field == "functions" else value for field, value in row.items() if value}
            for row in self.rows
        ]

    def is_wrong(self, n: int) -> bool:
        """Whether row n is one that cannot go in: by itself, or by what the organisation has."""
        return n > len(self.special) and (n % 97 == 0 or n % 101 == 0)

    @cached_property
    def outcomes(self) -> dict[int, str]:
        """Per row of the file what must become of it when nobody is there yet."""
        return {row: "rejected" if self.is_wrong(n) else "created" for row, n in enumerate(self._numbers, 2)}

    @cached_property
    def state(self) -> list[dict[str, Any]]:
        """The people who must be there afterwards."""
        return [
            row
            | {
                "infix": row["infix"] or None,
                "functions": row["functions"].split("; "),
                "invite": row["invite"] == "x",
                "active": row["active"] == "x",
            }
            for n, row in zip(self._numbers, self.rows, strict=True)
            if not self.is_wrong(n)
        ]

    @cached_property
    def mailed(self) -> set[str]:
        """The addresses to which an invitation goes."""
        return {person["email"] for person in self.state if person["invite"] and person["active"]}

    def _row(self, n: int) -> dict[str, str]:
        local = self.special[n - 1] if n <= len(self.special) else f"p{n}"
        return {
            "personnel_number": f"{n:05d}",
            "first_name": _FIRST[n % len(_FIRST)],
            "infix": "de" if n % 4 == 0 else "",
            "last_name": _LAST[n % len(_LAST)],
            "email": "geen adres" if self.is_wrong(n) and n % 97 == 0 else f"{local}@{self.academy}.example",
            "company": "Onbekend BV" if self.is_wrong(n) and n % 101 == 0 else f"Bedrijf {n % 5}",
            "department": f"Afdeling {n % 4}",
            "functions": "Monteur; Adviseur" if n % 3 == 0 else "Adviseur",
            "cost_centre": f"K{n % 50}{self.changed}",
            "invite": "x" if n <= len(self.special) or n % self.invite_every == 0 else "",
            "active": "" if n % 11 == 5 and n > len(self.special) else "x",
            "language": "en" if n % 7 == 0 else "nl",
        }


def state_hash(people: Iterable[Mapping[str, Any]]) -> str:
    """One value for the whole state, so that two states are equal or not."""
    told = sorted(json.dumps({field: person[field] for field in HEADERS}, sort_keys=True) for person in people)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()
