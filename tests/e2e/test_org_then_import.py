"""What follows an `org apply` never sees the organisation before it."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from outside import books, broker
from outside.academy import Academy, NewAcademy, as_yaml, new_academy
from outside.documents import codes, documented

from instroom.failure import Failure
from instroom.testing import Platform, wait_until

ROUNDS = 100
ACADEMIES = 4
"""How many take their rounds at the same time: one alone mostly waits."""


def step(n: int) -> dict[str, Any]:
    """Round n in one apply: a unit that is new, one with another name, and the one that was new before is gone."""
    departments: list[dict[str, Any]] = [{"name": f"Team {n}"}]
    departments.append({"name": f"Naam {n}", "was": f"Naam {n - 1}"} if n else {"name": "Naam 0", "was": "Inkoop"})
    if n:
        departments.append({"name": f"Team {n - 1}", "remove": True})
    return {"companies": [{"name": "Acme BV", "departments": departments}]}


def people(academy: Academy, n: int) -> bytes:
    """A file that the organisation of round n alone judges so: two good rows, then one in a unit that is gone."""
    names = [f"Team {n}", f"Naam {n}", f"Team {n - 1}"]
    return books.workbook(
        academy.person(f"{n}-{place}", department=name, functions="") for place, name in enumerate(names)
    )


def assert_judged_by_the_new_organisation(document: dict[str, Any], n: int) -> None:
    assert (document["created"], codes(document)) == (2, {4: ["unknown_department"]}), (n, document["results"])


@pytest.mark.slow
def test_a_file_right_behind_an_org_apply_meets_the_new_organisation_100_times(make_academy: NewAcademy) -> None:
    """Nothing stands between an apply and its upload, and the next apply comes when that check has ended."""

    def rounds(academy: Academy) -> None:
        for n in range(ROUNDS // ACADEMIES):
            academy.apply(**step(n))
            import_id = academy.upload(people(academy, n))
            assert_judged_by_the_new_organisation(academy.ended(import_id), n)

    with ThreadPoolExecutor(ACADEMIES) as at_once:
        list(at_once.map(rounds, [make_academy() for _ in range(ACADEMIES)]))


def test_a_file_right_behind_an_org_apply_meets_the_new_organisation_at_the_command_line(acme: Academy) -> None:
    for n in range(4):
        assert acme.cli("org", "apply", acme.file(as_yaml(step(n)), "organisatie.yaml")).code == 0
        document = documented(acme.import_file(people(acme, n), code=1))
        assert_judged_by_the_new_organisation(document, n)
        assert not any(result["drifted"] for result in document["results"])


def test_a_person_right_behind_an_org_apply_meets_the_new_organisation(acme: Academy) -> None:
    for n in range(20):
        acme.apply(**step(n))
        kind = n % 3
        department = (f"Team {n}", f"Naam {n}", f"Team {n - 1}")[kind]
        outcome = acme.add(n, department=department)
        if kind < 2:
            assert (outcome["code"], outcome["user"]["department"]) == ("created", department), n
        else:
            assert [error["code"] for error in outcome["errors"]] == ["unknown_department"], n


def applied_and_asked(academy: Academy, n: int, kafka: str) -> str:
    """Apply round n and upload its file: the import, once user-service has been asked for its verdicts."""
    academy.apply(**step(n))
    import_id = academy.upload(people(academy, n))
    broker.until(kafka, ["user.checks"], lambda record: record.reference[0] == f"import/{import_id}", 3)
    return import_id


@pytest.mark.slow
def test_a_service_that_slept_through_an_org_apply_judges_what_waits_for_it_by_the_new_organisation(
    own_platform: Platform, tmp_path: Path
) -> None:
    """It finds the structure and the checks at the same moment: only the revision that came along tells it to wait."""
    academy = new_academy(own_platform, "slaapt", tmp_path / "slaapt")
    kafka, pid = own_platform.address("broker"), own_platform.pid("user-service")
    try:
        for n in range(5):
            os.kill(pid, signal.SIGSTOP)
            try:
                import_id = applied_and_asked(academy, n, kafka)
            finally:
                os.kill(pid, signal.SIGCONT)
            assert_judged_by_the_new_organisation(academy.ended(import_id), n)
    finally:
        academy.client.close()


def test_an_academy_that_was_defined_just_now_is_known_to_every_service(acme: Academy) -> None:
    fresh = {
        "academy": {"id": f"{acme.id}-b", "name": "B"},
        "companies": [{"name": "B", "departments": [{"name": "B"}]}],
    }
    file = acme.file(as_yaml(fresh), "b.yaml")
    assert acme.platform.run("org", "apply", file, "--academy", f"{acme.id}-b").code == 0
    listed = acme.platform.run("user", "list", "--academy", f"{acme.id}-b", "--json")
    assert (listed.code, listed.json()) == (0, {"users": []})

    def known() -> bool:
        try:
            path = f"/academies/{acme.id}-b/invitations"
            return bool(acme.client.get("notify-service", path)["invitations"] == [])
        except Failure:
            return False

    assert wait_until(known, what="notify-service knows the academy")
