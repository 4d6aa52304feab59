"""The write transaction on real PostgreSQL: once, atomic, in order, whatever comes twice or at the same time."""

import asyncio
import itertools
import random
from importlib.resources import files
from typing import Any

import orjson
import pytest

from chassis.commands import Commands
from chassis.database import Pool
from chassis.records import Record, decode_headers
from chassis.testing import MakePool
from contracts.envelope import Envelope
from contracts.events.invitations import InvitationFailed
from contracts.events.org import AcademyChanged, CompanyChanged, DepartmentChanged
from contracts.events.users import (
    ActivateUser,
    DeactivateUser,
    DeleteUser,
    GrantAdministrator,
    PersonFields,
    ResendInvitation,
    RevokeAdministrator,
    UserRequested,
    WithdrawInvitation,
)
from contracts.fields import number_key
from user_service import people as user_people
from user_service.applying import Applying
from user_service.domain.organisation import build_organisation
from user_service.people import Filter, Total, count_people, history, list_people
from user_service.subscribers import FailedInvitations
from user_service.testing import OneOrganisation, taken

_ids = itertools.count(1)


class FixedOrganisations(OneOrganisation):
    """One with a company."""

    def __init__(self) -> None:
        self.organisation = build_organisation(
            [
                (AcademyChanged(id="a", name="A", default_language="nl", languages=["nl", "en"], revision=7), False),
                (CompanyChanged(id="c1", name="Acme", revision=1), False),
                (DepartmentChanged(id="d1", company_id="c1", name="Sales", revision=1), False),
                (DepartmentChanged(id="d2", company_id="c1", name="Stock", revision=1), False),
            ]
        )


@pytest.fixture
async def pool(make_migrated_pool: MakePool) -> Pool:
    return await make_migrated_pool(("user-service", files("user_service") / "migrations"))


def applying(pool: Pool) -> Applying:
    return Applying(pool, FixedOrganisations(), Commands(pool, "user-service"))


def record(academy: str, message: Any, *, id: str | None = None, attempt: int = 1) -> Record[Any]:
    number = message.person.personnel_number if isinstance(message, UserRequested) else message.personnel_number
    id_ = id or f"r{next(_ids)}"
    envelope = Envelope(
        id=id_,
        type=message.TYPE,
        source="test",
        academy=academy,
        request_source="hr",
        request_id=id_,
        attempt=attempt,
        correlation_id=id_,
    )
    key = f"{academy}/{number_key(number)}"
    return Record("cluster", "user.requests", 0, next(_ids), key, b"{}", envelope, taken(message))


def request(
    academy: str, number: str, *, mode: str = "upsert", id: str | None = None, attempt: int = 1, **fields: Any
) -> Record[Any]:
    person = {
        "personnel_number": number,
        "first_name": "Eva",
        "last_name": "Jansen",
        "email": f"{number}@acme.example",
        "company": "Acme",
        "department": "Sales",
    } | fields
    message = UserRequested(mode=mode, person=PersonFields(**person))  # type: ignore[arg-type]
    return record(academy, message, id=id, attempt=attempt)


async def outcomes(pool: Pool) -> list[tuple[str, str, dict[str, Any]]]:
    """(type, request id, value) of every event, in the order in which the relay will publish them."""
    rows = await pool.fetch("SELECT headers, value FROM outbox ORDER BY seq")
    found = []
    for row in rows:
        envelope = Envelope.from_headers(decode_headers(row["headers"]))
        found.append((envelope.type.split(".")[2], envelope.request_id, orjson.loads(row["value"])))
    return found


async def people(pool: Pool) -> dict[str, Any]:
    return {r["number"]: r for r in await pool.fetch("SELECT * FROM person")}


async def test_each_request_gets_exactly_one_outcome_with_its_own_reference(pool: Pool, academy: str) -> None:
    await applying(pool)(
        [
            request(academy, "1", id="x"),
            request(academy, "2", id="y", company="Nowhere"),
            request(academy, "1", id="z"),
            request(academy, "1", id="u", first_name="Anna"),
        ]
    )
    assert [(t, i) for t, i, _ in await outcomes(pool)] == [
        ("created", "x"),
        ("rejected", "y"),
        ("unchanged", "z"),
        ("updated", "u"),
    ]
    assert (await people(pool))["1"]["first_name"] == "Anna"


async def test_a_duplicate_does_nothing_even_after_a_later_edit(pool: Pool, academy: str) -> None:
    apply = applying(pool)
    await apply([request(academy, "1", id="first", first_name="Eva")])
    await apply([request(academy, "1", id="edit", first_name="Anna")])
    await apply([request(academy, "1", id="first", first_name="Eva")])
    assert len(await outcomes(pool)) == 2
    assert (await people(pool))["1"]["first_name"] == "Anna"


async def test_a_duplicate_with_a_higher_attempt_is_answered_with_the_stored_outcome_once(
    pool: Pool, academy: str
) -> None:
    apply = applying(pool)
    await apply([request(academy, "1", id="x")])
    for _ in range(2):
        await apply([request(academy, "1", id="x", attempt=2)])
    (first, _, value), (again, reference, repeated) = await outcomes(pool)
    assert (first, again, reference) == ("created", "created", "x")
    assert repeated == value
    assert (await people(pool))["1"]["version"] == 1


async def test_the_same_message_twice_in_one_batch_is_one_request(pool: Pool, academy: str) -> None:
    await applying(pool)([request(academy, "1", id="x"), request(academy, "1", id="x")])
    assert len(await outcomes(pool)) == 1


async def test_an_address_goes_to_the_first_and_the_second_hears_who_has_it(pool: Pool, academy: str) -> None:
    await applying(pool)([request(academy, "1", email="x@acme.example"), request(academy, "2", email="X@ACME.example")])
    (_, _, _), (type_, _, value) = await outcomes(pool)
    assert type_ == "rejected"
    assert value["errors"][0]["code"] == "personnel_number_conflict"
    assert "Eva Jansen (1)" in value["errors"][0]["params"]["who"]


async def test_an_address_that_one_request_frees_can_be_taken_by_the_next_of_the_same_batch(
    pool: Pool, academy: str
) -> None:
    apply = applying(pool)
    await apply([request(academy, "1", email="old@acme.example")])
    await apply(
        [
            request(academy, "1", email="new@acme.example"),
            request(academy, "2", email="old@acme.example"),
            request(academy, "1", email="third@acme.example"),
            request(academy, "3", email="new@acme.example"),
        ]
    )
    assert [t for t, _, _ in await outcomes(pool)] == ["created", "updated", "created", "updated", "created"]
    held = {r["email_key"]: r["number_key"] for r in await pool.fetch("SELECT * FROM user_address")}
    assert held == {"third@acme.example": "1", "old@acme.example": "2", "new@acme.example": "3"}


async def test_a_deleted_person_frees_the_address_and_comes_back_with_the_same_id(pool: Pool, academy: str) -> None:
    apply = applying(pool)
    await apply([request(academy, "1", active="x")])
    user_id = (await people(pool))["1"]["user_id"]
    await apply([record(academy, DeleteUser(personnel_number="1"))])
    assert await pool.fetchval("SELECT count(*) FROM user_address") == 0
    await apply([request(academy, "1")])
    assert [t for t, _, _ in await outcomes(pool)] == ["created", "deleted", "updated"]
    assert (await outcomes(pool))[-1][2]["restored"] is True
    person = (await people(pool))["1"]
    assert (person["user_id"], person["active"], person["deleted"]) == (user_id, False, False)


async def test_created_deleted_and_restored_within_one_batch_ends_as_one_person(pool: Pool, academy: str) -> None:
    await applying(pool)(
        [
            request(academy, "1"),
            record(academy, DeleteUser(personnel_number="1")),
            request(academy, "1", first_name="Zoë"),
        ]
    )
    assert [t for t, _, _ in await outcomes(pool)] == ["created", "deleted", "updated"]
    assert (await people(pool))["1"]["first_name"] == "Zoë"
    assert await pool.fetchval("SELECT count(*) FROM user_address") == 1


async def test_an_invitation_waits_for_activation_and_is_queued_once(pool: Pool, academy: str) -> None:
    apply = applying(pool)
    await apply([request(academy, "1", invite="x")])
    await apply([record(academy, ActivateUser(personnel_number="1"))])
    await apply([request(academy, "1", invite="x")])
    await apply([record(academy, ResendInvitation(personnel_number="1"))])
    invitations = [value.get("invitation", {}) for _, _, value in await outcomes(pool)]
    assert [i.get("status") for i in invitations] == ["waiting", "queued", "already_invited", "queued"]
    assert [i.get("generation") for i in invitations] == [None, 1, 1, 2]
    assert invitations[1]["recipient"]["email"] == "1@acme.example"
    assert len({i["invitation_id"] for i in invitations[1:]}) == 1


async def test_only_the_newest_mail_of_an_open_invitation_can_fail(pool: Pool, academy: str) -> None:
    apply, failing = applying(pool), FailedInvitations(pool)
    await apply(
        [request(academy, "1", active="x", invite="x"), record(academy, ResendInvitation(personnel_number="1"))]
    )
    id_ = (await people(pool))["1"]["invitation_id"]

    async def status_after(invitation_id: str, *generations: int) -> str:
        await failing(
            [
                record(
                    academy,
                    InvitationFailed(
                        invitation_id=invitation_id, generation=generation, personnel_number="1", reason="refused"
                    ),
                )
                for generation in generations
            ]
        )
        return str((await people(pool))["1"]["invitation_status"])

    assert await status_after(id_, 1) == "open"
    assert await status_after("another", 2) == "open"
    assert await status_after(id_, 2, 1) == "failed", "the earlier mail may fail later"
    await apply([record(academy, ResendInvitation(personnel_number="1"))])
    await apply([record(academy, WithdrawInvitation(personnel_number="1"))])
    assert await status_after(id_, 3) == "withdrawn"


async def test_a_command_for_a_number_that_nobody_can_have_is_answered_too(pool: Pool, academy: str) -> None:
    await applying(pool)([request(academy, "1"), record(academy, DeleteUser(personnel_number="1\0"), id="x")])
    _, (type_, reference, value) = await outcomes(pool)
    assert (type_, reference, [error["code"] for error in value["errors"]]) == ("rejected", "x", ["not_found"])
    assert (await people(pool))["1"]["deleted"] is False


async def test_two_instances_with_crossed_numbers_and_addresses_make_no_twin_and_no_deadlock(
    pool: Pool, academy: str
) -> None:
    seeded = random.Random(5)
    first, second = applying(pool), applying(pool)
    for round_ in range(12):
        numbers = [str(n) for n in range(60)]

        def batch(numbers: list[str] = numbers, round_: int = round_) -> list[Record[Any]]:
            seeded.shuffle(numbers)
            addresses = seeded.sample(range(40), 40) * 2
            return [
                request(academy, n, email=f"m{a}@acme.example", first_name=f"F{round_}")
                for n, a in zip(numbers[:40], addresses, strict=False)
            ]

        await asyncio.gather(first(batch()), second(batch()))
    rows = await pool.fetch("SELECT number_key, email_key FROM person WHERE NOT deleted")
    assert len({r["email_key"] for r in rows}) == len(rows)
    held = {(r["number_key"], r["email_key"]) for r in await pool.fetch("SELECT * FROM user_address")}
    assert held == {(r["number_key"], r["email_key"]) for r in rows}
    assert len(await outcomes(pool)) == 12 * 80


async def test_the_versions_of_a_person_count_their_changes_without_a_gap(pool: Pool, academy: str) -> None:
    apply = applying(pool)
    await asyncio.gather(*(apply([request(academy, "1", cost_centre=f"K{n}")]) for n in range(8)))
    versions = [v["version"] for t, _, v in await outcomes(pool) if t in ("created", "updated")]
    assert sorted(versions) == list(range(1, len(versions) + 1))
    assert (await people(pool))["1"]["version"] == len(versions) == 8


async def test_rows_touched_per_request_do_not_grow_with_the_table(pool: Pool, academy: str) -> None:
    apply = applying(pool)

    async def touched() -> int:
        # Statistics of a session are reported when it is idle; a fresh snapshot of all of them is wanted here.
        await pool.execute("SELECT pg_stat_force_next_flush()")
        await pool.execute("SELECT pg_stat_clear_snapshot()")
        await pool.expire_connections()
        return int(
            await pool.fetchval(
                "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables"
                " WHERE relname IN ('person', 'user_address', 'request_log')"
            )
            or 0
        )

    async def cost(numbers: range, name: str) -> float:
        before = await touched()
        for start in range(numbers.start, numbers.stop, 500):
            await apply(
                [request(academy, str(n), first_name=name) for n in range(start, min(start + 500, numbers.stop))]
            )
        return (await touched() - before) / len(numbers)

    await cost(range(1_000), "A")
    small = await cost(range(1_000), "B")
    await cost(range(1_000, 10_000), "A")
    large = await cost(range(1_000), "C")
    assert large <= small * 1.5 + 1, (small, large)


async def chiefs(pool: Pool, academy: str, *numbers: str) -> None:
    apply = applying(pool)
    await apply([request(academy, number, active="x") for number in numbers])
    await apply([record(academy, GrantAdministrator(personnel_number=number)) for number in numbers])


async def administrators(pool: Pool) -> set[str]:
    return {n for n, person in (await people(pool)).items() if person["administrator"]}


async def test_an_administrator_is_made_and_told_of_by_an_update(pool: Pool, academy: str) -> None:
    await chiefs(pool, academy, "1")
    kind, _, value = (await outcomes(pool))[-1]
    assert (kind, value["changes"], value["person"]["administrator"]) == (
        "updated",
        {"administrator": [False, True]},
        True,
    )
    await applying(pool)([record(academy, GrantAdministrator(personnel_number="1"))])
    assert (await outcomes(pool))[-1][0] == "unchanged"


@pytest.mark.parametrize("model", [DeactivateUser, DeleteUser, RevokeAdministrator])
async def test_the_last_administrator_stays_one_within_a_batch(pool: Pool, academy: str, model: Any) -> None:
    await chiefs(pool, academy, "1", "2")
    await applying(pool)([record(academy, model(personnel_number=number)) for number in ("1", "2")])
    (first, _, _), (last, _, value) = (await outcomes(pool))[-2:]
    assert first != "rejected"
    assert (last, value["errors"]) == ("rejected", [{"code": "last_administrator"}])
    assert (await people(pool))["2"]["active"]


async def test_an_import_cannot_deactivate_the_last_administrator(pool: Pool, academy: str) -> None:
    await chiefs(pool, academy, "1")
    await applying(pool)([request(academy, "1", active="-"), request(academy, "1", active="x")])
    (kind, _, value), (again, _, _) = (await outcomes(pool))[-2:]
    assert (kind, value["errors"]) == ("rejected", [{"code": "last_administrator", "field": "active"}])
    assert again == "unchanged"


async def test_two_administrators_cannot_remove_each_other_at_the_same_time(pool: Pool, academy: str) -> None:
    await chiefs(pool, academy, "1", "2")
    await asyncio.gather(
        *(applying(pool)([record(academy, RevokeAdministrator(personnel_number=number))]) for number in ("1", "2"))
    )
    assert sorted(kind for kind, _, _ in (await outcomes(pool))[-2:]) == ["rejected", "updated"]
    assert len(await administrators(pool)) == 1


async def test_whoever_is_deleted_is_no_administrator_when_they_come_back(pool: Pool, academy: str) -> None:
    await chiefs(pool, academy, "1", "2")
    await applying(pool)([record(academy, DeleteUser(personnel_number="1"))])
    await applying(pool)([request(academy, "1", active="x")])
    assert await administrators(pool) == {"2"}


async def test_history_tells_what_changed_newest_first(pool: Pool, academy: str) -> None:
    apply = applying(pool)
    await apply([request(academy, "1"), request(academy, "1"), request(academy, "1", company="Nowhere")])
    await apply([request(academy, "1", first_name="Anna"), record(academy, DeleteUser(personnel_number="1"))])
    async with pool.acquire() as connection:
        found = await history(connection, academy, "1")
    assert [(h["type"], h["version"]) for h in found] == [("deleted", 3), ("updated", 2), ("created", 1)]
    assert found[1]["changes"] == {"first_name": ["Eva", "Anna"]}


async def listed(pool: Pool, academy: str, **wanted: Any) -> list[str]:
    """The numbers of all pages of two."""
    numbers: list[str] = []
    after: str | None = ""
    async with pool.acquire() as connection:
        while after is not None:
            page = await list_people(connection, academy, Filter(**wanted), after=after, limit=2)
            numbers += [user.number for user in page.users]
            after = page.next
    return numbers


async def test_people_are_listed_by_name_and_found_by_every_filter(pool: Pool, academy: str) -> None:
    apply = applying(pool)
    await apply(
        [
            request(academy, "1", first_name="Zoë", last_name="Bakker", active="x", invite="x"),
            request(academy, "2", first_name="Anna", last_name="bakker", department="Stock", invite="x"),
            request(academy, "3", first_name="Jan", infix="van der", last_name="Aa", email="j.aa@post.example"),
            request(academy, "AB-4", last_name="Cor", active="x"),
            request(academy, "5", last_name="Weg"),
        ]
    )
    await apply([record(academy, DeleteUser(personnel_number="5"))])
    for wanted, expected in (
        ({}, ["3", "2", "1", "AB-4"]),
        ({"status": "active"}, ["1", "AB-4"]),
        ({"status": "inactive"}, ["3", "2"]),
        ({"status": "deleted"}, ["5"]),
        ({"department": "d2"}, ["2"]),
        ({"company": "c1", "department": "d1"}, ["3", "1", "AB-4"]),
        ({"function": "f1"}, []),
        ({"invitation": "none"}, ["3", "AB-4"]),
        ({"invitation": "waiting"}, ["2"]),
        ({"invitation": "already_invited"}, ["1"]),
        ({"invitation": "expired"}, []),
        ({"search": "bak"}, ["2", "1"]),
        ({"search": "zoë BAKKER"}, ["1"]),
        ({"search": "van der a"}, ["3"]),
        ({"search": "ab-4"}, ["AB-4"]),
        ({"search": "j.aa@post"}, ["3"]),
        ({"search": "jan aa' | !x"}, []),
        ({"search": "-"}, []),
    ):
        assert await listed(pool, academy, **wanted) == expected, wanted  # type: ignore[arg-type]
        assert await counted(pool, academy, **wanted) == Total(len(expected), True), wanted  # type: ignore[arg-type]


async def counted(pool: Pool, academy: str, **wanted: Any) -> Total:
    async with pool.acquire() as connection:
        return await count_people(connection, academy, Filter(**wanted))


async def test_people_are_counted_to_a_bound_where_each_of_them_must_be_looked_at(
    pool: Pool, academy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await applying(pool)([request(academy, str(number)) for number in range(3)])
    for most, expected in ((2, Total(2, False)), (3, Total(3, True))):
        monkeypatch.setattr(user_people, "COUNTED", most)
        assert await counted(pool, academy, search="eva") == expected
        assert await counted(pool, academy) == Total(3, True)


async def test_a_cursor_that_nobody_gave_out_is_no_error(pool: Pool, academy: str) -> None:
    async with pool.acquire() as connection:
        for after in ("é", "%%%", "/w", "AAAA", "5"):
            assert (await list_people(connection, academy, Filter(), after=after, limit=2)).users == []
