"""Log-in by an identity provider over HTTP, on real PostgreSQL and with a real provider."""

import time
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from chassis.testing import MakePool
from contracts.events.users import InvitationAccepted
from user_service.testing import OPERATOR, Site, make_site, text
from user_service.testing_openid import CLIENT, SECRET, OpenIdProvider, running_provider

PUBLIC = "https://console.example"


class ProvidedSite(Site):
    """The same with an identity provider of the academy."""

    def __init__(self, site: Site, provider: OpenIdProvider) -> None:
        super().__init__(site.pool, site.http, site.organisations, site.academy, site.app)
        self.provider = provider
        self.path = f"/academies/{self.academy}/identity-provider"

    def setting(self, **values: Any) -> dict[str, Any]:
        issuer = self.provider.issuer
        good = {"name": "Acme ID", "issuer": issuer, "client_id": CLIENT, "client_secret": SECRET}
        return {name: value for name, value in (good | values).items() if value is not None}

    async def put(self, credential: dict[str, str] | None = None, **values: Any) -> httpx.Response:
        access = await self.access(credential or {"Authorization": f"Bearer {OPERATOR}"})
        return await self.http.put(self.path, headers=access, json=self.setting(**values))

    async def switched_on(self) -> None:
        answer = await self.put()
        assert answer.status_code == 200, answer.text

    async def begin(self) -> dict[str, str]:
        """A log-in that was begun: its secret, and what the browser brings back from the provider."""
        answer = await self.http.post(f"/academies/{self.academy}/oidc-flows")
        assert answer.status_code == 201, answer.text
        async with httpx.AsyncClient(trust_env=False) as browser:
            back = (await browser.get(answer.json()["url"])).headers["location"]
        assert back.startswith(f"{PUBLIC}/-/oidc?")
        brought = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        return {"flow": answer.json()["flow"]} | brought

    async def finish(self, brought: dict[str, str], academy: str = "") -> httpx.Response:
        return await self.http.post(f"/academies/{academy or self.academy}/oidc-sessions", json=brought)

    async def come(self) -> httpx.Response:
        """The whole log-in by the provider."""
        return await self.finish(await self.begin())

    async def session(self) -> dict[str, str]:
        """Of a log-in by the provider."""
        answer = await self.come()
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['session']}"}


@pytest.fixture
def provider() -> Iterator[OpenIdProvider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
async def site(make_migrated_pool: MakePool, academy: str, provider: OpenIdProvider) -> AsyncIterator[ProvidedSite]:
    pool = await make_migrated_pool(("user-service", files("user_service") / "migrations"))
    more = {"secrets_key": SecretStr(text(b"k" * 32)), "public_url": PUBLIC, "oidc_networks": ["127.0.0.0/8"]}
    async with make_site(pool, academy, **more) as site:
        yield ProvidedSite(site, provider)


async def test_an_academys_person_logs_in_by_its_provider(site: ProvidedSite) -> None:
    await site.administrator()
    await site.switched_on()
    welcome = (await site.http.get(f"/academies/{site.academy}/welcome")).json()
    assert welcome["log_in"] == {"password": True, "provider": "Acme ID"}
    access = await site.access(await site.entered())
    listed = await site.http.get(f"/academies/{site.academy}/profile/sessions", headers=access)
    assert [each["current"] for each in listed.json()["sessions"]] == [True]
    assert (await site.log_in()).status_code == 200


async def test_the_secret_is_told_nowhere_and_unreadable_in_the_database(site: ProvidedSite) -> None:
    answer = await site.put()
    assert answer.json()["redirect_uri"] == f"{PUBLIC}/-/oidc"
    access = await site.access({"Authorization": f"Bearer {OPERATOR}"})
    seen = await site.http.get(site.path, headers=access)
    assert seen.json() == answer.json()
    assert "secret" not in seen.text
    assert SECRET.encode() not in await site.pool.fetchval("SELECT client_secret FROM identity_provider")
    assert (await site.http.delete(site.path, headers=access)).status_code == 204
    gone = await site.http.get(site.path, headers=access)
    assert (gone.status_code, gone.json()["code"]) == (404, "no_identity_provider")
    begun = await site.http.post(f"/academies/{site.academy}/oidc-flows")
    assert (begun.status_code, begun.json()["code"]) == (404, "no_identity_provider")


BAD_TOKENS: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "another audience": {"aud": "another-client"},
    "several audiences and no authorized party": {"aud": [CLIENT, "another-client"]},
    "another authorized party": {"aud": [CLIENT, "another-client"], "azp": "another-client"},
    "another issuer": {"iss": "https://another.example"},
    "expired": {"exp": int(time.time()) - 3600},
    "without an end": {"exp": None},
    "from the future": {"iat": int(time.time()) + 3600},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is no text": {"sub": 7},
    "a subject with a NUL": {"sub": "a\0b"},
    "a subject that is too long": {"sub": "x" * 256},
}


async def test_an_id_token_that_is_not_for_this_log_in_is_refused(site: ProvidedSite) -> None:
    await site.administrator()
    await site.switched_on()
    good = dict(site.provider.claims)
    for what, claims in BAD_TOKENS.items():
        site.provider.claims = good | claims
        answer = await site.come()
        assert (answer.status_code, answer.json()["code"]) == (401, "log_in_refused"), what
    assert await site.pool.fetchval("SELECT count(*) FROM session WHERE academy <> ''") == 0


async def test_an_id_token_that_the_provider_did_not_sign_is_refused(site: ProvidedSite) -> None:
    await site.administrator()
    await site.switched_on()
    for signs in ("none", "secret", "other"):
        site.provider.signs = signs
        answer = await site.come()
        assert (answer.status_code, answer.json()["code"]) == (401, "log_in_refused"), signs


async def test_a_provider_may_rotate_its_keys_and_what_it_withdrew_is_worth_nothing(site: ProvidedSite) -> None:
    await site.administrator()
    await site.switched_on()
    assert (await site.come()).status_code == 200
    old = site.provider.key
    site.provider.rotate()
    assert (await site.come()).status_code == 200
    site.provider.published.append(old)
    site.provider.key = old
    assert (await site.come()).status_code == 200
    site.provider.published.remove(old)
    assert (await site.come()).json()["code"] == "log_in_refused"


async def test_the_answer_of_a_provider_works_once_in_the_browser_that_began_and_for_its_academy(
    site: ProvidedSite,
) -> None:
    await site.administrator()
    await site.administrator(academy=f"{site.academy}-b")
    await site.switched_on()
    one, other = await site.begin(), await site.begin()
    for brought, academy in (
        (one | {"state": "wrong"}, ""),
        (one | {"state": other["state"]}, ""),
        (one | {"flow": other["flow"]}, ""),
        (other, f"{site.academy}-b"),
        (other, ""),
    ):
        answer = await site.finish(brought, academy)
        assert (answer.status_code, answer.json()["code"]) == (409, "log_in_over")
    assert (await site.finish(one)).status_code == 200
    again = await site.finish(one)
    assert (again.status_code, again.json()["code"]) == (409, "log_in_over")


async def test_a_log_in_is_over_after_ten_minutes_and_when_the_provider_was_changed(site: ProvidedSite) -> None:
    await site.administrator()
    await site.switched_on()
    late = await site.begin()
    await site.pool.execute("UPDATE oidc_flow SET expires_at = expires_at - interval '10 minutes'")
    assert (await site.finish(late)).json()["code"] == "log_in_over"
    changed = await site.begin()
    await site.switched_on()
    assert (await site.finish(changed)).json()["code"] == "log_in_over"


async def test_an_answer_of_another_provider_is_refused(site: ProvidedSite) -> None:
    await site.administrator()
    await site.switched_on()
    brought = await site.begin()
    assert (await site.finish(brought | {"iss": "https://another.example"})).json()["code"] == "log_in_refused"
    site.provider.metadata = {"authorization_response_iss_parameter_supported": True}
    brought = await site.begin()
    del brought["iss"]
    assert (await site.finish(brought)).json()["code"] == "log_in_refused"


async def test_a_code_of_somebody_elses_browser_is_worth_nothing(site: ProvidedSite) -> None:
    await site.administrator()
    await site.switched_on()
    mine, theirs = await site.begin(), await site.begin()
    answer = await site.finish(mine | {"code": theirs["code"]})
    assert (answer.status_code, answer.json()["code"]) == (401, "log_in_refused")


async def test_an_address_that_the_provider_did_not_verify_lets_nobody_in(site: ProvidedSite) -> None:
    await site.administrator()
    await site.switched_on()
    for verified in (False, None, "true", 1):
        site.provider.claims["email_verified"] = verified
        answer = await site.come()
        assert (answer.status_code, answer.json()["code"]) == (403, "email_not_verified"), verified


async def test_an_address_may_stand_in_the_user_info_of_the_same_account(site: ProvidedSite) -> None:
    await site.administrator()
    await site.switched_on()
    site.provider.userinfo = dict(site.provider.claims)
    site.provider.claims = {"sub": "account-1"}
    assert (await site.come()).status_code == 200
    site.provider.userinfo["sub"] = "account-2"
    assert (await site.come()).json()["code"] == "log_in_refused"


async def test_nobody_is_made_by_a_log_in_and_all_who_are_not_of_the_academy_get_one_answer(site: ProvidedSite) -> None:
    await site.administrator(academy=f"{site.academy}-b")
    await site.switched_on()
    unknown = await site.come()
    await site.administrator()
    await site.pool.execute("UPDATE person SET active = false WHERE academy = $1", site.academy)
    inactive = await site.come()
    await site.pool.execute("UPDATE person SET active = true, deleted = true WHERE academy = $1", site.academy)
    deleted = await site.come()
    assert unknown.status_code == inactive.status_code == deleted.status_code == 403
    assert unknown.json() == inactive.json() == deleted.json()
    assert unknown.json()["code"] == "no_account"
    assert await site.pool.fetchval("SELECT count(*) FROM person WHERE academy = $1", site.academy) == 1
    assert await site.pool.fetchval("SELECT count(*) FROM oidc_link") == 0


async def test_an_account_stays_with_its_person_and_no_other_account_gets_in_by_the_address(site: ProvidedSite) -> None:
    await site.administrator()
    await site.administrator(number="2", email="jan@acme.example")
    await site.switched_on()
    assert (await site.come()).status_code == 200
    site.provider.claims["email"] = "jan@acme.example"  # another's, but the account was linked
    answer = await site.come()
    session = {"Authorization": f"Bearer {answer.json()['session']}"}
    await site.http.post("/sessions/current/terms", headers=session, json={"version": 0})
    caller = (await site.http.post("/access-tokens", headers=session)).json()["caller"]
    assert caller["personnel_number"] == "1"
    site.provider.claims |= {"sub": "account-2", "email": "eva@acme.example"}
    assert (await site.come()).json()["code"] == "no_account"
    access = await site.access({"Authorization": f"Bearer {OPERATOR}"})
    assert (await site.http.delete(f"{site.path}/accounts/1", headers=access)).status_code == 204
    assert (await site.come()).status_code == 200


async def test_somebody_who_is_taken_on_again_with_another_number_keeps_the_account(site: ProvidedSite) -> None:
    await site.administrator()
    await site.switched_on()
    assert (await site.come()).status_code == 200
    await site.pool.execute("UPDATE person SET deleted = true WHERE academy = $1", site.academy)
    await site.pool.execute("DELETE FROM user_address WHERE academy = $1", site.academy)
    assert (await site.come()).json()["code"] == "no_account"
    await site.administrator(number="1b")
    assert (await site.come()).status_code == 200
    assert await site.pool.fetchval("SELECT number_key FROM oidc_link") == "1b"


async def test_an_invited_person_accepts_by_logging_in_and_agreeing_to_the_terms(site: ProvidedSite) -> None:
    await site.administrator(password=None)
    await site.switched_on()
    answer = await site.come()
    session = {"Authorization": f"Bearer {answer.json()['session']}"}
    refused = await site.http.post("/access-tokens", headers=session)
    assert refused.json()["code"] == "terms_required"
    assert await site.told(InvitationAccepted) == []
    assert (await site.http.post("/sessions/current/terms", headers=session, json={"version": 0})).status_code == 204
    (event,) = await site.told(InvitationAccepted)
    assert (event.person.terms_accepted, event.terms_version) == (True, 0)
    assert await site.pool.fetchval("SELECT invitation_status FROM person") == "accepted"
    assert await site.pool.fetchval("SELECT count(*) FROM credential") == 0
    await site.access(session)


async def test_an_invitation_of_somebody_who_agreed_before_is_accepted_at_the_log_in(site: ProvidedSite) -> None:
    await site.administrator(password=None)
    await site.switched_on()
    await site.pool.execute("UPDATE person SET terms_accepted = true")
    answer = await site.come()
    await site.access({"Authorization": f"Bearer {answer.json()['session']}"})
    assert len(await site.told(InvitationAccepted)) == 1


async def test_passwords_can_be_switched_off_by_whoever_came_in_by_the_provider(site: ProvidedSite) -> None:
    await site.administrator()
    await site.switched_on()
    password = {"Authorization": f"Bearer {(await site.log_in()).json()['session']}"}
    await site.http.post("/sessions/current/terms", headers=password, json={"version": 0})
    off = {"password_log_in": False, "client_secret": None}
    refused = await site.put(password, **off)
    assert (refused.status_code, refused.json()["code"]) == (409, "log_in_first")
    session = await site.entered()
    assert (await site.put(session, password_log_in=False)).json()["code"] == "log_in_first"  # with a new secret
    assert (await site.put(session, **off)).json()["password_log_in"] is False
    answer = await site.log_in()
    assert (answer.status_code, answer.json()["code"]) == (403, "password_log_in_off")
    assert (await site.http.post("/access-tokens", headers=password)).status_code == 401
    asked = await site.http.post(f"/academies/{site.academy}/password-resets", json={"email": "eva@acme.example"})
    assert asked.json()["code"] == "password_log_in_off"
    assert (await site.put(session, **off, name="Other name")).json()["name"] == "Other name"
    site.provider.metadata = {"issuer": "https://broken.example"}
    on = await site.put(session, password_log_in=True, client_secret=None)
    assert on.json()["password_log_in"] is True  # also when the provider does not work any more
    assert (await site.log_in()).status_code == 200


async def test_a_secret_never_goes_to_another_provider(site: ProvidedSite) -> None:
    await site.switched_on()
    for other in ({"issuer": "https://another.example"}, {"client_id": "another"}):
        answer = await site.put(**other, client_secret=None)
        assert (answer.status_code, answer.json()["code"]) == (422, "secret_required")


async def test_a_discovery_document_that_cannot_be_used_is_refused(site: ProvidedSite) -> None:
    for metadata, code in (
        ({"issuer": "https://another.example"}, "issuer_mismatch"),
        ({"token_endpoint": None}, "provider_unsuitable"),
        ({"token_endpoint": "http://10.0.0.1/token"}, "provider_unsuitable"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "provider_unsuitable"),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "provider_unsuitable"),
        ({"large": "x" * 600_000}, "provider_unreachable"),
    ):
        site.provider.metadata = metadata
        answer = await site.put()
        assert (answer.status_code, answer.json()["code"]) == (422, code)


NOISE = {
    "no JSON": b"<html>",
    "no object": b"[]",
    "nothing": b"",
    "nested without end": b"[" * 100_000,
    "half a character": b'{"id_token": "\\ud800", "keys": ["\\ud800"], "issuer": "\\ud800"}',
    "other types": b'{"id_token": {"a": 1}, "keys": [{"kty": ["RSA"]}, 7]}',
    "a key that is none": b'{"id_token": "a.b.c", "keys": [{"kty": "RSA", "n": "", "e": ""}]}',
}


async def test_noise_of_a_provider_is_refused_and_breaks_nothing(site: ProvidedSite) -> None:
    await site.administrator()
    await site.switched_on()
    for path in ("/token", "/jwks", "/.well-known/openid-configuration"):
        for what, noise in NOISE.items():
            site.provider.answers = {}
            brought = await site.begin()
            site.provider.answers = {path: noise}
            answer = await site.finish(brought)
            assert answer.status_code in (401, 502), (path, what, answer.text)
    site.provider.answers = {}
    site.provider.claims = {"sub": "account-1"}
    for email in (r"a\u0000b@acme.example", r"\ud800@acme.example", "no address", "x" * 5000):
        told = f'{{"sub": "account-1", "email": "{email}", "email_verified": true}}'
        site.provider.answers = {"/userinfo": told.encode()}
        assert (await site.come()).json()["code"] == "no_account", email


async def test_a_provider_that_is_down_or_knows_another_secret_is_told_as_such(site: ProvidedSite) -> None:
    await site.administrator()
    await site.switched_on()
    brought = await site.begin()
    site.provider.secret = "another"
    wrong = await site.finish(brought)
    assert (wrong.status_code, wrong.json()["code"]) == (502, "provider_refused")
    await site.pool.execute("UPDATE identity_provider SET issuer = 'http://127.0.0.1:9'")
    down = await site.http.post(f"/academies/{site.academy}/oidc-flows")
    assert (down.status_code, down.json()["code"]) == (502, "provider_unreachable")
    assert down.headers["content-type"] == "application/problem+json"
