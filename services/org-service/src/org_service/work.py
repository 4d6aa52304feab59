"""What a transaction makes of the commands to one academy. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field

from contracts.envelope import Envelope
from contracts.events.base import Message
from org_service.domain import Refused, apply
from org_service.units import Academy, Structure, Terms, Unit


@dataclass(frozen=True, slots=True)
class Applied:
    """The command holds, as of `revision`; `changed` tells whether it made a difference."""

    revision: int
    changed: bool


Outcome = Applied | Refused


@dataclass(slots=True)
class Work:
    """One academy in one transaction: its state at the beginning, and what the commands made of it.

    Each changed unit, and the terms, go with the envelope of the command that changed them last.
    """

    structure: Structure
    revision: int
    units: dict[str, tuple[Unit, Envelope]] = field(default_factory=dict)
    academy: Academy | None = None
    terms: tuple[Terms, Envelope] | None = None
    cause: Envelope | None = None
    republish: bool = False

    @property
    def changed(self) -> bool:
        return self.academy is not None or bool(self.units) or self.terms is not None

    @property
    def next_revision(self) -> int:
        """One higher per transaction in which something changes, however many commands it holds."""
        return self.revision + self.changed

    def decide(self, command: Message, envelope: Envelope, new_id: Callable[[], str]) -> bool | Refused:
        """Apply a command to what the ones before it left; returns whether it made a difference."""
        decision = apply(self.structure, command, new_id)
        if isinstance(decision, Refused):
            return decision
        if decision or decision.republish:
            self.cause = envelope
            self.republish |= decision.republish
            self.academy = decision.academy or self.academy
            self.units.update((unit.id, (unit, envelope)) for unit in decision.units)
            if decision.terms is not None:
                self.terms = decision.terms, envelope
            self.structure = self.structure.changed(decision.academy, decision.units, decision.terms, decision.left)
        return bool(decision)
