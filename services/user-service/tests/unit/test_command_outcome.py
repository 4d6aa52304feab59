"""What whoever gave a command over HTTP finds under it."""

from typing import Any
from unittest.mock import Mock

from contracts.topics import USER_REQUESTS
from user_service import subscribers
from user_service.applying import command_outcome


def test_an_error_about_somebody_else_links_to_that_person(world: Any, jan_fields: dict[str, Any]) -> None:
    jan = world.jan(personnel_number="A/0 7")
    piet = world.jan(personnel_number="2002", email="piet@acme.example")
    known = world.ask(jan, mode="create", **jan_fields | {"personnel_number": "a/0 7"})
    taken = world.ask(piet, holder=jan, email="jan@acme.example", language="xx")
    told = [
        (error["code"], error.get("user"))
        for decision in (known, taken)
        for error in command_outcome(decision.after, decision, Mock(), "demo", world.now)["errors"]
    ]
    assert told == [
        ("personnel_number_conflict", "/academies/demo/users/A%2F0%207"),
        ("email_in_use", "/academies/demo/users/A%2F0%207"),
        ("unknown_language", None),
    ]


def test_a_command_that_went_to_the_dead_letters_is_rejected_with_the_members_of_any_other(world: Any) -> None:
    requests = next(s for s in subscribers.subscriptions(Mock(), Mock(), Mock(), Mock()) if s.topic is USER_REQUESTS)
    assert requests.outcome is not None
    told = requests.outcome("letter")
    refused = world.ask(None, mode="update")
    assert told.keys() == command_outcome(None, refused, Mock(), "demo", world.now).keys()
    assert told["code"] == "rejected"
    assert told["errors"] == [{"code": "not_processed", "params": {"dead_letter": "letter"}}]
