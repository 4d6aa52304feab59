"""The sample: 1,000 rows for the organisation of `deploy/local/sample`, some of them wrong in every way a file can be.

Five colleagues are added one by one before it is imported; against them one row is an update, one is unchanged and two
are refused that would be new people otherwise.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from contracts.fields import FLAGS, parse_flag
from instroom.samples.people import Cell, ExcelError, Row, Workplace, people

SEED: Final = 20260501
ROWS: Final = 1_000
FIRST_ROW: Final = 2
"""The header is row 1."""

DOMAINS: Final = {
    "ZORG": ("zonneveldzorg.example", "01"),
    "VEER": ("hetveer.example", "02"),
    "WEIJDE": ("terweijde.example", "03"),
    "NZL": ("noordzeelogistiek.example", "04"),
    "BRUG": ("debrug.example", "05"),
}
FUNCTIONS: Final = {
    "ZORG": ("Wijkverpleegkundige", "Verzorgende IG", "Apothekersassistent", "Kok", "Teamleider", "Medewerker"),
    "VEER": ("Verhuurmedewerker", "Wijkbeheerder", "Administratief medewerker", "Teamleider", "Medewerker"),
    "WEIJDE": ("Timmerman", "Uitvoerder", "Installatiemonteur", "Planner", "Bedrijfshulpverlener"),
    "NZL": ("Chauffeur", "Heftruckchauffeur", "Planner", "Teamleider", "Bedrijfshulpverlener"),
    "BRUG": ("Administratief medewerker", "Adviseur", "Medewerker", "Teamleider"),
}

COLLEAGUES: Final[tuple[dict[str, str], ...]] = (
    {
        "personnel_number": "0500001",
        "first_name": "Hannah",
        "infix": "van der",
        "last_name": "Molen",
        "email": "hannah.vandermolen@debrug.example",
        "company": "Servicekantoor De Brug",
        "department": "Directie",
        "active": "x",
    },
    {
        "personnel_number": "0500002",
        "first_name": "Bilal",
        "last_name": "Aydın",
        "email": "bilal.aydin@debrug.example",
        "company": "Servicekantoor De Brug",
        "department": "Juridische Zaken",
        "active": "x",
    },
    {
        "personnel_number": "0500003",
        "first_name": "Griet",
        "last_name": "Postma",
        "email": "griet.postma@debrug.example",
        "company": "Servicekantoor De Brug",
        "department": "Salarisadministratie",
        "active": "x",
    },
    {
        "personnel_number": "0500004",
        "first_name": "Tjeerd",
        "infix": "de",
        "last_name": "Waard",
        "email": "tjeerd.dewaard@debrug.example",
        "company": "Servicekantoor De Brug",
        "department": "Facilitair Bedrijf",
        "functions": "Medewerker",
        "active": "x",
    },
    {
        "personnel_number": "0500005",
        "first_name": "Noémi",
        "last_name": "Schröder",
        "email": "noemi.schroder@debrug.example",
        "company": "Servicekantoor De Brug",
        "department": "Communicatie en Marketing",
        "functions": "Adviseur",
        "active": "x",
        "language": "en",
    },
)
"""Hannah's and Bilal's addresses and Griet's number come back in rows of others; Tjeerd changes, Noémi does not."""

# What is wrong, and the cells that make it so ("" empties the cell).
BAD: Final[tuple[tuple[tuple[str, ...], dict[str, Cell]], ...]] = (
    (("required",), {"last_name": ""}),
    (("required",), {"first_name": ""}),
    (("required",), {"personnel_number": ""}),
    (("required",), {"email": "-"}),
    (("invalid_email",), {"email": "jan.jansen@"}),
    (("invalid_email",), {"email": "geen mail"}),
    (("invalid_email",), {"email": "f.dekker.zonneveldzorg.example"}),
    (("invalid_email",), {"email": "zoë@hetveer.example"}),
    (("invalid_flag",), {"invite": "misschien"}),
    (("invalid_flag",), {"active": "?"}),
    (("invalid_cell",), {"personnel_number": date(2026, 3, 14)}),
    (("invalid_cell",), {"personnel_number": 10234.5}),
    (("invalid_cell",), {"department": ExcelError()}),
    (("invalid_cell",), {"cost_centre": date(2026, 4, 1)}),
    (("too_long",), {"first_name": "Maximiliaan " * 9 + "Jan"}),
    (("too_long",), {"infix": "van der van der van der van der"}),
    (("invalid_characters",), {"first_name": "Ren\ufffd"}),
    (("invalid_characters",), {"last_name": "\u202eBakker"}),
    (("unknown_company",), {"company": "Zonneveld Zorg B.V."}),
    (("unknown_company",), {"company": "Woonstichting Het Vee"}),
    (("unknown_company",), {"company": "Uitzendbureau Snel"}),
    (("unknown_department",), {"company": "Zonneveld Zorg BV", "department": "Wijkverpleging Nord"}),
    (("unknown_department",), {"company": "Noordzee Logistiek NV", "department": "Warehouse Rotterdm"}),
    (("unknown_department",), {"company": "Servicekantoor De Brug", "department": "Inspiratie"}),
    (("department_not_in_company",), {"company": "Zonneveld Zorg BV", "department": "Warehouse Venlo"}),
    (("department_not_in_company",), {"company": "Woonstichting Het Veer", "department": "Timmerfabriek"}),
    (("department_not_in_company",), {"company": "Bouwbedrijf Ter Weijde", "department": "Apotheek"}),
    (("unknown_function",), {"functions": "Teamlieder"}),
    (("unknown_function",), {"functions": "Astronaut"}),
    (("unknown_function",), {"functions": "Medewerker; Piloot"}),
    (("unknown_language",), {"language": "Klingon"}),
    (("unknown_language",), {"language": "xx"}),
    (("language_not_enabled",), {"language": "Duits"}),
    (("language_not_enabled",), {"language": "fr"}),
    (("invalid_email", "invalid_flag"), {"email": "k.smit@hetveer", "active": "soms"}),
    (
        ("unknown_department", "unknown_function", "language_not_enabled"),
        {"company": "Servicekantoor De Brug", "department": "Archief", "functions": "Archivaris", "language": "Frans"},
    ),
)
DUPLICATES: Final = ("personnel_number", "personnel_number", "email", "email")


@dataclass(slots=True)
class Sample:
    """The rows in the order of the file, and what becomes of them."""

    rows: list[Row] = field(default_factory=list)
    rejected: dict[int, tuple[str, ...]] = field(default_factory=dict)
    beside_colleagues: dict[int, str] = field(default_factory=dict)

    def expected(self) -> dict[str, Any]:
        """The counts of an import into an empty academy and into one that has the colleagues, and who is refused."""
        refused_beside = {row: [code] for row, code in self.beside_colleagues.items() if code in _REFUSALS}
        return {
            "rows": len(self.rows),
            "empty_academy": self._counts(self.rejected, updated=0, unchanged=0),
            "beside_colleagues": self._counts({**self.rejected, **refused_beside}, updated=1, unchanged=1),
            "rejected": {str(row): list(codes) for row, codes in sorted(self.rejected.items())},
            "rejected_beside_colleagues": {str(row): codes for row, codes in sorted(refused_beside.items())},
        }

    def _counts(self, refused: Mapping[int, Sequence[str]], *, updated: int, unchanged: int) -> dict[str, int]:
        good = [row for number, row in enumerate(self.rows, FIRST_ROW) if number not in refused]
        invited = [row for row in good if _on(row, "invite")]
        return {
            "created": len(good) - updated - unchanged,
            "updated": updated,
            "unchanged": unchanged,
            "rejected": len(refused),
            "invited": sum(_on(row, "active") for row in invited),
            "waiting": sum(not _on(row, "active") for row in invited),
        }


_REFUSALS: Final = ("email_in_use", "personnel_number_conflict")


def _on(row: Row, name: str) -> bool:
    return parse_flag(str(row.get(name, ""))) is True


def workplaces(organisation: Mapping[str, Any]) -> list[Workplace]:
    """The departments of an organisation as `org apply` reads it."""
    places = []
    for company in organisation["companies"]:
        domain, prefix = DOMAINS[company["code"]]
        for department in company["departments"]:
            places.append(
                Workplace(company["name"], department["name"], domain, prefix, list(FUNCTIONS[company["code"]]))
            )
    return places


def make(organisation: Mapping[str, Any], *, seed: int = SEED, count: int = ROWS) -> Sample:
    """The sample workbook's rows: always the same for the same organisation and seed."""
    rng = random.Random(seed)  # noqa: S311 - made-up people, no secret
    specials = _beside_colleagues()
    everybody = list(people(rng, workplaces(organisation), count - len(specials)))
    _numbers_as_numbers(rng, everybody)
    sample = Sample(rows=everybody)
    for special, what in specials:
        place = rng.randrange(count // 2, len(sample.rows))
        sample.rows.insert(place, special)
        sample.beside_colleagues = {row + (row >= place + FIRST_ROW): w for row, w in sample.beside_colleagues.items()}
        sample.beside_colleagues[place + FIRST_ROW] = what
    # The first rows stay good, so that a look at the file shows people; duplicates come after what they repeat.
    free = [i for i in range(25, count) if i + FIRST_ROW not in sample.beside_colleagues]
    places = rng.sample(free, len(BAD))
    for place, (codes, cells) in zip(places, BAD, strict=True):
        row = sample.rows[place]
        row.update(cells)
        for name in [name for name, cell in row.items() if cell == ""]:
            del row[name]
        sample.rejected[place + FIRST_ROW] = codes
    late = [i for i in free if i > count * 3 // 4 and i not in places]
    early = [i for i in range(25, count // 2) if i not in places]
    for name, place, first in zip(DUPLICATES, rng.sample(late, 4), rng.sample(early, 4), strict=True):
        sample.rows[place][name] = sample.rows[first][name]
        sample.rejected[place + FIRST_ROW] = ("duplicate_in_file",)
    return sample


def _beside_colleagues() -> list[tuple[Row, str]]:
    hannah, bilal, griet, tjeerd, noemi = (dict[str, Cell](colleague) for colleague in COLLEAGUES)
    conflict: Row = {**hannah, "personnel_number": "0507001"}
    in_use: Row = {**griet, "email": bilal["email"]}
    changed: Row = {**tjeerd, "department": "Opleiding en Ontwikkeling", "functions": "Adviseur", "invite": "x"}
    return [
        (conflict, "personnel_number_conflict"),
        (in_use, "email_in_use"),
        (changed, "updated"),
        (noemi, "unchanged"),
    ]


def _numbers_as_numbers(rng: random.Random, rows: list[Row]) -> None:
    """Some numbers typed as numbers, as spreadsheets do of themselves: their zeros in front are gone."""
    for row in rng.sample(rows, 12):
        row["personnel_number"] = int(str(row["personnel_number"]))


def flags(colleague: Mapping[str, str]) -> list[str]:
    """A colleague as the flags of `instroom user add`."""
    words: list[str] = []
    for name, value in colleague.items():
        flag = "--" + {"functions": "function"}.get(name, name).replace("_", "-")
        words += [flag] if name in FLAGS else [flag, value]
    return words
