"""Units of one kind in one place: which one a definition means, and that names and codes stay unique among them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from contracts.fields import name_key
from org_service.refusals import Problem, Reason
from org_service.units import Place, Unit


@dataclass(slots=True, kw_only=True)
class Definition:
    """What a command says of one unit, cleaned. None leaves a value as it is; `was_in` is the company it comes from."""

    path: str
    name: str
    code: str | None = None
    no_code: bool = False
    was: str | None = None
    was_in: str | None = None
    remove: bool = False
    learning_activities: tuple[str, ...] | None = None
    name_key: str = field(init=False)
    code_key: str | None = field(init=False)
    was_key: str | None = field(init=False)

    def __post_init__(self) -> None:
        self.name_key = name_key(self.name)
        self.code_key = name_key(self.code) if self.code else None
        self.was_key = name_key(self.was) if self.was else None

    def made(self, place: Place, id_: str) -> Unit:
        """A new unit."""
        kind, company_id = place
        activities = self.learning_activities or ()
        return Unit(
            kind=kind, id=id_, company_id=company_id, name=self.name, code=self.code, learning_activities=activities
        )

    def applied(self, unit: Unit) -> Unit:
        """The unit as this definition leaves it: not removed, the rest as it was unless it is told."""
        activities = unit.learning_activities if self.learning_activities is None else self.learning_activities
        code = None if self.no_code else self.code or unit.code
        return replace(unit.called(self.name), code=code, learning_activities=activities, removed=False)

    @property
    def was_here_key(self) -> str | None:
        """The key of its former name, if that was one in this place."""
        return None if self.was_in else self.was_key


def at(path: str, member: str) -> str:
    return f"{path}.{member}" if path else member


class Index:
    """Look-up by the keys of code, name and former name."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self.by_code: dict[str, list[Unit]] = {}
        self.by_name: dict[str, list[Unit]] = {}
        self.by_former: dict[str, list[Unit]] = {}
        for unit in units:
            self.by_name.setdefault(name_key(unit.name), []).append(unit)
            if unit.code:
                self.by_code.setdefault(name_key(unit.code), []).append(unit)
            for former in unit.former_names:
                self.by_former.setdefault(name_key(former), []).append(unit)


_Level = tuple[Callable[[Definition], str | None], Callable[[Index], Mapping[str, list[Unit]]]]

_LEVELS: Sequence[_Level] = (
    (attrgetter("code_key"), attrgetter("by_code")),
    (attrgetter("name_key"), attrgetter("by_name")),
    (attrgetter("was_here_key"), attrgetter("by_name")),
    (attrgetter("was_key"), attrgetter("by_former")),
)
"""By what a definition finds its unit, in this order."""
_LEVELS_ELSEWHERE: Sequence[_Level] = (*_LEVELS[:2], (attrgetter("was_key"), attrgetter("by_name")), _LEVELS[3])
"""The same in the place from which it moves."""


def found(definition: Definition, here: Index) -> bool:
    """Whether one of these units, which are in the place of the definition, is what it means."""
    return bool(_hits(definition, here, _LEVELS))


def found_elsewhere(
    definition: Definition, there: Index, taken: Collection[str], problems: list[Problem]
) -> Unit | None:
    """The unit of another place that is to move to that of the definition, without those that are taken already."""
    hits = [unit for unit in _hits(definition, there, _LEVELS_ELSEWHERE) if unit.id not in taken]
    if len(hits) > 1:
        problems.append(_ambiguous(definition, hits[0]))
    return hits[0] if hits else None


def _hits(definition: Definition, index: Index, levels: Sequence[_Level]) -> Sequence[Unit]:
    """What is found on the first level on which anything is."""
    for key_of, level in levels:
        key = key_of(definition)
        if key is not None and (hits := level(index).get(key)):
            return hits
    return ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The siblings afterwards, the units that definitions stand for, by path, and those that were removed just now."""

    siblings: Mapping[str, Unit]
    defined: Mapping[str, Unit]
    removed: Sequence[Unit]


def define(
    place: Place,
    siblings: Mapping[str, Unit],
    definitions: Sequence[Definition],
    new_id: Callable[[], str],
    problems: list[Problem],
) -> Outcome:
    """Apply the definitions of one place.

    They are matched against the siblings as they were before, each level for all definitions before the next level, so
    that their order does not matter and units can swap names. Units that exist go before units that were removed. What
    is wrong is added to `problems`.
    """
    definitions = _distinct(place, definitions, problems)
    after = dict(siblings)
    defined: dict[str, Unit] = {}
    paths: dict[str, str] = {}
    keep = [each for each in definitions if not each.remove]
    for definition, found in zip(keep, _match(siblings.values(), keep, problems), strict=True):
        unit = definition.made(place, new_id()) if found is None else definition.applied(found)
        after[unit.id] = defined[definition.path] = unit
        paths[unit.id] = definition.path
    removals = [each for each in definitions if each.remove]
    removed = [replace(unit, removed=True) for unit in _removals(after.values(), removals, paths, problems)]
    after.update((unit.id, unit) for unit in removed)
    check_unique(after.values(), paths, problems)
    return Outcome(after, defined, removed)


def check_unique(units: Iterable[Unit], paths: Mapping[str, str], problems: list[Problem]) -> None:
    """Names and codes are unique among siblings that are not removed. `paths` tells where a unit was defined."""
    names: set[str] = set()
    codes: set[str] = set()
    # Stable: units that the command says nothing of come first, so that the problem names a member of the command.
    for unit in sorted((each for each in units if not each.removed), key=lambda each: each.id in paths):
        path = paths.get(unit.id, "")
        if (key := name_key(unit.name)) in names:
            problems.append(Problem(Reason.DUPLICATE_NAME, at(path, "name"), {"kind": unit.kind, "value": unit.name}))
        names.add(key)
        if unit.code is None:
            continue
        if (key := name_key(unit.code)) in codes:
            problems.append(Problem(Reason.DUPLICATE_CODE, at(path, "code"), {"kind": unit.kind, "value": unit.code}))
        codes.add(key)


def _distinct(place: Place, definitions: Sequence[Definition], problems: list[Problem]) -> Sequence[Definition]:
    """The definitions without those that repeat a name or a code: what they contradict or mean is never guessed."""
    names: set[str] = set()
    codes: set[str] = set()
    distinct = []
    for each in definitions:
        kind = place[0]
        if each.name_key in names:
            problems.append(Problem(Reason.DUPLICATE_NAME, at(each.path, "name"), {"kind": kind, "value": each.name}))
        elif each.code and each.code_key in codes:
            problems.append(Problem(Reason.DUPLICATE_CODE, at(each.path, "code"), {"kind": kind, "value": each.code}))
        else:
            distinct.append(each)
        names.add(each.name_key)
        if each.code_key:
            codes.add(each.code_key)
    return distinct


def _match(units: Iterable[Unit], definitions: Sequence[Definition], problems: list[Problem]) -> list[Unit | None]:
    found: list[Unit | None] = [None] * len(definitions)
    units = list(units)
    if not units:
        return found
    taken: set[str] = set()
    for index in (Index(u for u in units if not u.removed), Index(u for u in units if u.removed)):
        for key_of, level in _LEVELS:
            known = level(index)
            for number, definition in enumerate(definitions):
                key = key_of(definition)
                if found[number] is not None or key is None or key not in known:
                    continue
                hits = [unit for unit in known[key] if unit.id not in taken]
                if not hits:
                    continue
                if len(hits) > 1 and not hits[0].removed:
                    problems.append(_ambiguous(definition, hits[0]))
                found[number] = hits[-1]
                taken.add(hits[-1].id)
    return found


def _removals(
    units: Iterable[Unit], definitions: Sequence[Definition], defined: Iterable[str], problems: list[Problem]
) -> list[Unit]:
    """The units to remove. The first level on which anything is found decides, so that a repeat removes nothing more:
    what is removed already or defined by the same command stays as it is."""
    index, kept = Index(units), set(defined)
    removed: dict[str, Unit] = {}
    for definition in definitions:
        hits = _hits(definition, index, _LEVELS)
        live = [unit for unit in hits if not unit.removed and unit.id not in kept]
        if len(live) > 1:
            problems.append(_ambiguous(definition, live[0]))
        elif live:
            removed[live[0].id] = live[0]
    return list(removed.values())


def _ambiguous(definition: Definition, unit: Unit) -> Problem:
    return Problem(
        Reason.AMBIGUOUS_UNIT, at(definition.path, "was"), {"kind": unit.kind, "value": definition.was or unit.name}
    )
