"""A mail server that is away, slow, refuses or hangs up: every invitation arrives or is told to have failed, once."""

import pytest
from harm import PATIENCE, kill, until_back
from ledger import Ledger, in_time
from people import Workforce

from instroom.testing import wait_until
from notify_service.settings import Settings as NotifySettings

pytestmark = pytest.mark.case(
    "mail",
    "every invitation arrives once, or is told to have failed",
)

CONNECTIONS: int = NotifySettings.model_fields["smtp_connections"].default


@in_time
def test_every_invitation_arrives_once_though_the_mail_server_is_away_again_and_again(ledger: Ledger) -> None:
    workforce = Workforce(ledger.academy, 2_000, invite_every=1)
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)

    ledger.mails_in_the_middle(workforce, 0.05)
    for _ in range(4):  # each time it stays away twice as long
        killed = kill(ledger.platform, "mail")
    until_back(ledger.platform, "mail", killed)
    ledger.until(import_id, "completed")

    # What the server had taken in when it died, but could not say so: one mail per connection and death.
    ledger.balance(workforce, import_id, repeats=4 * CONNECTIONS)
    ledger.close(kills=4)


def test_refused_later_slow_and_cut_off_recipients_get_their_mail_or_a_told_failure(ledger: Ledger) -> None:
    special = ("bounce-550.a", "bounce-554.b", "later-451-2.c", "later-450-1.d", "slow-2.e", "vanish-1.f")
    workforce = Workforce(ledger.academy, 60, invite_every=2, special=special)
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")
    ledger.start(import_id)
    ledger.until(import_id, "completed")
    ledger.until_mailed(len(workforce.mailed))

    ledger.until_quiet()
    ledger.each_is_mailed_once(workforce.mailed, repeats=1, undelivered=2)
    mails = {copies[0]["to"][0].partition("@")[0]: len(copies) for copies in ledger.mails().values()}
    assert mails["vanish-1.f"] == 2, "the server had taken it, and the sender could not know"
    by_address = {invitation["email"].partition("@")[0]: invitation for invitation in ledger.invitations()}
    assert {name: by_address[name]["status"] for name in special} == {
        name: "failed" if name.startswith("bounce") else "sent" for name in special
    }
    assert by_address["later-451-2.c"]["attempts"] == 3
    assert by_address["bounce-550.a"]["reason"].startswith("550")
    failed = [
        record
        for record in ledger.kafka.read(ledger.academy, "invitation.events")
        if record.type == "instroom.invitation.failed.v1"
    ]
    assert sorted(record.header("ce_subject") for record in failed) == ["00001", "00002"]

    def invited() -> list[tuple[str, str]]:
        return sorted((person["personnel_number"], person["invitation"]) for person in ledger.people())[:3]

    wait_until(
        lambda: [invitation for _, invitation in invited()] == ["failed", "failed", "already_invited"],
        timeout=PATIENCE,
        what="user-service knows which invitations failed",
    )
    ledger.close()
