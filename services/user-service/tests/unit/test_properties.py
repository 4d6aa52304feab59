"""What holds for every request, found out by trying many."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.events.users import DeleteUser, PersonFields, UserRequested
from contracts.fields import clean_text, email_key, has_forbidden_characters, number_key
from user_service.domain.documents import user_document
from user_service.domain.reading import read, requested

WORDS = st.sampled_from(
    [
        "",
        " ",
        "-",
        "x",
        "nee",
        "1001",
        "Jan",
        "jan@acme.example",
        "els@bäckerei.example",
        "Acme BV",
        "acme oud",
        "BZ",
        "Cargo",
        "Verkoop",
        "Winkel",
        "Verkop",
        "Adviseur; Inkoper",
        "Manager, verkoop",
        "Inkoper, Adviseur",
        "nl",
        "Engels",
        "Duits",
        "e\u0301",
        "\u00a0a\u2003b\n",
    ]
)
TEXT = st.none() | WORDS | st.text(max_size=40) | st.text(alphabet="abc,;\n -@.é\u0301\x00\ud800", max_size=300)
FLAG = st.sampled_from([None, "x", "-", "ja", "nee", "", "?", True, False])
PERSON = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            (
                "personnel_number",
                "first_name",
                "infix",
                "last_name",
                "email",
                "company",
                "department",
                "cost_centre",
                "language",
            ),
            TEXT,
        ),
        "functions": st.none() | st.lists(WORDS | st.text(max_size=20), max_size=4),
        **dict.fromkeys(("invite", "active", "manager", "terms_accepted"), FLAG),
    },
)
GOOD = {
    "personnel_number": "1001",
    "first_name": "Jan",
    "last_name": "Vries",
    "email": "jan@acme.example",
    "company": "Acme BV",
    "department": "Verkoop",
}
SOUND = st.fixed_dictionaries(
    {},
    optional={
        "first_name": st.sampled_from(["Jan", "Zoe\u0301", " Jan  Piet "]),
        "infix": st.sampled_from(["van der", "-", "", None]),
        "email": st.sampled_from(["jan@acme.example", "JAN@acme.example", "jan@bäckerei.example"]),
        "company": st.sampled_from(["Acme BV", "acme"]),
        "department": st.sampled_from(["Verkoop", "vk", "Inkoop"]),
        "functions": st.none() | st.lists(st.sampled_from(["Adviseur", "inkoper; ADV", "Manager, verkoop", ""])),
        "cost_centre": st.sampled_from(["KP1", "-", ""]),
        "language": st.sampled_from(["nl", "Engels", "-", "", None]),
        **dict.fromkeys(("invite", "active", "manager"), FLAG.filter(lambda flag: flag != "?")),
    },
)


@given(
    PERSON,
    st.sampled_from(["create", "update", "upsert"]),
    st.sampled_from(["nobody", "jan", "deleted"]),
    st.booleans(),
)
@settings(max_examples=250, deadline=None)
def test_every_request_gets_a_decision_that_can_be_stored(
    world: Any, fields: dict[str, Any], mode: Any, who: str, taken: bool
) -> None:
    user = None if who == "nobody" else world.jan(functions=["Adviseur"])
    if who == "deleted":
        user = world.settle(world.command(DeleteUser(personnel_number="1001"), user))
    holder = world.jan(personnel_number="2002") if taken else None
    decision = world.ask(user, holder, mode, **fields)
    assert decision.outcome in ("created", "updated", "unchanged", "rejected")
    assert (decision.outcome == "rejected") == bool(decision.errors)
    assert decision.outcome != "rejected" or decision.after is user
    if decision.outcome in ("created", "updated", "unchanged"):
        assert decision.after is not None
        document = user_document(decision.after, world.organisation, world.now)
        assert b"\\u0000" not in orjson.dumps([document, decision.changes, decision.number])
    stored = orjson.dumps([problem.model_dump(mode="json") for problem in decision.errors])
    assert b"\\u0000" not in stored


@given(PERSON, st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_was_carried_out_is_unchanged_when_asked_again(world: Any, fields: dict[str, Any], known: bool) -> None:
    again(world, world.jan() if known else None, fields | {"personnel_number": "1001"})


@given(SOUND, st.sampled_from(["nobody", "jan", "invited", "deleted"]))
@settings(max_examples=150, deadline=None)
def test_a_second_identical_request_never_queues_a_second_invitation(
    world: Any, fields: dict[str, Any], who: str
) -> None:
    user = None if who == "nobody" else world.jan(**({"invite": "x", "active": "x"} if who == "invited" else {}))
    if who == "deleted":
        user = world.settle(world.command(DeleteUser(personnel_number="1001"), user))
    again(world, user, (GOOD | fields) if user is None or who == "deleted" else {"personnel_number": "1001"} | fields)


def again(world: Any, user: Any, fields: dict[str, Any]) -> None:
    first = world.ask(user, **fields)
    if first.outcome == "rejected":
        return
    after = world.settle(first)
    second = world.ask(after, **fields)
    assert (second.outcome, dict(second.changes), second.invitation.new_generation) == ("unchanged", {}, False)
    assert world.settle(second) is after


@given(SOUND, st.sampled_from(["nobody", "jan"]))
@settings(max_examples=100, deadline=None)
def test_changes_tell_exactly_what_changed(world: Any, fields: dict[str, Any], who: str) -> None:
    user = world.jan(functions=["Adviseur"], cost_centre="KP1")
    decision = world.ask(user, **({"personnel_number": "1001"} | fields))
    after = world.settle(decision)
    assert (decision.outcome == "updated") == bool(decision.changes)
    assert all(old != new for old, new in decision.changes.values())
    plain = {"first_name", "infix", "last_name", "email", "cost_centre", "active", "language", "manager"}
    for field in plain:
        assert decision.changes.get(field, (getattr(user, field),) * 2) == (getattr(user, field), getattr(after, field))


@given(TEXT)
def test_a_text_is_read_in_its_clean_form_or_refused_however_short_it_is(value: str | None) -> None:
    person = PersonFields(personnel_number=value, first_name=value, email=value, cost_centre=value)
    asked = read(requested(UserRequested(person=person)))
    text = clean_text(value or "")
    good = text if text != "-" and not has_forbidden_characters(value or "") else ""
    refused = {problem.field for problem in asked.problems}
    assert asked.first_name == (good if 0 < len(good) <= 100 else None)
    assert asked.number == (good if len(good) <= 64 else "")
    assert asked.number_key == number_key(asked.number)
    assert asked.email_key == email_key(good)
    assert asked.email == (good if asked.email_key else None)
    assert ("cost_centre" in refused) == (has_forbidden_characters(value or "") or len(good) > 100)
    assert asked.cost_centre == ("" if value is None or text == "-" else good or None if len(good) <= 100 else None)
