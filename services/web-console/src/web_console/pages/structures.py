"""An organisation's structure as org-service tells it: finding a unit, and the command that a form stands for. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from contracts.events import org
from contracts.events.base import Message
from contracts.fields import clean_text, name_key

Kind = Literal["company", "department", "function"]
KINDS: Final[tuple[Kind, ...]] = ("company", "department", "function")


@dataclass(frozen=True, slots=True)
class Found:
    """A unit with where it stands: its siblings, and the company of a department."""

    kind: Kind
    unit: Mapping[str, Any]
    siblings: Sequence[Mapping[str, Any]]
    company: Mapping[str, Any] | None = None


def places(
    structure: Mapping[str, Any],
) -> Iterator[tuple[Kind, Mapping[str, Any] | None, Sequence[Mapping[str, Any]]]]:
    """Each set of siblings, with its kind and, of departments, their company."""
    yield "company", None, structure["companies"]
    yield "function", None, structure["functions"]
    for company in structure["companies"]:
        yield "department", company, company["departments"]


def find(structure: Mapping[str, Any], kind: str, id_: str) -> Found | None:
    """The unit of this kind and id, a removed one too."""
    for each, company, siblings in places(structure):
        if each == kind:
            for unit in siblings:
                if unit["id"] == id_:
                    return Found(each, unit, siblings, company)
    return None


@dataclass(frozen=True, slots=True)
class Filled:
    """What a form says of a unit. `activities` is None where the form does not ask for them."""

    name: str
    code: str = ""
    activities: tuple[str, ...] | None = None


def clash(filled: Filled, siblings: Sequence[Mapping[str, Any]], *, but: str = "") -> dict[str, str]:
    """By field, the unit that has this name or code already. org-service would take the form for a change of that one."""
    taken: dict[str, str] = {}
    for unit in siblings:
        if unit["removed"] or unit["id"] == but:
            continue
        if _key(unit["name"]) == _key(filled.name):
            taken["name"] = unit["name"]
        if filled.code and unit["code"] and _key(unit["code"]) == _key(filled.code):
            taken["code"] = unit["name"]
    return taken


def definition(
    kind: Kind, filled: Filled, *, company: str = "", was: str | None = None, no_code: bool = False
) -> Message:
    """The command that makes the unit, or leaves the unit that is called `was` as the form says.

    A blank code leaves the code as it is, unless the unit is to have `no_code`.
    """
    said: dict[str, Any] = {"name": filled.name}
    if filled.code or no_code:
        said["code"] = filled.code or None
    if was is not None:
        said["was"] = was
    if kind == "company":
        return org.DefineCompany(**said)
    if kind == "department":
        return org.DefineDepartment(company=company, **said)
    if filled.activities is not None:
        said["learning_activities"] = list(filled.activities)
    return org.DefineFunction(**said)


def change(found: Found, filled: Filled) -> Message | None:
    """The command that makes the unit what the form says; None where it is that already.

    A new name alone goes by the id, which nothing else can be taken for.
    """
    unit = found.unit
    renamed = clean_text(filled.name) != unit["name"]
    recoded = filled.code != (unit["code"] or "")
    relearned = filled.activities is not None and list(filled.activities) != unit.get("learning_activities", [])
    if recoded or relearned:
        company = found.company["id"] if found.company else ""
        no_code = recoded and not filled.code
        return definition(found.kind, filled, company=company, was=unit["name"], no_code=no_code)
    if renamed:
        return org.RenameUnit(kind=found.kind, unit=unit["id"], name=filled.name)
    return None


def restoration(found: Found, *, with_departments: bool = False) -> Message:
    """The command that brings a removed unit back under its id, a company with its departments where asked."""
    unit = found.unit
    filled = Filled(unit["name"], unit["code"] or "")
    if found.kind == "company" and with_departments:
        departments = [org.StructureDepartment(**_named(each)) for each in _newest(unit["departments"])]
        return org.ApplyStructure(companies=[org.StructureCompany(**_named(unit), departments=departments)])
    return definition(found.kind, filled, company=found.company["id"] if found.company else "")


def _named(unit: Mapping[str, Any]) -> dict[str, Any]:
    return {name: unit[name] for name in ("name", "code") if unit[name]}


def _newest(units: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """One of each name and code: what was removed twice under one name comes back once."""
    kept: dict[str, Mapping[str, Any]] = {}
    codes: set[str] = set()
    for unit in units:
        code = _key(unit["code"]) if unit["code"] else ""
        if _key(unit["name"]) not in kept and code not in codes:
            kept[_key(unit["name"])] = unit
            if code:
                codes.add(code)
    return list(kept.values())


def _key(text: str) -> str:
    return name_key(clean_text(text))
