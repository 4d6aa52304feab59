import io

import pytest
from openpyxl import load_workbook

from contracts.fields import IMPORT_FIELDS
from import_service.reading.source import open_source
from import_service.reading.table import frames
from import_service.report import build_report_workbook


def result(row, outcome="created", **more):
    return {
        "row": row,
        "personnel_number": f"00{row}",
        "name": "Jan de Vries",
        "outcome": outcome,
        "restored": False,
        "drifted": False,
        "planned": outcome,
        "invitation": "none",
        "invitation_expires_at": None,
        "changes": {},
        "errors": [],
        "warnings": [],
    } | more


def error(column, value, cell="E3", message="Dit is geen geldig e-mailadres."):
    return {
        "code": "invalid_email",
        "column": column,
        "header": "Emailadres",
        "cell": cell,
        "value": value,
        "message": message,
        "suggestion": None,
    }


def document(results=(), **more):
    counts = dict.fromkeys(
        ("created", "updated", "unchanged", "rejected", "not_attempted", "invited", "waiting", "already_invited"), 0
    )
    for one in results:
        counts[one["outcome"]] += 1
    return {
        "import_id": "0198-abc",
        "academy": "demo",
        "state": "completed",
        "rows": len(results),
        **counts,
        "errors": [],
        "warnings": [],
        "results": list(results),
    } | more


RESULTS = [
    result(2, invitation="queued"),
    result(3, "rejected", errors=[error("email", "jan@"), error(None, None, None, "Staat al in het bestand.")]),
    result(4, "updated", changes={"active": [False, True], "functions": [["A", "B"], []], "infix": [None, "=de"]}),
    result(
        5,
        "updated",
        restored=True,
        drifted=True,
        invitation="already_invited",
        invitation_expires_at="2031-01-02T03:04:05Z",
    ),
    result(
        6, "rejected", name='=HYPERLINK("http://x")', personnel_number=None, errors=[error("last_name", "=1+1", "D6")]
    ),
]


def book(given, language="nl", rows=None):
    return load_workbook(io.BytesIO(build_report_workbook(given, language, rows)))


def values(sheet):
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def test_the_report_has_a_summary_all_rows_and_the_rejected_ones():
    assert book(document(RESULTS)).sheetnames == ["Samenvatting", "Alle regels", "Gebruikers"]
    assert book(document(RESULTS), "en").sheetnames == ["Summary", "All rows", "Users"]


def test_the_summary_counts_and_the_counts_add_up():
    told = {row[0]: row[1] for row in values(book(document(RESULTS)).worksheets[0]) if row and row[0]}
    assert told["Stand"] == "klaar"
    names = ("Nieuw", "Bijgewerkt", "Ongewijzigd", "Niet geïmporteerd", "Niet uitgevoerd")
    assert sum(told[name] for name in names) == told["Regels"] == 5


def test_a_refused_file_is_told_in_the_summary():
    refused = document(
        state="refused",
        errors=[{"code": "empty_file", "message": "Er staan geen gebruikers in dit bestand.", "columns": []}],
        warnings=[{"code": "ignored_column", "column": "Kleur", "message": "Kolom Kleur wordt overgeslagen."}],
    )
    workbook = book(refused)
    rows = values(workbook.worksheets[0])
    assert [None, "Er staan geen gebruikers in dit bestand."] in rows
    assert ["Kleur", "Kolom Kleur wordt overgeslagen."] in rows
    assert len(values(workbook.worksheets[1])) == len(values(workbook.worksheets[2])) == 1


def test_every_row_is_told_in_file_order_with_its_outcome_changes_and_errors():
    _, *rows = values(book(document(RESULTS)).worksheets[1])
    assert [row[0] for row in rows] == [2, 3, 4, 5, 6]
    assert rows[0][1:5] == ["002", "Jan de Vries", "nieuw", "gaat uit"]
    assert rows[1][7] == "E3: Dit is geen geldig e-mailadres.\nStaat al in het bestand."
    assert rows[2][6] == "Actief: nee → ja\nFunctie(s): A; B → (leeg)\nTussenvoegsel: (leeg) → =de"
    assert rows[3][4] == "was al uitgenodigd, geldig tot 2031-01-02"
    assert rows[3][5] == "teruggezet, anders dan gepland"


def test_rejected_rows_have_the_shape_of_the_template_and_the_reason_beside_it():
    given = {3: {"first_name": "Jan", "email": None, "cost_centre": "007"}}
    header, first, second = values(book(document(RESULTS), rows=given).worksheets[2])
    assert header[0] == "Personeelsnummer *"
    assert header[12] == "Reden"
    assert first[:5] == ["003", "Jan", None, None, "jan@"]
    assert first[8] == "007"
    assert "geldig e-mailadres" in first[12]
    assert second[3] == "=1+1"


def test_a_blank_cell_of_a_rejected_row_stays_blank():
    errors = [error("email", None, "E3"), error("company", "Delta", "F3")]
    given = {3: {"first_name": "Jan", "company": "Delta"}}
    _, row = values(book(document([result(3, "rejected", errors=errors)]), rows=given).worksheets[2])
    assert row[:7] == ["003", "Jan", None, None, None, "Delta", None]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_report_can_be_uploaded_again_and_its_reasons_are_ignored(tmp_path, language):
    path = tmp_path / "report.xlsx"
    path.write_bytes(build_report_workbook(document(RESULTS), language, {3: {"cost_centre": "0012"}}))
    header, rows, _ = frames(open_source(path, ".xlsx"), ".xlsx")
    assert [column[0] for column in header["columns"]] == list(IMPORT_FIELDS)
    assert [letter for letter, _ in header["ignored"]] == ["M"]
    assert rows["columns"][0] == ["003", None]
    assert rows["columns"][IMPORT_FIELDS.index("cost_centre")] == ["0012", None]


def test_nothing_in_the_report_is_a_formula_and_what_looks_like_one_stays_as_it_is():
    starts = ["=1+1", "+31 6", "-2", "@SUM(A1)", "\t=1", "＝1"]
    nasty = [result(n, "rejected", name=text, errors=[error("last_name", text)]) for n, text in enumerate(starts, 2)]
    workbook = book(document(nasty))
    cells = [cell for sheet in workbook for row in sheet.iter_rows() for cell in row]
    assert all(cell.data_type != "f" for cell in cells)
    shown = [row[3].value for row in workbook.worksheets[2].iter_rows(min_row=2)]
    assert shown == starts
    assert all(row[3].quotePrefix for row in workbook.worksheets[2].iter_rows(min_row=2))


def test_characters_that_no_workbook_can_hold_are_left_out_and_long_texts_cut():
    told = [result(2, "rejected", name="Ja\x00n\x1f", errors=[error("email", "x" * 40_000)])]
    workbook = book(document(told))
    assert workbook.worksheets[1]["C2"].value == "Jan"
    assert len(workbook.worksheets[2]["E2"].value) == 32_767


def test_numbers_with_zeros_in_front_stay_text_when_they_are_edited():
    sheet = book(document(RESULTS)).worksheets[2]
    assert sheet["A2"].number_format == "@"
