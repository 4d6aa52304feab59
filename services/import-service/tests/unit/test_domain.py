import random

from contracts.events.imports import ImportChecked, ImportCompleted, ImportProgressed, ImportStarted
from import_service.domain import (
    Answer,
    Import,
    Phase,
    Stored,
    Tally,
    begin_start,
    best_of,
    drifted,
    end_reading,
    may_answer,
    rank,
    settle,
)


def an_import(
    state: str = "checking", phase: Phase = Phase.CHECK, rows: int = 3, done: int = 0, **tally: int
) -> Import:
    return Import("i", "demo", "local", "", state, phase, 1, rows, done, Tally(**tally))  # type: ignore[arg-type]


def answer(row: int = 2, *, attempt: int = 1, processed: bool = True, academy: str = "demo", round_: int = 1) -> Answer:
    return Answer("i", academy, row, round_, rank(round_, attempt, processed=processed), "created")


def test_counts_add_up_to_the_rows_at_every_moment() -> None:
    chance = random.Random(3)
    import_ = an_import(rows=500)
    for _ in range(500):
        new = Tally()
        new.add(chance.choice(["created", "updated", "unchanged", "rejected"]), chance.choice(["none", "queued"]), 1)
        settle(import_, Stored(new=new))
        counts = import_.counts()
        total = counts.created + counts.updated + counts.unchanged + counts.rejected + counts.not_attempted
        assert total == counts.rows == 500
    assert import_.state == "checked"
    assert import_.counts().not_attempted == 0


def test_the_last_verdict_makes_the_import_checked_and_says_so_once() -> None:
    import_ = an_import(rows=2, done=1, created=1)
    [message] = settle(import_, Stored(new=Tally(updated=1)))
    assert isinstance(message, ImportChecked)
    assert (message.counts.created, message.counts.updated) == (1, 1)
    assert import_.state == "checked"
    assert settle(import_, Stored()) == []


def test_a_file_without_a_good_row_completes_at_its_start() -> None:
    import_ = an_import(rows=2)
    [checked] = settle(import_, Stored(new=Tally(rejected=2)))
    assert isinstance(checked, ImportChecked)
    started, completed = begin_start(import_)
    assert isinstance(started, ImportStarted)
    assert isinstance(completed, ImportCompleted)
    assert completed.counts.rejected == completed.counts.rows == 2


def test_a_start_keeps_what_was_planned_as_rejected_and_counts_the_rest_anew() -> None:
    import_ = an_import("checked", rows=4, done=4, created=2, updated=1, rejected=1, invited=2)
    [started] = begin_start(import_)
    assert isinstance(started, ImportStarted)
    assert started.counts.created == 2
    assert (import_.state, import_.done, import_.tally) == ("running", 1, Tally(rejected=1))
    assert import_.counts().not_attempted == 3


def test_an_import_is_not_checked_before_its_file_is_read_to_the_end() -> None:
    import_ = an_import(rows=2)
    import_.reading = True
    assert settle(import_, Stored(new=Tally(created=2))) == []
    assert import_.state == "checking"
    [checked] = end_reading(import_)
    assert isinstance(checked, ImportChecked)
    assert (import_.state, checked.counts.created) == ("checked", 2)


def test_verdicts_that_are_missing_when_the_file_is_read_are_waited_for() -> None:
    import_ = an_import(rows=2, done=1, created=1)
    import_.reading = True
    assert end_reading(import_) == []
    [checked] = settle(import_, Stored(new=Tally(rejected=1)))
    assert isinstance(checked, ImportChecked)


def test_starting_twice_is_the_same_start() -> None:
    for state in ("running", "completed", "checking", "refused"):
        import_ = an_import(state, phase=Phase.START, rows=1, done=0)
        assert begin_start(import_) == []
        assert import_.state == state


def test_the_last_outcome_completes_the_import() -> None:
    import_ = an_import("running", Phase.START, rows=1)
    [message] = settle(import_, Stored(new=Tally(created=1, invited=1)))
    assert isinstance(message, ImportCompleted)
    assert (message.report_version, message.counts.invited) == (1, 1)
    assert import_.state == "completed"


def test_a_replaced_outcome_completes_the_import_again_with_a_higher_report_version() -> None:
    import_ = an_import("completed", Phase.START, rows=2, done=2, created=1, rejected=1)
    import_.report_version = 1
    [message] = settle(import_, Stored(difference=Tally(created=1, rejected=-1), replaced=1))
    assert isinstance(message, ImportCompleted)
    assert message.report_version == 2
    assert (message.counts.created, message.counts.rejected) == (2, 0)


def test_a_replaced_verdict_changes_the_plan_and_is_told() -> None:
    import_ = an_import("checked", rows=1, done=1, rejected=1)
    [message] = settle(import_, Stored(difference=Tally(created=1, rejected=-1), replaced=1))
    assert isinstance(message, ImportChecked)
    assert import_.state == "checked"


def test_progress_is_told_twice_a_second_at_most() -> None:
    import_ = an_import(rows=100)
    import_.progress_age = 0.2
    assert settle(import_, Stored(new=Tally(created=1))) == []
    import_.progress_age = 0.5
    [message] = settle(import_, Stored(new=Tally(created=1)))
    assert isinstance(message, ImportProgressed)
    assert (message.done, message.counts.not_attempted) == (2, 98)
    assert settle(import_, Stored(new=Tally(created=1))) == []


def test_of_two_answers_the_higher_round_then_the_higher_attempt_stands() -> None:
    assert rank(2, 1, processed=False) > rank(1, 9, processed=True)
    assert rank(1, 2, processed=False) > rank(1, 1, processed=True)


def test_a_decision_stands_over_a_dead_letter_of_the_same_attempt() -> None:
    assert rank(1, 1, processed=True) > rank(1, 1, processed=False)


def test_of_several_answers_to_one_row_in_a_batch_one_is_kept() -> None:
    kept = best_of([answer(2, attempt=2), answer(2), answer(3), answer(3, processed=False)])
    assert [(a.row, a.rank) for a in kept] == [(2, rank(1, 2, processed=True)), (3, rank(1, 1, processed=True))]


def test_an_answer_of_another_academy_changes_nothing() -> None:
    assert not may_answer(an_import(), answer(academy="other"), Phase.CHECK)


def test_verdicts_count_while_checking_and_checked_only_and_lower_rounds_never() -> None:
    assert may_answer(an_import("checking"), answer(), Phase.CHECK)
    assert may_answer(an_import("checked"), answer(), Phase.CHECK)
    assert not may_answer(an_import("running", Phase.START), answer(), Phase.CHECK)
    assert not may_answer(an_import("checking", Phase.READING), answer(), Phase.CHECK)
    second = an_import()
    second.round = 2
    assert not may_answer(second, answer(), Phase.CHECK)


def test_outcomes_count_from_the_start_on() -> None:
    assert may_answer(an_import("running", Phase.START), answer(), Phase.START)
    assert may_answer(an_import("completed", Phase.START), answer(), Phase.START)
    assert not may_answer(an_import("checked"), answer(), Phase.START)


def test_a_row_has_drifted_when_its_outcome_or_its_change_is_not_the_planned_one() -> None:
    assert drifted("created", "updated", {}, {"infix": [None, "de"]})
    assert drifted("updated", "rejected", {"infix": [None, "de"]}, {})
    assert drifted("updated", "updated", {"infix": [None, "de"]}, {"infix": ["van", "de"]})
    assert not drifted("updated", "updated", {"infix": [None, "de"]}, {"infix": [None, "de"]})
    assert not drifted("created", "created", {}, {})
