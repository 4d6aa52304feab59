"""Who administers an academy: made and unmade by command, and never nobody."""

from typing import Any

import pytest

from contracts.events.users import DeactivateUser, DeleteUser, GrantAdministrator, RevokeAdministrator
from user_service.domain.commands import decide_command


def test_granting_and_revoking_change_the_role_alone(world: Any) -> None:
    jan = world.jan(active="x")
    granted = world.command(GrantAdministrator(personnel_number="1001"), jan)
    chief = world.settle(granted)
    assert (granted.outcome, granted.changes) == ("updated", {"administrator": (False, True)})
    assert chief == jan._replace(administrator=True, version=jan.version + 1)
    assert world.command(GrantAdministrator(personnel_number="1001"), chief).outcome == "unchanged"
    revoked = world.command(RevokeAdministrator(personnel_number="1001"), chief)
    assert (revoked.outcome, revoked.changes) == ("updated", {"administrator": (True, False)})
    assert world.command(RevokeAdministrator(personnel_number="1001"), jan).outcome == "unchanged"


@pytest.mark.parametrize("model", [DeactivateUser, DeleteUser, RevokeAdministrator])
def test_the_last_administrator_cannot_go(world: Any, model: Any) -> None:
    chief = world.jan(active="x")._replace(administrator=True)
    decision = decide_command(model(personnel_number="1001"), chief, 7, world.now, last_administrator=True)
    assert (decision.outcome, [p.code for p in decision.errors]) == ("rejected", ["last_administrator"])
    assert decision.after is chief
    assert world.command(model(personnel_number="1001"), chief).outcome != "rejected"


def test_whoever_is_deleted_administers_nothing_any_more(world: Any) -> None:
    chief = world.jan(active="x")._replace(administrator=True)
    gone = world.settle(world.command(DeleteUser(personnel_number="1001"), chief))
    assert not gone.administrator
    assert not world.settle(world.ask(gone, active="x")).administrator
