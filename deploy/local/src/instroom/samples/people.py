"""People out of a seed: who they are, where they work, what their cells say."""

import random
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from instroom.samples.names import FIRST_NAMES, LAST_NAMES

_NO_DECOMPOSITION: Final = str.maketrans({"ł": "l", "ı": "i", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae"})


@dataclass(frozen=True, slots=True)
class ExcelError:
    """A cell that holds an error of the spreadsheet itself, such as #N/A."""

    text: str = "#N/A"


Cell = str | int | float | date | ExcelError
Row = dict[str, Cell]
"""Cells by field; an absent field is an empty cell."""


@dataclass(slots=True)
class Workplace:
    """A department people can be put in, with what is usual there."""

    company: str
    department: str
    domain: str
    prefix: str
    functions: Sequence[str] = field(default_factory=list)


def local_part(first: str, infix: str, last: str) -> str:
    """The part of an address before the @, in plain ASCII: "Zoë", "in 't", "Veld" gives zoe.int.veld."""
    parts = []
    for name in (first, infix, last):
        decomposed = unicodedata.normalize("NFKD", name.lower().translate(_NO_DECOMPOSITION))
        parts.append("".join(c for c in decomposed if c.isascii() and c.isalnum()))
    return ".".join(part for part in parts if part)


def people(rng: random.Random, workplaces: Sequence[Workplace], count: int) -> Iterator[Row]:
    """`count` people, no two with the same personnel number or address."""
    taken: dict[str, int] = {}
    for serial in range(count):
        place = rng.choice(workplaces)
        first = rng.choice(FIRST_NAMES)
        infix, last = rng.choice(LAST_NAMES)
        name = local_part(first, infix, last)
        address = f"{name}@{place.domain}"
        repeats = taken[address] = taken.get(address, 0) + 1
        if repeats > 1:
            address = f"{name}{repeats}@{place.domain}"
        row: Row = {
            "personnel_number": f"{place.prefix}{serial + 1001:05d}",
            "first_name": first,
            "last_name": last,
            "email": address,
            "company": place.company,
            "department": place.department,
        }
        if infix:
            row["infix"] = infix
        if place.functions and rng.random() < 0.8:
            row["functions"] = "; ".join(rng.sample(place.functions, 2 if rng.random() < 0.12 else 1))
        if rng.random() < 0.4:
            row["cost_centre"] = f"{rng.randrange(4000, 4999)}-{place.department[:3].upper()}"
        active = rng.random() < 0.94
        if active:
            row["active"] = "x"
        if rng.random() < (0.85 if active else 0.5):
            row["invite"] = "x"
        if rng.random() < 0.25:
            row["language"] = rng.choice(("nl", "Nederlands", "Nederlands", "en", "Engels"))
        yield row
