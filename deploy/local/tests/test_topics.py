"""Records as documents: events with their envelope."""

from dataclasses import dataclass
from typing import Any

from contracts.envelope import Envelope
from instroom.topics import showing

ENVELOPE = Envelope(id="e1", type="instroom.user.created.v1", source="instroom/user-service", academy="demo")
MOMENT = 1_790_000_000_123


@dataclass
class Record:
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    headers: list[tuple[str, bytes | None]]
    value: bytes | None


def event(*place: Any) -> dict[str, Any]:
    return showing.event(Record(*place))


def test_an_event_tells_where_it_is_its_envelope_and_its_data() -> None:
    shown = event("user.events", 3, 9, MOMENT, b"demo/1", ENVELOPE.headers(), b'{"version":1}')
    assert shown["topic"] == "user.events"
    assert (shown["partition"], shown["offset"], shown["key"]) == (3, 9, "demo/1")
    assert shown["time"] == "2026-09-21T14:13:20.123Z"
    assert (shown["type"], shown["academy"], shown["id"]) == ("instroom.user.created.v1", "demo", "e1")
    assert shown["data"] == {"version": 1}


def test_a_record_that_is_no_event_is_shown_all_the_same() -> None:
    shown = event("user.events", 0, 0, MOMENT, None, [("ce_id", None), ("x", b"\xff")], b"\xff{")
    assert shown["envelope_error"]
    assert shown["headers"] == [["ce_id", None], ["x", "\\xff"]]
    assert shown["data"] is None
    assert shown["data_text"] == "\\xff{"


def test_a_tombstone_has_no_data() -> None:
    shown = event("org.structure", 0, 0, MOMENT, b"demo/company/1", ENVELOPE.headers(), None)
    assert shown["data"] is None
    assert "data_text" not in shown


def test_a_record_that_cannot_be_had_is_shown_by_its_place() -> None:
    unreadable = showing.Unreadable("user.events", 3, 9)
    shown = showing.event(unreadable)
    assert (shown["topic"], shown["partition"], shown["offset"], shown["time"]) == ("user.events", 3, 9, None)
    assert "UTF-8" in shown["envelope_error"]


def test_the_academy_of_a_record_is_in_its_headers_or_else_in_its_key() -> None:
    assert showing.academy_of(b"other/1", ENVELOPE.headers()) == "demo"
    assert showing.academy_of(b"other/1", []) == "other"
    assert showing.academy_of(None, []) == ""
