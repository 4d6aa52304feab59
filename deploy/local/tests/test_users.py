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


def test_somebody_who_was_refused_a_change_is_shown_as_they_are(platform: FakePlatform, instroom: CommandLine) -> None:
    refused = {"code": "rejected", "errors": [{"code": "invalid_email", "field": "email", "value": "jan@"}]}
    platform.command("PATCH /academies/demo/users/007", refused)
    platform.on("GET /academies/demo/users/007", JAN)
    result = instroom("user", "update", "007", "--academy", "demo", "--email", "jan@", "--json")
    assert result.exit_code == 1
    shown = json.loads(result.stdout)
    assert [error["code"] for error in shown.pop("errors")] == ["invalid_email"]
    assert shown == JAN


def test_somebody_who_comes_back_is_told_to_be_restored(platform: FakePlatform, instroom: CommandLine) -> None:
    platform.command("POST /academies/demo/users", {"code": "updated", "restored": True, "user": JAN})
    assert "007 Jan de Vries: hersteld" in instroom(*ADD).stdout


@pytest.mark.parametrize(("number", "part"), [(".", "%2E"), ("..", "%2E%2E"), ("a/b", "a%2Fb"), ("../x", "..%2Fx")])
def test_a_number_of_dots_and_slashes_is_a_number_like_any_other(
    platform: FakePlatform, instroom: CommandLine, number: str, part: str
) -> None:
    path = f"/academies/demo/users/{number}"
    platform.on(f"GET {path}", {**JAN, "personnel_number": number})
    platform.command(f"PATCH {path}", {"code": "updated", "user": JAN})
    platform.command(f"DELETE {path}", {"code": "deleted", "user": JAN})
    for action in ("activate", "deactivate", "resend-invitation"):
        platform.command(f"POST {path}/{action}", {"code": "unchanged", "user": JAN})
    shown = instroom("user", "show", number, "--academy", "demo", "--json")
    assert json.loads(shown.stdout)["personnel_number"] == number
    assert instroom("user", "update", number, "--academy", "demo", "--active").exit_code == 0
    for word in ("activate", "deactivate", "invite", "delete"):
        assert instroom("user", word, number, "--academy", "demo").exit_code == 0
    asked = [request.url.raw_path.decode() for request in platform.asked if "/users/" in request.url.path]
    assert all(path.startswith(f"/academies/demo/users/{part}") for path in asked)


@pytest.mark.parametrize("number", ["", "  ", "7\x00", "7\u202e", "7" * 301])
def test_nobody_has_a_number_that_cannot_be_one(platform: FakePlatform, instroom: CommandLine, number: str) -> None:
    platform.on("GET /academies/demo/users", {"users": [], "next": None})
    for word in ("show", "update", "invite", "delete"):
        result = instroom("user", word, number, "--academy", "demo", "--json")
        assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (1, "not_found")


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


def test_show_tells_all_with_labels_alike(platform: FakePlatform, instroom: CommandLine) -> None:
    platform.on("GET /academies/demo/users/007", JAN)
    labels = [line.split("\t")[0] for line in instroom("user", "show", "007", "--academy", "demo").stdout.splitlines()]
    assert labels[-3:] == ["Verwijderd", "Leeractiviteiten", "Uitnodiging"]
    assert all(label[0].isupper() for label in labels)


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
