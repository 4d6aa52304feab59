"""Links for a new password go out by mail, beside the invitations and unknown to those who follow them."""

import email
import email.policy
import re
from typing import Any

import httpx

from chassis.access import Verifier
from chassis.database import Pool
from chassis.http import Health, make_app
from chassis.testing import ACCESS_KEYS, bearer, eventually
from notify_service import api
from notify_service.use_cases import Academy


async def invitations(pool: Pool) -> list[dict[str, Any]]:
    router = api.make_router(pool, {"acme": Academy("Acme", "nl")}.get)
    app = make_app("notify-service", [router], Health(), Verifier(ACCESS_KEYS))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=bearer()) as client:
        found: list[dict[str, Any]] = (await client.get("/academies/acme/invitations")).json()["invitations"]
        return found


async def test_a_reset_is_one_mail_with_its_link_however_often_it_is_asked_for(
    take: Any, people: Any, sink: Any, delivering: Any, pool: Pool
) -> None:
    record = people.reset("1", people.invitation(), language="en")
    await take(record, record)
    await take(record)
    async with delivering():
        await eventually(lambda: pool.fetchval("SELECT state = 'sent' FROM mail"))
        await take(record)
    ((_, content),) = sink.mails
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert message["subject"] == "A new password for Acme B.V."
    assert re.search(r"https://people\.example/-/password/Ag[\w-]+", message.get_body(("plain",)).get_content())  # type: ignore[attr-defined]


async def test_a_reset_is_neither_told_nor_listed_with_the_invitations(
    take: Any, people: Any, sink: Any, delivering: Any, told: Any, states: Any, pool: Pool
) -> None:
    id = people.invitation()
    await take(people.created("1", id), people.reset("1", people.invitation()))
    await take(people.reset("2", people.invitation(), email="gone@example.test"))
    sink.to_rcpt["gone@example.test"] = ["550 no such user"]
    async with delivering():
        await eventually(lambda: sent_and_failed(states))
    assert [kind for kind, _ in await told()] == ["queued", "sent"]
    assert [entry["invitation_id"] for entry in await invitations(pool)] == [str(id)]


async def sent_and_failed(states: Any) -> bool:
    return bool(await states() == {"sent": 2, "failed": 1})


async def test_resets_and_invitations_of_a_person_leave_each_other_alone(
    take: Any, people: Any, told: Any, states: Any
) -> None:
    id = people.invitation()
    await take(people.created("1", id))
    await take(people.reset("1", people.invitation()), people.reset("1", people.invitation()))
    assert await states() == {"queued": 3}
    await take(people.updated("1", 2, people.queued("1", id, 2)))
    assert await states() == {"queued": 3, "withdrawn": 1}
    await take(people.deactivated("1", 3))
    assert await states() == {"queued": 2, "withdrawn": 2}
    assert [kind for kind, _ in await told()] == ["queued", "queued", "withdrawn", "withdrawn"]


async def test_a_reset_whose_link_no_longer_works_is_not_sent(
    take: Any, people: Any, sink: Any, delivering: Any, pool: Pool
) -> None:
    await take(people.reset("1", people.invitation(), expires_at="2020-01-01T12:00:00Z"))
    async with delivering():
        await eventually(lambda: pool.fetchval("SELECT state = 'failed' AND reason = 'expired' FROM mail"))
    assert sink.mails == []
