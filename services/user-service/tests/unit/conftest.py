"""A small academy, and people in it, for tests of decisions."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.events.base import Message
from contracts.events.org import AcademyChanged, CompanyChanged, DepartmentChanged, FunctionChanged
from contracts.events.users import PersonFields, Planned, UserRequested
from user_service.domain.commands import Command, decide_command
from user_service.domain.decide import claimed_address, decide
from user_service.domain.decision import Decision, apply
from user_service.domain.organisation import Organisation, build_organisation
from user_service.domain.person import AddressHolder, User
from user_service.domain.reading import read, requested

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

STRUCTURE: tuple[Message, ...] = (
    AcademyChanged(id="demo", name="Demo Academy", default_language="nl", languages=["nl", "en"], revision=7),
    CompanyChanged(id="c1", name="Acme BV", code="ACME", former_names=["Acme Oud"], revision=1),
    CompanyChanged(id="c2", name="Bakkerij Zoë", code="BZ", revision=1),
    CompanyChanged(id="c3", name="Cargo Noord", former_names=["Cargo"], revision=1),
    CompanyChanged(id="c4", name="Cargo Zuid", former_names=["Cargo"], revision=1),
    DepartmentChanged(id="d1", company_id="c1", name="Verkoop", code="VK", revision=1),
    DepartmentChanged(id="d2", company_id="c1", name="Inkoop", revision=1),
    DepartmentChanged(id="d3", company_id="c2", name="Verkoop", revision=1),
    DepartmentChanged(id="d4", company_id="c2", name="Winkel", revision=1),
    DepartmentChanged(id="d5", company_id="c3", name="Nacht", former_names=["Ploeg"], revision=1),
    DepartmentChanged(id="d6", company_id="c3", name="Dag", former_names=["Ploeg"], revision=1),
    FunctionChanged(id="f1", name="Adviseur", code="ADV", learning_activities=["Privacy", "Veilig werken"], revision=1),
    FunctionChanged(id="f2", name="Manager, verkoop", learning_activities=["Leiden", "Privacy"], revision=1),
    FunctionChanged(id="f3", name="Inkoper", revision=1),
    FunctionChanged(id="f4", name="Chef dag", former_names=["Chef"], revision=1),
    FunctionChanged(id="f5", name="Chef nacht", former_names=["Chef"], revision=1),
)

JAN: dict[str, Any] = {
    "personnel_number": "1001",
    "first_name": "Jan",
    "infix": "de",
    "last_name": "Vries",
    "email": "jan@acme.example",
    "company": "Acme BV",
    "department": "Verkoop",
}


@dataclass(frozen=True)
class World:
    """Decisions in one academy; each helper is a thin way to say what a test is about."""

    organisation: Organisation
    now: datetime = NOW

    def at(self, **delta: float) -> "World":
        """The same world, later."""
        return World(self.organisation, self.now + timedelta(**delta))

    def without(self, *unit_ids: str) -> "World":
        """The same world after these units were removed."""
        entries = [(message, getattr(message, "id", "") in unit_ids) for message in STRUCTURE]
        return World(build_organisation(entries), self.now)

    def with_units(self, *units: Message, removed: tuple[str, ...] = ()) -> "World":
        entries = [(message, getattr(message, "id", "") in removed) for message in (*STRUCTURE, *units)]
        return World(build_organisation(entries), self.now)

    def ask(
        self,
        user: User | None,
        holder: User | AddressHolder | None = None,
        mode: Any = "upsert",
        planned: Planned | None = None,
        **fields: Any,
    ) -> Decision:
        """The decision on a request with these fields, for `user`'s number unless they name one."""
        if user is not None:
            fields.setdefault("personnel_number", user.number)
        asked = read(requested(UserRequested(mode=mode, person=PersonFields(**fields), planned=planned)))
        if holder is None and user is not None and not user.deleted and claimed_address(asked, user) is None:
            holder = user
        held = AddressHolder.of(holder) if isinstance(holder, User) else holder
        return decide(asked, user, self.organisation, held, self.now)

    def settle(self, decision: Decision) -> User:
        """The person after the decision."""
        after = apply(decision, now=self.now, user_id="u1", invitation_id="01890000-0000-7000-8000-000000000001")
        assert after is not None
        return after

    def jan(self, **fields: Any) -> User:
        """Jan de Vries, taken in with these further fields."""
        decision = self.ask(None, **(JAN | fields))
        assert decision.outcome == "created", decision.errors
        return self.settle(decision)

    def command(self, command: Command, user: User | None) -> Decision:
        return decide_command(command, user, self.organisation.revision, self.now)

    def told(
        self, user: User | None, holder: User | None = None, mode: Any = "upsert", **fields: Any
    ) -> list[tuple[str, str | None]]:
        """Code and field of everything that is wrong with a request."""
        decision = self.ask(user, holder, mode, **fields)
        assert (decision.outcome == "rejected") == bool(decision.errors)
        return [(problem.code.value, problem.field) for problem in decision.errors]


@pytest.fixture(scope="session")
def world() -> World:
    return World(build_organisation((message, False) for message in STRUCTURE))


@pytest.fixture(scope="session")
def jan_fields() -> dict[str, Any]:
    return dict(JAN)
