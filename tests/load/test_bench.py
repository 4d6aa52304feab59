"""What the bench measures with is right itself; that it runs is seen by running it."""

from itertools import pairwise
from pathlib import Path

from instroom.samples import large
from load.bench import profiles, workbooks
from load.bench.goals import Verdict, verdicts
from load.bench.sink import Session


def test_a_goal_is_met_by_enough_of_what_shall_be_much_and_little_of_what_shall_be_little() -> None:
    assert Verdict("create", 10_000, "rows/s", "≥", 10_000).columns()[1:] == ("10,000 rows/s", "≥ 10,000 rows/s", "met")
    assert Verdict("create ÷ sketch", 0.994, "", "≥", 1.0).columns()[1:] == ("0.99", "≥ 1", "missed")
    assert Verdict("first verdicts visible", 2.0, "s", "≤", 2.0).met
    assert not Verdict("first verdicts visible", 2.1, "s", "≤", 2.0).met


def test_the_median_of_the_rounds_counts_and_goals_in_seconds_are_in_proportion() -> None:
    rounds = [
        {
            "check_s": 1.0,
            "first_s": 0.5,
            "apply_s": s,
            "sketch": {"apply_s": 2.0},
            "django": {"seconds": 4.0, "rows": 20_000},
            "rows": 20_000,
        }
        for s in (1.0, 9.0, 2.0)
    ]
    told = {one.name: one for one in verdicts({"create": rounds}, 20_000)}
    assert told["create ÷ sketch"].figure == 1.0
    assert told["create ÷ django-import-export"].figure == 2.0
    assert told["create"].figure == 10_000
    assert told["check of 20,000 rows"].goal == 1.6


def test_who_is_changed_is_the_same_person_elsewhere() -> None:
    departments = set(large.DEPARTMENTS)
    for before, after in zip(workbooks.people(500), workbooks.people(500, changed=True), strict=True):
        differs = {column for column, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]}
        assert differs == {workbooks.DEPARTMENT, workbooks.FUNCTIONS, workbooks.COST_CENTRE}
        assert after[workbooks.DEPARTMENT] in departments
        assert after[workbooks.FUNCTIONS] in large.FUNCTIONS


class _Transport:
    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True


def test_the_mail_sink_takes_commands_at_once_and_mails_in_pieces() -> None:
    said = b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: QUIT\r\n\r\n..\r\nQUIT\r\n.\r\nQUIT\r\n"
    answers = []
    for size in (1, 7, len(said)):
        session, transport = Session(), _Transport()
        session.connection_made(transport)
        for first, after in pairwise([*range(0, len(said), size), len(said)]):
            session.data_received(said[first:after])
        assert transport.closed
        answers.append(transport.written)
    assert answers[0] == answers[1] == answers[2]
    codes = [line[:4] for line in answers[0].splitlines() if line[3:4] == b" "]
    assert codes == [b"220 ", b"250 ", b"250 ", b"250 ", b"354 ", b"250 ", b"221 "]


def test_a_profile_tells_what_ran_itself_and_what_was_waited_for(tmp_path: Path) -> None:
    folded = tmp_path / "service.folded"
    folded.write_text("main (a.py:1);work (a.py:2) 30\nmain (a.py:1) 10\n")
    assert profiles.summary(folded) == {
        "seconds": 0.4,
        "own": {"work (a.py:2)": 75.0, "main (a.py:1)": 25.0},
        "within": {"main (a.py:1)": 100.0, "work (a.py:2)": 75.0},
    }
    assert profiles.summary(tmp_path / "idle.folded") == {"seconds": 0.0, "own": {}, "within": {}}
