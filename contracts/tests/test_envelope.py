"""The envelope as headers and back, and what it refuses."""

from collections.abc import Sequence
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import Envelope, EnvelopeError, Header, key_academy

LEAST = [("ce_id", b"1"), ("ce_type", b"t"), ("ce_source", b"s"), ("ce_academy", b"demo")]
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
envelopes = st.builds(
    Envelope,
    id=texts,
    type=texts,
    source=texts,
    academy=texts,
    time=texts,
    subject=texts,
    actor=texts,
    correlation_id=texts,
    causation_id=texts,
    request_source=texts,
    request_id=texts,
    attempt=st.integers(1, 10**14),
    org_revision=st.none() | st.integers(0, 10**14),
    traceparent=st.just("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
)
others = st.lists(
    st.tuples(
        st.sampled_from(
            ["ce_id", "ce_subject", "ce_time", "ce_requestid", "ce_actor", "ce_attempt", "traceparent", "x"]
        ),
        st.sampled_from([None, b"", b"1", b"a", b"\xff", b"a\0b"]),
    ),
    max_size=3,
)


@given(envelopes)
def test_headers_and_back_is_the_same_envelope(envelope: Envelope) -> None:
    assert Envelope.from_headers(envelope.headers()) == envelope


def test_absent_attributes_have_their_meaning() -> None:
    envelope = Envelope.from_headers(LEAST)
    assert envelope.correlation_id == "1"
    assert (envelope.request_source, envelope.request_id) == ("s", "1")
    assert envelope.attempt == 1
    assert envelope.org_revision is None


@pytest.mark.parametrize("missing", ["ce_id", "ce_type", "ce_source", "ce_academy"])
@pytest.mark.parametrize("given_as", [None, b"", "absent"])
def test_a_required_attribute_that_is_missing_is_named(missing: str, given_as: bytes | str | None) -> None:
    headers: list[tuple[str, bytes | None]] = [pair for pair in LEAST if pair[0] != missing]
    if not isinstance(given_as, str):
        headers.append((missing, given_as))
    with pytest.raises(EnvelopeError, match=missing):
        Envelope.from_headers(headers)


@pytest.mark.parametrize(
    "odd",
    [
        ("ce_subject", b""),
        ("ce_subject", None),
        ("ce_subject", b"\xff"),
        ("ce_subject", b"a\0b"),
        ("ce_attempt", b"two"),
        ("ce_attempt", b"-1"),
        ("ce_attempt", "٣".encode()),
        ("ce_attempt", b"1" * 16),
        ("ce_orgrevision", b"1.5"),
        ("ce_specversion", b"0.3"),
        ("ce_id", b"again"),
    ],
)
def test_an_attribute_that_is_not_what_it_must_be_is_named(odd: tuple[str, bytes | None]) -> None:
    with pytest.raises(EnvelopeError, match=odd[0]):
        Envelope.from_headers([*LEAST, odd])


@pytest.mark.parametrize("trace", [b"", None, b"nonsense", b"\xff", b"00-short-1-01"])
def test_a_trace_context_that_is_none_is_ignored(trace: bytes | None) -> None:
    assert Envelope.from_headers([*LEAST, ("traceparent", trace)]).traceparent == ""


def test_headers_of_others_are_ignored_even_twice() -> None:
    assert Envelope.from_headers([*LEAST, ("x-other", b"\xff"), ("x-other", None)]).id == "1"


@given(envelopes, others, st.integers(0, 20), others)
def test_what_headers_say_does_not_depend_on_those_that_were_read_before(
    envelope: Envelope, more: list[Header], place: int, before: list[Header]
) -> None:
    headers: list[Header] = [*envelope.headers()]
    headers[place:place] = more
    with patch("contracts.envelope._known", {}):
        said = _read(headers)
        assert _read(headers) == said
    with patch("contracts.envelope._known", {}):
        _read(envelope.headers())
        _read([*headers, *before])
        assert _read(headers) == said


def _read(headers: Sequence[Header]) -> Envelope | str:
    try:
        return Envelope.from_headers(headers)
    except EnvelopeError as error:
        return str(error)


def test_an_answer_keeps_the_reference_and_the_trace_and_names_its_cause() -> None:
    asked = Envelope(
        id="1",
        type="t",
        source="s",
        academy="demo",
        subject="1001",
        request_source="hr",
        request_id="row-1",
        attempt=3,
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    answer = asked.answer(id="2", type="u", source="user-service", time="2026-12-01T09:30:00Z")
    assert (answer.request_source, answer.request_id, answer.causation_id) == ("hr", "row-1", "1")
    assert (answer.academy, answer.subject, answer.traceparent) == ("demo", "1001", asked.traceparent)
    assert answer.attempt == 1


def test_the_academy_of_a_key_is_all_before_its_first_slash() -> None:
    assert key_academy("demo/10/01") == "demo"
    assert key_academy("demo") == "demo"
    assert key_academy("/1001") == ""
