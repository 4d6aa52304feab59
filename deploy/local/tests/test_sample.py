"""The sample: the same every time, and wrong in every way that a file can be."""

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from python_calamine import CalamineWorkbook

from contracts.errors import ErrorCode
from contracts.fields import IMPORT_FIELDS, email_key, number_key
from instroom import organisation_file
from instroom.samples import large, sample, workbook
from instroom.words import words

FOLDER = Path(__file__).parents[1] / "sample"
NOT_BY_A_ROW = {
    *(ErrorCode.TERMS_NOT_ALLOWED, ErrorCode.NOT_PROCESSED, ErrorCode.NOT_FOUND),
    ErrorCode.LAST_ADMINISTRATOR,  # the rows of the sample are nobody's who administers
}


@pytest.fixture(scope="module")
def organisation() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((FOLDER / "organisation.yaml").read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def made(organisation: dict[str, Any]) -> sample.Sample:
    return sample.make(organisation)


def test_the_committed_files_are_what_the_script_makes(made: sample.Sample) -> None:
    assert (FOLDER / "users.xlsx").read_bytes() == workbook.reproducible(made.rows)
    assert json.loads((FOLDER / "expected.json").read_text(encoding="utf-8")) == made.expected()


def test_another_seed_makes_other_people(organisation: dict[str, Any], made: sample.Sample) -> None:
    assert sample.make(organisation, seed=2).rows != made.rows


def test_it_holds_every_code_that_a_row_can_have(made: sample.Sample) -> None:
    of_rows = set(list(ErrorCode)[: list(ErrorCode).index(ErrorCode.NOT_FOUND) + 1]) - NOT_BY_A_ROW
    told = {code for codes in made.rejected.values() for code in codes} | set(made.beside_colleagues.values())
    assert {str(code) for code in of_rows} <= told


def test_it_has_1000_rows_of_which_40_are_wrong(made: sample.Sample) -> None:
    assert len(made.rows) == 1000
    assert len(made.rejected) == 40
    for counts in (made.expected()["empty_academy"], made.expected()["beside_colleagues"]):
        assert sum(counts[name] for name in ("created", "updated", "unchanged", "rejected")) == 1000


def test_the_good_rows_are_different_people(made: sample.Sample) -> None:
    good = [row for number, row in enumerate(made.rows, sample.FIRST_ROW) if number not in made.rejected]
    assert max(Counter(number_key(str(row["personnel_number"])) for row in good).values()) == 1
    assert max(Counter(email_key(str(row["email"])) for row in good).values()) == 1
    assert not any(email_key(str(row["email"])) is None for row in good)


def test_a_spreadsheet_reader_sees_the_rows_where_they_are_expected(made: sample.Sample) -> None:
    sheet = CalamineWorkbook.from_filelike(io.BytesIO((FOLDER / "users.xlsx").read_bytes())).get_sheet_by_name(
        "Gebruikers"
    )
    cells = sheet.to_python()
    assert len(cells) == 1001
    email, number = IMPORT_FIELDS.index("email"), IMPORT_FIELDS.index("personnel_number")
    for row, codes in made.rejected.items():
        if codes == ("invalid_email",):
            assert email_key(str(cells[row - 1][email])) is None
    assert [row for row, codes in made.rejected.items() if codes == ("required",) and cells[row - 1][number] == ""]


def test_the_organisation_is_one_that_apply_reads(organisation: dict[str, Any], tmp_path: Path) -> None:
    body = organisation_file.read(FOLDER / "organisation.yaml", "demo", words(None))[0]
    assert len(body["companies"]) == 5
    assert all(8 <= len(company["departments"]) <= 15 for company in body["companies"])
    assert all(function["learning_activities"] for function in body["functions"])
    path = tmp_path / "large.yaml"
    path.write_text(yaml.safe_dump(large.organisation("large")), encoding="utf-8")
    assert (
        sum(len(c["departments"]) for c in organisation_file.read(path, "large", words(None))[0]["companies"]) == 1000
    )


def test_a_large_workbook_has_different_people_and_changes_the_asked_share() -> None:
    before, after = list(large.rows(3000)), list(large.rows(3000, changed_every=10))
    assert len({row["personnel_number"] for row in before}) == 3000
    assert len({row["email"] for row in before}) == 3000
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 300
