"""After a restore from a dump, and for a new broker: the structure is whole again, here and for everybody else.

The topic holds the whole state of every unit, so what the database has forgotten is taken up from there, and the
commands that led to it are noted as done.
"""

from collections import defaultdict
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog

from chassis.commands import Commands
from chassis.consuming import Unreadable, read_envelope
from chassis.database import Connection
from chassis.reading import read_to_end
from chassis.records import RawRecord, new_id, now_text
from chassis.recovery import BITS
from contracts.envelope import Envelope
from contracts.events import org
from contracts.topics import ORG_COMMANDS, ORG_STRUCTURE
from org_service import messages
from org_service.store import Transaction, academy_ids, add_academies
from org_service.units import Academy, Kind, Terms, Unit
from org_service.work import Work

_MODELS: Final = {model.TYPE: model for model in org.EVENTS}
_KINDS: Final[Mapping[str, Kind]] = {"company": "company", "department": "department", "function": "function"}
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

State = tuple[int, Any]
"""The revision of a state, and the event that tells it: None for a removed unit."""


@dataclass(slots=True)
class Told:
    """What the topic tells of one academy: the states of each subject (`kind/id`), the oldest first."""

    states: dict[str, list[State]] = field(default_factory=lambda: defaultdict(list))
    cause: str = ""
    """The id of the command that changed the academy last."""

    def upto(self, academy: str) -> int:
        """The last revision of which everything was published, 0 where there is none."""
        return max((revision for revision, _ in self.states.get(f"academy/{academy}", ())), default=0)

    def newest(self, subject: str, upto: int) -> State | None:
        """The newest state that is no newer than `upto`, or the oldest where all are."""
        states = sorted(self.states.get(subject, ()), key=lambda state: state[0])
        return next((state for state in reversed(states) if state[0] <= upto), states[0] if states else None)


async def take_up(bootstrap: str, commands: Commands, connection: Connection, incarnation: int) -> None:
    """Take up what the topic tells that is newer than the database, and publish everything with higher revisions."""
    told = await read(read_to_end(bootstrap, ORG_STRUCTURE))
    upto = {academy: each.upto(academy) for academy, each in told.items()}
    known = await academy_ids(connection)
    await add_academies(connection, [_academy(told[id_], id_) for id_, n in upto.items() if n and id_ not in known])
    transaction = Transaction(connection, commands)
    await _note_what_was_done(transaction, read_to_end(bootstrap, ORG_COMMANDS), told)
    for id_ in sorted({*known, *(id_ for id_, n in upto.items() if n)}):
        work = (await transaction.lock([id_]))[id_]
        cause = _cause(id_, told[id_].cause if id_ in told else "")
        if id_ in told and upto[id_] > work.revision:
            catch_up(work, told[id_], upto[id_], cause)
        below = (1 << BITS) - 1
        work.revision = (incarnation << BITS) | (max(work.revision, upto.get(id_, 0)) & below)
        work.academy = work.structure.academy
        work.cause, work.republish = cause, True
        await transaction.save([work])


async def _note_what_was_done(
    transaction: Transaction, batches: AsyncIterable[Sequence[RawRecord]], told: Mapping[str, Told]
) -> None:
    """Have the commands that the topic holds the effects of not be applied again: those up to the one that was its last
    cause, in each academy. What was to the structure between them may not be what it was."""
    waiting: dict[str, list[Envelope]] = defaultdict(list)
    done: dict[str, list[Envelope]] = {}
    async for batch in batches:
        for raw in batch:
            try:
                envelope = read_envelope(raw)
            except Unreadable:
                continue  # it became a dead letter and changed nothing
            academy = envelope.academy
            if academy not in told or academy in done:
                continue
            waiting[academy].append(envelope)
            if envelope.id == told[academy].cause:
                done[academy] = waiting.pop(academy)
    for academy, envelopes in done.items():
        await transaction.note_as_done(envelopes, told[academy].upto(academy))


async def publish_everything(commands: Commands, connection: Connection) -> None:
    """Publish the whole structure of every academy as it is."""
    transaction = Transaction(connection, commands)
    for id_ in sorted(await academy_ids(connection)):
        work = (await transaction.lock([id_]))[id_]
        work.cause, work.republish = _cause(id_), True
        await transaction.save([work])


async def read(batches: AsyncIterable[Sequence[RawRecord]]) -> Mapping[str, Told]:
    """What the topic tells, by academy. What cannot be read was set aside by others and is passed over."""
    told: dict[str, Told] = defaultdict(Told)
    async for batch in batches:
        for raw in batch:
            try:
                envelope, subject, state = _read(raw)
            except (Unreadable, ValueError) as error:
                _log.warning("org.not_taken_up", offset=raw.offset, reason=str(error)[:200])
                continue
            academy = told[envelope.academy]
            if subject == f"academy/{envelope.academy}" and state[0] > academy.upto(envelope.academy):
                academy.cause = envelope.causation_id
            academy.states[subject].append(state)
    return told


def _read(raw: RawRecord) -> tuple[Envelope, str, State]:
    envelope = read_envelope(raw)
    academy, _, subject = (raw.key or b"").decode().partition("/")
    if academy != envelope.academy or envelope.org_revision is None:
        raise Unreadable("it is not of the academy of its key, or has no revision")
    if raw.value is None:
        return envelope, subject, (envelope.org_revision, None)
    return envelope, subject, (envelope.org_revision, _MODELS[envelope.type].model_validate_json(raw.value))


def catch_up(work: Work, told: Told, upto: int, cause: Envelope) -> None:
    """Bring the academy from the revision of the database to the one that was told last."""
    before = {unit.id: unit for unit in work.structure.units()}
    units = []
    for subject in told.states:
        kind, _, id_ = subject.partition("/")
        state = told.newest(subject, upto)
        if kind in _KINDS and state is not None and state[0] > work.revision:
            unit = (
                _unit(kind, state[1]) if state[1] is not None else _removed(kind, told.states[subject], before.get(id_))
            )
            units += [unit] if unit is not None else []
    terms = _terms(told, work, upto)
    if terms is not None:
        work.terms = terms, cause
    work.units = {unit.id: (unit, cause) for unit in units}
    left = [(old.place, old.id) for unit in units if (old := before.get(unit.id)) and old.place != unit.place]
    work.structure = work.structure.changed(_academy(told, work.structure.academy_id), units, terms, left)


def _academy(told: Told, id_: str) -> Academy:
    state = told.newest(f"academy/{id_}", told.upto(id_))
    assert state is not None  # noqa: S101 - its revision was found there
    message: org.AcademyChanged = state[1]
    return Academy(
        id=id_, name=message.name, default_language=message.default_language, languages=tuple(message.languages)
    )


def _terms(told: Told, work: Work, upto: int) -> Terms | None:
    state = told.newest(f"terms/{work.structure.academy_id}", upto)
    if state is None or state[1] is None or state[1].version <= work.structure.terms.version:
        return None
    return Terms(state[1].version, state[1].texts)


def _removed(kind: str, states: Iterable[State], known: Unit | None) -> Unit | None:
    """The last that is known of a unit that was removed, None where nothing is."""
    message = next((message for _, message in sorted(states, key=lambda s: -s[0]) if message is not None), None)
    unit = _unit(kind, message) if message is not None else known
    return None if unit is None else replace(unit, removed=True)


def _unit(kind: str, message: Any) -> Unit:
    return Unit(
        kind=_KINDS[kind],
        id=message.id,
        name=message.name,
        company_id=getattr(message, "company_id", ""),
        code=message.code,
        former_names=tuple(message.former_names),
        learning_activities=tuple(getattr(message, "learning_activities", ())),
    )


def _cause(academy: str, id_: str = "") -> Envelope:
    """What stands for the cause of what is published again: the last command that changed something stays it."""
    return Envelope(
        id=id_ or new_id(),
        type=org.RepublishStructure.TYPE,
        source=messages.SOURCE,
        academy=academy,
        time=now_text(),
        actor="recovery",
    )
