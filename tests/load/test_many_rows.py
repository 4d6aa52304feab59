"""Many rows at once: they add up, and nobody waits for those of others. How fast it goes is measured: `make bench`."""

import pytest
from outside import books, broker
from outside.academy import Academy
from outside.documents import documented

from instroom.samples import large
from instroom.testing import wait_until

pytestmark = pytest.mark.slow

ROWS = 30_000


TRIES = 3


def test_a_form_and_a_small_import_are_done_while_thirty_thousand_rows_of_another_academy_run(make_academy) -> None:
    structure = large.organisation("large")
    for _ in range(TRIES):
        crowd = make_academy(companies=structure["companies"], functions=structure["functions"])
        neighbour = make_academy()
        small = neighbour.check(books.workbook(neighbour.person(n) for n in range(2, 12)))
        checked = documented(crowd.check(books.workbook(large.rows(ROWS))))
        assert (checked["created"], checked["rejected"]) == (ROWS, 0)

        crowd.client.send("import-service", "POST", crowd.path("imports", checked["import_id"], "start"))
        _wait_for_the_first_rows(crowd, checked["import_id"])
        assert neighbour.add(1)["code"] == "created"
        assert neighbour.start(small["import_id"])["created"] == 10
        done = documented(crowd.ended(checked["import_id"], after="running"))

        assert (done["created"], done["rejected"], done["not_attempted"]) == (ROWS, 0, 0)
        assert done["invited"] == checked["invited"]
        others_done = _time(crowd, "completed")
        if _time(neighbour, "started") < others_done:  # or this process had to wait until the others were done
            break
    assert _time(neighbour, "completed") < others_done, "the others were not yet done"

    again = documented(crowd.check(books.workbook(large.rows(ROWS, changed_every=1000))))
    assert (again["updated"], again["unchanged"], again["invited"]) == (ROWS // 1000, ROWS - ROWS // 1000, 0)


def _wait_for_the_first_rows(academy: Academy, import_id: str) -> None:
    path = academy.path("imports", import_id)
    wait_until(lambda: academy.client.get("import-service", path)["done"] > 0, every=0.01, what="the first rows are in")


def _time(academy: Academy, what: str) -> str:
    """When the only import of the academy that was started was so."""
    kafka, prefix, type_ = academy.platform.address("broker"), f"{academy.id}/".encode(), f"instroom.import.{what}.v1"
    (event,) = broker.until(
        kafka, ["import.events"], lambda r: (r.key or b"").startswith(prefix) and r.type == type_, 1
    )
    return event.header("ce_time")
