"""What ends when somebody may not enter any more, has a new password or a new address: for good, whatever is under way."""

import asyncio
from importlib.resources import files
from typing import Any

import httpx
import pytest
from argon2.profiles import CHEAPEST

from chassis.database import Pool
from chassis.testing import MakePool, eventually
from contracts.events.users import (
    ActivateUser,
    DeactivateUser,
    DeleteUser,
    InvitationAccepted,
    PasswordResetRequested,
    PersonFields,
    UserRequested,
)
from user_service import store
from user_service.domain.person import NO_INVITATION
from user_service.identity.passwords import Passwords
from user_service.testing import PASSWORD, Site, link, make_site

ANOTHER = "another good password"


def row(**fields: Any) -> UserRequested:
    """A row of an import about the administrator."""
    return UserRequested(person=PersonFields(personnel_number="1", **fields))


BACK_AND_FORTH = {
    "deactivated and activated": (DeactivateUser(personnel_number="1"), ActivateUser(personnel_number="1")),
    "deleted and restored": (DeleteUser(personnel_number="1"), row(active="x")),
    "by an import": (row(active="-"), row(active="x")),
}


@pytest.fixture
async def colleagues(site: Site) -> Site:
    """With a second administrator, so that the first one may go."""
    await site.administrator()
    await site.administrator(number="2", email="ada@acme.example")
    return site


async def enters(site: Site, session: dict[str, str]) -> int:
    return (await site.http.post("/access-tokens", headers=session)).status_code


async def ask_link(site: Site, email: str = "eva@acme.example") -> str:
    """The token of the newest mail."""
    answer = await site.http.post(f"/academies/{site.academy}/password-resets", json={"email": email})
    assert answer.status_code == 202
    return link((await site.told(PasswordResetRequested))[-1].reset_id, kind=2)


async def state(site: Site, token: str) -> str:
    return str((await site.http.get(f"/password-resets/{token}")).json()["state"])


async def choose(site: Site, token: str, password: str = ANOTHER) -> tuple[int, str]:
    answer = await site.http.post(f"/password-resets/{token}", json={"password": password})
    return answer.status_code, answer.json().get("code", "")


@pytest.mark.parametrize("messages", BACK_AND_FORTH.values(), ids=BACK_AND_FORTH)
@pytest.mark.parametrize("at_once", [True, False])
async def test_a_session_that_slept_while_its_person_was_away_is_over_when_they_are_back(
    colleagues: Site, messages: tuple[Any, Any], at_once: bool
) -> None:
    session = await colleagues.entered()
    for batch in [messages] if at_once else [(each,) for each in messages]:
        await colleagues.apply(*batch)
    assert await enters(colleagues, session) == 401
    assert (await colleagues.log_in()).status_code == 200


async def test_an_import_ends_the_sessions_of_everybody_whom_it_deactivates_and_of_nobody_else(site: Site) -> None:
    await site.administrator()
    session = await site.entered()
    numbers = [f"n{n}" for n in range(1_000)]
    async with site.pool.acquire() as connection:
        one = await store.get_user(connection, site.academy, "1")
        assert one is not None
        person = one._replace(administrator=False, invitation=NO_INVITATION)
        await store.insert_users(
            connection,
            {
                (site.academy, n): person._replace(user_id=n, number=n, number_key=n, email_key=f"{n}@acme.example")
                for n in numbers
            },
        )
        await connection.executemany(
            """INSERT INTO session (id, token_hash, academy, number_key, user_agent, expires_at)
               VALUES ($1, $2, $3, $1, '', now() + interval '1 hour')""",
            [(n, n.encode(), site.academy) for n in numbers],
        )
    rows = [UserRequested(person=PersonFields(personnel_number=n, active="-")) for n in numbers]
    await site.apply(*rows[:-1])
    assert {r["number_key"] for r in await site.pool.fetch("SELECT number_key FROM session")} == {"1", numbers[-1]}
    assert await enters(site, session) == 200


async def test_a_log_in_that_is_under_way_while_its_person_is_deactivated_is_refused(colleagues: Site) -> None:
    async with colleagues.pool.acquire() as connection:
        change = connection.transaction()
        await change.start()
        await connection.execute("UPDATE person SET active = false WHERE number_key = '1'")
        logging_in = asyncio.create_task(colleagues.log_in())
        await eventually(lambda: _waits(colleagues.pool), what="the log-in waits for the person")
        await change.commit()
    assert (await logging_in).status_code == 401
    assert await colleagues.pool.fetchval("SELECT count(*) FROM session") == 0


async def _waits(pool: Pool) -> bool:
    return bool(await pool.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))


async def test_a_log_in_with_the_old_password_does_not_outlive_its_change(site: Site) -> None:
    await site.administrator()
    async with site.pool.acquire() as connection:
        change = connection.transaction()
        await change.start()
        await connection.execute("SELECT FROM person FOR UPDATE")
        await connection.execute("UPDATE credential SET password_hash = 'another'")
        logging_in = asyncio.create_task(site.log_in())
        await eventually(lambda: _waits(site.pool), what="the log-in waits for the person")
        await change.commit()
    assert (await logging_in).status_code == 401


async def test_a_programs_token_is_the_academys_and_outlives_the_access_of_whoever_made_it(colleagues: Site) -> None:
    access = await colleagues.access(await colleagues.entered())
    tokens = f"/academies/{colleagues.academy}/api-tokens"
    made = (await colleagues.http.post(tokens, headers=access, json={"name": "HR"})).json()
    await colleagues.apply(DeleteUser(personnel_number="1"))
    assert await colleagues.access({"Authorization": f"Bearer {made['token']}"})


@pytest.mark.parametrize("messages", BACK_AND_FORTH.values(), ids=BACK_AND_FORTH)
async def test_a_link_for_a_new_password_ends_with_the_access(colleagues: Site, messages: tuple[Any, Any]) -> None:
    await colleagues.entered()
    token = await ask_link(colleagues)
    await colleagues.apply(*messages)
    assert await state(colleagues, token) == "replaced"
    assert await choose(colleagues, token) == (409, "replaced")
    assert (await colleagues.log_in()).status_code == 200


async def test_a_newer_request_ends_the_links_of_older_ones(site: Site) -> None:
    await site.administrator()
    older, newer = await ask_link(site), await ask_link(site)
    assert [await state(site, token) for token in (older, newer)] == ["replaced", "valid"]
    assert await choose(site, older) == (409, "replaced")
    assert await choose(site, newer) == (200, "")
    assert [await state(site, token) for token in (older, newer)] == ["replaced", "used"]


async def test_a_new_address_ends_the_links_that_were_mailed_to_the_old_one(site: Site) -> None:
    await site.administrator()
    token = await ask_link(site)
    await site.apply(row(first_name="Anna"))
    assert await state(site, token) == "valid"
    await site.apply(row(email="anna@acme.example"))
    assert await choose(site, token) == (409, "replaced")
    assert await choose(site, await ask_link(site, "anna@acme.example")) == (200, "")


async def test_a_password_that_was_changed_ends_the_links_for_a_new_one(site: Site) -> None:
    await site.administrator()
    access = await site.access(await site.entered())
    token = await ask_link(site)
    path = f"/academies/{site.academy}/profile/password"
    changed = await site.http.put(path, headers=access, json={"current": PASSWORD, "new": ANOTHER})
    assert changed.status_code == 204
    assert await choose(site, token, "yet another password") == (409, "replaced")


class Meeting(Passwords):
    """Both visitors have been let through the first look before either of them writes."""

    def __init__(self) -> None:
        super().__init__(CHEAPEST)
        self._both = asyncio.Barrier(2)

    async def hash(self, password: str) -> str:
        made = await super().hash(password)
        async with asyncio.timeout(60):
            await self._both.wait()
        return made


async def both(site: Site, path: str, **body: Any) -> list[tuple[int, str]]:
    """How two visitors fare who send the same form at the same time, the winner first."""
    sent = [site.http.post(path, json=body | {"password": f"a good password {n}"}) for n in (1, 2)]
    answers: list[httpx.Response] = await asyncio.gather(*sent)
    return sorted((answer.status_code, answer.json().get("code", "")) for answer in answers)


async def test_of_two_who_accept_an_invitation_at_the_same_time_one_does(
    make_migrated_pool: MakePool, academy: str
) -> None:
    pool = await make_migrated_pool(("user-service", files("user_service") / "migrations"))
    async with make_site(pool, academy, Meeting()) as site:
        await site.administrator(password=None)
        token = link(str(await pool.fetchval("SELECT invitation_id FROM person")))
        assert await both(site, f"/invitations/{token}", terms_version=0) == [(200, ""), (409, "accepted")]
        assert len(await site.told(InvitationAccepted)) == 1
        fared = [(await site.log_in(f"a good password {n}")).status_code for n in (1, 2)]
        assert sorted(fared) == [200, 401]


async def test_of_two_who_use_a_link_for_a_new_password_at_the_same_time_one_does(
    make_migrated_pool: MakePool, academy: str
) -> None:
    pool = await make_migrated_pool(("user-service", files("user_service") / "migrations"))
    async with make_site(pool, academy, Meeting()) as site:
        await site.administrator()  # by the passwords of the site's own, who meet nobody
        token = await ask_link(site)
        assert await both(site, f"/password-resets/{token}") == [(200, ""), (409, "used")]
        fared = [(await site.log_in(f"a good password {n}")).status_code for n in (1, 2)]
        assert sorted(fared) == [200, 401]
