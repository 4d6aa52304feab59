"""What an organisation structure is made of."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from contracts.fields import name_key

Kind = Literal["company", "department", "function"]
MAX_FORMER_NAMES: Final = 500
"""Of one unit; the oldest are forgotten first."""

Place = tuple[Kind, str]
"""Where siblings stand: their kind and, for departments, the id of their company."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Academy:
    """The tenant. `languages` holds the default language."""

    id: str
    name: str
    default_language: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of use of an academy: plain text by language. Version 0 has none: those of `contracts.wording` hold."""

    version: int = 0
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A company, department or function. It is never deleted: a removed one keeps its id and can come back."""

    kind: Kind
    id: str
    name: str
    company_id: str = ""
    code: str | None = None
    former_names: tuple[str, ...] = ()
    learning_activities: tuple[str, ...] = ()
    removed: bool = False

    @property
    def place(self) -> Place:
        return self.kind, self.company_id

    def called(self, name: str) -> "Unit":
        """The unit under another name; the old one goes on being recognised, unless it is the same but for case."""
        if name == self.name:
            return self
        new, old = name_key(name), name_key(self.name)
        former = [each for each in self.former_names if name_key(each) not in (new, old)]
        if old != new:
            former.append(self.name)
        return replace(self, name=name, former_names=tuple(former[-MAX_FORMER_NAMES:]))


@dataclass(frozen=True, slots=True)
class Structure:
    """The whole state of one academy; `academy` is None as long as nobody has defined it."""

    academy_id: str
    academy: Academy | None = None
    places: Mapping[Place, Mapping[str, Unit]] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)

    @classmethod
    def of(
        cls, academy_id: str, academy: Academy | None, units: Iterable[Unit], terms: Terms | None = None
    ) -> "Structure":
        places: dict[Place, dict[str, Unit]] = {}
        for unit in units:
            places.setdefault(unit.place, {})[unit.id] = unit
        return cls(academy_id, academy, places, terms or Terms())

    def siblings(self, place: Place) -> Mapping[str, Unit]:
        return self.places.get(place, {})

    def units(self, kind: Kind | None = None) -> Iterator[Unit]:
        """All units, removed ones too; companies before departments where the places were filled in that order."""
        for (place_kind, _), siblings in self.places.items():
            if kind is None or place_kind == kind:
                yield from siblings.values()

    def changed(
        self,
        academy: Academy | None,
        units: Iterable[Unit],
        terms: Terms | None = None,
        left: Iterable[tuple[Place, str]] = (),
    ) -> "Structure":
        """The structure after a change, in which units `left` a place; only the places that change are copied."""
        places: dict[Place, Mapping[str, Unit]] = dict(self.places)
        copies: dict[Place, dict[str, Unit]] = {}

        def copy_of(place: Place) -> dict[str, Unit]:
            if place not in copies:
                places[place] = copies[place] = dict(self.siblings(place))
            return copies[place]

        for place, id_ in left:
            copy_of(place).pop(id_, None)
        for unit in units:
            copy_of(unit.place)[unit.id] = unit
        return Structure(self.academy_id, academy or self.academy, places, terms or self.terms)
