"""One person at a time, at the command line: `instroom user …`."""

from typing import Any

from outside.academy import Academy

from contracts.fields import FIELDS

DOCUMENT = {*FIELDS, "deleted", "invitation", "learning_activities"}


def flags(person: dict[str, Any], *leave_out: str) -> list[str]:
    """The flags that say what this person is."""
    return [
        word
        for name, value in person.items()
        if name not in leave_out
        for word in (
            f"--{name.replace('_', '-').removesuffix('s') if name == 'functions' else name.replace('_', '-')}",
            str(value),
        )
    ]


def add(acme: Academy, person: dict[str, Any], *more: str, code: int = 0) -> dict[str, Any]:
    ran = acme.cli("user", "add", *flags(person), *more, "--json")
    assert ran.code == code, ran.out + ran.err
    document: dict[str, Any] = ran.json()
    assert set(document) >= DOCUMENT
    return document


def test_somebody_added_is_shown_and_listed_with_the_documented_fields(acme: Academy) -> None:
    user = add(acme, acme.person(cost_centre="KP1", language="en"), "--active", "--manager", "--function", "Inkoper")
    assert {name: user[name] for name in FIELDS} == acme.person(cost_centre="KP1", language="en") | {
        "functions": ["Adviseur", "Inkoper"],
        "invite": False,
        "active": True,
        "manager": True,
        "terms_accepted": False,
    }
    assert user["learning_activities"] == ["Privacy basis", "Veilig werken", "Onderhandelen"]
    shown = acme.cli("user", "show", "1001", "--json").json()
    assert {name: shown[name] for name in DOCUMENT} == {name: user[name] for name in DOCUMENT}
    assert acme.cli("user", "list", "--json").json() == {"users": [shown]}


def test_a_known_number_is_refused_naming_the_person_and_nothing_is_overwritten(acme: Academy) -> None:
    acme.add(1001)
    other = acme.person(1001, first_name="Piet", email=acme.address("piet"))
    document = add(acme, other, code=1)
    (error,) = document["errors"]
    assert error["code"] == "personnel_number_conflict"
    assert "Jan de Vries (1001)" in error["message"]
    assert acme.show(1001)["first_name"] == "Jan"


def test_an_address_that_somebody_has_is_refused_naming_them(acme: Academy) -> None:
    acme.add(1001)
    (error,) = acme.add(1002, email=acme.address(1001).upper())["errors"]
    assert (error["code"], error["params"]["who"]) == ("personnel_number_conflict", "Jan de Vries (1001)")
    acme.add(1002)
    (error,) = acme.update(1002, email=acme.address(1001))["errors"]
    assert error["code"] == "email_in_use"


def test_an_update_changes_what_is_given_and_a_hyphen_clears(acme: Academy) -> None:
    acme.add(1001, cost_centre="KP1", active="x")
    ran = acme.cli("user", "update", "1001", "--last-name", "Vriesema", "--infix", "-", "--no-active", "--json")
    assert ran.code == 0, ran.out
    user = ran.json()
    assert (user["last_name"], user["infix"], user["active"], user["cost_centre"]) == ("Vriesema", None, False, "KP1")
    again = acme.cli("user", "update", "1001", "--last-name", "Vriesema", language="en")
    assert again.code == 0
    assert "unchanged" in again.out
    assert acme.show()["version"] == 2


def test_a_refused_update_tells_all_that_is_wrong(acme: Academy) -> None:
    acme.add(1001)
    words = ("--email", "fout", "--department", "Verkop", "--language", "de")
    ran = acme.cli("user", "update", "1001", *words, "--json", language="en")
    assert ran.code == 1
    errors = {error["code"]: error for error in ran.json()["errors"]}
    assert set(errors) == {"invalid_email", "unknown_department", "language_not_enabled"}
    assert errors["unknown_department"]["suggestion"] == "Verkoop"
    assert all(error["message"] for error in errors.values())


def test_activate_deactivate_and_delete_do_what_they_say(acme: Academy) -> None:
    acme.add(1001)
    for word, field, value in (
        ("activate", "active", True),
        ("deactivate", "active", False),
        ("delete", "deleted", True),
    ):
        ran = acme.cli("user", word, "1001", "--json")
        assert ran.code == 0, ran.out
        assert ran.json()[field] is value
    assert acme.cli("user", "list", "--json").json() == {"users": []}
    assert acme.cli("user", "show", "1001", "--json").json()["deleted"] is True


def test_an_academy_keeps_its_last_active_administrator(acme: Academy) -> None:
    for number in (1001, 1002):
        acme.add(number, active="x")
        granted = acme.cli("user", "grant-administrator", str(number), "--json")
        assert (granted.code, granted.json()["administrator"]) == (0, True)
    revoked = acme.cli("user", "revoke-administrator", "1001", "--json")
    assert (revoked.code, revoked.json()["administrator"]) == (0, False)
    for word in ("revoke-administrator", "deactivate", "delete"):
        refused = acme.cli("user", word, "1002", "--json")
        assert (refused.code, [error["code"] for error in refused.json()["errors"]]) == (1, ["last_administrator"]), (
            word
        )
        assert "beheerder" in acme.cli("user", word, "1002").out
    assert acme.show(1002)["active"] is True


def test_nobody_is_not_found(acme: Academy) -> None:
    for word in ("show", "activate", "deactivate", "invite", "delete"):
        ran = acme.cli("user", word, "404", "--json")
        assert (ran.code, ran.json()["error"]["code"]) == (1, "not_found"), word
    ran = acme.cli("user", "update", "404", "--last-name", "Niemand", "--json")
    assert (ran.code, ran.json()["error"]["code"]) == (1, "not_found")


def test_an_address_that_a_deleted_person_had_is_free(acme: Academy) -> None:
    acme.add(1001)
    acme.delete(1001)
    assert acme.add(1002, email=acme.address(1001))["code"] == "created"
    restored = acme.add(1001)
    assert [error["code"] for error in restored["errors"]] == ["email_in_use"]
    assert acme.add(1001, email=acme.address("terug"))["code"] == "updated"


def test_a_command_that_is_sent_twice_under_one_key_is_done_once(acme: Academy) -> None:
    path, headers = acme.path("users"), {"Idempotency-Key": f"{acme.id}-once"}
    person = acme.person() | {"functions": ["Adviseur"]}
    first, second = (acme.client.send("user-service", "POST", path, json=person, headers=headers) for _ in range(2))
    assert first.json() == second.json()
    outcome = acme.client.get("user-service", first.headers["Location"], wait=30)
    assert (outcome["state"], outcome["outcome"]["code"]) == ("done", "created")
    assert acme.show()["version"] == 1
