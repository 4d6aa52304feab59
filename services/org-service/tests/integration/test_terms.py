"""Terms of use on a real database."""

from typing import Any

from chassis.testing import bearer
from contracts.access import Role
from contracts.events import org
from contracts.wording.terms import DEFAULT_TERMS

TEXTS = {"nl": "Houd je wachtwoord geheim.", "en": "Keep your password secret."}
ACADEMY = org.DefineAcademy(name="Demo Academy", languages=["nl", "en"])


async def terms(service: Any) -> Any:
    return (await service.http.get(f"/academies/{service.academy}/terms")).json()


async def test_terms_are_defined_over_http_and_then_known_and_published(service: Any) -> None:
    await service.give(ACADEMY)
    assert await terms(service) == {"version": 0, "texts": dict(DEFAULT_TERMS), "default": True}
    answer = await service.http.post(
        f"/academies/{service.academy}/commands", json={"type": org.DefineTerms.TYPE, "data": {"texts": TEXTS}}
    )
    await service.consume_submitted()
    outcome = (await service.http.get(answer.json()["location"])).json()["outcome"]
    assert outcome == {"code": "applied", "revision": 2, "changed": True}
    assert await terms(service) == {"version": 1, "texts": TEXTS, "default": False}
    (key, envelope, value), academy = (await service.events())[1:]
    assert (key, envelope.type) == (f"{service.academy}/terms/{service.academy}", org.TermsChanged.TYPE)
    assert value == {"version": 1, "texts": TEXTS, "revision": 2}
    assert academy[1].type == org.AcademyChanged.TYPE


async def test_the_same_terms_again_raise_no_version_and_publish_nothing(service: Any) -> None:
    await service.give(ACADEMY, org.DefineTerms(texts=TEXTS))
    before = await service.events()
    again = service.record(org.DefineTerms(texts=TEXTS))
    await service.handle([again])
    assert await service.events() == before
    assert await service.outcome(again.envelope.id) == (1, {"code": "applied", "revision": 1, "changed": False})


async def test_two_definitions_in_one_batch_are_two_versions_and_one_event(service: Any) -> None:
    await service.give(ACADEMY, org.DefineTerms(texts={"nl": "Een"}), org.DefineTerms(texts=TEXTS))
    published = [value for _, envelope, value in await service.events() if envelope.type == org.TermsChanged.TYPE]
    assert published == [{"version": 2, "texts": TEXTS, "revision": 1}]
    assert (await terms(service))["version"] == 2


async def test_the_terms_are_published_again_with_the_structure(service: Any) -> None:
    await service.give(ACADEMY, org.DefineTerms(texts=TEXTS))
    before = len(await service.events())
    await service.give(org.RepublishStructure())
    again = (await service.events())[before:]
    assert [envelope.type for _, envelope, _ in again] == [org.TermsChanged.TYPE, org.AcademyChanged.TYPE]


async def test_terms_are_for_the_administrator_of_the_academy_that_there_is(service: Any) -> None:
    path = f"/academies/{service.academy}/terms"
    assert (await service.http.get(path)).status_code == 404
    await service.give(ACADEMY)
    for role, academy, status in (
        (Role.ADMINISTRATOR, service.academy, 200),
        (Role.ADMINISTRATOR, "another", 403),
        (Role.MANAGER, service.academy, 403),
    ):
        assert (await service.http.get(path, headers=bearer(role, academy))).status_code == status
