"""Many different people in a large organisation: 50 companies of 20 departments."""

import random
from collections.abc import Iterator
from typing import Any, Final

from instroom.samples.people import Row, Workplace, people

COMPANIES: Final = 50
DEPARTMENTS: Final = (
    "Directie",
    "Financiën",
    "Personeelszaken",
    "ICT",
    "Inkoop",
    "Verkoop",
    "Marketing",
    "Klantenservice",
    "Juridische Zaken",
    "Facilitair Bedrijf",
    "Magazijn",
    "Expeditie",
    "Productie",
    "Onderhoud",
    "Kwaliteit",
    "Planning",
    "Onderzoek",
    "Opleidingen",
    "Veiligheid",
    "Secretariaat",
)
FUNCTIONS: Final = ("Medewerker", "Teamleider", "Planner", "Adviseur", "Monteur", "Chauffeur", "Administrateur", "Kok")


def organisation(academy: str) -> dict[str, Any]:
    """The organisation as `org apply` reads it."""
    return {
        "academy": {"id": academy, "name": "Grote Academy", "default_language": "nl", "languages": ["nl", "en"]},
        "companies": [
            {
                "name": _company(number),
                "code": f"B{number:02d}",
                "departments": [{"name": department} for department in DEPARTMENTS],
            }
            for number in range(1, COMPANIES + 1)
        ],
        "functions": [{"name": name, "learning_activities": [f"{name}: basis", "Privacy basis"]} for name in FUNCTIONS],
    }


def rows(count: int, *, seed: int = 1, changed_every: int = 0) -> Iterator[Row]:
    """`count` good rows, one at a time; with `changed_every` n, every n-th has another cost centre."""
    rng = random.Random(seed)  # noqa: S311 - made-up people, no secret
    places = [
        Workplace(_company(number), department, f"bedrijf{number:02d}.example", f"{number:02d}", list(FUNCTIONS))
        for number in range(1, COMPANIES + 1)
        for department in DEPARTMENTS
    ]
    for serial, row in enumerate(people(rng, places, count), start=1):
        if changed_every and serial % changed_every == 0:
            row["cost_centre"] = f"N{serial}"
        yield row


def _company(number: int) -> str:
    return f"Bedrijf {number:02d} BV"
