"""What an import is, how its rows are counted, and what is said when the counts move. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, Literal

from contracts.events.base import Message
from contracts.events.imports import Counts, ImportChecked, ImportCompleted, ImportProgressed, ImportStarted
from contracts.events.users import Outcome

State = Literal["checking", "checked", "running", "completed", "refused", "cancelled", "failed"]
Choice = Literal["created", "updated", "unchanged", "rejected", "drifted", "waiting"]
"""Which rows of an import somebody wants to see: those with an outcome, those decided otherwise than planned, or those
whose invitation waits for activation."""

PROGRESS_EVERY: Final = 0.5
"""Seconds between two ImportProgressed of one import."""


class Phase(IntEnum):
    """What an import is busy with; the answers to the rows of each phase are kept apart.

    The check begins with the first rows that are read, while the file is read on.
    """

    READING = 0
    CHECK = 1
    START = 2


@dataclass(slots=True)
class Tally:
    """How many rows became what."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    invited: int = 0
    waiting: int = 0
    already_invited: int = 0

    def add(self, outcome: str, invitation: str, rows: int) -> None:
        """Count `rows` more (or, below zero, less) of this outcome and invitation."""
        setattr(self, outcome, getattr(self, outcome) + rows)
        if invitation == "queued":
            self.invited += rows
        elif invitation == "waiting":
            self.waiting += rows
        elif invitation == "already_invited":
            self.already_invited += rows

    def plus(self, other: "Tally") -> "Tally":
        return Tally(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.rejected + other.rejected,
            self.invited + other.invited,
            self.waiting + other.waiting,
            self.already_invited + other.already_invited,
        )

    @property
    def decided(self) -> int:
        return self.created + self.updated + self.unchanged + self.rejected

    def counts(self, rows: int) -> Counts:
        """The counts of a file of `rows` rows: what is not decided is not attempted, so that they always add up."""
        return Counts(
            rows=rows,
            created=self.created,
            updated=self.updated,
            unchanged=self.unchanged,
            rejected=self.rejected,
            not_attempted=rows - self.decided,
            invited=self.invited,
            waiting=self.waiting,
            already_invited=self.already_invited,
        )


@dataclass(slots=True)
class Import:
    """One import as its row in the database tells it."""

    id: str
    academy: str
    actor: str
    traceparent: str
    state: State
    phase: Phase
    round: int
    rows: int
    done: int
    tally: Tally
    report_version: int = 0
    progress_age: float = 0.0
    """Seconds since the last ImportProgressed."""
    reading: bool = False
    """Whether the file has rows to come: `rows` are those that are read so far."""

    def counts(self) -> Counts:
        return self.tally.counts(self.rows)


@dataclass(slots=True)
class Answer:
    """What user-service answered about one row: its verdict on a check, or the outcome of a request."""

    import_id: str
    academy: str
    row: int
    round: int
    rank: int
    outcome: Outcome
    invitation: str = "none"
    restored: bool = False
    user_version: int = 0
    org_revision: int = 0
    detail: bytes | None = None


@dataclass(slots=True)
class Stored:
    """What storing a batch of answers changed for one import."""

    new: Tally = field(default_factory=Tally)
    difference: Tally = field(default_factory=Tally)
    """By answers that replaced an earlier one: the new outcomes less the old."""
    replaced: int = 0


def rank(round_: int, attempt: int, *, processed: bool) -> int:
    """Which of two answers to one row stands: the later round, then the higher attempt.

    Among equals a decision stands over `not_processed`: the same request may come twice, once as a dead letter.
    """
    return (round_ << 32) | (min(attempt, 0x3FFFFFFF) << 1) | int(processed)


def replaces(answer: Answer, rank: int, outcome: str, phase: Phase) -> bool:
    """Whether the answer replaces one of this rank and outcome that its row has.

    The outcome of a request that comes again is the stored one; its events may tell less than the first one did.
    """
    return rank < answer.rank and (phase is Phase.CHECK or outcome != answer.outcome or answer.outcome == "rejected")


def may_answer(import_: Import, answer: Answer, phase: Phase) -> bool:
    """Whether the answer is about a row that this import waits for, or may still replace the answer it has.

    The academy must be the import's own, whatever a sender put into its reference.
    """
    if answer.academy != import_.academy or import_.phase is not phase:
        return False
    if phase is Phase.CHECK:
        return answer.round >= import_.round and import_.state in ("checking", "checked")
    return import_.state in ("running", "completed")


def best_of(answers: Sequence[Answer]) -> list[Answer]:
    """One answer per row: of several in one batch the one that stands."""
    best: dict[tuple[str, int], Answer] = {}
    for answer in answers:
        key = (answer.import_id, answer.row)
        other = best.get(key)
        if other is None or other.rank < answer.rank:
            best[key] = answer
    return list(best.values())


def end_reading(import_: Import) -> list[Message]:
    """No row is to come. Where each has its verdict already, that is the plan."""
    import_.phase, import_.reading = Phase.CHECK, False
    return _finish_if_done(import_)


def begin_start(import_: Import) -> list[Message]:
    """Carry out the plan: rows planned as rejected keep that as their outcome. A second start changes nothing."""
    if import_.state != "checked":
        return []
    plan = import_.counts()
    import_.state, import_.phase = "running", Phase.START
    import_.tally = Tally(rejected=import_.tally.rejected)
    import_.done = import_.tally.rejected
    return [ImportStarted(import_id=import_.id, counts=plan), *_finish_if_done(import_)]


def settle(import_: Import, stored: Stored) -> list[Message]:
    """Count what was stored, and return what is to be said of it."""
    import_.tally = import_.tally.plus(stored.new).plus(stored.difference)
    import_.done += stored.new.decided
    if finished := _finish_if_done(import_):
        return finished
    if stored.replaced and import_.state in ("checked", "completed"):
        return [_conclusion(import_)]
    if import_.state in ("checking", "running") and import_.progress_age >= PROGRESS_EVERY:
        import_.progress_age = 0.0
        return [ImportProgressed(import_id=import_.id, done=import_.done, counts=import_.counts())]
    return []


def _finish_if_done(import_: Import) -> list[Message]:
    if import_.reading or import_.done < import_.rows or import_.state not in ("checking", "running"):
        return []
    import_.state = "checked" if import_.state == "checking" else "completed"
    return [_conclusion(import_)]


def _conclusion(import_: Import) -> Message:
    if import_.state == "checked":
        return ImportChecked(import_id=import_.id, counts=import_.counts())
    import_.report_version += 1
    return ImportCompleted(import_id=import_.id, report_version=import_.report_version, counts=import_.counts())


def drifted(planned: str | None, outcome: str, planned_changes: Any, changes: Any) -> bool:
    """Whether the start decided otherwise than the check: another outcome, or another change."""
    return planned is not None and (planned != outcome or (outcome == "updated" and planned_changes != changes))
