"""Partitions, ids and headers."""

import uuid

import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from chassis.outbox import enqueue
from chassis.publishing import partition_of
from chassis.records import (
    MAX_EVENT_BYTES,
    Event,
    EventTooLarge,
    decode_headers,
    deterministic_id,
    encode_attributes,
    encode_headers,
    new_id,
    new_ids,
)
from contracts.envelope import Envelope


@given(st.binary(max_size=200), st.integers(1, 100))
def test_a_key_has_the_partition_that_every_kafka_client_gives_it(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


def test_ids_are_valid_ascending_and_apart() -> None:
    ids = new_ids(5_000) + new_ids(5_000)
    assert len(set(ids)) == 10_000
    assert ids[:5_000] == sorted(ids[:5_000])
    assert {uuid.UUID(i).version for i in [*ids, new_id()]} == {7}
    assert {uuid.UUID(i).variant for i in ids} == {uuid.RFC_4122}


def test_a_deterministic_id_depends_on_every_part_and_on_nothing_else() -> None:
    assert deterministic_id("a", "bc") == deterministic_id("a", "bc")
    assert deterministic_id("a", "bc") != deterministic_id("ab", "c")


@given(st.lists(st.tuples(st.text(), st.none() | st.binary())))
def test_headers_come_out_of_the_outbox_byte_for_byte(headers: list[tuple[str, bytes | None]]) -> None:
    assert decode_headers(encode_headers(headers)) == headers


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_an_envelope_with_any_text_comes_out_of_the_outbox_as_its_headers(subject: str) -> None:
    envelope = Envelope(id="1", type="t", source="s", academy="a", subject=subject)
    assert decode_headers(encode_attributes(envelope)) == envelope.headers()


@pytest.mark.parametrize("part", ["key", "headers", "value"])
async def test_an_event_that_the_broker_would_refuse_is_refused_before_it_is_written(part: str) -> None:
    much = "x" * MAX_EVENT_BYTES
    envelope = Envelope(id="1", type="t", source="s", academy="a", subject=much if part == "headers" else "")
    key, value = (much if part == "key" else "a/1"), (much.encode() if part == "value" else b"")
    event = Event("topic", key, envelope, value)
    with pytest.raises(EventTooLarge):
        await enqueue(None, [event])  # type: ignore[arg-type]  # no connection is touched
