from import_service.domain import Phase
from import_service.turns import CHUNK, WINDOW, Feed, is_stalled, share_out


def feed(academy: str, rows: int = 5000, *, id_: str = "", cursor: int = 0, **more: float) -> Feed:
    values = {"sent": 0, "done": 0, "resends": 0, "quiet": 0.0} | more
    return Feed(
        id_ or academy, academy, "", "", 0, Phase.CHECK, 1, 1, cursor, rows,
        int(values["sent"]), int(values["done"]), int(values["resends"]), values["quiet"],
    )  # fmt: skip


def given(feeds: list[Feed], last: str = "", room: int = WINDOW, turns: int = 4) -> tuple[dict[str, int], str]:
    shares, last = share_out(feeds, last, room=room, turns=turns)
    return {one.import_id: chunks for one, chunks in shares}, last


def test_academies_take_turns_whatever_the_size_of_their_imports() -> None:
    shares, last = given([feed("a", 250_000), feed("b", 500), feed("c", 5000)])
    assert shares == {"a": 2, "b": 1, "c": 1}
    assert last == "a"


def test_the_turn_goes_on_after_the_academy_that_had_the_last_one() -> None:
    assert given([feed("a"), feed("b"), feed("c")], last="a", turns=1) == ({"b": 1}, "b")
    assert given([feed("a"), feed("b"), feed("c")], last="c", turns=1) == ({"a": 1}, "a")


def test_no_academy_waits_longer_than_one_turn_of_each_other() -> None:
    feeds = [feed(name, 250_000) for name in "abcdef"]
    last, seen = "", []
    for _ in range(6):
        shares, last = given(feeds, last, turns=1)
        seen += list(shares)
    assert sorted(seen) == list("abcdef")


def test_within_an_academy_the_older_import_goes_first() -> None:
    assert given([feed("a", 600, id_="1"), feed("a", 600, id_="2")], turns=3)[0] == {"1": 2, "2": 1}


def test_a_single_import_gets_all_turns() -> None:
    assert given([feed("a")])[0] == {"a": 4}


def test_nothing_goes_out_where_no_whole_chunk_fits() -> None:
    assert given([feed("a")], room=CHUNK - 1)[0] == {}
    assert given([feed("a")], room=CHUNK)[0] == {"a": 1}
    assert given([feed("a")], room=-100)[0] == {}


def test_an_import_that_is_sent_gets_no_turn() -> None:
    assert given([feed("a", 500, cursor=500)])[0] == {}
    assert given([feed("a", 501, cursor=500)])[0] == {"a": 1}


def test_rows_are_stalled_after_a_while_without_any_answer_and_then_ever_later() -> None:
    waiting = feed("a", sent=10, done=9, quiet=61.0)
    assert is_stalled(waiting, 60.0)
    waiting.resends = 1
    assert not is_stalled(waiting, 60.0)
    waiting.quiet = 121.0
    assert is_stalled(waiting, 60.0)
    waiting.resends, waiting.quiet = 50, 601.0
    assert is_stalled(waiting, 60.0)
    waiting.resends = 5_000
    waiting.quiet = 700.0
    assert is_stalled(waiting, 60.0), "however often it was in vain"


def test_an_import_of_which_nothing_is_in_flight_is_not_stalled() -> None:
    assert not is_stalled(feed("a", sent=10, done=10, quiet=999.0), 60.0)


def test_an_answer_that_is_counted_before_its_row_is_leaves_nothing_in_flight() -> None:
    assert feed("a", sent=0, done=3).in_flight == 0
