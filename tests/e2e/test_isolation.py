"""Two academies with the same numbers and addresses do not see each other."""

import json
from pathlib import Path

import pytest
from outside import books
from outside.academy import Academy, NewAcademy, new_academy
from outside.documents import by_number, documented

from instroom.failure import Failure
from instroom.testing import Platform, wait_until


@pytest.fixture
def pair(make_academy: NewAcademy) -> tuple[Academy, Academy]:
    """Two academies whose people have the same numbers and addresses, and other names."""
    one, two = make_academy(), make_academy()
    shared = one.person(1001, invite="x", active="x")
    for academy, name in ((one, "Een"), (two, "Twee")):
        document = academy.take_in(
            shared | {"last_name": name},
            shared | {"personnel_number": "1002", "email": f"{name}@x.nl", "last_name": name},
        )
        assert (document["created"], document["invited"]) == (2, 2), document["results"]
    return one, two


def test_the_same_numbers_and_addresses_are_other_people(pair: tuple[Academy, Academy]) -> None:
    one, two = pair
    assert (one.show()["last_name"], two.show()["last_name"]) == ("Een", "Twee")
    assert one.show()["email"] == two.show()["email"]
    assert one.show()["user_id"] != two.show()["user_id"]
    one.delete(1001)
    assert (one.show()["deleted"], two.show()["deleted"]) == (True, False)
    assert two.update(1001, cost_centre="KP1")["code"] == "updated"
    assert one.show()["cost_centre"] is None
    assert len(two.users()) == 2


def test_each_gets_its_own_mail_with_its_own_academy(pair: tuple[Academy, Academy]) -> None:
    one, two = pair
    one.mail(count=2)
    mails = [mail for mail in one.platform.mails() if mail.to == one.address()]
    assert sorted(mail.subject for mail in mails) == sorted(f"Je uitnodiging voor Academy {a.id}" for a in pair)
    wait_until(
        lambda: {i["email"] for i in two.invitations().values()} == {one.address(), "Twee@x.nl"},
        what="both are invited",
    )
    pages = {mail.subject.rpartition(" ")[2]: one.page(mail).text for mail in mails}
    assert "Een" in pages[one.id]
    assert "Een" not in pages[two.id]
    assert one.id not in pages[two.id]


def test_ids_of_the_other_academy_are_not_found(pair: tuple[Academy, Academy]) -> None:
    one, two = pair
    import_id = one.check(books.workbook([one.person(1003)]))["import_id"]
    for path in (two.path("imports", import_id), two.path("imports", import_id, "document")):
        with pytest.raises(Failure) as refused:
            two.client.get("import-service", path)
        assert refused.value.code == "not_found"
    with pytest.raises(Failure) as refused:
        two.client.send("import-service", "POST", two.path("imports", import_id, "start"))
    assert refused.value.code == "not_found"
    ran = two.cli("import", "report", import_id, "--json")
    assert (ran.code, ran.json()["error"]["code"]) == (1, "not_found")
    assert one.client.get("import-service", one.path("imports", import_id))["state"] == "checked"
    one.add(1009)
    ran = two.cli("user", "show", "1009", "--json")
    assert (ran.code, ran.json()["error"]["code"]) == (1, "not_found")


def test_lists_and_event_streams_hold_one_academy_only(pair: tuple[Academy, Academy]) -> None:
    one, two = pair
    listed = two.cli("import", "list", "--json").json()["imports"]
    assert {each["academy"] for each in listed} == {two.id}
    assert {user["last_name"] for user in two.users()} == {"Twee"}
    ran = two.cli("events", "tail", "--from", "start", "--no-follow", "--json")
    events = [json.loads(line) for line in ran.out.splitlines()]
    assert {event["academy"] for event in events} == {two.id}
    assert {event["topic"] for event in events} >= {
        "user.events",
        "user.requests.bulk",
        "import.events",
        "org.structure",
    }
    assert all(event["key"].partition("/")[0] == two.id for event in events)
    assert one.id not in json.dumps([event for event in events if event["topic"] != "user.checks"]).replace(
        one.address(), ""
    )


def test_a_unit_of_the_other_academy_is_unknown(make_academy: NewAcademy) -> None:
    one, two = make_academy(), make_academy()
    one.apply(companies=[{"name": "Alleen hier", "departments": [{"name": "Balie"}]}])
    person = {"company": "Alleen hier", "department": "Balie"}
    assert documented(one.take_in(one.person(1001, **person)))["created"] == 1
    errors = by_number(documented(two.take_in(two.person(1001, **person))))["1001"]["errors"]
    assert "unknown_company" in {error["code"] for error in errors}
    assert "Alleen hier" not in two.cli("org", "show").out


@pytest.mark.slow
def test_two_platforms_live_side_by_side_and_neither_knows_the_academies_of_the_other(
    acme: Academy, own_platform: Platform, tmp_path: Path
) -> None:
    other = new_academy(own_platform, "ernaast", tmp_path / "ernaast")
    try:
        for academy, name in ((acme, "Een"), (other, "Twee")):
            person = academy.person(1001, last_name=name, invite="x", active="x")
            added = academy.cli("user", "add", *_flags(person), "--json")
            assert (added.code, added.json()["last_name"], added.json()["invitation"]) == (0, name, "queued"), added
            academy.mail(1001)
        for academy, elsewhere in ((acme, other), (other, acme)):
            assert [user["last_name"] for user in academy.users()] == [academy.show(1001)["last_name"]]
            listed = academy.platform.run("user", "list", "--academy", elsewhere.id, "--json")
            assert (listed.code, listed.json()["error"]["code"]) == (2, "unknown_academy")
            assert not [mail for mail in academy.platform.mails() if mail.to == elsewhere.address(1001)]
        addresses = [set(academy.platform.status()["addresses"].values()) - {None} for academy in (acme, other)]
        assert not addresses[0] & addresses[1]
    finally:
        other.client.close()


def _flags(person: dict[str, str]) -> list[str]:
    """The flags of `instroom user add` for somebody active who is to be invited."""
    fields = ("personnel_number", "first_name", "last_name", "email", "company", "department")
    values = [word for field in fields for word in (f"--{field.replace('_', '-')}", person[field])]
    return [*values, "--invite", "--active"]
