"""The organisation of one academy as it was at one revision: what a text means (`docs/rules.md` 12)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from contracts.events.base import Message
from contracts.events.org import AcademyChanged, CompanyChanged, DepartmentChanged, FunctionChanged, TermsChanged
from contracts.fields import name_key
from contracts.wording.terms import DEFAULT_TERMS, DEFAULT_TERMS_VERSION
from user_service.domain.closeness import CloseNames

DEFAULT_LANGUAGE: Final = "nl"
FALLBACK_LANGUAGE: Final = "en"


@dataclass(frozen=True, slots=True)
class Unit:
    """A company, department or function. `company_id` is empty for all but departments."""

    id: str
    name: str
    code: str | None
    former_names: tuple[str, ...]
    removed: bool
    company_id: str
    learning_activities: tuple[str, ...]

    def texts(self) -> tuple[Sequence[str], ...]:
        """What it is called by, level by level: name, code, former names, id."""
        return (self.name,), (self.code,) if self.code else (), self.former_names, (self.id,)

    def level(self, key: str) -> int | None:
        """The level on which `key` is this unit, or None."""
        for level, texts in enumerate(self.texts()):
            if any(name_key(text) == key for text in texts):
                return level
        return None


Hit = tuple[Unit, ...]
"""What a text was found to be: one unit, none, or several that have an equal claim."""

_NOTHING: Final[Hit] = ()
_LEVELS: Final = range(4)


class _Table:
    """The units among which a text is looked up; those of an earlier level hide those of a later one."""

    __slots__ = ("_close", "_hits", "_names")

    def __init__(self, units: Iterable[Unit]) -> None:
        live = [unit for unit in units if not unit.removed]
        self._hits: dict[str, tuple[int, Hit]] = {}
        self._names = [unit.name for unit in live]
        self._close: CloseNames | None = None
        for unit in live:
            for level, texts in enumerate(unit.texts()):
                for text in texts:
                    self._add(name_key(text), level, unit)

    def _add(self, key: str, level: int, unit: Unit) -> None:
        known = self._hits.get(key)
        if known is None or level < known[0]:
            self._hits[key] = (level, (unit,))
        elif level == known[0] and unit not in known[1]:
            self._hits[key] = (level, (*known[1], unit))

    def find(self, text: str, own: Sequence[Unit]) -> Hit:
        """`own` are removed units that count because the person has them."""
        key = name_key(text)
        level, hit = self._hits.get(key, (len(_LEVELS), _NOTHING))
        for unit in own:
            own_level = unit.level(key)
            if own_level is not None and own_level < level:
                level, hit = own_level, (unit,)
        return hit

    def close(self, text: str) -> str | None:
        if self._close is None:
            self._close = CloseNames(self._names)
        return self._close.find(text)


_EMPTY: Final = _Table(())


class Organisation:
    """Look-ups in one academy's structure at one revision. Immutable; make a new one when the structure changes."""

    def __init__(
        self,
        academy: AcademyChanged | None,
        units: Mapping[str, Sequence[Unit]],
        terms: TermsChanged | None = None,
    ) -> None:
        self.known: Final = academy is not None
        self.name: Final = academy.name if academy else ""
        self.revision: Final = academy.revision if academy else 0
        self.default_language: Final = (academy.default_language if academy else "") or DEFAULT_LANGUAGE
        languages = (academy.languages if academy else ()) or (DEFAULT_LANGUAGE,)
        self.languages: Final = frozenset(languages) | {self.default_language}
        self.companies: Final = {unit.id: unit for unit in units["company"]}
        self.departments: Final = {unit.id: unit for unit in units["department"]}
        self.functions: Final = {unit.id: unit for unit in units["function"]}
        self.has_removed: Final = any(unit.removed for kind in units.values() for unit in kind)
        # what `placing` found out, so that a file's thousandth "Acme, Sales" costs one look-up
        self.places: Final[dict[tuple[str | None, str | None], tuple[str, str]]] = {}
        self.function_cells: Final[dict[tuple[str, ...], tuple[str, ...]]] = {}
        self._terms: Final = terms
        self._companies: Final = _Table(units["company"])
        self._functions: Final = _Table(units["function"])
        by_company: dict[str, list[Unit]] = {}
        for unit in units["department"]:
            company = self.companies.get(unit.company_id)
            if company is not None and not company.removed:
                by_company.setdefault(unit.company_id, []).append(unit)
        self._departments: Final = {company_id: _Table(own) for company_id, own in by_company.items()}

    def terms(self, language: str) -> tuple[int, str, str]:
        """Version, language and text of the terms of use that somebody of this language is asked to accept.

        Where the academy has them not in that language: in its default language, else in English, else the neutral
        terms of version 0, in the same order of languages.
        """
        wanted = (language, self.default_language, FALLBACK_LANGUAGE)
        own = self._terms.texts if self._terms is not None else {}
        for code in wanted:
            if self._terms is not None and code in own:
                return self._terms.version, code, own[code]
        code = next(code for code in wanted if code in DEFAULT_TERMS)
        return DEFAULT_TERMS_VERSION, code, DEFAULT_TERMS[code]

    def company(self, text: str, own: Sequence[Unit] = ()) -> Hit:
        return self._companies.find(text, own)

    def department(self, text: str, company_id: str, own: Sequence[Unit] = ()) -> Hit:
        return self._departments.get(company_id, _EMPTY).find(text, own)

    def function(self, text: str, own: Sequence[Unit] = ()) -> Hit:
        return self._functions.find(text, own)

    def company_name(self, id_: str) -> str:
        """The name of a company; an id that the structure does not know is its own name."""
        unit = self.companies.get(id_)
        return unit.name if unit is not None else id_

    def department_name(self, id_: str) -> str:
        unit = self.departments.get(id_)
        return unit.name if unit is not None else id_

    def function_names(self, ids: Sequence[str]) -> list[str]:
        return [self.functions[id_].name if id_ in self.functions else id_ for id_ in ids]

    def companies_with_department(self, text: str) -> list[Unit]:
        """The companies in which `text` is a department, by name."""
        companies = [self.companies[id_] for id_, table in self._departments.items() if table.find(text, ())]
        return sorted(companies, key=lambda company: company.name)

    def close_company(self, text: str) -> str | None:
        return self._companies.close(text)

    def close_department(self, text: str, company_id: str) -> str | None:
        return self._departments.get(company_id, _EMPTY).close(text)

    def close_function(self, text: str) -> str | None:
        return self._functions.close(text)


def build_organisation(entries: Iterable[tuple[Message | None, bool]]) -> Organisation:
    """The organisation of which `entries` are the whole state: each unit's last message and whether it was removed.

    Without an AcademyChanged the organisation is not `known` (an academy that does not exist). A removed unit of which
    no message was kept is left out: nobody can have had it here.
    """
    academy: AcademyChanged | None = None
    terms: TermsChanged | None = None
    units: dict[str, list[Unit]] = {"company": [], "department": [], "function": []}
    for message, removed in entries:
        match message:
            case AcademyChanged():
                academy = None if removed else message
            case TermsChanged():
                terms = None if removed else message
            case CompanyChanged():
                units["company"].append(_unit(message, removed))
            case DepartmentChanged():
                units["department"].append(_unit(message, removed, company_id=message.company_id))
            case FunctionChanged():
                units["function"].append(
                    _unit(message, removed, learning_activities=tuple(message.learning_activities))
                )
            case _:
                pass
    return Organisation(academy, units, terms)


def _unit(
    message: CompanyChanged | DepartmentChanged | FunctionChanged,
    removed: bool,
    company_id: str = "",
    learning_activities: tuple[str, ...] = (),
) -> Unit:
    return Unit(
        id=message.id,
        name=message.name,
        code=message.code,
        former_names=tuple(message.former_names),
        removed=removed,
        company_id=company_id,
        learning_activities=learning_activities,
    )
