"""The page behind an invitation's link."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contracts.events.users import ActivateUser, DeactivateUser, DeleteUser, ResendInvitation, WithdrawInvitation
from user_service.domain.person import User
from user_service.pages import invitation_page
from user_service.pages.invitation import state_of
from user_service.tokens import InvitationClaim

NUMBER = {"personnel_number": "1001"}


def invited(world: Any, **fields: Any) -> tuple[User, InvitationClaim]:
    user = world.jan(active="x", invite="x", **fields)
    state = user.invitation
    return user, InvitationClaim(state.invitation_id, state.generation, state.expires_at, "k1")


def page(
    world: Any, claim: InvitationClaim | None, user: User | None, zone: str = "Europe/Amsterdam"
) -> tuple[int, str]:
    found = None if user is None else ("demo", user)
    response = invitation_page(claim, found, world.organisation, world.now, ZoneInfo(zone))
    html = bytes(response.body).decode()
    assert "<script" not in html.lower()
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert (response.headers["cache-control"], response.headers["referrer-policy"]) == ("no-store", "no-referrer")
    return response.status_code, html


def test_a_valid_invitation_says_who_is_invited_where_and_until_when(world: Any) -> None:
    user, claim = invited(world)
    status, html = page(world, claim, user)
    assert status == 200
    for text in ("Je bent uitgenodigd", "Jan de Vries", "Demo Academy", "31 maart 2026", '<html lang="nl">'):
        assert text in html


def test_the_page_is_in_the_persons_language(world: Any) -> None:
    user, claim = invited(world, language="en")
    html = page(world, claim, user)[1]
    assert "You are invited" in html
    assert "31 March 2026" in html


def test_names_are_text_and_never_markup(world: Any) -> None:
    user, claim = invited(world, first_name="<b>{academy}</b>", last_name='"&')
    html = page(world, claim, user)[1]
    assert "<b>" not in html
    assert "&lt;b&gt;{academy}&lt;/b&gt;" in html


def test_the_date_is_that_of_where_people_live(world: Any) -> None:
    late = world.at(hours=14)
    user, claim = invited(late)
    assert claim.expires_at.day == 31
    assert "1 april 2026" in page(late, claim, user)[1]
    assert "31 maart 2026" in page(late, claim, user, "UTC")[1]


@pytest.mark.parametrize(
    ("then", "state", "status", "heading"),
    [
        ([DeactivateUser], "not_active", 200, "nog niet actief"),
        ([DeactivateUser, ActivateUser], "replaced", 410, "geldt niet meer"),
        ([ResendInvitation], "replaced", 410, "geldt niet meer"),
        ([WithdrawInvitation], "replaced", 410, "geldt niet meer"),
        ([DeleteUser], "replaced", 410, "geldt niet meer"),
    ],
)
def test_an_invitation_that_was_taken_back_says_so(
    world: Any, then: list[Any], state: str, status: int, heading: str
) -> None:
    user, claim = invited(world)
    for command in then:
        user = world.settle(world.command(command(**NUMBER), user))
    assert state_of(claim, user, world.now) == state
    shown = page(world, claim, user)
    assert shown[0] == status
    assert heading in shown[1]
    assert "Jan de Vries" not in shown[1]


def test_an_expired_invitation_says_when_it_ended(world: Any) -> None:
    user, claim = invited(world)
    status, html = page(world.at(days=30), claim, user)
    assert status == 410
    assert "31 maart 2026" in html
    assert state_of(claim, user, claim.expires_at - timedelta(seconds=1)) == "valid"


def test_an_accepted_invitation_cannot_be_used_again(world: Any) -> None:
    user, claim = invited(world)
    accepted = user._replace(invitation=user.invitation._replace(status="accepted"))
    assert "al gebruikt" in page(world, claim, accepted)[1]


def test_an_unknown_invitation_tells_nothing_in_every_language(world: Any) -> None:
    _, claim = invited(world)
    for known in (None, claim):
        status, html = page(world, known, None)
        assert status == 404
        assert "kennen we niet" in html
        assert "We do not know" in html
        assert "Demo" not in html
