"""A department moves to another company: what becomes of its people, of files, and of everybody else."""

from collections import Counter
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from outside import books, broker
from outside.academy import Academy, NewAcademy, as_yaml, new_academy
from outside.documents import codes

from instroom.failure import Failure
from instroom.testing import Platform, wait_until

MOVED = {"companies": [{"name": "Bakkerij Zoë", "departments": [{"name": "Inkoop", "was_in": "Acme BV"}]}]}
BACK = {"companies": [{"name": "Acme BV", "departments": [{"name": "Inkoop", "was_in": "Bakkerij Zoë"}]}]}


def buyer(academy: Academy, number: object, company: str = "Acme BV", **changes: Any) -> dict[str, Any]:
    return academy.person(number, company=company, department="Inkoop", **changes)


def are_in(academy: Academy, company: str, *numbers: object) -> None:
    def all_there() -> bool:
        return {academy.show(number)["company"] for number in numbers} == {company}

    wait_until(all_there, what=f"{numbers} are in {company}")


def unit(academy: Academy, company: str, name: str) -> dict[str, Any]:
    structure = academy.client.get("org-service", academy.path("structure"))
    owner = next(each for each in structure["companies"] if each["name"] == company)
    found: dict[str, Any] = next(each for each in owner["departments"] if each["name"] == name)
    return found | {"company_id": owner["id"]}


def history(academy: Academy, number: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = academy.client.get("user-service", academy.path("users", str(number), "history"))[
        "history"
    ]
    return found


def test_people_go_with_their_department_once_and_each_is_told_of(acme: Academy) -> None:
    acme.take_in(buyer(acme, 1), buyer(acme, 2), acme.person(3))
    before = unit(acme, "Acme BV", "Inkoop")
    file = acme.file(as_yaml(MOVED), "organisatie.yaml")
    assert acme.cli("org", "apply", file, "--json").json()["changed"] is True
    assert acme.cli("org", "apply", file, "--json").json()["changed"] is False
    are_in(acme, "Bakkerij Zoë", 1, 2)
    after = unit(acme, "Bakkerij Zoë", "Inkoop")
    assert (after["id"], after["code"]) == (before["id"], "INK")
    assert acme.show(3)["company"] == "Acme BV"
    for company, numbers in ((after["company_id"], ["1", "2"]), (before["company_id"], ["3"])):
        listed = acme.client.get("user-service", acme.path("users"), company=company)["users"]
        assert [user["personnel_number"] for user in listed] == numbers
    newest, created = history(acme, 1)
    assert (newest["type"], newest["changes"]) == ("updated", {"company": ["Acme BV", "Bakkerij Zoë"]})
    assert (created["type"], newest["version"]) == ("created", 2)
    told = broker.until(
        acme.platform.address("broker"),
        ["user.events"],
        lambda record: record.header("ce_academy") == acme.id and record.type == "instroom.user.updated.v1",
        2,
    )
    assert sorted(record.header("ce_subject") for record in told) == ["1", "2"]
    assert {record.json()["person"]["company"]["name"] for record in told} == {"Bakkerij Zoë"}


def test_a_file_with_the_new_company_is_good_and_one_with_the_old_is_again_when_the_department_is_back(
    acme: Academy,
) -> None:
    acme.take_in(buyer(acme, 1))
    acme.apply(**MOVED)
    are_in(acme, "Bakkerij Zoë", 1)
    old = books.workbook([buyer(acme, 1), buyer(acme, 2)])
    assert codes(acme.check(old)) == {2: ["department_not_in_company"], 3: ["department_not_in_company"]}
    document = acme.take_in(buyer(acme, 1, "Bakkerij Zoë"), buyer(acme, 2, "Bakkerij Zoë"))
    assert [result["outcome"] for result in document["results"]] == ["unchanged", "created"]
    acme.apply(**BACK)
    are_in(acme, "Acme BV", 1, 2)
    healed = acme.start(acme.check(old)["import_id"])
    assert [result["outcome"] for result in healed["results"]] == ["unchanged", "unchanged"]


def test_a_file_that_was_checked_before_the_move_is_decided_by_what_is_true_at_its_start(acme: Academy) -> None:
    acme.take_in(buyer(acme, 1))
    checked = acme.check(books.workbook([buyer(acme, 1), buyer(acme, 2), acme.person(3)]))
    assert (checked["unchanged"], checked["created"]) == (1, 2)
    acme.apply(**MOVED)
    are_in(acme, "Bakkerij Zoë", 1)
    done = acme.start(checked["import_id"])
    assert codes(done) == {2: ["department_not_in_company"], 3: ["department_not_in_company"]}
    assert [result["drifted"] for result in done["results"]] == [True, True, False]
    assert acme.show(1)["company"] == "Bakkerij Zoë"


def test_a_move_to_where_the_name_is_taken_or_to_nowhere_is_refused_and_nobody_moves(acme: Academy) -> None:
    acme.take_in(acme.person(1))
    department = unit(acme, "Acme BV", "Verkoop")["id"]
    acme.apply(companies=[{"name": "Weg", "remove": True}, {"name": "Weg BV"}])
    acme.apply(companies=[{"name": "Weg BV", "remove": True}])
    for to, code in (("Bakkerij Zoë", "duplicate_name"), ("Nergens", "unknown_unit"), ("Weg BV", "unknown_unit")):
        body = {"type": "instroom.org.move-department.v1", "data": {"department": department, "to": to}}
        outcome = acme.client.command("org-service", "POST", acme.path("commands"), json=body)
        assert (outcome["code"], [error["code"] for error in outcome["errors"]]) == ("refused", [code])
    assert unit(acme, "Acme BV", "Verkoop")["id"] == department
    assert len(history(acme, 1)) == 1


def test_the_same_department_of_another_academy_stays_with_its_people(make_academy: NewAcademy) -> None:
    one, two = make_academy(), make_academy()
    for academy in (one, two):
        academy.take_in(buyer(academy, 1))
    one.apply(**MOVED)
    are_in(one, "Bakkerij Zoë", 1)
    assert two.show(1)["company"] == "Acme BV"
    assert [line["type"] for line in history(two, 1)] == ["created"]
    document = two.take_in(buyer(two, 1))
    assert document["unchanged"] == 1


def test_a_code_of_null_in_a_file_takes_the_code_off_and_a_missing_one_leaves_it(acme: Academy) -> None:
    for department, code in (({"name": "Inkoop"}, "INK"), ({"name": "Inkoop", "code": None}, None)):
        file = acme.file(as_yaml({"companies": [{"name": "Acme BV", "departments": [department]}]}), "code.yaml")
        assert acme.cli("org", "apply", file).code == 0
        assert unit(acme, "Acme BV", "Inkoop")["code"] == code


@pytest.mark.slow
def test_a_service_that_is_killed_while_people_follow_leaves_nobody_behind_and_tells_of_each_once(
    own_platform: Platform, tmp_path: Path
) -> None:
    academy, people = new_academy(own_platform, "verhuist", tmp_path / "verhuist"), 4_000
    academy.take_in(*(buyer(academy, number) for number in range(people)))
    ids = {company: unit(academy, company, "Verkoop")["company_id"] for company in ("Acme BV", "Bakkerij Zoë")}

    def there(company: str) -> int:
        try:
            path = academy.path("users")
            total: int = academy.client.get("user-service", path, company=ids[company], count=True, limit=1)["total"]
        except Failure:  # it is on its way back
            return 0
        return total

    moves, killed = 0, False
    for structure, company in cycle(((MOVED, "Bakkerij Zoë"), (BACK, "Acme BV"))):
        academy.apply(**structure)
        moves += 1
        some: int = wait_until(lambda company=company: there(company), every=0.01, what="some have followed")  # type: ignore[misc]
        if some < people:
            own_platform.kill("user-service")
            killed = True
        wait_until(lambda company=company: there(company) == people, what="all have followed")  # type: ignore[misc]
        if killed or moves == 6:
            break
    assert killed, "it was over each time before it could be killed"
    kafka = own_platform.address("broker")
    told = broker.until(kafka, ["user.events"], lambda r: r.type == "instroom.user.updated.v1", moves * people)
    counted = Counter(record.header("ce_subject") for record in told)
    assert counted == {str(number): moves for number in range(people)}
    assert {academy.show(number)["version"] for number in (0, people // 2, people - 1)} == {1 + moves}
    academy.client.close()
