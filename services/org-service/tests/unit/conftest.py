import itertools
from collections.abc import Callable

import pytest

from contracts.events import org
from contracts.events.base import Message
from org_service.domain import Changes, Refused, apply
from org_service.units import Structure, Unit


class Organisation:
    """An academy in memory that commands can be given to."""

    def __init__(self, academy_id: str = "demo", new_id: Callable[[], str] | None = None) -> None:
        numbers = itertools.count(1)
        self.structure = Structure(academy_id)
        self.new_id = new_id or (lambda: f"id-{next(numbers):04}")

    def give(self, command: Message) -> Changes | Refused:
        decision = apply(self.structure, command, self.new_id)
        if isinstance(decision, Changes):
            self.structure = self.structure.changed(decision.academy, decision.units, decision.terms, decision.left)
        return decision

    def apply(self, **structure: object) -> Changes | Refused:
        return self.give(org.ApplyStructure.model_validate(structure))

    def unit(self, name: str) -> Unit:
        (found,) = [unit for unit in self.structure.units() if unit.name == name]
        return found

    def live(self, kind: org.UnitKind) -> list[str]:
        return sorted(unit.name for unit in self.structure.units() if unit.kind == kind and not unit.removed)


@pytest.fixture
def nowhere() -> Organisation:
    """An academy that nobody has defined yet."""
    return Organisation()


@pytest.fixture
def acme(nowhere: Organisation) -> Organisation:
    """One company with two departments, and one function."""
    nowhere.apply(
        academy={"name": "Demo Academy", "languages": ["nl", "en"]},
        companies=[
            {"name": "Acme BV", "code": "ACME", "departments": [{"name": "Verkoop"}, {"name": "Inkoop", "code": "INK"}]}
        ],
        functions=[{"name": "Adviseur", "learning_activities": ["Privacy basis", "Veilig werken"]}],
    )
    return nowhere
