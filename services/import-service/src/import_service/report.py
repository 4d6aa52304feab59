"""The report of an import as a workbook: what became of it, of every row, and what can be corrected and sent again."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils import get_column_letter

from contracts.fields import IMPORT_FIELDS
from contracts.sentences import column_name
from import_service.document import COUNTS
from import_service.report_texts import WORDS
from import_service.template import REQUIRED
from import_service.workbooks import (
    HEADER_FONT,
    KEEPS_ZEROS,
    OPTIONAL_FILL,
    TEXT_FORMAT,
    USERS_SHEET,
    looks_like_formula,
    put_header,
    put_text,
    storable,
    to_bytes,
)

Document = Mapping[str, Any]
RowValues = Mapping[int, Mapping[str, str | None]]
"""The texts of rows as they were in the file, by row number."""

_SHEET_ROWS: Final = 1_048_575


def build_report_workbook(document: Document, language: str, rows: RowValues | None = None) -> bytes:
    """The import document of the command line as .xlsx, in Dutch or English.

    The sheet of rejected rows has the shape of the template and the reason beside it; it can be corrected and uploaded
    as it is. `rows` gives the texts of those rows; without it they hold what the document knows of them. It takes about
    10 seconds for 100,000 rows: not for an event loop.
    """
    language = "nl" if language.lower().startswith("nl") else "en"
    workbook = Workbook(write_only=True)
    workbook.properties.creator = "Instroom"
    _summary(workbook, document, language)
    _all_rows(workbook, document, language)
    _rejected(workbook, document, language, rows or {})
    return to_bytes(workbook)


def _summary(workbook: Workbook, document: Document, language: str) -> None:
    words = WORDS[language]
    sheet = workbook.create_sheet(words["summary"])
    sheet.column_dimensions["A"].width = 30
    sheet.column_dimensions["B"].width = 110
    sheet.append(_texts(sheet, ("Academy", str(document["academy"]))))
    sheet.append(_texts(sheet, ("Import", str(document["import_id"]))))
    sheet.append(_texts(sheet, (words["state"], words.get(f"state/{document['state']}", ""))))
    sheet.append([])
    for name in COUNTS:
        sheet.append([words[name], document[name]])
    for title, told in ((words["file_errors"], document["errors"]), (words["file_warnings"], document["warnings"])):
        if told:
            sheet.append([])
            sheet.append(_headers(sheet, (title,)))
            for one in told:
                sheet.append(_texts(sheet, (column_name(one.get("column") or "", language), one["message"])))


def _all_rows(workbook: Workbook, document: Document, language: str) -> None:
    words = WORDS[language]
    sheet = workbook.create_sheet(words["all_rows"])
    sheet.freeze_panes = "A2"
    titles = ("row", "personnel_number", "name", "outcome", "invitation", "remarks", "changes", "errors")
    for index, width in enumerate((8, 18, 30, 18, 24, 24, 60, 90), 1):
        sheet.column_dimensions[get_column_letter(index)].width = width
    sheet.append(_headers(sheet, [words[title] for title in titles]))
    for result in document["results"][:_SHEET_ROWS]:
        remarks = [words[name] for name in ("restored", "drifted") if result.get(name)]
        texts = (
            result["personnel_number"] or "",
            result["name"] or "",
            words[f"outcome/{result['outcome']}"],
            words.get(f"invitation/{result['invitation']}", "").format(
                date=(result["invitation_expires_at"] or "")[:10]
            ),
            ", ".join(remarks),
            _changes(result["changes"], language),
            _reasons(result),
        )
        sheet.append([result["row"], *_texts(sheet, texts)])


def _rejected(workbook: Workbook, document: Document, language: str, rows: RowValues) -> None:
    sheet = workbook.create_sheet(USERS_SHEET[language])
    sheet.freeze_panes = "A2"
    header = []
    for index, name in enumerate(IMPORT_FIELDS, 1):
        dimension = sheet.column_dimensions[get_column_letter(index)]
        dimension.width = 22
        if name in KEEPS_ZEROS:
            dimension.number_format = TEXT_FORMAT
        cell = WriteOnlyCell(sheet)
        put_header(cell, column_name(name, language), required=name in REQUIRED)
        header.append(cell)
    sheet.column_dimensions[get_column_letter(len(IMPORT_FIELDS) + 1)].width = 90
    sheet.append([*header, *_headers(sheet, (WORDS[language]["reason"],))])
    for result in document["results"]:
        if result["outcome"] == "rejected":
            values = _values(result, rows.get(result["row"], {}))
            cells = [_template_cell(sheet, name, values.get(name) or "") for name in IMPORT_FIELDS]
            sheet.append([*cells, *_texts(sheet, (_reasons(result),))])


def _values(result: Mapping[str, Any], row: Mapping[str, str | None]) -> dict[str, str | None]:
    """The texts of a rejected row; a cell that could not be read has the value that was refused."""
    refused = {error["column"]: error["value"] for error in result["errors"] if error.get("column")}
    return {"personnel_number": result["personnel_number"], **refused, **{k: v for k, v in row.items() if v}}


def _template_cell(sheet: Any, name: str, text: str) -> Any:
    if not text:
        return None
    if name not in KEEPS_ZEROS:
        return _text(sheet, text)
    cell = WriteOnlyCell(sheet)
    put_text(cell, text)
    cell.number_format = TEXT_FORMAT
    return cell


def _changes(changes: Mapping[str, Any], language: str) -> str:
    return "\n".join(
        f"{column_name(name, language)}: {_shown(old, language)} → {_shown(new, language)}"
        for name, (old, new) in changes.items()
    )


def _shown(value: Any, language: str) -> str:
    if value is None or value == [] or value == "":
        return WORDS[language]["nothing"]
    if isinstance(value, bool):
        return WORDS[language]["yes" if value else "no"]
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _reasons(result: Mapping[str, Any]) -> str:
    return "\n".join(
        f"{error['cell']}: {error['message']}" if error["cell"] else error["message"] for error in result["errors"]
    )


def _headers(sheet: Any, titles: Iterable[str]) -> list[Any]:
    cells = []
    for title in titles:
        cell = WriteOnlyCell(sheet, value=title)
        cell.font = HEADER_FONT
        cell.fill = OPTIONAL_FILL
        cells.append(cell)
    return cells


def _texts(sheet: Any, texts: Iterable[str]) -> list[Any]:
    return [_text(sheet, text) for text in texts]


def _text(sheet: Any, text: str) -> Any:
    """A cell object costs ten times a plain text, so only what looks like a formula gets one."""
    if not looks_like_formula(text):
        return storable(text) or None
    cell = WriteOnlyCell(sheet)
    put_text(cell, text)
    return cell
