"""The template of an academy: the columns of an import with dropdowns of what its organisation knows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from openpyxl import Workbook
from openpyxl.packaging.custom import IntProperty, StringProperty
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from contracts.fields import IMPORT_FIELDS, MAX_LENGTH, REQUIRED_TO_CREATE
from contracts.languages import language_name
from contracts.sentences import column_name
from import_service.template_texts import EXPLANATIONS, WORDS
from import_service.workbooks import (
    KEEPS_ZEROS,
    TEXT_FORMAT,
    USERS_SHEET,
    WRAPPED,
    chosen,
    put_header,
    put_text,
    to_bytes,
)

ROWS: Final = 10_000
"""Rows below the header that have dropdowns; more may be filled in without them."""
REQUIRED: Final = frozenset({"personnel_number", *REQUIRED_TO_CREATE})

_LISTS: Final = "Lists"
_COMPANIES, _FIRST, _COUNT, _DEPARTMENTS, _FUNCTIONS, _LANGUAGES = "ABCDEF"
_WIDTHS: Final = {"email": 34, "functions": 30, "company": 26, "department": 26, "infix": 15, "active": 9}
_LONGEST_MESSAGE: Final = 255


@dataclass(frozen=True, slots=True)
class TemplateCompany:
    """A company with the names of its departments."""

    name: str
    departments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateStructure:
    """What a template knows of an academy: everything that is not removed, at one revision."""

    academy: str
    academy_name: str
    revision: int
    languages: tuple[str, ...]
    companies: tuple[TemplateCompany, ...] = ()
    functions: tuple[str, ...] = ()


def build_template(structure: TemplateStructure, language: str) -> bytes:
    """The template as .xlsx, in Dutch, English, German or French (any other language: English)."""
    language = chosen(language)
    workbook = Workbook()
    users = workbook.active
    assert isinstance(users, Worksheet)  # noqa: S101
    users.title = USERS_SHEET[language]
    _columns(users, language)
    _explanation(workbook.create_sheet(WORDS[language]["sheet"]), structure, language)
    lists = workbook.create_sheet(_LISTS)
    lists.sheet_state = "hidden"
    _dropdowns(users, _fill_lists(lists, structure, language), language)
    properties = workbook.custom_doc_props  # type: ignore[attr-defined]  # the stubs do not know it yet
    properties.append(StringProperty(name="instroom_academy", value=structure.academy))
    properties.append(IntProperty(name="instroom_revision", value=structure.revision))
    workbook.properties.creator = "Instroom"
    workbook.properties.title = f"{structure.academy_name}: {users.title}"
    return to_bytes(workbook)


def _columns(users: Worksheet, language: str) -> None:
    for index, name in enumerate(IMPORT_FIELDS, 1):
        put_header(users.cell(1, index), column_name(name, language), required=name in REQUIRED)
        dimension = users.column_dimensions[get_column_letter(index)]
        dimension.width = _WIDTHS.get(name, 20)
        if name in KEEPS_ZEROS:
            dimension.number_format = TEXT_FORMAT
    users.row_dimensions[1].height = 32
    users.freeze_panes = "B2"


def _explanation(sheet: Worksheet, structure: TemplateStructure, language: str) -> None:
    words = WORDS[language]
    put_text(sheet["A1"], f"{structure.academy_name}: {words['title']}")
    put_text(sheet["A2"], words["intro"].format(revision=structure.revision))
    for index, title in enumerate((words["column"], words["required"], words["meaning"], words["longest"]), 1):
        put_header(sheet.cell(4, index), title, required=False)
    for row, name in enumerate(IMPORT_FIELDS, 5):
        put_text(sheet.cell(row, 1), column_name(name, language))
        put_text(sheet.cell(row, 2), words["yes"] if name in REQUIRED else "")
        put_text(sheet.cell(row, 3), EXPLANATIONS[language][name])
        sheet.cell(row, 4).value = None if name in ("invite", "active", "language") else MAX_LENGTH[name]
        for column in range(1, 5):
            sheet.cell(row, column).alignment = WRAPPED
    for letter, width in zip("ABCD", (26, 12, 100, 16), strict=True):
        sheet.column_dimensions[letter].width = width


@dataclass(frozen=True, slots=True)
class _Lists:
    """How long the lists on the hidden sheet are."""

    companies: int
    functions: int
    languages: int


def _fill_lists(sheet: Worksheet, structure: TemplateStructure, language: str) -> _Lists:
    """Companies with where their departments begin and how many there are; departments in the order of the companies.

    So one formula serves any number of companies, and no name has to be defined per company.
    """
    companies = sorted(structure.companies, key=lambda company: company.name.casefold())
    departments: list[str] = []
    blank = sum(len(company.departments) for company in companies)
    for row, company in enumerate(companies, 2):
        put_text(sheet[f"{_COMPANIES}{row}"], company.name)
        # a dropdown must have a range: a company without departments points to the blank cell below the last one
        sheet[f"{_FIRST}{row}"] = len(departments) if company.departments else blank
        sheet[f"{_COUNT}{row}"] = max(1, len(company.departments))
        departments += sorted(company.departments, key=str.casefold)
    functions = sorted(structure.functions, key=str.casefold)
    languages = [language_name(code, language) for code in structure.languages]
    for letter, names in ((_DEPARTMENTS, departments), (_FUNCTIONS, functions), (_LANGUAGES, languages)):
        for row, name in enumerate(names, 2):
            put_text(sheet[f"{letter}{row}"], name)
    return _Lists(len(companies), len(functions), len(languages))


def _dropdowns(users: Worksheet, lists: _Lists, language: str) -> None:
    def whole(letter: str, length: int) -> str:
        return f"{_LISTS}!${letter}$2:${letter}${length + 1}"

    def add(name: str, formula: str, warns: bool) -> None:
        letter = get_column_letter(IMPORT_FIELDS.index(name) + 1)
        dropdown = DataValidation(type="list", formula1=formula, allow_blank=True, showErrorMessage=warns)
        if warns:
            # a code or a former name is right too, so the dropdown warns and does not forbid
            dropdown.errorStyle = "warning"
            dropdown.errorTitle = column_name(name, language)[:32]
            dropdown.error = WORDS[language]["not_listed"][:_LONGEST_MESSAGE]
        dropdown.add(f"{letter}2:{letter}{ROWS + 1}")
        users.add_data_validation(dropdown)

    if lists.companies:
        add("company", whole(_COMPANIES, lists.companies), True)
        add("department", _departments_of_company(lists.companies, whole), True)
    if lists.functions:
        add("functions", whole(_FUNCTIONS, lists.functions), False)
    if lists.languages:
        add("language", whole(_LANGUAGES, lists.languages), True)
    for flag in ("invite", "active"):
        add(flag, '"x"', False)


def _departments_of_company(companies: int, whole: Callable[[str, int], str]) -> str:
    """The formula of the departments that belong to the company in the same row."""
    company = f"${get_column_letter(IMPORT_FIELDS.index('company') + 1)}2"
    match = f"MATCH({company},{whole(_COMPANIES, companies)},0)"
    first, count = (f"INDEX({whole(letter, companies)},{match})" for letter in (_FIRST, _COUNT))
    return f"OFFSET({_LISTS}!${_DEPARTMENTS}$2,{first},0,{count},1)"
