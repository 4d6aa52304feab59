"""Many rows at once: they add up, and nobody waits for those of others. How fast it goes is measured: `make bench`."""

import pytest
from outside import books
from outside.documents import documented

from instroom.samples import large
from instroom.testing import wait_until

pytestmark = pytest.mark.slow

ROWS = 30_000


def test_a_form_and_a_small_import_are_done_while_thirty_thousand_rows_of_another_academy_run(make_academy) -> None:
    structure = large.organisation("large")
    crowd = make_academy(companies=structure["companies"], functions=structure["functions"])
    neighbour = make_academy()
    small = neighbour.check(books.workbook(neighbour.person(n) for n in range(2, 12)))

    checked = documented(crowd.check(books.workbook(large.rows(ROWS))))
    assert (checked["created"], checked["rejected"]) == (ROWS, 0)
    crowd.client.send("import-service", "POST", crowd.path("imports", checked["import_id"], "start"))

    def progress() -> dict:
        return crowd.client.get("import-service", crowd.path("imports", checked["import_id"]))

    wait_until(lambda: progress()["done"] > 0, every=0.01, what="the first rows are in")
    assert neighbour.add(1)["code"] == "created"
    assert neighbour.start(small["import_id"])["created"] == 10
    assert progress()["state"] == "running", "the others were not yet done"

    done = documented(crowd.ended(checked["import_id"], after="running"))
    assert (done["created"], done["rejected"], done["not_attempted"]) == (ROWS, 0, 0)
    assert done["invited"] == checked["invited"]
    again = documented(crowd.check(books.workbook(large.rows(ROWS, changed_every=1000))))
    assert (again["updated"], again["unchanged"], again["invited"]) == (ROWS // 1000, ROWS - ROWS // 1000, 0)
