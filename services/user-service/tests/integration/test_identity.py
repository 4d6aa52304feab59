"""Log-in, invitations, resets and tokens over HTTP, on real PostgreSQL."""

import asyncio
import contextlib

import pytest
from pydantic import SecretStr

from chassis.testing import eventually
from contracts.events.users import InvitationAccepted, PasswordResetRequested
from user_service.identity.administrators import ensure_first
from user_service.settings import FirstAdministrator
from user_service.testing import OPERATOR, PASSWORD, Site, link


async def test_an_unknown_address_and_a_wrong_password_get_the_same_answer(site: Site) -> None:
    await site.administrator()
    wrong, unknown = await site.log_in("wrong"), await site.log_in(email="nobody@acme.example")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


async def test_many_attempts_on_one_address_are_refused_for_a_while(site: Site) -> None:
    answers = [await site.log_in("wrong") for _ in range(11)]
    assert [a.status_code for a in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_terms_are_asked_before_the_first_access_token_and_again_when_they_change(site: Site) -> None:
    await site.administrator()
    session = await site.session()
    assert (await site.http.post("/access-tokens", headers=session)).json()["code"] == "terms_required"
    session = await site.entered()
    caller = (await site.http.post("/access-tokens", headers=session)).json()["caller"]
    assert (caller["role"], caller["academy"], caller["name"]) == ("administrator", site.academy, "Eva Jansen")
    site.organisations.terms(2)
    assert (await site.http.post("/access-tokens", headers=session)).json()["code"] == "terms_required"


async def test_somebody_who_is_not_active_gets_neither_session_nor_token(site: Site) -> None:
    await site.administrator()
    session = await site.entered()
    await site.pool.execute("UPDATE person SET active = false")
    assert (await site.http.post("/access-tokens", headers=session)).status_code == 401
    assert (await site.log_in()).status_code == 401


async def test_whoever_logs_out_gets_no_more_tokens(site: Site) -> None:
    await site.administrator()
    session = await site.entered()
    assert (await site.http.delete("/sessions/current", headers=session)).status_code == 204
    assert (await site.http.post("/access-tokens", headers=session)).status_code == 401


async def test_an_invitation_is_accepted_once(site: Site) -> None:
    await site.administrator(password=None)
    token = link(str(await site.pool.fetchval("SELECT invitation_id FROM person")))
    seen = (await site.http.get(f"/invitations/{token}")).json()
    assert (seen["state"], seen["name"], seen["terms"]["version"]) == ("valid", "Eva Jansen", 0)
    weak = await site.http.post(f"/invitations/{token}", json={"password": "short", "terms_version": 0})
    assert (weak.status_code, weak.json()["code"]) == (422, "weak_password")
    accepting = {"password": PASSWORD, "terms_version": 0}
    assert (await site.http.post(f"/invitations/{token}", json=accepting)).json() == {"academy": site.academy}
    again = await site.http.post(f"/invitations/{token}", json=accepting)
    assert (again.status_code, again.json()["code"]) == (409, "accepted")
    (event,) = await site.told(InvitationAccepted)
    assert (event.version, event.person.terms_accepted, event.terms_version) == (2, True, 0)
    await site.access(await site.session())


async def test_a_link_of_another_kind_or_generation_is_no_invitation(site: Site) -> None:
    await site.administrator(password=None)
    id_ = str(await site.pool.fetchval("SELECT invitation_id FROM person"))
    for token, state in ((link(id_, kind=2), "unknown"), (link(id_, generation=2), "replaced"), ("x", "unknown")):
        assert (await site.http.get(f"/invitations/{token}")).json()["state"] == state


async def test_a_reset_gives_a_new_password_once_and_ends_all_sessions(site: Site) -> None:
    await site.administrator()
    session = await site.entered()
    for address in ("eva@acme.example", "nobody@acme.example"):
        answer = await site.http.post(f"/academies/{site.academy}/password-resets", json={"email": address})
        assert (answer.status_code, answer.json()) == (202, {})
    (event,) = await site.told(PasswordResetRequested)
    token = link(event.reset_id, kind=2)
    assert (await site.http.get(f"/password-resets/{token}")).json()["state"] == "valid"
    chosen = await site.http.post(f"/password-resets/{token}", json={"password": "another good password"})
    assert chosen.json() == {"academy": site.academy}
    assert (await site.http.post("/access-tokens", headers=session)).status_code == 401
    assert (await site.log_in()).status_code == 401
    assert (await site.log_in("another good password")).status_code == 200
    again = await site.http.post(f"/password-resets/{token}", json={"password": "yet another password"})
    assert (again.status_code, again.json()["code"]) == (409, "used")


async def test_a_programs_token_is_shown_once_and_works_until_it_is_removed(site: Site) -> None:
    await site.administrator()
    access = await site.access(await site.entered())
    tokens = f"/academies/{site.academy}/api-tokens"
    made = (await site.http.post(tokens, headers=access, json={"name": "HR"})).json()
    program = {"Authorization": f"Bearer {made['token']}"}
    assert await site.access(program)
    assert made["token"] not in (await site.http.get(tokens, headers=access)).text
    assert (await site.http.delete(f"{tokens}/{made['id']}", headers=access)).status_code == 204
    assert (await site.http.post("/access-tokens", headers=program)).status_code == 401


async def test_a_changed_password_ends_the_other_sessions(site: Site) -> None:
    await site.administrator()
    other, mine = await site.entered(), await site.session()
    access = await site.access(mine)
    profile = f"/academies/{site.academy}/profile"
    listed = (await site.http.get(f"{profile}/sessions", headers=access)).json()["sessions"]
    assert sorted(s["current"] for s in listed) == [False, True]
    change = {"current": PASSWORD, "new": "another good password"}
    assert (await site.http.put(f"{profile}/password", headers=access, json=change)).status_code == 204
    assert (await site.http.post("/access-tokens", headers=other)).status_code == 401
    assert await site.access(mine)


async def test_an_operator_makes_the_first_administrator_once(site: Site) -> None:
    wrong = await site.http.post("/operator/sessions", json={"token": "guess"})
    assert wrong.status_code == 401
    session = (await site.http.post("/operator/sessions", json={"token": OPERATOR})).json()["session"]
    access = await site.access({"Authorization": f"Bearer {session}"})
    asked = {"personnel_number": "9", "first_name": "Ada", "last_name": "B", "email": "ada@acme.example"}
    path = f"/academies/{site.academy}/administrators"
    answers = [await site.http.post(path, headers=access, json=asked) for _ in range(2)]
    assert [a.status_code for a in answers] == [201, 200]
    assert answers[0].json()["invitation"] == "already_invited"


async def test_a_new_installation_begins_with_its_first_administrator(site: Site) -> None:
    asked = FirstAdministrator(
        academy=site.academy,
        personnel_number="beheerder",
        first_name="Demo",
        last_name="Beheerder",
        email="eva@acme.example",
        password=SecretStr(PASSWORD),
    )
    for _ in range(2):  # at each start
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(
                ensure_first(site.pool, site.organisations, site.passwords, asked),  # type: ignore[arg-type]
                2,
            )
    assert await site.pool.fetchval("SELECT count(*) FROM person WHERE administrator") == 1
    await site.access(await site.entered())


async def test_the_first_administrator_is_made_when_the_academy_is(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made, waits = asyncio.Event(), 0

    async def until_known(academy: str, timeout: float) -> bool:
        nonlocal waits
        waits += 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(made.wait(), 0.01)
        return made.is_set()

    monkeypatch.setattr(site.organisations, "until_known", until_known)
    asked = FirstAdministrator(
        academy=site.academy,
        personnel_number="beheerder",
        first_name="Demo",
        last_name="Beheerder",
        email="eva@acme.example",
        password=SecretStr(PASSWORD),
    )
    waiting = asyncio.create_task(ensure_first(site.pool, site.organisations, site.passwords, asked))  # type: ignore[arg-type]

    async def there() -> bool:
        return bool(await site.pool.fetchval("SELECT EXISTS (SELECT FROM person)"))

    try:
        await eventually(lambda: waits > 2, what="the academy is waited for")
        assert not await there()
        made.set()
        await eventually(there, what="the administrator is there")
    finally:
        waiting.cancel()
