"""A person as others are shown them."""

from typing import Any

import pytest

from contracts.events.users import DeleteUser, Invitation, Person, WithdrawInvitation
from contracts.fields import FIELDS
from user_service.domain.documents import invitation, user_document
from user_service.messages import person_json


def test_the_user_document_has_every_field_and_what_belongs_to_it(world: Any) -> None:
    user = world.jan(functions=["Adviseur"], cost_centre="KP1", active="x", invite="x", manager="x", language="en")
    document = user_document(user, world.organisation, world.now)
    assert {field: document[field] for field in FIELDS} == {
        "personnel_number": "1001",
        "first_name": "Jan",
        "infix": "de",
        "last_name": "Vries",
        "email": "jan@acme.example",
        "company": "Acme BV",
        "department": "Verkoop",
        "functions": ["Adviseur"],
        "cost_centre": "KP1",
        "invite": True,
        "active": True,
        "language": "en",
        "manager": True,
        "terms_accepted": False,
    }
    assert (document["deleted"], document["learning_activities"]) == (False, ["Privacy", "Veilig werken"])
    ids = {field: document[field] for field in ("company_id", "department_id", "function_ids")}
    assert ids == {"company_id": user.company_id, "department_id": user.department_id, "function_ids": ["f1"]}


def test_the_user_document_of_somebody_without_a_place_has_empty_ids(world: Any) -> None:
    user = world.jan()._replace(company_id="", department_id="", function_ids=())
    document = user_document(user, world.organisation, world.now)
    assert (document["company_id"], document["department_id"], document["function_ids"]) == ("", "", [])


def test_the_documents_invitation_is_what_a_request_did_or_what_stands(world: Any) -> None:
    user = world.jan(active="x", invite="x")

    def shown(at: Any, status: Any = None) -> tuple[str, bool]:
        document = user_document(user, at.organisation, at.now, status)
        return document["invitation"], document["invite"]

    assert shown(world, "queued") == ("queued", True)
    assert shown(world) == ("already_invited", True)
    assert shown(world.at(days=30)) == ("expired", False)
    assert user_document(world.jan(invite="x"), world.organisation, world.now)["invitation"] == "waiting"
    assert user_document(world.jan(), world.organisation, world.now)["invitation"] == "none"


def test_an_event_takes_back_only_an_invitation_that_was_mailed(world: Any) -> None:
    for active, told in (("x", "withdrawn"), ("-", "none")):
        user = world.jan(invite="x", active=active)
        for command in (DeleteUser(personnel_number="1001"), WithdrawInvitation(personnel_number="1001")):
            decision = world.command(command, user)
            event = Invitation.model_validate(invitation(decision, world.settle(decision)))
            assert event.status == told
            assert (event.invitation_id is not None) == (told == "withdrawn")


def test_the_person_of_an_event_names_units_with_their_ids(world: Any) -> None:
    user = world.jan(functions=["Adviseur"])
    told = Person.model_validate(person_json(user, world.organisation))
    assert (told.company.id, told.department.name, [unit.id for unit in told.functions]) == ("c1", "Verkoop", ["f1"])


def test_a_unit_that_the_structure_does_not_know_is_named_by_its_id(world: Any) -> None:
    user = world.jan()._replace(company_id="gone", department_id="gone too", function_ids=("gone as well",))
    told = Person.model_validate(person_json(user, world.organisation))
    assert (told.company.name, told.department.name, told.functions[0].name) == ("gone", "gone too", "gone as well")
    assert user_document(user, world.organisation, world.now)["company"] == "gone"
    assert world.ask(user, cost_centre="KP1").outcome == "updated"
    assert world.told(user, department="Verkoop") == [("unknown_company", "company")]


@pytest.mark.parametrize(
    ("domain", "ascii_form"), [("Bäckerei.example", "xn--bckerei-5wa.example"), ("FAẞ.example", "xn--fa-hia.example")]
)
def test_the_mail_goes_to_an_address_that_mail_servers_take(world: Any, domain: str, ascii_form: str) -> None:
    decision = world.ask(
        None,
        personnel_number="7",
        first_name="Piet",
        last_name="Dam",
        email=f"Piet@{domain}",
        company="BZ",
        department="Winkel",
        invite="x",
        active="x",
    )
    told = Invitation.model_validate(invitation(decision, world.settle(decision)))
    assert told.recipient is not None
    assert told.recipient.email == f"Piet@{ascii_form}"
    assert (told.status, told.generation, told.expires_at) == ("queued", 1, "2026-03-31T09:30:00Z")
