"""Which terms of use somebody is asked to accept."""

import pytest

from contracts.events.org import AcademyChanged, TermsChanged
from contracts.wording.terms import DEFAULT_TERMS
from user_service.domain.organisation import Organisation, build_organisation


def academy(default: str, texts: dict[str, str] | None, *, removed: bool = False) -> Organisation:
    entries: list[tuple[AcademyChanged | TermsChanged, bool]] = [
        (AcademyChanged(id="a", name="A", default_language=default, languages=[default], revision=3), False)
    ]
    if texts is not None:
        entries.insert(0, (TermsChanged(version=4, texts=texts, revision=3), removed))
    return build_organisation(entries)


@pytest.mark.parametrize(
    ("language", "default", "texts", "expected"),
    [
        ("en", "nl", {"nl": "N", "en": "E"}, (4, "en", "E")),
        ("fr", "nl", {"nl": "N", "en": "E"}, (4, "nl", "N")),
        ("fr", "de", {"nl": "N", "en": "E"}, (4, "en", "E")),
        ("fr", "nl", {"de": "D"}, (0, "nl", DEFAULT_TERMS["nl"])),
        ("en", "nl", None, (0, "en", DEFAULT_TERMS["en"])),
        ("fr", "nl", None, (0, "nl", DEFAULT_TERMS["nl"])),
        ("fr", "de", None, (0, "en", DEFAULT_TERMS["en"])),
    ],
)
def test_terms_are_in_the_own_language_the_academys_english_or_the_neutral_ones(
    language: str, default: str, texts: dict[str, str] | None, expected: tuple[int, str, str]
) -> None:
    assert academy(default, texts).terms(language) == expected


def test_an_academy_whose_terms_are_gone_has_the_neutral_ones() -> None:
    assert academy("nl", {"nl": "N"}, removed=True).terms("nl")[0] == 0


def test_an_academy_that_is_not_known_has_the_neutral_terms() -> None:
    assert build_organisation([]).terms("nl") == (0, "nl", DEFAULT_TERMS["nl"])
