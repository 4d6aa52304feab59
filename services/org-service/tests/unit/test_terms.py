"""The terms of use of an academy."""

from typing import Any

import orjson
import pytest

from chassis.records import new_id, new_ids
from contracts.envelope import Envelope
from contracts.events import org
from contracts.wording.terms import DEFAULT_TERMS
from org_service.domain import MAX_ALL_TERMS, MAX_TERMS, Refused
from org_service.messages import events_of, terms_document
from org_service.units import Terms
from org_service.work import Work

TEXTS = {"nl": "Houd je wachtwoord geheim.", "en": "Keep your password secret."}


def refusals(decision: Any) -> list[tuple[str, str]]:
    assert isinstance(decision, Refused), decision
    return [(problem.reason.value, problem.path) for problem in decision.problems]


def test_terms_are_a_new_version_each_time_that_a_text_changes(acme: Any) -> None:
    assert acme.structure.terms == Terms(0, {})
    acme.give(org.DefineTerms(texts=TEXTS))
    assert acme.structure.terms == Terms(1, TEXTS)
    acme.give(org.DefineTerms(texts={"nl": "Anders."}))
    assert acme.structure.terms == Terms(2, {"nl": "Anders."})


def test_the_same_texts_again_change_nothing_however_they_are_ordered_and_spaced(acme: Any) -> None:
    acme.give(org.DefineTerms(texts=TEXTS))
    assert not acme.give(org.DefineTerms(texts={"EN": TEXTS["en"] + "  \r\n", "nl-NL": "\n" + TEXTS["nl"]}))
    assert acme.structure.terms.version == 1


def test_paragraphs_are_kept_with_plain_line_ends(acme: Any) -> None:
    acme.give(org.DefineTerms(texts={"nl": " Een. \r\n\r\nTwee.\r"}))
    assert acme.structure.terms.texts == {"nl": "Een.\n\nTwee."}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({}, [("required", "texts")]),
        ({"nl": " \n "}, [("required", "texts.nl")]),
        ({"nl": "x" * (MAX_TERMS + 1)}, [("too_long", "texts.nl")]),
        ({"nl": "\x07"}, [("invalid_characters", "texts.nl")]),
        ({"klingon": "x"}, [("unknown_language", "texts.klingon")]),
        ({"fr": "x"}, [("language_not_enabled", "texts.fr")]),
        ({"nl": "x", "nl-BE": "y"}, [("duplicate_language", "texts.nl-BE")]),
        ({"nl": "x" * MAX_ALL_TERMS, "en": "y"}, [("too_long", "texts")]),
    ],
)
def test_what_is_wrong_with_terms_is_told_with_its_place(acme: Any, texts: Any, expected: Any) -> None:
    decision = acme.give(org.DefineTerms(texts=texts))
    assert refusals(decision) == expected
    assert all(problem.sentences() for problem in decision.problems)


def test_terms_of_an_academy_that_nobody_defined_are_refused(nowhere: Any) -> None:
    assert refusals(nowhere.give(org.DefineTerms(texts=TEXTS))) == [("unknown_academy", "")]


def test_the_longest_terms_fit_in_one_event(acme: Any) -> None:
    acme.give(org.DefineTerms(texts={"nl": "€" * MAX_TERMS}))
    event = org.TermsChanged(version=1, texts=dict(acme.structure.terms.texts), revision=1)
    assert len(event.model_dump_json()) * MAX_ALL_TERMS / MAX_TERMS < 900_000


def test_terms_are_published_before_the_academy_and_again_on_a_republish(acme: Any) -> None:
    define = Envelope(id="c-1", type=org.DefineTerms.TYPE, source="hr", academy="demo", actor="piet")
    work = Work(acme.structure, 3)
    assert work.decide(org.DefineTerms(texts=TEXTS), define, new_id) is True
    *_, terms, academy = events_of(work, new_ids, "2026-03-01T08:00:00.000Z")
    assert (terms.key, terms.envelope.type) == ("demo/terms/demo", org.TermsChanged.TYPE)
    assert (terms.envelope.actor, terms.envelope.causation_id, terms.envelope.org_revision) == ("piet", "c-1", 4)
    assert orjson.loads(terms.value or b"") == {"version": 1, "texts": TEXTS, "revision": 4}
    assert academy.envelope.type == org.AcademyChanged.TYPE

    for structure, expected in ((work.structure, True), (acme.structure, False)):
        again = Work(structure, 4)
        assert again.decide(org.RepublishStructure(), define, new_id) is False
        types = [event.envelope.type for event in events_of(again, new_ids, "2026-03-01T08:00:00.000Z")]
        assert (org.TermsChanged.TYPE in types) is expected


def test_terms_that_nobody_defined_are_the_neutral_ones() -> None:
    assert terms_document(Terms()) == {"version": 0, "texts": dict(DEFAULT_TERMS), "default": True}
    assert terms_document(Terms(2, TEXTS)) == {"version": 2, "texts": TEXTS, "default": False}
