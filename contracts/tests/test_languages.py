"""Languages by code or name (docs/rules.md 13)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.language_data import NAMES
from contracts.languages import language_name, language_subtag, parse_language


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nl", "nl"),
        ("NL", "nl"),
        (" nl ", "nl"),
        ("nl-NL", "nl"),
        ("nl_BE", "nl"),
        ("pt_BR", "pt"),
        ("zh-Hant-TW", "zh"),
        ("es-419", "es"),
        ("Nederlands", "nl"),
        ("NEDERLANDS", "nl"),
        ("Dutch", "nl"),
        ("Niederländisch", "nl"),
        ("niederlandisch", "nl"),
        ("néerlandais", "nl"),
        ("Vlaams", "nl"),
        ("Engels", "en"),
        ("English", "en"),
        ("Anglais", "en"),
        ("Duits", "de"),
        ("Deutsch", "de"),
        ("français", "fr"),
        ("Francais", "fr"),
        ("Frans", "fr"),
        ("Türkçe", "tr"),
        ("polski", "pl"),
        ("Fries", "fy"),
        ("日本語", "ja"),
        ("العربية", "ar"),
        ("русский", "ru"),
    ],
)
def test_a_language_is_known_by_code_and_by_its_names(text: str, code: str) -> None:
    assert parse_language(text) == code


@pytest.mark.parametrize("text", ["", " ", "-", "xx", "nld", "nl-", "nl-N", "Klingon", "nl en", "nl-NL-x", "1"])
def test_anything_else_is_no_language(text: str) -> None:
    assert parse_language(text) is None


@pytest.mark.parametrize("code", sorted(NAMES))
def test_every_code_and_the_unambiguous_names_of_it_are_read_back(code: str) -> None:
    assert parse_language(code) == code
    assert parse_language(code.upper() + "-NL") == code
    for name in NAMES[code]:
        # "Yi" is a name of ii, and the code of another: a code goes first
        assert parse_language(name) in (code, None) or name.lower() in NAMES


def test_the_languages_that_people_here_meet_are_known_by_each_of_their_names() -> None:
    for code in ("nl", "en", "de", "fr", "es", "it", "pt", "pl", "tr", "ar", "ru", "uk", "ro", "bg", "zh", "ja", "fy"):
        assert [parse_language(name) for name in NAMES[code]] == [code] * 5


def test_a_language_is_named_in_the_reader_s_language() -> None:
    assert language_name("de", "nl") == "Duits"
    assert language_name("de", "en") == "German"
    assert language_name("de", "de") == "Deutsch"
    assert language_name("de", "fr") == "allemand"


def test_a_language_is_named_in_itself_where_asked_and_in_english_for_any_other_reader() -> None:
    assert language_name("tr", "tr") == "Türkçe"
    assert language_name("de", "tr") == "German"


def test_what_is_no_code_is_its_own_name() -> None:
    assert language_name("xx", "nl") == "xx"


@given(st.text())
def test_any_text_is_a_language_or_none(text: str) -> None:
    assert parse_language(text) is None or parse_language(text) in NAMES


@pytest.mark.parametrize(
    ("tag", "language"), [("nl", "nl"), ("nl-NL", "nl"), ("PT_br", "pt"), ("zh-Hant-TW", "zh"), ("", "")]
)
def test_the_language_of_a_tag_is_its_first_part(tag: str, language: str) -> None:
    assert language_subtag(tag) == language
