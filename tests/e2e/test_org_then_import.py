"""What follows an `org apply` never sees the organisation before it."""

from typing import Any

from outside import books
from outside.academy import Academy, as_yaml
from outside.documents import documented

from instroom.failure import Failure
from instroom.testing import wait_until

ROUNDS = 100


def test_a_person_and_a_file_right_behind_an_org_apply_meet_the_new_organisation_100_times(acme: Academy) -> None:
    """Through the command line's own client; half of the rounds add a person, half check a file."""
    uploads: list[str] = []
    for n in range(ROUNDS):
        department = f"Team {n}"
        acme.apply(companies=[{"name": "Acme BV", "departments": [{"name": department}]}])
        person = acme.person(2000 + n, department=department)
        if n % 2:
            outcome = acme.add(2000 + n, department=department)
            assert outcome["code"] == "created", (n, outcome)
            assert outcome["user"]["department"] == department
        else:
            uploads.append(acme.upload(books.workbook([person])))
    for n, import_id in enumerate(uploads):
        checked = acme.ended(import_id)
        assert (checked["created"], checked["rejected"]) == (1, 0), (2 * n, checked["results"])


def test_renamed_removed_and_new_units_are_seen_at_once_by_every_round(acme: Academy) -> None:
    for n in range(10):
        old, new = (f"Afdeling {n - 1}", f"Afdeling {n}") if n else ("Inkoop", "Afdeling 0")
        acme.apply(companies=[{"name": "Acme BV", "departments": [{"name": new, "was": old}]}])
        outcome = acme.add(3000 + n, department=new)
        assert (outcome["code"], outcome["user"]["department"]) == ("created", new)
        acme.apply(companies=[{"name": "Acme BV", "departments": [{"name": f"Tijdelijk {n}"}]}])
        acme.apply(companies=[{"name": "Acme BV", "departments": [{"name": f"Tijdelijk {n}", "remove": True}]}])
        rejected = acme.add(4000 + n, department=f"Tijdelijk {n}")
        assert [error["code"] for error in rejected["errors"]] == ["unknown_department"]


def test_the_command_line_remembers_what_it_applied(acme: Academy) -> None:
    for n in range(5):
        structure: dict[str, Any] = {"companies": [{"name": f"Bedrijf {n}", "departments": [{"name": "Balie"}]}]}
        assert acme.cli("org", "apply", acme.file(as_yaml(structure), "organisatie.yaml")).code == 0
        person = acme.person(5000 + n, company=f"Bedrijf {n}", department="Balie")
        document = documented(acme.import_file(books.workbook([person])))
        assert document["created"] == 1


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
