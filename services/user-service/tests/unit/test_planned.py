"""A start carries out the check's decision: without a new diff where versions are equal, anew where they are not."""

from typing import Any

from contracts.events.users import Planned


def test_an_unchanged_plan_of_the_same_versions_stands(world: Any, jan_fields: dict[str, Any]) -> None:
    user = world.jan(active="x")
    row = jan_fields | {"active": "x", "invite": "x"}
    plan = Planned(outcome="unchanged", user_version=user.version, org_revision=7)
    assert world.ask(user, planned=plan, **row) == world.ask(user, **row)
    assert world.ask(user, planned=plan, **row).invitation.status == "queued"


def test_a_plan_of_another_version_or_revision_is_decided_anew(world: Any) -> None:
    user = world.jan()
    for plan in (
        Planned(outcome="unchanged", user_version=user.version + 1, org_revision=7),
        Planned(outcome="unchanged", user_version=user.version, org_revision=6),
        Planned(outcome="created", user_version=0, org_revision=7),
    ):
        assert world.ask(user, planned=plan, cost_centre="KP1").outcome == "updated"


def test_a_plan_never_hides_that_somebody_was_deleted_or_never_was(world: Any, jan_fields: dict[str, Any]) -> None:
    user = world.jan()
    plan = Planned(outcome="unchanged", user_version=user.version, org_revision=7)
    assert world.ask(user._replace(deleted=True), planned=plan).restored
    assert world.ask(None, planned=plan, **jan_fields).outcome == "created"
