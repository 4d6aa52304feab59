"""Uitnodigingen, in a browser over played services."""

from typing import Any

import httpx
import pytest

from web_console.testing import CSRF, ORIGIN, Played

FIRST = "019404f0-0000-7000-8000-000000000001"


def mail(
    number: str,
    status: str,
    *,
    generation: int = 1,
    reason: str | None = None,
    id_: str = FIRST,
    replaced: bool = False,
) -> dict[str, Any]:
    return {
        "personnel_number": number,
        "email": f"{number}@example.com",
        "status": status,
        "invitation_id": id_,
        "generation": generation,
        "sent_at": "2026-12-01T09:30:00.000+00:00" if status == "sent" else None,
        "message_id": None,
        "attempts": 1,
        "reason": reason,
        "replaced": replaced,
    }


@pytest.fixture
def played() -> Played:
    services = Played()
    mails = [
        mail("1", "sent"),
        mail("2", "failed", reason="550 <i>nobody</i>", id_="019404f0-0000-7000-8000-000000000002"),
    ]
    services.answers |= {
        "GET notify /academies/demo/invitations": (200, {"invitations": mails, "next": f"{FIRST}:1"}),
        "POST user /academies/demo/users/a%2Fb/resend-invitation": (202, {"command_id": "k", "location": ""}),
        "POST user /academies/demo/users/a%2Fb/withdraw-invitation": (202, {"command_id": "k", "location": ""}),
        "GET user /commands/k": (200, {"state": "done", "outcome": {"code": "updated"}}),
    }
    return services


async def act(played: Played, action: str, number: str = "a/b") -> httpx.Response:
    async with played.browser(logged_in=True) as browser:
        fields = {"csrf": CSRF, "number": number, "action": action, "after": f"{FIRST}:1"}
        return await browser.post("/demo/invitations/action", data=fields, headers={"Origin": ORIGIN})


async def see(played: Played, query: str = "") -> httpx.Response:
    async with played.browser(logged_in=True) as browser:
        return await browser.get(f"/demo/invitations{query}")


async def test_the_list_tells_state_moment_and_reason_and_leads_to_the_next_page(played: Played) -> None:
    text = (await see(played)).text
    for part in ("verzonden", "mislukt", "550 &lt;i&gt;nobody", "1@example.com", f"after={FIRST}%3A1", "<time"):
        assert part in text
    assert "Uitnodiging van 1 intrekken" in text
    assert "Uitnodiging van 2 intrekken" not in text
    assert "Opnieuw versturen aan 2" in text


async def test_the_next_page_is_asked_by_its_cursor(played: Played) -> None:
    await see(played, f"?after={FIRST}%3A1")
    assert played.asked[-1].url.params["after"] == f"{FIRST}:1"
    assert played.asked[-1].url.params["order"] == "newest"


async def test_a_state_is_asked_for_on_the_next_page_too_and_one_that_there_is_not_is_left_out(played: Played) -> None:
    text = (await see(played, "?status=failed")).text
    assert played.asked[-1].url.params["status"] == "failed"
    assert f'href="/demo/invitations?status=failed&amp;after={FIRST}%3A1"' in text
    assert '<option value="failed" selected>mislukt' in text
    await see(played, "?status=x")
    assert "status" not in played.asked[-1].url.params


async def test_a_state_that_no_invitation_has_is_said_to_have_none(played: Played) -> None:
    played.answers["GET notify /academies/demo/invitations"] = (200, {"invitations": [], "next": None})
    assert "Er zijn geen uitnodigingen met deze status." in (await see(played, "?status=failed")).text


async def test_an_invitation_with_a_later_mail_says_so_and_offers_nothing(played: Played) -> None:
    mails = [mail("1", "sent", generation=2), mail("1", "sent", replaced=True)]
    played.answers["GET notify /academies/demo/invitations"] = (200, {"invitations": mails, "next": None})
    text = (await see(played)).text
    assert "vervangen door een latere" in text
    assert text.count('value="resend-invitation"') == 1


async def test_without_invitations_the_page_says_how_they_come(played: Played) -> None:
    played.answers["GET notify /academies/demo/invitations"] = (200, {"invitations": [], "next": None})
    assert "Er is nog niemand uitgenodigd." in (await see(played)).text


@pytest.mark.parametrize("action", ["resend-invitation", "withdraw-invitation"])
async def test_an_action_goes_to_user_service_and_back_to_the_same_page(played: Played, action: str) -> None:
    answer = await act(played, action)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/demo/invitations?after={FIRST}%3A1"
    assert f"POST user /academies/demo/users/a%2Fb/{action}" in {
        f"{each.method} {each.url.host} {each.url.raw_path.decode()}" for each in played.asked
    }


async def test_what_is_rejected_is_told_in_the_language_of_the_visitor(played: Played) -> None:
    outcome = {"code": "rejected", "errors": [{"code": "not_found", "params": {"personnel_number": "a/b"}}]}
    played.answers["GET user /commands/k"] = (200, {"state": "done", "outcome": outcome})
    answer = await act(played, "resend-invitation")
    assert answer.status_code == 409
    assert 'role="alert"' in answer.text


async def test_another_action_is_never_passed_on(played: Played) -> None:
    assert (await act(played, "delete")).status_code == 409
    assert not [each for each in played.asked if each.method == "POST" and "users" in each.url.path]
