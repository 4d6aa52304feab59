"""The sample: a workbook of 1,000 people comes in as its maker says, and a second time nothing happens."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from outside.academy import Academy, NewAcademy, as_yaml, new_academy
from outside.documents import by_number, codes, documented

from contracts.fields import email_key
from instroom.samples.sample import COLLEAGUES
from instroom.testing import Platform, wait_until

SAMPLE = Path(__file__).parents[2] / "deploy" / "local" / "sample"


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SAMPLE / "expected.json").read_text("utf-8"))
    return document


@pytest.fixture(scope="module")
def sample(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Academy, dict[str, Any]]]:
    """An academy with the sample's organisation and people, and the document of their import."""
    folder = tmp_path_factory.mktemp("sample")
    academy = new_academy(platform, f"s{folder.parent.name.rpartition('-')[2]}-{folder.stat().st_ino}", folder)
    organisation = yaml.safe_load((SAMPLE / "organisation.yaml").read_text("utf-8"))
    organisation["academy"] |= {"id": academy.id, "name": f"Demo {academy.id}"}
    academy.cli("org", "apply", academy.file(as_yaml(organisation), "organisatie.yaml"))
    document = academy.import_file((SAMPLE / "users.xlsx").read_bytes(), name="users.xlsx", code=1)
    yield academy, document
    academy.client.close()


def test_the_sample_comes_in_as_its_maker_says(
    sample: tuple[Academy, dict[str, Any]], expected: dict[str, Any]
) -> None:
    _, document = sample
    documented(document)
    assert document["state"] == "completed"
    assert document["rows"] == expected["rows"]
    assert {name: document[name] for name in expected["empty_academy"]} == expected["empty_academy"]
    told = {str(row): sorted(found) for row, found in codes(document).items()}
    assert told == {row: sorted(found) for row, found in expected["rejected"].items()}


def test_everybody_who_is_invited_gets_one_mail(sample: tuple[Academy, dict[str, Any]]) -> None:
    academy, document = sample
    invited = {result["personnel_number"] for result in document["results"] if result["invitation"] == "queued"}

    def sent() -> bool:
        page = academy.client.get("notify-service", academy.path("invitations"), limit=1000)["invitations"]
        return {i["personnel_number"] for i in page if i["status"] == "sent"} == invited

    wait_until(sent, timeout=120, what="all invitations are sent")
    mails = [email_key(mail.to) for mail in academy.platform.mails() if academy.id in mail.subject]
    wanted = {user["personnel_number"]: email_key(user["email"]) for user in _users(academy)}
    assert sorted(map(str, mails)) == sorted(str(wanted[number]) for number in invited), "one mail each"


def test_a_second_import_of_the_same_workbook_changes_nothing_and_sends_no_mail(
    sample: tuple[Academy, dict[str, Any]],
) -> None:
    academy, first = sample
    mails = _settled_mails(academy, first["invited"])
    second = documented(academy.import_file((SAMPLE / "users.xlsx").read_bytes(), name="users.xlsx", code=1))
    assert second["unchanged"] == first["created"]
    assert (second["created"], second["updated"], second["invited"]) == (0, 0, 0)
    assert codes(second) == codes(first)
    generations = {i["generation"] for i in academy.invitations().values()}
    assert generations == {1}
    assert _settled_mails(academy, first["invited"]) == mails


def test_one_changed_cell_is_exactly_one_update_with_old_and_new(sample: tuple[Academy, dict[str, Any]]) -> None:
    academy, first = sample
    result = next(r for r in first["results"] if r["outcome"] == "created")
    book = openpyxl.load_workbook(SAMPLE / "users.xlsx")
    sheet = book.active
    assert sheet is not None
    header = [str(cell.value).strip(" *").lower() for cell in sheet[1]]
    cell = sheet.cell(result["row"], header.index("kostenplaats") + 1)
    old = academy.show(result["personnel_number"])["cost_centre"]
    cell.value = "KP-NIEUW"
    changed = academy.folder / "changed.xlsx"
    book.save(changed)
    second = documented(academy.import_file(changed.read_bytes(), name="changed.xlsx", code=1))
    assert (second["updated"], second["created"], second["unchanged"]) == (1, 0, first["created"] - 1)
    assert by_number(second)[result["personnel_number"]]["changes"] == {"cost_centre": [old, "KP-NIEUW"]}


def test_beside_colleagues_conflicts_are_told_and_a_check_writes_nothing(
    make_academy: NewAcademy, expected: dict[str, Any]
) -> None:
    organisation = yaml.safe_load((SAMPLE / "organisation.yaml").read_text("utf-8"))
    about = {name: value for name, value in organisation.pop("academy").items() if name != "id"}
    academy = make_academy(academy=about, **organisation)
    for colleague in COLLEAGUES:
        functions = {"functions": [colleague["functions"]]} if "functions" in colleague else {}
        assert academy.command("POST", json=colleague | functions)["code"] == "created"
    data = (SAMPLE / "users.xlsx").read_bytes()
    document = documented(academy.import_file(data, "--check-only", name="users.xlsx", code=1))
    wanted = expected["beside_colleagues"]
    assert {name: document[name] for name in wanted} == wanted
    told = {str(row): sorted(found) for row, found in codes(document).items()}
    rejected = expected["rejected"] | expected["rejected_beside_colleagues"]
    assert told == {row: sorted(found) for row, found in rejected.items()}
    assert len(academy.users()) == len(COLLEAGUES)


def _users(academy: Academy) -> list[dict[str, Any]]:
    users: list[dict[str, Any]] = []
    after = ""
    while True:
        page = academy.client.get("user-service", academy.path("users"), limit=1000, after=after)
        users += page["users"]
        if page["next"] is None:
            return users
        after = page["next"]


def _settled_mails(academy: Academy, invited: int) -> int:
    """How many invitations there are once all of them were sent."""

    def settled() -> list[dict[str, Any]]:
        page = academy.client.get("notify-service", academy.path("invitations"), limit=1000)["invitations"]
        return page if len(page) >= invited and all(i["status"] == "sent" for i in page) else []

    return len(wait_until(settled, timeout=120, what="all invitations are sent"))
