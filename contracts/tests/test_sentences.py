"""The sentences say what is wrong and what to do, in Dutch and English, whatever is known of the problem."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ErrorCode, Problem, WarningCode
from contracts.fields import FIELDS
from contracts.sentences import column_name, render, render_notice
from contracts.wording import en, nl

LANGUAGES = ("nl", "en")
PLACEHOLDER = re.compile(r"\{\w+\}")
INSTRUCTION = {
    "nl": re.compile(
        r"\b(vul|typ|geef|verbeter|verwijder|kort|herstel|importeer|pas|laat|kies|gebruik|controleer|open|sla|verdeel|"
        r"voeg|neem|vraag|download)\b",
        re.IGNORECASE,
    ),
    "en": re.compile(
        r"\b(fill|enter|type|format|correct|remove|shorten|repair|import|change|leave|choose|use|check|open|save|divide|"
        r"add|take|ask|give|download)\b",
        re.IGNORECASE,
    ),
}
FULL: dict[str, Any] = {
    "max": 30,
    "length": 41,
    "first_row": 7,
    "company": "Acme BV",
    "others": ["Beta BV", "Gamma BV"],
    "language": "de",
    "who": "Jan de Vries (1001)",
    "personnel_number": "1001",
    "dead_letter": "0b2f",
    "limit": 250_000,
    "fields": ["email", "company"],
    "columns": ["E-mail"],
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", list(ErrorCode))
@pytest.mark.parametrize("params", [{}, FULL], ids=["bare", "full"])
def test_every_code_says_what_to_do(code: ErrorCode, language: str, params: dict[str, Any]) -> None:
    value = "1001" if params else None
    sentence = render(Problem(code=code, field="email" if params else None, value=value, params=params), language)
    assert INSTRUCTION[language].search(sentence)
    assert not PLACEHOLDER.search(sentence)
    assert sentence.endswith((".", "?"))


@pytest.mark.parametrize("catalogue", [nl.SENTENCES, en.SENTENCES], ids=LANGUAGES)
def test_every_code_has_templates_and_the_last_of_a_code_needs_nothing(catalogue: dict[str, tuple[str, ...]]) -> None:
    for code in (*ErrorCode, *WarningCode):
        assert not PLACEHOLDER.search(catalogue[code.value][-1])


def test_both_languages_know_the_same_cases() -> None:
    assert nl.SENTENCES.keys() == en.SENTENCES.keys()
    for key in nl.SENTENCES:
        dutch, english = ([set(PLACEHOLDER.findall(t)) for t in c.SENTENCES[key]] for c in (nl, en))
        assert dutch == english


def test_dutch_says_je() -> None:
    for templates in nl.SENTENCES.values():
        for template in templates:
            assert not re.search(r"\b(u|uw)\b", template, re.IGNORECASE)


def test_any_other_language_is_english_and_none_is_dutch() -> None:
    problem = Problem(code=ErrorCode.EMPTY_FILE)
    assert render(problem, "pl") == render(problem, "en") == render(problem, "en-GB")
    assert render(problem, "") == render(problem, "nl") == render(problem, "nl_BE")
    assert render(problem, "nl") != render(problem, "en")


@given(
    st.sampled_from(ErrorCode),
    st.none() | st.sampled_from(FIELDS) | st.text(),
    st.none() | st.text(),
    st.none() | st.text(),
    st.dictionaries(
        st.sampled_from([*FULL, "kind", "reason", "format", "row", "matches", "value", "column"]), json_values
    ),
    st.sampled_from(["nl", "en", "xx", ""]),
)
def test_no_problem_is_without_a_sentence(
    code: ErrorCode, field: str | None, value: str | None, suggestion: str | None, params: dict[str, Any], language: str
) -> None:
    problem = Problem(code=code, field=field, value=value, suggestion=suggestion, params=params)
    sentence = render(problem, language)
    assert sentence
    assert "\n" not in sentence


def test_the_value_and_a_suggestion_are_named() -> None:
    problem = Problem(
        code=ErrorCode.UNKNOWN_DEPARTMENT,
        field="department",
        value="Verkop",
        suggestion="Verkoop",
        params={"company": "Acme BV"},
    )
    assert render(problem, "nl") == (
        "Afdeling “Verkop” bestaat niet bij bedrijf “Acme BV”. Verbeter de naam of voeg de afdeling eerst toe in de "
        "organisatiestructuur. Bedoel je “Verkoop”?"
    )


def test_an_ambiguous_name_tells_its_matches() -> None:
    problem = Problem(code=ErrorCode.UNKNOWN_COMPANY, value="acme", params={"matches": ["Acme BV", "Acme NV"]})
    assert "“Acme BV” en “Acme NV”" in render(problem, "nl")
    assert "“Acme BV” and “Acme NV”" in render(problem, "en")


def test_a_taken_number_and_a_taken_address_are_told_apart() -> None:
    params = {"who": "Jan de Vries (1001)", "personnel_number": "1001"}
    code = ErrorCode.PERSONNEL_NUMBER_CONFLICT
    number = render(Problem(code=code, field="personnel_number", value="1001", params=params), "en")
    address = render(Problem(code=code, field="email", value="jan@example.com", params=params), "en")
    other = render(Problem(code=code, field="personnel_number", value="2002", params=params), "en")
    assert number.startswith("Personnel number 1001 already belongs to Jan de Vries (1001).")
    assert address.startswith("The email address already belongs to Jan de Vries (1001)")
    assert other == address


def test_an_address_that_another_row_frees_says_import_again_after_it() -> None:
    params = {"who": "Jan de Vries (1001)", "row": 12}
    sentence = render(Problem(code=ErrorCode.EMAIL_IN_USE, field="email", value="a@b.nl", params=params), "nl")
    assert "Importeer deze regel opnieuw na regel 12" in sentence


def test_a_department_that_nobody_asked_for_is_said_to_be_the_present_one() -> None:
    params = {"company": "Delta NV", "others": ["Acme BV"], "department": "Sales"}
    problem = Problem(code=ErrorCode.DEPARTMENT_NOT_IN_COMPANY, field="company", value="delta", params=params)
    assert render(problem, "nl") == (
        "De huidige afdeling “Sales” van deze gebruiker hoort niet bij bedrijf “Delta NV”. Vul ook een afdeling van dat "
        "bedrijf in."
    )
    assert render(problem, "en") == (
        "This user's present department “Sales” does not belong to company “Delta NV”. Enter a department of that "
        "company as well."
    )


def test_an_own_address_that_was_taken_meanwhile_is_said_to_be_the_earlier_one() -> None:
    params = {"who": "Jan de Vries (1001)", "personnel_number": "1001", "kind": "own"}
    problem = Problem(code=ErrorCode.EMAIL_IN_USE, field="email", params=params)
    assert render(problem, "nl") == (
        "Het eerdere e-mailadres van deze gebruiker is nu van Jan de Vries (1001). Vul een nieuw adres in."
    )
    assert "own earlier email address now belongs to Jan de Vries (1001)" in render(problem, "en")
    freed = problem.model_copy(update={"params": params | {"row": 12}})
    assert "Importeer" not in render(problem, "nl")
    assert "importeer deze regel opnieuw na regel 12" in render(freed, "nl")


@pytest.mark.parametrize("kind", ["date", "fraction", "too_large", "excel_error"])
def test_each_kind_of_unusable_cell_has_its_own_sentence(kind: str) -> None:
    plain = render(Problem(code=ErrorCode.INVALID_CELL, field="cost_centre", value="1"), "nl")
    assert (
        render(Problem(code=ErrorCode.INVALID_CELL, field="cost_centre", value="1", params={"kind": kind}), "nl")
        != plain
    )


def test_limits_are_told_as_people_write_them() -> None:
    large = Problem(code=ErrorCode.FILE_TOO_LARGE, params={"limit": 50 * 1024 * 1024})
    rows = Problem(code=ErrorCode.TOO_MANY_ROWS, params={"limit": 250_000})
    assert "50 MB" in render(large, "nl")
    assert "250.000" in render(rows, "nl")
    assert "250,000" in render(rows, "en")


def test_a_language_is_named_in_the_reader_s_language() -> None:
    problem = Problem(code=ErrorCode.LANGUAGE_NOT_ENABLED, value="de-AT", params={"language": "de"})
    assert "De taal Duits" in render(problem, "nl")
    assert "The language German" in render(problem, "en")


def test_what_a_value_holds_cannot_disturb_the_sentence() -> None:
    problem = Problem(code=ErrorCode.INVALID_EMAIL, value="{who}\r\n\x07\u202e" + "a" * 500)
    sentence = render(problem, "en")
    assert "{who}" in sentence
    assert "\u202e" not in sentence
    assert "\x07" not in sentence
    assert len(sentence) < 300


@pytest.mark.parametrize("language", ["nl", "en", "de", "fr"])
def test_every_field_has_a_header_and_no_two_the_same(language: str) -> None:
    headers = [column_name(field, language) for field in FIELDS]
    assert len(set(headers)) == len(FIELDS)
    assert not set(headers) & set(FIELDS)


def test_the_dutch_headers_are_those_of_the_article() -> None:
    assert [column_name(field, "nl") for field in FIELDS[:12]] == [
        "Personeelsnummer",
        "Voornaam",
        "Tussenvoegsel",
        "Achternaam",
        "Emailadres",
        "Bedrijf",
        "Afdeling",
        "Functie(s)",
        "Kostenplaats",
        "Uitnodiging versturen",
        "Actief",
        "Taal",
    ]


def test_headers_in_any_other_language_are_english_and_an_unknown_field_is_itself() -> None:
    assert column_name("email", "pl") == column_name("email", "en")
    assert column_name("shoe_size", "nl") == "shoe_size"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", list(WarningCode))
def test_every_warning_has_a_sentence(code: WarningCode, language: str) -> None:
    assert render_notice(code.value, {}, None, language).endswith(".")
    assert not PLACEHOLDER.search(render_notice(code.value, {"column": "Vet"}, "personnel_number", language))


def test_a_warning_names_its_columns() -> None:
    assert "“Vet”" in render_notice("ignored_column", {"column": "Vet"}, None, "nl")
    assert "Personeelsnummer" in render_notice("leading_zeros", {}, "personnel_number", "nl")
    assert "Voornaam en Bedrijf" in render_notice("only_updates", {"fields": ["first_name", "company"]}, None, "nl")


def test_a_warning_of_a_newer_version_has_a_general_sentence() -> None:
    assert "brand_new" in render_notice("brand_new", {}, None, "en")
