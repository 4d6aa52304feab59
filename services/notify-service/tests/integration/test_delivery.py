"""What was queued arrives once, or is told to have failed."""

import asyncio
import email
import email.policy
import re
from typing import Any

import pytest
from prometheus_client import REGISTRY

from chassis.database import Pool
from chassis.testing import eventually
from notify_service import delivery, use_cases


def parsed(content: bytes) -> Any:
    return email.message_from_bytes(content, policy=email.policy.default)


async def test_each_person_gets_one_mail_and_each_is_told_as_sent(
    take: Any, people: Any, sink: Any, delivering: Any, told: Any, states: Any
) -> None:
    records = [people.created(str(n), people.invitation()) for n in range(300)]
    await take(*records)
    await take(*records)
    async with delivering():
        await eventually(lambda: len(sink.mails) >= 300)
        await eventually(lambda: states_are(states, {"sent": 300}))
    assert len({to for to, _ in sink.mails}) == len(sink.mails) == 300
    events = await told()
    assert [kind for kind, _ in events].count("sent") == 300
    ids = {event["message_id"] for kind, event in events if kind == "sent"}
    assert ids == {parsed(content)["message-id"] for _, content in sink.mails}
    assert sink.connections <= 4


async def states_are(states: Any, expected: dict[str, int]) -> bool:
    return bool(await states() == expected)


async def test_a_mail_arrives_with_link_and_academy_in_both_parts(
    take: Any, people: Any, sink: Any, delivering: Any, told: Any, pool: Pool
) -> None:
    await take(people.created("1", people.invitation(), name="Zoë de Vries"))
    async with delivering():
        await eventually(lambda: sink.mails)
        await eventually(lambda: pool.fetchval("SELECT state = 'sent' FROM mail"))
    message = parsed(sink.mails[0][1])
    for kind in ("plain", "html"):
        text = message.get_body((kind,)).get_content()
        assert "Acme B.V." in text
        assert "Zoë de Vries" in text
        (link,) = set(re.findall(r"https://people\.example/-/invitation/[\w-]+", text))
    token = link.rpartition("/")[2]
    everything = str([tuple(row) for row in await pool.fetch("SELECT * FROM outbox")])
    everything += str([tuple(row) for row in await pool.fetch("SELECT * FROM mail")])
    assert token not in everything
    assert token[:40] not in everything


async def test_a_deferred_mail_is_sent_at_a_later_attempt(
    take: Any, people: Any, sink: Any, delivering: Any, told: Any, pool: Pool
) -> None:
    sink.to_rcpt["1@example.test"] = ["451 try later"]
    sink.to_data["1@example.test"] = ["452 no room", "450 busy"]
    await take(people.created("1", people.invitation()), people.created("2", people.invitation()))
    async with delivering():
        await eventually(lambda: pool.fetchval("SELECT count(*) = 2 FROM mail WHERE state = 'sent'"))
    assert len(sink.sent_to("1@example.test")) == len(sink.sent_to("2@example.test")) == 1
    assert await pool.fetchval("SELECT attempts FROM mail WHERE number_key = '1'") == 4
    assert [kind for kind, _ in await told()] == ["queued", "queued", "sent", "sent"]


@pytest.mark.parametrize("stage", ["to_rcpt", "to_data"])
async def test_a_refused_mail_has_failed_and_says_why(
    take: Any, people: Any, sink: Any, delivering: Any, told: Any, states: Any, stage: str
) -> None:
    getattr(sink, stage)["1@example.test"] = ["550 5.1.1 no such person"]
    await take(people.created("1", people.invitation()), people.created("2", people.invitation()))
    async with delivering():
        await eventually(lambda: states_are(states, {"failed": 1, "sent": 1}))
    (failed,) = [event for kind, event in await told() if kind == "failed"]
    assert failed["reason"] == "550 5.1.1 no such person"
    assert failed["personnel_number"] == "1"
    assert sink.sent_to("1@example.test") == []


async def test_a_mail_that_expired_before_it_could_go_out_has_failed(
    take: Any, people: Any, sink: Any, delivering: Any, told: Any, states: Any, pool: Pool
) -> None:
    await take(people.created("1", people.invitation()))
    await pool.execute("UPDATE mail SET expires_at = now() - interval '1 second'")
    async with delivering():
        await eventually(lambda: states_are(states, {"failed": 1}))
    assert (await told())[-1][1]["reason"] == "expired"
    assert sink.mails == []


async def test_an_address_that_no_mail_can_go_to_has_failed(
    take: Any, people: Any, sink: Any, delivering: Any, states: Any
) -> None:
    await take(people.created("1", people.invitation(), email="nobody"))
    async with delivering():
        await eventually(lambda: states_are(states, {"failed": 1}))


async def test_what_was_withdrawn_is_not_sent(take: Any, people: Any, sink: Any, delivering: Any, states: Any) -> None:
    await take(people.created("1", people.invitation()), people.created("2", people.invitation()))
    await take(people.deactivated("1", 2))
    async with delivering():
        await eventually(lambda: states_are(states, {"withdrawn": 1, "sent": 1}))
    assert [to for to, _ in sink.mails] == ["2@example.test"]


async def test_of_two_generations_only_the_second_is_sent(
    take: Any, people: Any, sink: Any, delivering: Any, states: Any
) -> None:
    id = people.invitation()
    await take(people.created("1", id))
    await take(people.updated("1", 2, people.queued("1", id, 2)))
    async with delivering():
        await eventually(lambda: states_are(states, {"withdrawn": 1, "sent": 1}))
    ((_, content),) = sink.mails
    assert parsed(content)["message-id"] == f"<2.{id}@mail.example>"


async def test_a_mail_withdrawn_while_it_is_sent_is_told_as_what_really_became_of_it(
    take: Any, people: Any, sink: Any, delivering: Any, told: Any, states: Any, pool: Pool
) -> None:
    sink.hold = asyncio.Event()
    sink.to_data["2@example.test"] = ["451 later"]
    await take(people.created("1", people.invitation()), people.created("2", people.invitation()))
    async with delivering(mail_first_retry=60):
        await eventually(lambda: pool.fetchval("SELECT count(*) = 2 FROM mail WHERE claim IS NOT NULL"))
        await take(people.deactivated("1", 2), people.deactivated("2", 2))
        assert await states() == {"queued": 2}
        sink.hold.set()
        await eventually(lambda: states_are(states, {"sent": 1, "withdrawn": 1}))
    ends = {event["personnel_number"]: kind for kind, event in await told() if kind != "queued"}
    assert ends == {"1": "sent", "2": "withdrawn"}


async def test_a_kill_between_acceptance_and_record_repeats_the_same_bytes(
    take: Any, people: Any, sink: Any, delivering: Any, told: Any, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await take(*(people.created(str(n), people.invitation()) for n in range(4)))
    with monkeypatch.context() as died:
        died.setattr(delivery, "STOP_SECONDS", 0.1)
        died.setattr(use_cases, "record", never)
        async with delivering():
            await eventually(lambda: len(sink.mails) == 4)
    first = dict(sink.mails)
    assert [kind for kind, _ in await told()] == ["queued"] * 4
    await pool.execute("UPDATE mail SET due_at = now()")  # the lease of the dead process has ended
    async with delivering():
        await eventually(lambda: pool.fetchval("SELECT count(*) = 4 FROM mail WHERE state = 'sent'"))
    assert len(sink.mails) == 8
    assert dict(sink.mails[4:]) == first
    assert [kind for kind, _ in await told()].count("sent") == 4


async def never(*_: Any) -> None:
    await asyncio.Event().wait()


async def test_a_lease_keeps_others_off_until_it_ends(
    take: Any, people: Any, sink: Any, delivering: Any, pool: Pool
) -> None:
    await take(people.created("1", people.invitation()), people.created("2", people.invitation()))
    await pool.execute(
        "UPDATE mail SET claim = gen_random_uuid(), due_at = now() + interval '1 hour' WHERE number_key = '1'"
    )
    async with delivering():
        await eventually(lambda: pool.fetchval("SELECT count(*) = 1 FROM mail WHERE state = 'sent'"))
    assert [to for to, _ in sink.mails] == ["2@example.test"]


async def test_two_couriers_send_each_mail_once(
    take: Any, people: Any, sink: Any, delivering: Any, states: Any
) -> None:
    await take(*(people.created(str(n), people.invitation()) for n in range(600)))
    async with delivering(), delivering():
        await eventually(lambda: states_are(states, {"sent": 600}))
    assert len({to for to, _ in sink.mails}) == len(sink.mails) == 600


async def test_a_small_academy_does_not_wait_for_a_big_one(
    take: Any, people: Any, make_people: Any, sink: Any, delivering: Any
) -> None:
    zeta = make_people("zeta")
    await take(*(people.created(f"big{n}", people.invitation()) for n in range(1000)))
    await take(*(zeta.created(f"small{n}", zeta.invitation()) for n in range(20)))
    async with delivering():
        await eventually(lambda: sum(to.startswith("small") for to, _ in sink.mails) == 20)
        before = len(sink.mails)
    assert before <= 20 + 100 + delivery.BATCH


async def test_a_server_that_is_away_costs_no_attempt_and_everything_goes_out_when_it_is_back(
    take: Any, people: Any, sink: Any, delivering: Any, states: Any, pool: Pool
) -> None:
    await sink.close()
    await take(*(people.created(str(n), people.invitation()) for n in range(30)))
    troubles = REGISTRY.get_sample_value("instroom_mail_server_trouble_total") or 0.0
    async with delivering():
        await eventually(
            lambda: (REGISTRY.get_sample_value("instroom_mail_server_trouble_total") or 0.0) >= troubles + 5
        )
        await sink.open()
        await eventually(lambda: states_are(states, {"sent": 30}))
    assert len(sink.mails) == 30
    assert await pool.fetchval("SELECT max(attempts) FROM mail") == 1


async def test_a_server_that_refuses_the_sender_fails_no_mail(
    take: Any, people: Any, sink: Any, delivering: Any, states: Any
) -> None:
    sink.to_sender = ["550 not from you"] * 3
    await take(*(people.created(str(n), people.invitation()) for n in range(5)))
    async with delivering():
        await eventually(lambda: states_are(states, {"sent": 5}))
    assert len(sink.mails) == 5


async def test_a_connection_cut_after_the_content_is_tried_again_later_with_the_same_bytes(
    take: Any, people: Any, sink: Any, delivering: Any, states: Any, pool: Pool
) -> None:
    sink.to_data["1@example.test"] = ["cut"]
    await take(people.created("1", people.invitation()), people.created("2", people.invitation()))
    async with delivering():
        await eventually(lambda: states_are(states, {"sent": 2}))
    first, second = sink.sent_to("1@example.test")
    assert first == second
    assert await pool.fetchval("SELECT attempts FROM mail WHERE number_key = '1'") == 2


async def test_a_line_is_replaced_after_its_number_of_mails(
    take: Any, people: Any, sink: Any, delivering: Any, states: Any
) -> None:
    await take(*(people.created(str(n), people.invitation()) for n in range(20)))
    async with delivering(smtp_connections=1, smtp_mails_per_connection=5):
        await eventually(lambda: states_are(states, {"sent": 20}))
    assert sink.connections == 4


async def test_a_courier_that_stops_finishes_what_is_under_way_and_gives_back_the_rest(
    take: Any, people: Any, sink: Any, delivering: Any, states: Any, pool: Pool
) -> None:
    sink.hold = asyncio.Event()
    await take(*(people.created(str(n), people.invitation()) for n in range(50)))
    async with delivering(smtp_connections=2):
        await eventually(lambda: pool.fetchval("SELECT count(*) = 50 FROM mail WHERE claim IS NOT NULL"))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.3, sink.hold.set)
    assert await pool.fetchval("SELECT count(*) FROM mail WHERE claim IS NOT NULL") == 0
    assert await pool.fetchval("SELECT count(*) FROM mail WHERE state = 'sent'") == len(sink.mails)
    sink.hold.set()
    async with delivering():
        await eventually(lambda: states_are(states, {"sent": 50}))
    assert len(sink.mails) == 50


async def test_results_are_written_when_the_database_answers_again(
    take: Any, people: Any, sink: Any, delivering: Any, states: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = use_cases.record, 3

    async def failing(*arguments: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise ConnectionResetError("the database went away")
        return await real(*arguments)

    monkeypatch.setattr(use_cases, "record", failing)
    await take(*(people.created(str(n), people.invitation()) for n in range(10)))
    async with delivering():
        await eventually(lambda: states_are(states, {"sent": 10}))
    assert len(sink.mails) == 10
