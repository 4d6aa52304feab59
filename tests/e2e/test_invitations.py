"""An invitation goes out once, in the person's language, and its link opens a page that says who, where, until when."""

import asyncio

import asyncpg
import pytest
from outside.academy import LINK, Academy

from instroom.stack.databases import name
from instroom.testing import wait_until


@pytest.mark.parametrize(
    ("language", "subject", "heading", "until"),
    [
        ("nl", "Je uitnodiging voor {}", "Je bent uitgenodigd", "Geldig tot"),
        ("en", "Your invitation to {}", "You are invited", "Valid until"),
    ],
)
def test_the_mail_and_the_page_speak_the_persons_language(
    acme: Academy, language: str, subject: str, heading: str, until: str
) -> None:
    acme.take_in(acme.person(invite="x", active="x", language=language, last_name="O'Neill <b>"))
    mail = acme.mail()
    academy = f"Academy {acme.id}"
    assert mail.subject == subject.format(academy)
    assert LINK.search(mail.text)
    assert LINK.search(mail.html)
    assert mail.text.count("Jan de O'Neill") == 1
    page = acme.page(mail)
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
    for words in (heading, until, academy, "Jan de O&#39;Neill &lt;b&gt;"):
        assert words in page.text
    year = acme.show()["invitation_expires_at"][:4]
    assert year in page.text
    assert year in mail.text
    assert acme.page(mail).status_code == 200, "looking changes nothing"
    assert acme.show()["invitation"] == "already_invited"


def test_a_language_without_mails_gets_the_academys(acme: Academy) -> None:
    acme.apply(academy={"name": "École", "default_language": "nl", "languages": ["nl", "fr"]})
    acme.take_in(acme.person(invite="x", active="x", language="fr"))
    assert acme.mail().subject == "Je uitnodiging voor École"


def test_a_waiting_invitation_goes_out_on_activation(acme: Academy) -> None:
    document = acme.take_in(acme.person(invite="x"))
    assert (document["invited"], document["waiting"], acme.show()["invitation"]) == (0, 1, "waiting")
    assert acme.act(1001, "activate")["code"] == "activated"
    assert acme.page(acme.mail()).status_code == 200
    assert acme.show()["invitation"] == "already_invited"


def test_a_withdrawn_invitation_opens_a_page_that_says_so(acme: Academy) -> None:
    acme.take_in(acme.person(invite="x", active="x"))
    mail = acme.mail()
    assert acme.act(1001, "withdraw-invitation")["code"] == "updated"
    page = acme.page(mail)
    assert (page.status_code, acme.show()["invitation"]) == (410, "withdrawn")
    assert "Deze uitnodiging geldt niet meer" in page.text
    assert "Jan" not in page.text


def test_an_expired_invitation_opens_a_page_that_says_so_and_can_be_replaced(acme: Academy) -> None:
    acme.take_in(acme.person(invite="x", active="x"))
    mail = acme.mail()
    asyncio.run(_expire(acme))
    page = acme.page(mail)
    assert page.status_code == 410
    assert "Deze uitnodiging is verlopen" in page.text
    assert acme.show()["invitation"] == "expired"
    assert acme.take_in(acme.person(invite="x"))["results"][0]["invitation"] == "queued"
    assert acme.page(acme.mail(count=2)).status_code == 200


def test_sending_again_is_explicit_and_replaces_the_link(acme: Academy) -> None:
    acme.take_in(acme.person(invite="x", active="x"))
    first = acme.mail()
    again = acme.take_in(acme.person(invite="x", active="x"))
    assert again["results"][0]["invitation"] == "already_invited"
    ran = acme.cli("user", "invite", "1001", "--json")
    assert (ran.code, ran.json()["invitation"]) == (0, "queued")
    second = acme.mail(count=2)
    assert (acme.page(first).status_code, acme.page(second).status_code) == (410, 200)


def test_a_changed_address_gets_the_invitation_anew(acme: Academy) -> None:
    acme.take_in(acme.person(invite="x", active="x"))
    first = acme.mail()
    assert acme.update(1001, email=acme.address("anders"))["code"] == "updated"
    second = acme.mail("anders")
    assert (acme.page(first).status_code, acme.page(second).status_code) == (410, 200)


def test_a_link_that_was_not_copied_whole_is_not_known_and_tells_nothing(acme: Academy) -> None:
    acme.take_in(acme.person(invite="x", active="x"))
    mail = acme.mail()
    link = LINK.search(mail.text)
    assert link is not None
    cut = mail.text.replace(link[0], link[0][:-6] + "AAAAAA")
    page = acme.page(type(mail)(**{**mail.document(), "text": cut}))
    assert page.status_code == 404
    assert "Jan" not in page.text
    assert acme.id not in page.text


def test_deactivating_somebody_pauses_their_invitation(acme: Academy) -> None:
    acme.take_in(acme.person(invite="x", active="x"))
    mail = acme.mail()
    acme.act(1001, "deactivate")
    assert acme.show()["invitation"] == "waiting"
    page = acme.page(mail)
    assert page.status_code == 200
    assert "Je account is nog niet actief" in page.text
    assert "Jan" not in page.text
    acme.act(1001, "activate")
    second = acme.mail(count=2)
    assert (acme.page(mail).status_code, acme.page(second).status_code) == (410, 200)


def test_mail_list_shows_what_was_sent(acme: Academy) -> None:
    acme.take_in(acme.person(invite="x", active="x"))
    mail = acme.mail()
    listed = acme.platform.ok("mail", "list", "--json").json()["mails"]
    assert all(set(each) == {"id", "to", "subject", "at", "text", "html"} for each in listed)
    assert mail.document() in listed
    assert wait_until(lambda: acme.invitations()["1001"]["status"] == "sent")


async def _expire(acme: Academy) -> None:
    """Let time pass for this academy's invitations: their last day was yesterday."""
    base, _, query = acme.platform.database().partition("?")
    dsn = f"{base.rpartition('/')[0]}/{name('user')}" + (f"?{query}" if query else "")
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "UPDATE person SET invitation_expires_at = now() - interval '1 day' WHERE academy = $1", acme.id
        )
    finally:
        await connection.close()
