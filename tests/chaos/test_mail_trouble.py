"""A mail server that is away, slow, refuses or hangs up: every invitation arrives or is told to have failed, once."""

import math
import shutil
import time
from collections.abc import Iterator

import pytest
from cases import OpenLedger, Size
from harm import PATIENCE, kill, until_back
from ledger import Ledger, in_time
from mail_server import MailServer, Mood
from people import Workforce

from chassis.testing import free_port
from instroom.testing import Platform, new_home, wait_until
from notify_service.settings import Settings as NotifySettings

pytestmark = pytest.mark.case(
    "mail",
    "every invitation arrives once, or is told to have failed",
)

CONNECTIONS: int = NotifySettings.model_fields["smtp_connections"].default
FIRST_RETRY = 1.0
"""Seconds until the platform of the moody mail server offers a mail again; each time twice as long."""


@pytest.fixture(scope="module")
def moody() -> Iterator[tuple[Platform, MailServer]]:
    """A platform, and the only mail server that it knows. Its patience is short, so that a minute of trouble is long."""
    home, port = new_home("instroom-chaos-", on_disk=True), free_port()
    environment = {
        "INSTROOM_SMTP": f"127.0.0.1:{port}",
        "INSTROOM_SMTP_TIMEOUT": "2",
        "INSTROOM_MAIL_LEASE": "10",
        "INSTROOM_MAIL_FIRST_RETRY": str(FIRST_RETRY),
    }
    platform = Platform(home, environment)
    try:
        with MailServer(home, port).running() as server:
            platform.up()
            yield platform, server
            platform.down()
    finally:
        platform.down()
        shutil.rmtree(home.parent, ignore_errors=True)


@pytest.mark.case(
    "mail-server",
    "each invitation arrives once, however long the mail server is away, defers, hangs, hangs up or is slow; nobody is"
    " offered more often than the back-off allows; a repeat only where the server hung up on a mail that it had taken",
)
@pytest.mark.parametrize(
    "mood",
    [
        Mood.DOWN,
        Mood.CUTS,
        *(pytest.param(mood, marks=pytest.mark.long) for mood in (Mood.HANGS, Mood.DEFERS, Mood.SLOW)),
    ],
    ids=lambda mood: mood.name.lower(),
)
def test_every_invitation_arrives_once_though_the_mail_server_was(
    moody: tuple[Platform, MailServer], open_ledger: OpenLedger, size: Size, mood: Mood
) -> None:
    platform, server = moody
    ledger = open_ledger(platform)
    workforce = Workforce(ledger.academy, size.rows(60, 1_000), invite_every=1)
    import_id = ledger.upload(workforce)
    ledger.until(import_id, "checked")

    server.become(mood)
    began = time.monotonic()
    ledger.start(import_id)
    if mood is Mood.DOWN:
        time.sleep(size.seconds(10, 600))
    else:
        wait_until(lambda: server.troubles >= CONNECTIONS // 2, timeout=PATIENCE, what="mails meet the mood")
        time.sleep(size.seconds(3, 30))  # longer than the time-out
    server.become(Mood.WELL)
    well = time.monotonic()
    ledger.until(import_id, "completed")
    ledger.until_mailed(len(workforce.mailed))
    recovered = time.monotonic()

    attempts = [invitation["attempts"] for invitation in ledger.invitations()]
    assert max(attempts) <= _attempts_in(recovered - began)
    # A server that hung up may have taken the mail each time.
    ledger.balance(workforce, import_id, repeats=sum(attempts) - len(attempts) if mood is Mood.CUTS else 0)
    ledger.close(seconds_of_it=well - began, seconds_to_recover=recovered - well, most_attempts=max(attempts))


def _attempts_in(seconds: float) -> int:
    """How often a mail may be offered in so long a time: each pause is twice as long, a quarter of it is chance."""
    return 1 + int(math.log2(1 + seconds / (0.75 * FIRST_RETRY)))


@in_time
def test_every_invitation_arrives_once_though_the_mail_server_is_killed_again_and_again(
    ledger: Ledger, size: Size
) -> None:
    workforce = Workforce(ledger.academy, size.rows(1_000, 20_000), invite_every=1)
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
