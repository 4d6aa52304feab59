"""kill -9 in the middle of an import of 5,000 rows: it completes by itself, nothing is lost, nothing is twice."""

import pytest
from harm import frozen, kill, kill_everything, until_back
from ledger import Ledger, in_time
from people import Workforce

from notify_service.delivery import GROUP
from notify_service.settings import Settings as NotifySettings

ROWS = 5_000
CONNECTIONS: int = NotifySettings.model_fields["smtp_connections"].default
REPEATS_PER_KILL = CONNECTIONS + GROUP
"""Mails that the server accepted and nobody wrote down: one per connection, and one group of results."""

pytestmark = pytest.mark.case(
    "kills",
    "0 rows lost, 0 users twice, one invitation per person, the state that the rows say",
)


@pytest.mark.parametrize("service", ["org", "user", "import"])
@in_time
def test_a_service_killed_in_the_check_and_twice_in_the_start_loses_nothing_and_doubles_nothing(
    ledger: Ledger, service: str
) -> None:
    workforce = Workforce(ledger.academy, ROWS)
    name = f"{service}-service"
    import_id = ledger.upload(workforce)

    ledger.in_the_middle(import_id, "checking")
    until_back(ledger.platform, name, kill(ledger.platform, name))
    ledger.until(import_id, "checked")
    assert ledger.people() == [], "a check writes nothing"

    ledger.start(import_id)
    ledger.in_the_middle(import_id, "running")
    until_back(ledger.platform, name, kill(ledger.platform, name))
    kill(ledger.platform, name)
    ledger.until(import_id, "completed")

    ledger.balance(workforce, import_id)
    ledger.close()


@in_time
def test_notify_service_killed_while_it_mails_sends_one_invitation_to_each(ledger: Ledger) -> None:
    workforce = Workforce(ledger.academy, ROWS, invite_every=1)
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)

    first = ledger.mails_in_the_middle(workforce)
    with frozen(ledger.platform, "mail"):  # or all mails could be out before this test sees that it is back
        until_back(ledger.platform, "notify-service", kill(ledger.platform, "notify-service"))
    ledger.mails_in_the_middle(workforce, first + 0.05)
    kill(ledger.platform, "notify-service")
    ledger.until(import_id, "completed")

    ledger.balance(workforce, import_id, repeats=2 * REPEATS_PER_KILL)
    ledger.close()


@pytest.mark.parametrize("server", ["kafka", "postgres"])
@in_time
def test_an_import_completes_by_itself_though_broker_or_database_is_killed_in_check_and_start(
    ledger: Ledger, server: str
) -> None:
    workforce = Workforce(ledger.academy, ROWS)
    import_id = ledger.upload(workforce)

    ledger.in_the_middle(import_id, "checking")
    until_back(ledger.platform, server, kill(ledger.platform, server))
    ledger.until(import_id, "checked", 240)
    ledger.start(import_id)
    ledger.in_the_middle(import_id, "running")
    until_back(ledger.platform, server, kill(ledger.platform, server))
    ledger.until(import_id, "completed", 240)

    # A database that dies takes the results with it that were being written.
    ledger.balance(workforce, import_id, repeats=REPEATS_PER_KILL if server == "postgres" else 0)
    ledger.close()


@in_time
def test_everything_killed_at_once_goes_on_after_up_with_all_its_data(ledger: Ledger) -> None:
    workforce = Workforce(ledger.academy, ROWS)
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    ledger.in_the_middle(import_id, "running")

    kill_everything(ledger.platform)
    ledger.platform.up()

    ledger.until(import_id, "completed")
    ledger.balance(workforce, import_id, repeats=REPEATS_PER_KILL)
    ledger.close()


@in_time
def test_down_under_load_and_up_again_completes_the_import_with_nothing_twice(ledger: Ledger) -> None:
    workforce = Workforce(ledger.academy, ROWS)
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    ledger.in_the_middle(import_id, "running")

    ledger.platform.ok("down", timeout=120)
    ledger.platform.up()

    ledger.until(import_id, "completed")
    ledger.balance(workforce, import_id)
    ledger.close()
