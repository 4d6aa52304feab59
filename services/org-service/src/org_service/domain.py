"""What a command does to the organisation structure of one academy. Pure: new ids come in as an argument."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from contracts.events import org
from contracts.events.base import Message
from contracts.fields import (
    CLEAR,
    MAX_ACADEMY_ID,
    clean_text,
    has_forbidden_characters,
    is_academy_id,
    name_key,
)
from contracts.languages import parse_language
from org_service.refusals import Problem, Reason
from org_service.siblings import Definition, Index, at, check_unique, define, found, found_elsewhere
from org_service.units import Academy, Kind, Place, Structure, Terms, Unit

MAX_NAME: Final = 200
MAX_ACTIVITIES: Final = 500
"""Of one function. With MAX_FORMER_NAMES it keeps the whole state of a unit well within one event."""
DEFAULT_LANGUAGE: Final = "nl"
MAX_UNITS: Final = 20_000
"""Of one command: what can be decided and written well within one transaction."""
MAX_TERMS: Final = 50_000
"""Characters of the terms in one language."""
MAX_ALL_TERMS: Final = 200_000
"""Of the terms in all languages: four bytes each fit in one event."""
COMPANIES: Final[Place] = ("company", "")
FUNCTIONS: Final[Place] = ("function", "")


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different afterwards: academy and terms if they changed, and each changed unit once, companies first.

    `left` are the places from which departments moved.
    """

    academy: Academy | None = None
    units: Sequence[Unit] = ()
    republish: bool = False
    terms: Terms | None = None
    left: Sequence[tuple[Place, str]] = ()

    def __bool__(self) -> bool:
        return self.academy is not None or bool(self.units) or self.terms is not None


@dataclass(frozen=True, slots=True)
class Refused:
    """The command changes nothing; all that is wrong with it is told at once."""

    problems: Sequence[Problem]


def storable(text: str) -> str:
    """A refused value as it is told: without what a database, JSON or a screen stumbles over."""
    return "".join("\ufffd" if has_forbidden_characters(c) else c for c in text)


def academy_id_problem(academy_id: str) -> Problem | None:
    """What is wrong with the id of an academy, None if nothing is."""
    if is_academy_id(academy_id):
        return None
    return Problem(Reason.INVALID_ACADEMY_ID, "", {"value": storable(academy_id[:MAX_ACADEMY_ID])})


def defines_academy(command: Message) -> bool:
    """Whether the command may be the first that is heard of its academy."""
    return isinstance(command, org.DefineAcademy) or (
        isinstance(command, org.ApplyStructure) and command.academy is not None
    )


def apply(structure: Structure, command: Message, new_id: Callable[[], str]) -> Changes | Refused:
    """Decide what `command` does to `structure`.

    A command that is applied again changes nothing. Nothing is deleted: a removed unit keeps its id and comes back when
    it is defined again, and a department that moves to another company keeps its id too.
    """
    if (problem := academy_id_problem(structure.academy_id)) is not None:
        return Refused([problem])
    if structure.academy is None and not defines_academy(command):
        return Refused([Problem(Reason.UNKNOWN_ACADEMY, "", {"value": structure.academy_id})])
    draft = _Draft(structure, new_id)
    match command:
        case org.ApplyStructure():
            draft.apply_structure(command)
        case org.DefineAcademy():
            draft.define_academy(command, "")
        case org.DefineCompany():
            draft.define(COMPANIES, [("", command)])
        case org.DefineDepartment():
            if (company := draft.find("company", command.company, "company")) is not None:
                draft.define(("department", company.id), [("", command)])
        case org.DefineFunction():
            draft.define(FUNCTIONS, [("", command)])
        case org.EnableLanguage():
            draft.switch_language(command.language, on=True)
        case org.DisableLanguage():
            draft.switch_language(command.language, on=False)
        case org.RenameUnit():
            draft.rename(command)
        case org.RemoveUnit():
            draft.remove(command)
        case org.MoveDepartment():
            draft.move(command)
        case org.DefineTerms():
            draft.define_terms(command.texts)
        case org.RepublishStructure():
            return Changes(republish=True)
        case _:
            raise TypeError(f"{command.TYPE} is no command to an organisation")
    if draft.problems:
        return Refused(draft.problems)
    return draft.changes()


_AnyDefinition = (
    org.DefineCompany
    | org.DefineDepartment
    | org.DefineFunction
    | org.StructureCompany
    | org.StructureDepartment
    | org.StructureFunction
)


@dataclass(slots=True)
class _Draft:
    """The work on one command: what it changed until now and what is wrong with it."""

    structure: Structure
    new_id: Callable[[], str]
    academy: Academy | None = None
    units: dict[str, Unit] = field(default_factory=dict)
    terms: Terms | None = None
    left: list[tuple[Place, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def changes(self) -> Changes:
        academy = self.academy if self.academy != self.structure.academy else None
        return Changes(academy, tuple(self.units.values()), terms=self.terms, left=tuple(self.left))

    def refuse(self, reason: Reason, path: str, **params: str) -> None:
        self.problems.append(Problem(reason, path, {name: storable(value) for name, value in params.items()}))

    # -- values

    def text(self, value: str | None, path: str) -> str | None:
        """A cleaned name or code; None after a problem was noted."""
        # The limit comes first: cleaning and comparing what nobody can mean would cost without bound.
        if value is not None and len(value) > MAX_NAME:
            value = value.strip()
            if len(value) > MAX_NAME:
                self.refuse(Reason.TOO_LONG, path, length=str(len(value)), max=str(MAX_NAME))
                return None
        if value is None or not name_key(clean_text(value)):
            self.refuse(Reason.REQUIRED, path)
            return None
        if has_forbidden_characters(value):
            self.refuse(Reason.INVALID_CHARACTERS, path)
            return None
        return clean_text(value)

    def choosable(self, value: str | None, path: str) -> str | None:
        """The name or code of a unit: not the text that clears a field of a person."""
        text = self.text(value, path)
        if text == CLEAR:
            self.refuse(Reason.RESERVED, path, value=CLEAR)
            return None
        return text

    def language(self, value: str, path: str) -> str | None:
        code = parse_language(value[:MAX_NAME])
        if code is None:
            self.refuse(Reason.UNKNOWN_LANGUAGE, path, value=value[:MAX_NAME])
        return code

    # -- the academy

    def define_academy(self, command: org.DefineAcademy, path: str) -> None:
        before = self.structure.academy
        name = before.name if before else ""
        if command.name is not None or before is None:
            name = self.text(command.name, at(path, "name")) or ""
        default: str | None = before.default_language if before else DEFAULT_LANGUAGE
        if command.default_language is not None:
            default = self.language(command.default_language, at(path, "default_language"))
        languages: list[str | None] = list(before.languages) if before else [DEFAULT_LANGUAGE]
        if command.languages is not None:
            languages = [self.language(x, at(path, f"languages[{n}]")) for n, x in enumerate(command.languages)]
        if default not in languages:
            languages.insert(0, default)
        enabled = tuple(dict.fromkeys(code for code in languages if code is not None))
        self.academy = Academy(
            id=self.structure.academy_id, name=name, default_language=default or "", languages=enabled
        )

    def switch_language(self, language: str, *, on: bool) -> None:
        code, academy = self.language(language, "language"), self.structure.academy
        if code is None or academy is None:
            return
        if on and code not in academy.languages:
            self.academy = replace(academy, languages=(*academy.languages, code))
        elif not on and code == academy.default_language:
            self.refuse(Reason.DEFAULT_LANGUAGE, "language", value=code)
        elif not on:
            self.academy = replace(academy, languages=tuple(x for x in academy.languages if x != code))

    # -- the terms

    def define_terms(self, texts: Mapping[str, str]) -> None:
        """Replace the texts of all languages; the same texts again are the same version."""
        if not texts:
            self.refuse(Reason.REQUIRED, "texts")
        total = sum(map(len, texts.values()))
        if total > MAX_ALL_TERMS:
            self.refuse(Reason.TOO_LONG, "texts", length=str(total), max=str(MAX_ALL_TERMS))
            return
        clean: dict[str, str] = {}
        for given, text in texts.items():
            path = at("texts", storable(given[:MAX_NAME]))
            code, words = self.language(given, path), self.prose(text, path)
            if code is None or words is None:
                continue
            if self.structure.academy is not None and code not in self.structure.academy.languages:
                self.refuse(Reason.LANGUAGE_NOT_ENABLED, path, value=code)
            elif code in clean:
                self.refuse(Reason.DUPLICATE_LANGUAGE, path, value=code)
            clean[code] = words
        before = self.structure.terms
        if clean != before.texts:
            self.terms = Terms(before.version + 1, clean)

    def prose(self, text: str, path: str) -> str | None:
        """A cleaned text of several paragraphs; None after a problem was noted."""
        lines = (line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        words = "\n".join(lines).strip()
        if not words:
            self.refuse(Reason.REQUIRED, path)
        elif len(words) > MAX_TERMS:
            self.refuse(Reason.TOO_LONG, path, length=str(len(words)), max=str(MAX_TERMS))
        elif has_forbidden_characters(words):
            self.refuse(Reason.INVALID_CHARACTERS, path)
        else:
            return words
        return None

    # -- units

    def apply_structure(self, command: org.ApplyStructure) -> None:
        count = sum(1 + len(each.departments) for each in command.companies) + len(command.functions)
        if count > MAX_UNITS:
            self.refuse(Reason.TOO_MANY, "", count=str(count), max=str(MAX_UNITS))
            return
        if command.academy is not None:
            self.define_academy(command.academy, "academy")
        companies = self.define(COMPANIES, [(f"companies[{n}]", each) for n, each in enumerate(command.companies)])
        departments: dict[Place, list[Definition]] = {}
        for number, company in enumerate(command.companies):
            path = f"companies[{number}]"
            if path in companies and company.departments:
                commands = [(f"{path}.departments[{n}]", each) for n, each in enumerate(company.departments)]
                departments[("department", companies[path].id)] = self.definitions(commands)
        arrived = self.arrivals(departments)
        for place, definitions in departments.items():
            self.define_all(place, definitions, arrived.get(place, ()))
        self.define(FUNCTIONS, [(f"functions[{n}]", each) for n, each in enumerate(command.functions)])

    def arrivals(self, departments: Mapping[Place, Sequence[Definition]]) -> Mapping[Place, Sequence[Unit]]:
        """The departments that move: defined with the company that they were in, and not in the new one yet."""
        arrived: dict[Place, list[Unit]] = {}
        indexes: dict[Place, Index] = {}
        taken: set[str] = set()
        for place, definitions in departments.items():
            for each in definitions:
                if each.was_in is None or each.remove or found(each, self.live(place, indexes)):
                    continue
                source = self.find("company", each.was_in, at(each.path, "was_in"), removed_too=True)
                if source is None or source.id == place[1]:
                    each.was_in = None
                    continue
                there = self.live(("department", source.id), indexes)
                if (unit := found_elsewhere(each, there, taken, self.problems)) is not None:
                    taken.add(unit.id)
                    self.left.append((unit.place, unit.id))
                    arrived.setdefault(place, []).append(replace(unit.called(each.name), company_id=place[1]))
        return arrived

    def live(self, place: Place, indexes: dict[Place, Index]) -> Index:
        """Look-up among the units of the place that are not removed, made once."""
        if place not in indexes:
            indexes[place] = Index(unit for unit in self.structure.siblings(place).values() if not unit.removed)
        return indexes[place]

    def define(self, place: Place, commands: Sequence[tuple[str, _AnyDefinition]]) -> Mapping[str, Unit]:
        """Define and remove units of one place; returns the defined ones by path."""
        return self.define_all(place, self.definitions(commands)) if commands else {}

    def define_all(
        self, place: Place, definitions: Sequence[Definition], arrived: Sequence[Unit] = ()
    ) -> Mapping[str, Unit]:
        gone = {id_ for left, id_ in self.left if left == place}
        before = {id_: unit for id_, unit in self.structure.siblings(place).items() if id_ not in gone}
        before |= {unit.id: unit for unit in arrived}
        self.put(arrived)
        outcome = define(place, before, definitions, self.new_id, self.problems)
        self.put(outcome.defined.values())
        for unit in outcome.removed:
            self.remove_unit(unit)
        return outcome.defined

    def definitions(self, commands: Sequence[tuple[str, _AnyDefinition]]) -> list[Definition]:
        return [each for path, command in commands if (each := self.definition(path, command)) is not None]

    def definition(self, path: str, command: _AnyDefinition) -> Definition | None:
        known = len(self.problems)
        remove = getattr(command, "remove", False)
        chosen = self.text if remove else self.choosable  # what was defined before it was refused can be removed
        name = chosen(command.name, at(path, "name"))
        code = chosen(command.code, at(path, "code")) if command.code and command.code.strip() else None
        no_code = command.code is None and "code" in command.model_fields_set
        was = self.text(command.was, at(path, "was")) if command.was and command.was.strip() else None
        was_in = None
        if isinstance(command, org.StructureDepartment) and command.was_in and command.was_in.strip():
            was_in = self.text(command.was_in, at(path, "was_in"))
        activities = None
        if isinstance(command, org.DefineFunction | org.StructureFunction) and command.learning_activities is not None:
            activities = self.activities(command.learning_activities, at(path, "learning_activities"))
        if name is None or len(self.problems) > known:
            return None
        return Definition(
            path=path,
            name=name,
            code=code,
            no_code=no_code,
            was=was,
            was_in=was_in,
            remove=remove,
            learning_activities=activities,
        )

    def activities(self, names: Sequence[str], path: str) -> tuple[str, ...]:
        """Names in the order given, each once."""
        if len(names) > MAX_ACTIVITIES:
            self.refuse(Reason.TOO_MANY, path, count=str(len(names)), max=str(MAX_ACTIVITIES))
            return ()
        texts: dict[str, str] = {}
        for number, name in enumerate(names):
            if (text := self.text(name, f"{path}[{number}]")) is not None:
                texts.setdefault(name_key(text), text)
        return tuple(texts.values())

    def rename(self, command: org.RenameUnit) -> None:
        name = self.choosable(command.name, "name")
        unit = self.find(command.kind, command.unit, "unit", command.company)
        if name is None or unit is None:
            return
        after = {**self.structure.siblings(unit.place), unit.id: unit.called(name)}
        check_unique(after.values(), {unit.id: ""}, self.problems)
        self.put([after[unit.id]])

    def move(self, command: org.MoveDepartment) -> None:
        target = self.find("company", command.to, "to")
        owner = self.find("company", command.company, "company") if command.company is not None else None
        if self.problems or target is None:
            return
        units = list(self.structure.units("department"))
        if owner is not None:
            units = [unit for unit in units if unit.company_id == owner.id]
        hits = _named((unit for unit in units if not unit.removed), command.department)
        if not hits and owner is not None:  # it moved before
            there = self.structure.siblings(("department", target.id)).values()
            hits = _named((unit for unit in there if not unit.removed), command.department)
        unit = self.only("department", hits, command.department, "department")
        if unit is None or unit.company_id == target.id:
            return
        moved = replace(unit, company_id=target.id)
        after = {**self.structure.siblings(moved.place), moved.id: moved}
        check_unique(after.values(), {moved.id: "department"}, self.problems)
        self.left.append((unit.place, unit.id))
        self.put([moved])

    def remove(self, command: org.RemoveUnit) -> None:
        unit = self.find(command.kind, command.unit, "unit", command.company, removed_too=True)
        if unit is not None and not unit.removed:
            self.remove_unit(replace(unit, removed=True))

    def remove_unit(self, unit: Unit) -> None:
        self.put([unit])
        if unit.kind == "company":
            departments = self.structure.siblings(("department", unit.id)).values()
            self.put(replace(each, removed=True) for each in departments)

    def put(self, units: Iterable[Unit]) -> None:
        for unit in units:
            if self.structure.siblings(unit.place).get(unit.id) != unit:
                self.units[unit.id] = unit

    def find(
        self, kind: Kind, text: str, path: str, company: str | None = None, *, removed_too: bool = False
    ) -> Unit | None:
        """The unit that a command names by id, code, name or former name; None after a problem was noted."""
        if company is not None and kind == "department":
            owner = self.find("company", company, "company", removed_too=removed_too)
            if owner is None:
                return None
            units = list(self.structure.siblings((kind, owner.id)).values())
        else:
            units = list(self.structure.units(kind))
        for removed in (False, True) if removed_too else (False,):
            hits = _named((unit for unit in units if unit.removed is removed), text)
            if hits:
                return hits[-1] if removed else self.only(kind, hits, text, path)
        return self.only(kind, (), text, path)

    def only(self, kind: Kind, hits: Sequence[Unit], text: str, path: str) -> Unit | None:
        """The unit that `text` was found to be; None after it was noted that it is none, or several."""
        if len(hits) == 1:
            return hits[0]
        reason = Reason.AMBIGUOUS_UNIT if hits else Reason.UNKNOWN_UNIT
        self.refuse(reason, path, kind=kind, value=text[:MAX_NAME])
        return None


def _named(units: Iterable[Unit], text: str) -> Sequence[Unit]:
    """The units with this id; else with this code, name or former name, whichever is found first."""
    units = list(units)
    key, index = name_key(text[: 2 * MAX_NAME]), Index(units)
    by_id = [unit for unit in units if unit.id == text.strip()]
    return by_id or index.by_code.get(key) or index.by_name.get(key) or index.by_former.get(key) or ()
