"""Academies and their organisation structure: commands to it, and its whole state as events.

A unit in `org.structure` is its whole state; a removed unit is a tombstone (null value, `ce_type` and `ce_orgrevision`
in the headers). Every transaction raises the academy's revision, stamps it on each event (`revision`, and
`ce_orgrevision`), and ends with AcademyChanged: who has seen AcademyChanged of revision n has seen all of n.
"""

from typing import ClassVar, Final, Literal

from pydantic import Field

from contracts.events.base import Message, Value

UnitKind = Literal["academy", "company", "department", "function"]


class AcademyChanged(Message):
    """An academy as it is now. The last event of each revision of its structure."""

    TYPE: ClassVar[str] = "instroom.org.academy-changed.v1"

    id: str
    name: str
    default_language: str
    languages: list[str] = Field(description="enabled languages, ISO 639-1; holds the default")
    revision: int
    entries: int | None = Field(
        default=None,
        description="how many other keys of the academy have a value: whoever finds fewer does not see the whole of it",
    )


class CompanyChanged(Message):
    """A company as it is now. `former_names` go on being recognised in requests."""

    TYPE: ClassVar[str] = "instroom.org.company-changed.v1"

    id: str
    name: str
    code: str | None = None
    former_names: list[str] = []
    revision: int


class DepartmentChanged(Message):
    """A department of one company as it is now."""

    TYPE: ClassVar[str] = "instroom.org.department-changed.v1"

    id: str
    company_id: str
    name: str
    code: str | None = None
    former_names: list[str] = []
    revision: int


class FunctionChanged(Message):
    """A function as it is now, with the learning activities that its holders get by default."""

    TYPE: ClassVar[str] = "instroom.org.function-changed.v1"

    id: str
    name: str
    code: str | None = None
    former_names: list[str] = []
    learning_activities: list[str] = Field(default=[], description="names, in the order in which they are shown")
    revision: int


class TermsChanged(Message):
    """The terms of use of an academy as they are now; the key is `<academy>/terms/<academy>`."""

    TYPE: ClassVar[str] = "instroom.org.terms-changed.v1"

    version: int = Field(description="one higher each time that a text changes; whoever accepted an older one is asked")
    texts: dict[str, str] = Field(description="language → plain text, paragraphs apart by an empty line")
    revision: int


EVENTS = (AcademyChanged, CompanyChanged, DepartmentChanged, FunctionChanged, TermsChanged)

REMOVED: Final = {
    "company": "instroom.org.company-removed.v1",
    "department": "instroom.org.department-removed.v1",
    "function": "instroom.org.function-removed.v1",
}
"""The `ce_type` of the tombstone of a removed unit, by kind. Its value is null."""


class DefineAcademy(Message):
    """Create the academy or change its name, default language and enabled languages."""

    TYPE: ClassVar[str] = "instroom.org.define-academy.v1"

    name: str | None = None
    default_language: str | None = None
    languages: list[str] | None = None


class DefineCompany(Message):
    """Create or update a company. It is matched by code, then name, then former name `was`."""

    TYPE: ClassVar[str] = "instroom.org.define-company.v1"

    name: str
    code: str | None = Field(default=None, description="absent leaves it as it is, null takes it off")
    was: str | None = None


class DefineDepartment(Message):
    """Create or update a department of `company` (name or code)."""

    TYPE: ClassVar[str] = "instroom.org.define-department.v1"

    company: str
    name: str
    code: str | None = Field(default=None, description="absent leaves it as it is, null takes it off")
    was: str | None = None


class DefineFunction(Message):
    """Create or update a function. Absent `learning_activities` leaves them as they are."""

    TYPE: ClassVar[str] = "instroom.org.define-function.v1"

    name: str
    code: str | None = Field(default=None, description="absent leaves it as it is, null takes it off")
    was: str | None = None
    learning_activities: list[str] | None = None


class EnableLanguage(Message):
    """Let people of the academy have this language."""

    TYPE: ClassVar[str] = "instroom.org.enable-language.v1"

    language: str


class DisableLanguage(Message):
    """Take a language off. The default language stays."""

    TYPE: ClassVar[str] = "instroom.org.disable-language.v1"

    language: str


class RenameUnit(Message):
    """Give a unit another name; the old one goes on being recognised in requests."""

    TYPE: ClassVar[str] = "instroom.org.rename-unit.v1"

    kind: Literal["company", "department", "function"]
    unit: str = Field(description="id, code or name")
    company: str | None = Field(default=None, description="of a department: its company, where the name needs it")
    name: str


class MoveDepartment(Message):
    """Move a department to another company. It keeps its id, name and code; its people go with it."""

    TYPE: ClassVar[str] = "instroom.org.move-department.v1"

    department: str = Field(description="id, code or name")
    company: str | None = Field(default=None, description="the company that it leaves, where the name needs it")
    to: str = Field(description="the company that it goes to: id, code or name")


class RemoveUnit(Message):
    """Remove a unit (a company with its departments). It takes nobody new; its people keep it."""

    TYPE: ClassVar[str] = "instroom.org.remove-unit.v1"

    kind: Literal["company", "department", "function"]
    unit: str
    company: str | None = None


class StructureDepartment(Value):
    name: str
    code: str | None = Field(default=None, description="absent leaves it as it is, null takes it off")
    was: str | None = None
    was_in: str | None = Field(default=None, description="the company that it moves from, if it is there still")
    remove: bool = False


class StructureCompany(Value):
    name: str
    code: str | None = Field(default=None, description="absent leaves it as it is, null takes it off")
    was: str | None = None
    remove: bool = False
    departments: list[StructureDepartment] = []


class StructureFunction(Value):
    name: str
    code: str | None = Field(default=None, description="absent leaves it as it is, null takes it off")
    was: str | None = None
    remove: bool = False
    learning_activities: list[str] | None = None


class ApplyStructure(Message):
    """Define or update a whole organisation in one transaction. What it does not name stays as it is."""

    TYPE: ClassVar[str] = "instroom.org.apply-structure.v1"

    academy: DefineAcademy | None = None
    companies: list[StructureCompany] = []
    functions: list[StructureFunction] = []


class DefineTerms(Message):
    """Replace the academy's terms of use; other texts than there are make a new version, to be accepted anew."""

    TYPE: ClassVar[str] = "instroom.org.define-terms.v1"

    texts: dict[str, str] = Field(description="language → plain text, paragraphs apart by an empty line")


class RepublishStructure(Message):
    """Publish the whole current state of the academy again."""

    TYPE: ClassVar[str] = "instroom.org.republish-structure.v1"


COMMANDS = (
    DefineAcademy,
    DefineCompany,
    DefineDepartment,
    DefineFunction,
    EnableLanguage,
    DisableLanguage,
    RenameUnit,
    RemoveUnit,
    ApplyStructure,
    RepublishStructure,
    DefineTerms,
    MoveDepartment,
)
