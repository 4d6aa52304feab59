"""Looking units up by what people write."""

from difflib import get_close_matches
from typing import Any

import pytest

from contracts.events.org import AcademyChanged, CompanyChanged, DepartmentChanged
from user_service.domain import closeness
from user_service.domain.organisation import build_organisation


def test_the_order_of_entries_does_not_matter(world: Any) -> None:
    academy = AcademyChanged(id="a", name="A", default_language="nl", languages=["nl"], revision=3)
    company = CompanyChanged(id="c", name="C", revision=1)
    department = DepartmentChanged(id="d", company_id="c", name="D", revision=2)
    for entries in ([academy, company, department], [department, company, academy]):
        organisation = build_organisation((entry, False) for entry in entries)
        assert (organisation.revision, organisation.known) == (3, True)
        assert [unit.id for unit in organisation.department("d", "c")] == ["d"]


def test_a_tombstone_without_a_last_message_is_passed_over() -> None:
    assert build_organisation([(None, True)]).known is False


def test_a_removed_academy_is_not_known(world: Any) -> None:
    academy = AcademyChanged(id="a", name="A", default_language="nl", languages=["nl"], revision=3)
    assert not build_organisation([(academy, True)]).known


def test_departments_of_a_removed_company_take_nobody(world: Any) -> None:
    later = world.without("c1")
    assert later.organisation.department("Verkoop", "c1") == ()
    assert [unit.name for unit in later.organisation.companies_with_department("Verkoop")] == ["Bakkerij Zoë"]


def test_a_close_name_is_found_among_ten_thousand_by_comparing_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"Afdeling {n} {'Noord' if n % 2 else 'Zuid'}" for n in range(10_000)] + ["Kwaliteitszorg"]
    compared: list[int] = []

    def counted(word: str, possibilities: list[str], n: int, cutoff: float) -> list[str]:
        compared.append(len(possibilities))
        return get_close_matches(word, possibilities, n=n, cutoff=cutoff)

    monkeypatch.setattr(closeness, "get_close_matches", counted)
    close = closeness.CloseNames(names)
    for _ in range(2):
        assert close.find("Kwaliteitzorg") == "Kwaliteitszorg"
        assert close.find("iets heel anders") is None
        assert close.find("Afdelingen 17 Nord") is not None
    assert len(compared) == 3
    assert max(compared) < 10


def test_a_long_text_gets_no_suggestion() -> None:
    assert closeness.CloseNames(["a" * 150]).find("a" * 149) is None
