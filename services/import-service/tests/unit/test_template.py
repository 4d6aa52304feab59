import io

import pytest
from openpyxl import load_workbook

from contracts.fields import IMPORT_FIELDS
from contracts.sentences import column_name
from import_service.reading.refused import FileRefused
from import_service.reading.source import open_source
from import_service.reading.table import frames
from import_service.template import TemplateCompany, TemplateStructure, build_template

LANGUAGES = ("nl", "en", "de", "fr")
STRUCTURE = TemplateStructure(
    academy="demo",
    academy_name="Demo Academy",
    revision=7,
    languages=("nl", "en"),
    companies=(
        TemplateCompany("Zon BV", ("Verkoop", "Inkoop")),
        TemplateCompany("Acme", ("Magazijn",)),
        TemplateCompany("Leeg"),
        TemplateCompany("=HYPERLINK(1)", ("+31",)),
    ),
    functions=("Verkoper", "Adviseur", "@SUM"),
)


def book(language="nl", structure=STRUCTURE):
    return load_workbook(io.BytesIO(build_template(structure, language)))


def dropdowns(workbook):
    """Formula, range and whether it warns, by the column's letter."""
    validations = workbook.worksheets[0].data_validations.dataValidation
    return {str(v.sqref)[0]: (v.formula1, str(v.sqref), v.showErrorMessage, v.errorStyle) for v in validations}


def departments_in(workbook, company):
    """What the dropdown of departments shows beside `company`: its formula, worked out by hand."""
    lists = workbook["Lists"]
    row = next(row for row in range(2, lists.max_row + 1) if lists[f"A{row}"].value == company)
    first, count = lists[f"B{row}"].value, lists[f"C{row}"].value
    return [lists[f"D{2 + first + n}"].value for n in range(count)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_template_has_the_columns_of_the_article_in_the_chosen_language(language):
    header = [cell.value for cell in book(language).worksheets[0][1]]
    assert [text.removesuffix(" *") for text in header] == [column_name(field, language) for field in IMPORT_FIELDS]


def test_required_columns_are_marked():
    header = book().worksheets[0][1]
    required = [field for field, cell in zip(IMPORT_FIELDS, header, strict=True) if cell.value.endswith(" *")]
    assert required == ["personnel_number", "first_name", "last_name", "email", "company", "department"]
    assert len({cell.fill.fgColor.rgb for cell in header}) == 2


def test_the_sheet_is_called_gebruikers_in_dutch_and_users_elsewhere():
    assert [book(language).sheetnames[0] for language in LANGUAGES] == ["Gebruikers", "Users", "Users", "Users"]


def test_an_unknown_language_is_english_and_a_region_does_not_matter():
    assert book("pl").sheetnames == book("en").sheetnames
    assert book("nl-BE").sheetnames == book("nl").sheetnames


def test_columns_in_which_zeros_lead_are_text():
    sheet = book().worksheets[0]
    formats = {field: sheet.column_dimensions["ABCDEFGHIJKL"[n]].number_format for n, field in enumerate(IMPORT_FIELDS)}
    assert {field for field, code in formats.items() if code == "@"} == {"personnel_number", "cost_centre"}


def test_there_are_dropdowns_for_units_languages_and_flags_over_ten_thousand_rows():
    told = dropdowns(book())
    assert {letter: formula for letter, (formula, *_) in told.items() if letter != "G"} == {
        "F": "Lists!$A$2:$A$5",
        "H": "Lists!$E$2:$E$4",
        "J": '"x"',
        "K": '"x"',
        "L": "Lists!$F$2:$F$3",
    }
    assert told["F"][1] == "F2:F10001"


def test_departments_depend_on_the_company_of_the_row():
    workbook = book()
    formula = dropdowns(workbook)["G"][0]
    assert formula == (
        "OFFSET(Lists!$D$2,INDEX(Lists!$B$2:$B$5,MATCH($F2,Lists!$A$2:$A$5,0)),0,"
        "INDEX(Lists!$C$2:$C$5,MATCH($F2,Lists!$A$2:$A$5,0)),1)"
    )
    assert departments_in(workbook, "Zon BV") == ["Inkoop", "Verkoop"]
    assert departments_in(workbook, "Acme") == ["Magazijn"]
    assert departments_in(workbook, "=HYPERLINK(1)") == ["+31"]


def test_a_company_without_departments_has_a_dropdown_of_nothing():
    assert departments_in(book(), "Leeg") == [None]


def test_a_value_outside_the_lists_is_warned_about_and_functions_may_be_several():
    told = dropdowns(book())
    assert {letter for letter, (*_, warns, _style) in told.items() if warns} == {"F", "G", "L"}
    assert {told[letter][3] for letter in "FGL"} == {"warning"}


def test_thousands_of_units_fit():
    companies = tuple(TemplateCompany(f"B{n:04}", tuple(f"A{n}-{m}" for m in range(5))) for n in range(3000))
    structure = TemplateStructure("demo", "Demo", 1, ("nl",), companies, tuple(f"F{n}" for n in range(5000)))
    workbook = book(structure=structure)
    formulas = [formula for formula, *_ in dropdowns(workbook).values()]
    assert max(map(len, formulas)) <= 255
    assert departments_in(workbook, "B2999") == [f"A2999-{m}" for m in range(5)]


def test_an_academy_without_units_has_a_template_too():
    told = dropdowns(book(structure=TemplateStructure("demo", "Demo", 0, ())))
    assert set(told) == {"J", "K"}


def test_lists_are_on_a_hidden_sheet_and_each_column_is_explained():
    for language in LANGUAGES:
        workbook = book(language)
        assert [sheet.sheet_state for sheet in workbook] == ["visible", "visible", "hidden"]
        explained = [row[0].value for row in workbook.worksheets[1].iter_rows(min_row=5)]
        assert explained == [column_name(field, language) for field in IMPORT_FIELDS]
        assert all(row[2].value for row in workbook.worksheets[1].iter_rows(min_row=5))


def test_languages_are_named_in_the_language_of_the_template():
    assert [book("nl")["Lists"][f"F{row}"].value for row in (2, 3)] == ["Nederlands", "Engels"]
    assert [book("en")["Lists"][f"F{row}"].value for row in (2, 3)] == ["Dutch", "English"]


def test_names_that_look_like_formulas_are_text():
    lists = book()["Lists"]
    for cell in ("A2", "D5", "E2"):
        assert lists[cell].data_type == "s", cell
    assert lists["A2"].value == "=HYPERLINK(1)"
    assert lists["A2"].quotePrefix


def read(path):
    return list(frames(open_source(path, ".xlsx"), ".xlsx"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_our_reader_knows_an_empty_template_as_empty(tmp_path, language):
    path = tmp_path / "template.xlsx"
    path.write_bytes(build_template(STRUCTURE, language))
    with pytest.raises(FileRefused) as refused:
        read(path)
    assert refused.value.code == "empty_file"


@pytest.mark.parametrize("language", LANGUAGES)
def test_our_reader_reads_a_filled_in_template_with_its_stamp(tmp_path, language):
    workbook = book(language)
    workbook.worksheets[0].append(["007", "Jan", None, "Vries", "jan@voorbeeld.nl", "Acme", "Magazijn"])
    path = tmp_path / "template.xlsx"
    workbook.save(path)
    header, rows, _ = read(path)
    assert header["stamp"] == ["demo", 7]
    assert header["ignored"] == []
    assert len(header["columns"]) == 12
    assert rows["columns"][0] == ["007"]
