"""`org apply`: what the YAML may be, what the shell is told, what is remembered."""

import json
from pathlib import Path

import httpx
import pytest
from cli_fakes import CommandLine, FakePlatform

from instroom import revisions

GOOD = """
academy: {id: demo, name: Demo, default_language: nl, languages: [nl, en]}
companies:
  - name: Acme BV
    code: ACME
    departments: [{name: Verkoop}, {name: Inkoop, code: INK}]
functions:
  - {name: Adviseur, learning_activities: [Privacy basis]}
"""


@pytest.fixture
def organisation(tmp_path: Path) -> Path:
    path = tmp_path / "organisation.yaml"
    path.write_text(GOOD)
    return path


def test_apply_sends_the_structure_prints_the_revision_and_remembers_it(
    platform: FakePlatform, instroom: CommandLine, organisation: Path, home: Path
) -> None:
    platform.command("POST /academies/demo/structure", {"code": "applied", "revision": 7, "changed": True})
    result = instroom("org", "apply", str(organisation), "--academy", "demo")
    assert result.exit_code == 0
    assert "7" in result.stdout
    assert json.loads(platform.bodies[0]) == {
        "academy": {"name": "Demo", "default_language": "nl", "languages": ["nl", "en"]},
        "companies": [
            {"name": "Acme BV", "code": "ACME", "departments": [{"name": "Verkoop"}, {"name": "Inkoop", "code": "INK"}]}
        ],
        "functions": [{"name": "Adviseur", "learning_activities": ["Privacy basis"]}],
    }
    assert revisions.seen(home, "demo") == 7
    assert revisions.seen(home, "other") == 0


def test_what_follows_an_apply_asks_for_its_revision(
    platform: FakePlatform, instroom: CommandLine, home: Path, tmp_path: Path
) -> None:
    revisions.remember(home, "demo", 12)
    revisions.remember(home, "demo", 11)
    workbook = tmp_path / "users.csv"
    workbook.write_text("x")
    platform.on("POST /academies/demo/imports", {"import_id": "i1"})
    platform.on("GET /academies/demo/imports/i1", {"import_id": "i1", "state": "refused", "rejected": 0, "errors": []})
    platform.on("GET /academies/demo/template.xlsx", httpx.Response(200, content=b"PK"))
    platform.on("GET /academies/other/template.xlsx", httpx.Response(200, content=b"PK"))
    instroom("import", str(workbook), "--academy", "demo")
    assert platform.asked[0].url.params["min_org_revision"] == "12"
    for academy, revision in (("demo", "12"), ("other", None)):
        assert instroom("template", "--academy", academy, "-o", str(tmp_path / "t.xlsx")).exit_code == 0
        assert platform.asked[-1].url.params.get("min_org_revision") == revision


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("academy: {id: demo", 1, "expected"),
        ("academy: {id: demo}\ncompanies:\n  - name: Acme\n    kode: A", 4, "kode"),
        ("companies:\n  - code: ACME", 2, "name"),
        ("companies:\n  - name: Acme\n    departments:\n      - {name: Verkoop, code: 007}", 4, "7"),
        ("functions:\n  name: Adviseur", 1, "functions"),
        ("functions:\n  - name: A\n    name: B", 3, "name"),
        ("- a\n- b", 1, ""),
        ("", 1, ""),
        ("companies:\n  - {name: Acme, remove: perhaps}", 2, "remove"),
        ("academy:\n  languages: [nl, no]", 2, "academy.languages.2 moet tekst zijn: zet no tussen aanhalingstekens"),
        ("companies:\n  - name: [x]", 2, "companies.1.name moet tekst zijn, geen lijst of sleutels"),
        ("companies:\n  - name:", 2, "companies.1.name ontbreekt"),
        ("functions:\n  - {name: !!python/object:os.system x}", 2, ""),
        ("functions:\n  - {name: a\x07b}", 1, "#x0007"),
    ],
)
def test_a_mistake_in_the_yaml_is_wrong_use_and_names_its_line(
    instroom: CommandLine, home: Path, tmp_path: Path, text: str, line: int, told: str
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    result = instroom("org", "apply", str(path), "--academy", "demo")
    assert result.exit_code == 2
    assert f"regel {line}:" in result.stderr
    assert told in result.stderr


def test_another_academy_in_the_yaml_is_wrong_use(instroom: CommandLine, home: Path, organisation: Path) -> None:
    result = instroom("org", "apply", str(organisation), "--academy", "other", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["code"] == "academy_mismatch"


def test_a_file_that_is_not_there_is_wrong_use_even_without_a_platform(
    instroom: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTROOM_HOME", str(tmp_path / "none"))
    assert instroom("org", "apply", str(tmp_path / "none.yaml"), "--academy", "demo").exit_code == 2
    assert instroom("import", str(tmp_path / "none.xlsx"), "--academy", "demo").exit_code == 2


def test_a_refused_organisation_tells_why(platform: FakePlatform, instroom: CommandLine, organisation: Path) -> None:
    errors = [
        {
            "code": "duplicate_name",
            "message": "Twice",
            "message_nl": "Twee keer",
            "path": "companies[0].departments[1].code",
        },
        {"code": "x", "message": "Everything", "path": ""},
    ]
    platform.command("POST /academies/demo/structure", {"code": "refused", "errors": errors})
    result = instroom("org", "apply", str(organisation), "--academy", "demo")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"instroom: Geweigerd: {organisation}, regel 6: companies.1.departments.2.code: Twee keer",
        "Everything",
    ]


def test_an_impossible_academy_id_is_wrong_use(instroom: CommandLine, home: Path, organisation: Path) -> None:
    for academy in ("Demo", "a--b", "-a", "a" * 41, "a/b"):
        assert instroom("org", "apply", str(organisation), "--academy", academy).exit_code == 2
        assert instroom("org", "show", "--academy", academy).exit_code == 2
