from typing import Any

from chassis.records import Record
from contracts.envelope import Envelope
from org_service.use_cases import portions

ENVELOPE = Envelope(id="1", type="t", source="s", academy="a")


def record(offset: int, size: int) -> Record[Any]:
    return Record("c", "org.commands", 0, offset, "a", b"x" * size, ENVELOPE, None)


def test_small_commands_share_a_transaction_up_to_a_hundred() -> None:
    parts = list(portions([record(n, 100) for n in range(250)]))
    assert [len(part) for part in parts] == [100, 100, 50]
    assert [each.offset for part in parts for each in part] == list(range(250))


def test_large_commands_have_a_transaction_of_their_own() -> None:
    parts = list(portions([record(0, 10), record(1, 900_000), record(2, 900_000), record(3, 10)]))
    assert [[each.offset for each in part] for part in parts] == [[0, 1], [2, 3]]


def test_no_commands_are_no_transaction() -> None:
    assert list(portions([])) == []
