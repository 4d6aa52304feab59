"""`user`: what is asked, and the user document that comes back."""

import json
from typing import Any

import pytest
from cli_fakes import CommandLine, FakePlatform

from contracts.fields import FIELDS

JAN: dict[str, Any] = {
    "personnel_number": "007",
    "first_name": "Jan",
    "infix": "de",
    "last_name": "Vries",
    "email": "jan@acme.example",
    "company": "Acme BV",
    "department": "Verkoop",
    "functions": ["Adviseur"],
    "cost_centre": None,
    "invite": True,
    "active": True,
    "language": "nl",
    "manager": False,
    "terms_accepted": False,
    "deleted": False,
    "invitation": "queued",
    "learning_activities": ["Privacy basis"],
}
WORDS = """user add --academy demo --personnel-number 007 --first-name Jan --infix de --last-name Vries
    --email jan@acme.example --company Acme --department Verkoop --function Adviseur --function Kok --invite --active"""
ADD = WORDS.split()


def test_add_sends_what_was_given_and_prints_the_user_document(platform: FakePlatform, instroom: CommandLine) -> None:
    shuffled = dict(sorted(JAN.items()))
    platform.command("POST /academies/demo/users", {"code": "created", "version": 1, "user": shuffled})
    result = instroom(*ADD, "--json")
    assert result.exit_code == 0
    assert list(json.loads(result.stdout).items()) == list(JAN.items())
    assert json.loads(platform.bodies[0]) == {
        "personnel_number": "007",
        "first_name": "Jan",
        "infix": "de",
        "last_name": "Vries",
        "email": "jan@acme.example",
        "company": "Acme",
        "department": "Verkoop",
        "functions": ["Adviseur", "Kok"],
        "invite": True,
        "active": True,
    }


def test_a_refused_user_is_told_with_all_errors_in_the_language_that_was_asked_for(
    platform: FakePlatform, instroom: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [
        {"code": "invalid_email", "field": "email", "value": "jan@", "params": {}, "message": "Dit is geen adres."},
        {"code": "unknown_department", "field": "department", "value": "Verkop", "suggestion": "Verkoop", "params": {}},
    ]
    platform.command("POST /academies/demo/users", {"code": "rejected", "errors": errors, "user": None})
    monkeypatch.setenv("INSTROOM_LANG", "en")
    result = instroom(*ADD, "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert set(document) == {*FIELDS, "deleted", "invitation", "learning_activities", "errors"}
    assert document["functions"] == ["Adviseur", "Kok"]
    assert [error["code"] for error in document["errors"]] == ["invalid_email", "unknown_department"]
    assert "valid email address" in document["errors"][0]["message"]
    assert document["errors"][1]["suggestion"] == "Verkoop"


def test_without_a_language_of_the_person_the_sentence_is_the_services_own(
    platform: FakePlatform, instroom: CommandLine
) -> None:
    errors = [{"code": "invalid_email", "field": "email", "value": "jan@", "message": "Der Satz der Academy."}]
    platform.command("POST /academies/demo/users", {"code": "rejected", "errors": errors})
    result = instroom(*ADD)
    assert result.exit_code == 1
    assert "Der Satz der Academy. [invalid_email]" in result.stdout
    assert "Accept-Language" not in platform.asked[0].headers


def test_a_number_that_somebody_has_says_how_to_look_at_that_person(
    platform: FakePlatform, instroom: CommandLine
) -> None:
    error = {
        "code": "personnel_number_conflict",
        "field": "personnel_number",
        "value": "A/0 7",
        "params": {"who": "Eva Smit (A/0 7)", "personnel_number": "A/0 7"},
        "user": "/academies/demo/users/A%2F0%207",
    }
    platform.command("POST /academies/demo/users", {"code": "rejected", "errors": [error]})
    assert "kijk met: instroom user show 'A/0 7' --academy demo\n" in instroom(*ADD).stdout
    (told,) = json.loads(instroom(*ADD, "--json").stdout)["errors"]
    assert told["user"] == error["user"]
    assert set(told) == {"code", "field", "value", "message", "suggestion", "user"}


def test_update_sends_only_what_was_given_and_a_hyphen_clears_the_functions(
    platform: FakePlatform, instroom: CommandLine
) -> None:
    changes = {"active": [True, False], "functions": [["Adviseur"], []]}
    platform.command("PATCH /academies/demo/users/00 7", {"code": "updated", "user": JAN, "changes": changes})
    result = instroom("user", "update", "00 7", "--academy", "demo", "--no-active", "--function", "-", "--infix", "-")
    assert result.exit_code == 0
    assert json.loads(platform.bodies[0]) == {"active": False, "functions": None, "infix": "-"}
    assert "Actief: ja → nee" in result.stdout


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("invite", "POST /academies/demo/users/7/resend-invitation"),
        ("activate", "POST /academies/demo/users/7/activate"),
        ("deactivate", "POST /academies/demo/users/7/deactivate"),
        ("delete", "DELETE /academies/demo/users/7"),
    ],
)
def test_each_action_is_a_command_and_an_unknown_person_is_1(
    platform: FakePlatform, instroom: CommandLine, word: str, line: str
) -> None:
    platform.command(line, {"code": "unchanged", "user": JAN})
    assert instroom("user", word, "7", "--academy", "demo").exit_code == 0
    platform.command(line, {"code": "rejected", "user": None, "errors": [{"code": "not_found", "field": None}]})
    result = instroom("user", word, "7", "--academy", "demo", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "not_found"


def test_list_goes_through_all_pages(platform: FakePlatform, instroom: CommandLine) -> None:
    second = {**JAN, "personnel_number": "008"}
    platform.on("GET /academies/demo/users", {"users": [JAN], "next": "007"}, {"users": [second], "next": None})
    result = instroom("user", "list", "--academy", "demo", "--json")
    assert [user["personnel_number"] for user in json.loads(result.stdout)["users"]] == ["007", "008"]
    assert platform.asked[1].url.params["after"] == "007"


def test_a_piped_list_is_one_plain_line_per_person(platform: FakePlatform, instroom: CommandLine) -> None:
    platform.on("GET /academies/demo/users", {"users": [JAN], "next": None})
    result = instroom("user", "list", "--academy", "demo")
    assert result.stdout == "007\tJan de Vries\tjan@acme.example\tAcme BV\tVerkoop\tja\tonderweg\n"
