"""The rules of intake that `decide` keeps, each by its number."""

from typing import Any

import pytest

from contracts.events.org import AcademyChanged, CompanyChanged, FunctionChanged
from contracts.events.users import DeleteUser
from user_service.domain.documents import learning_activities, user_document
from user_service.domain.organisation import build_organisation

JAN_NUMBER = "1001"


def changes(decision: Any) -> dict[str, tuple[Any, Any]]:
    assert decision.outcome == "updated"
    return dict(decision.changes)


@pytest.mark.parametrize("text", ["e\u0301", "\u00a0Ze\u0301\tb  a ", "\u00e9"])
def test_rule_04_text_is_nfc_trimmed_and_its_white_space_single(world: Any, text: str) -> None:
    user = world.jan(first_name=text)
    assert user.first_name in {"é", "Zé b a"}
    assert world.ask(user, first_name=text).outcome == "unchanged"


@pytest.mark.parametrize("word", ["x", "X", " ja", "J", "yes", "Y", "oui", "1", "true", "WAAR", True])
def test_rule_05_these_words_are_on(world: Any, word: Any) -> None:
    assert world.jan(active=word).active is True


@pytest.mark.parametrize("word", ["-", "nee", "Nein", "n", "NO", "non", "0", "false", "onwaar ", False])
def test_rule_05_these_words_are_off(world: Any, word: Any) -> None:
    assert changes(world.ask(world.jan(active="x"), active=word)) == {"active": (True, False)}


@pytest.mark.parametrize("word", ["-", "nee", "", "   ", None, False])
def test_rule_05_off_under_invitation_is_the_same_as_blank(world: Any, word: Any) -> None:
    decision = world.ask(world.jan(active="x", invite="x"), invite=word)
    assert (decision.outcome, decision.invitation.status) == ("unchanged", "none")


def test_rule_06_blank_leaves_every_value_on_an_update(world: Any) -> None:
    user = world.jan(functions=["Adviseur"], cost_centre="KP1", active="x", language="en", manager="x")
    blank = dict.fromkeys(
        ("first_name", "infix", "last_name", "email", "company", "department", "cost_centre", "active", "language"), " "
    )
    assert world.ask(user, **blank, functions=[" "]).outcome == "unchanged"
    assert world.ask(user).outcome == "unchanged"


@pytest.mark.parametrize("clear", ["-", " - ", None])
def test_rule_06_a_hyphen_or_null_clears(world: Any, clear: str | None) -> None:
    user = world.jan(functions=["Adviseur"], cost_centre="KP1", active="x", language="en", manager="x")
    decision = world.ask(
        user,
        infix=clear,
        functions=clear if clear is None else [clear],
        cost_centre=clear,
        active=clear,
        language=clear,
        manager=clear,
    )
    assert changes(decision) == {
        "infix": ("de", None),
        "functions": (["Adviseur"], []),
        "cost_centre": ("KP1", None),
        "active": (True, False),
        "language": ("en", "nl"),
        "manager": (True, False),
    }


@pytest.mark.parametrize("field", ["first_name", "last_name", "email", "company", "department"])
@pytest.mark.parametrize("clear", ["-", None])
def test_rule_06_what_is_required_cannot_be_cleared(world: Any, field: str, clear: str | None) -> None:
    assert world.told(world.jan(), **{field: clear}) == [("required", field)]
    assert world.told(None, **{"personnel_number": "7", **_complete(), field: clear}) == [("required", field)]


def test_rule_06_blank_on_create_is_not_active_not_invited_and_the_default_language(world: Any) -> None:
    user = world.jan(active="", invite="", language="", cost_centre="-", infix="-", functions=["-"])
    assert (user.active, user.manager, user.terms_accepted, user.language) == (False, False, False, "nl")
    assert (user.infix, user.cost_centre, user.function_ids, user.invitation.status) == (None, None, (), "none")


@pytest.mark.parametrize(
    ("cell", "ids"),
    [
        ("Manager, verkoop", {"f2"}),
        ("Adviseur; Inkoper", {"f1", "f3"}),
        ("Adviseur\nInkoper\r\nAdviseur", {"f1", "f3"}),
        ("Adviseur, Inkoper", {"f1", "f3"}),
        ("Manager, verkoop; Adviseur", {"f2", "f1"}),
        ("ADV, inkoper;manager,  verkoop", {"f1", "f2", "f3"}),
    ],
)
def test_rule_07_a_cell_is_one_name_else_split_on_semicolon_and_line_else_on_comma(
    world: Any, cell: str, ids: set[str]
) -> None:
    decision = world.ask(None, personnel_number="7", **_complete(), functions=[cell])
    assert set(world.settle(decision).function_ids) == ids


def test_rule_07_the_cell_replaces_the_functions_and_order_and_repeats_do_not_count(world: Any) -> None:
    user = world.jan(functions=["Adviseur; Inkoper"])
    assert world.ask(user, functions=["Inkoper", "ADV", "inkoper"]).outcome == "unchanged"
    assert changes(world.ask(user, functions=["Inkoper"])) == {"functions": (["Adviseur", "Inkoper"], ["Inkoper"])}
    assert changes(world.ask(user, functions=[])) == {"functions": (["Adviseur", "Inkoper"], [])}


@pytest.mark.parametrize("cell", [";", ";;", " ; \n ;", "\n", ",", "; ,\r\n;"])
def test_rule_07_a_functions_cell_without_a_name_is_blank_and_clears_nothing(world: Any, cell: str) -> None:
    user = world.jan(functions=["Adviseur"])
    assert world.ask(user, functions=[cell]).outcome == "unchanged"
    assert world.settle(world.ask(user, functions=[cell, "Inkoper"])).function_ids == ("f3",)
    assert world.jan(functions=[cell]).function_ids == ()


def test_rule_09_the_number_is_the_match_key_without_case_and_width_and_with_zeros(world: Any) -> None:
    user = world.jan(personnel_number="A01")
    again = world.ask(user, personnel_number="ａ０１")
    assert (again.outcome, again.number) == ("unchanged", "A01")
    assert world.ask(None, **_complete(), personnel_number="A1").after.number_key != user.number_key


def test_rule_09_a_conflict_names_the_other_person(world: Any) -> None:
    jan = world.jan()
    unknown_number = world.ask(None, holder=jan, **_complete(), personnel_number="2002")
    other = world.ask(None, **_complete(), personnel_number="2002")
    piet = world.settle(other)
    known_number = world.ask(piet, holder=jan, email="jan@acme.example")
    for decision, code in ((unknown_number, "personnel_number_conflict"), (known_number, "email_in_use")):
        (problem,) = decision.errors
        assert (problem.code.value, problem.params["who"]) == (code, "Jan de Vries (1001)")


def test_rule_10_what_is_required_to_create_is_told_all_at_once(world: Any) -> None:
    fields = ["first_name", "last_name", "email", "company", "department"]
    assert world.told(None, personnel_number="7") == [("required", field) for field in fields]
    assert world.told(None) == [("required", field) for field in ["personnel_number", *fields]]
    assert world.told(world.jan()) == []


def test_rule_11_a_difference_in_case_alone_is_no_change(world: Any) -> None:
    user = world.jan(email="Jan@Acme.Example")
    assert user.email == "Jan@Acme.Example"
    assert world.ask(user, email="jan@acme.EXAMPLE").outcome == "unchanged"


def test_rule_11_the_domain_may_be_international_and_is_compared_in_ascii(world: Any) -> None:
    user = world.jan(email="jan@bäckerei.example")
    assert user.email_key == "jan@xn--bckerei-5wa.example"
    assert world.ask(user, email="jan@xn--bckerei-5wa.example").outcome == "unchanged"


@pytest.mark.parametrize("address", ["jan", "jan@", "@acme.nl", "jan@acme", "j an@acme.nl", "zoë@acme.nl", "a@b@c"])
def test_rule_11_anything_wrong_with_an_address_is_invalid_email(world: Any, address: str) -> None:
    assert world.told(world.jan(), email=address) == [("invalid_email", "email")]


@pytest.mark.parametrize("text", ["Acme BV", "acme  bv", "ＡＣＭＥ BV", "Ácme BV", "ACME", "acme oud", "c1"])
def test_rule_12_a_unit_is_matched_by_name_code_former_name_or_id(world: Any, text: str) -> None:
    assert world.jan(company=text).company_id == "c1"


def test_rule_12_an_earlier_level_hides_a_later_one(world: Any) -> None:
    later = world.with_units(CompanyChanged(id="c9", name="ACME", former_names=["Bakkerij Zoë"], revision=1))
    assert later.ask(None, **{**_complete(), "personnel_number": "7", "company": "acme"}).errors
    assert later.organisation.company("acme")[0].id == "c9"
    assert later.organisation.company("bakkerij zoe")[0].id == "c2"


def test_rule_12_two_hits_on_one_level_are_unknown_and_both_are_named(world: Any) -> None:
    for field, text, names in (
        ("company", "Cargo", ["Cargo Noord", "Cargo Zuid"]),
        ("functions", ["Chef"], ["Chef dag", "Chef nacht"]),
    ):
        (problem,) = world.ask(world.jan(), **{field: text}).errors
        assert (problem.field, problem.params["matches"]) == (field, names)
    (problem,) = world.ask(world.jan(), company="Cargo Noord", department="Ploeg").errors
    assert (problem.code.value, problem.params["matches"]) == ("unknown_department", ["Nacht", "Dag"])


def test_rule_12_company_and_department_are_a_pair_and_a_blank_one_is_the_persons(world: Any) -> None:
    user = world.jan()
    assert changes(world.ask(user, department="Inkoop")) == {"department": ("Verkoop", "Inkoop")}
    moved = world.ask(user, company="Bakkerij Zoë")
    assert changes(moved) == {"company": ("Acme BV", "Bakkerij Zoë")}
    assert moved.after.department_id == "d3"


def test_rule_12_a_company_without_the_persons_department_is_wrong_itself_and_a_blank_cell_is_not(world: Any) -> None:
    (problem,) = world.ask(world.jan(department="Inkoop"), company="bz").errors
    assert (problem.code.value, problem.field, problem.value) == ("department_not_in_company", "company", "bz")
    assert problem.params == {"company": "Bakkerij Zoë", "others": ["Acme BV"], "department": "Inkoop"}
    assert world.ask(world.jan(department="Inkoop"), company="bz", department="Winkel").outcome == "updated"
    nowhere = world.without("d2")
    assert nowhere.told(world.jan(department="Inkoop"), company="bz") == [("department_not_in_company", "company")]
    unreadable = world.told(world.jan(department="Inkoop"), company="bz", department="Win\u0000kel")
    assert unreadable == [("invalid_characters", "department")]
    created = world.told(
        world.jan(department="Inkoop"), mode="create", **_complete() | {"company": "bz", "department": ""}
    )
    assert created == [("personnel_number_conflict", "personnel_number"), ("required", "department")]


def test_rule_12_a_department_of_another_company_only_says_where_it_is(world: Any) -> None:
    (problem,) = world.ask(world.jan(), department="Winkel").errors
    assert problem.params == {"company": "Acme BV", "others": ["Bakkerij Zoë"]}


def test_rule_12_close_names_are_offered_and_never_taken(world: Any) -> None:
    for field, text, close in (
        ("company", "Acme B.V.", "Acme BV"),
        ("department", "Verkop", "Verkoop"),
        ("functions", "Advizeur", "Adviseur"),
    ):
        value = [text] if field == "functions" else text
        (problem,) = world.ask(world.jan(), **{field: value}).errors
        assert (problem.field, problem.value, problem.suggestion) == (field, text, close)


def test_rule_12_a_removed_unit_takes_nobody_new_and_keeps_its_people(world: Any) -> None:
    user = world.jan(functions=["Adviseur"])
    later = world.without("c1", "d1", "d2", "f1")
    again = {"company": "Acme BV", "department": "VK", "functions": ["Adviseur"]}
    assert later.ask(user, **again).outcome == "unchanged"
    assert later.ask(user, cost_centre="KP9").outcome == "updated"
    assert later.told(None, personnel_number="7", **_complete()) == [("unknown_company", "company")]
    assert later.told(user, department="Inkoop") == [("unknown_department", "department")]
    document = user_document(user, later.organisation, later.now)
    assert (document["company"], document["company_removed"], document["department_removed"]) == ("Acme BV", True, True)
    assert document["functions_removed"] == ["Adviseur"]


def test_rule_12_a_new_unit_of_a_removed_ones_name_is_the_one_that_is_meant(world: Any) -> None:
    user = world.jan(functions=["Adviseur"])
    later = world.with_units(FunctionChanged(id="f9", name="Adviseur", revision=2), removed=("f1",))
    assert later.ask(user, functions=["Adviseur"]).after.function_ids == ("f9",)


@pytest.mark.parametrize("text", ["en", "EN", "en-GB", "Engels", "English", "Englisch", "anglais"])
def test_rule_13_a_language_is_a_code_or_a_name(world: Any, text: str) -> None:
    assert world.jan(language=text).language == "en"


def test_rule_13_only_enabled_languages_and_the_default_always(world: Any) -> None:
    assert world.told(world.jan(), language="Klingon") == [("unknown_language", "language")]
    (problem,) = world.ask(world.jan(), language="Duits").errors
    assert (problem.code.value, problem.params) == ("language_not_enabled", {"language": "de"})
    only = build_organisation(
        [(AcademyChanged(id="a", name="A", default_language="fr", languages=[], revision=1), False)]
    )
    assert only.languages == {"nl", "fr"}


def test_rule_14_create_never_overwrites_somebody(world: Any, jan_fields: dict[str, Any]) -> None:
    user = world.jan()
    decision = world.ask(user, mode="create", **(jan_fields | {"first_name": "Piet"}))
    (problem,) = decision.errors
    assert (problem.code.value, problem.params["personnel_number"]) == ("personnel_number_conflict", JAN_NUMBER)
    assert decision.after is user


def test_rule_14_update_creates_nobody_and_upsert_does_both(world: Any, jan_fields: dict[str, Any]) -> None:
    assert world.told(None, mode="update", **jan_fields) == [("not_found", "personnel_number")]
    assert world.ask(world.jan(), mode="update", infix="-").outcome == "updated"
    assert world.ask(None, **jan_fields).outcome == "created"
    assert world.ask(world.jan(), infix="-").outcome == "updated"


def test_rule_15_a_row_is_atomic_and_tells_all_its_errors(world: Any) -> None:
    user = world.jan()
    decision = world.ask(
        user,
        first_name="Jan\u0000",
        infix="i" * 31,
        last_name="Goed",
        email="geen adres",
        company="Onbekend",
        department="Nergens",
        functions=["Adviseur; Piloot; Chef"],
        active="misschien",
        language="xx",
        manager="?",
        terms_accepted="x",
    )
    assert decision.after is user
    assert [(problem.code.value, problem.field) for problem in decision.errors] == [
        ("invalid_characters", "first_name"),
        ("too_long", "infix"),
        ("invalid_email", "email"),
        ("unknown_company", "company"),
        ("unknown_department", "department"),
        ("unknown_function", "functions"),
        ("unknown_function", "functions"),
        ("invalid_flag", "active"),
        ("unknown_language", "language"),
        ("invalid_flag", "manager"),
        ("terms_not_allowed", "terms_accepted"),
    ]


def test_rule_16_the_number_of_somebody_deleted_restores_them(world: Any) -> None:
    user = world.jan(active="x", invite="x", manager="x", cost_centre="KP1")
    deleted = world.settle(world.command(DeleteUser(personnel_number="1001"), user))
    decision = world.ask(deleted, last_name="Vriesema")
    after = world.settle(decision)
    assert (decision.outcome, decision.restored) == ("updated", True)
    assert decision.changes == {"last_name": ("Vries", "Vriesema")}
    assert (after.user_id, after.active, after.manager, after.cost_centre) == (user.user_id, False, True, "KP1")
    assert (after.deleted, after.version, decision.invitation.status) == (False, 3, "none")
    assert world.ask(after, last_name="Vriesema").outcome == "unchanged"


def test_rule_16_active_and_invitation_follow_the_create_rule(world: Any) -> None:
    user = world.jan(active="x", invite="x")
    deleted = world.settle(world.command(DeleteUser(personnel_number="1001"), user))
    decision = world.ask(deleted, mode="create", active="x", invite="x", **_complete())
    after = world.settle(decision)
    assert (decision.outcome, decision.invitation.status) == ("updated", "queued")
    assert (after.invitation.invitation_id, after.invitation.generation) == (user.invitation.invitation_id, 2)


def test_rule_16_an_invitation_that_was_accepted_before_the_deletion_counts_as_none(world: Any) -> None:
    user = world.jan(active="x", invite="x")
    accepted = user._replace(invitation=user.invitation._replace(status="accepted"))
    deleted = world.settle(world.command(DeleteUser(personnel_number="1001"), accepted))
    at_once = world.ask(deleted, active="x", invite="x")
    assert at_once.invitation.status == "queued"
    assert world.settle(at_once).invitation.generation == 2
    assert world.ask(deleted, invite="x").invitation.status == "waiting"
    back = world.settle(world.ask(deleted, active="x"))
    assert back.invitation.status == "none"
    later = world.ask(back, invite="x")
    assert (later.invitation.status, world.settle(later).invitation.generation) == ("queued", 2)


def test_rule_16_an_administrator_accepts_terms_only_for_a_restored_person_who_had(world: Any) -> None:
    accepted = world.jan()._replace(terms_accepted=True, ever_accepted_terms=True)
    deleted = world.settle(world.command(DeleteUser(personnel_number="1001"), accepted))
    assert not world.settle(world.ask(deleted)).terms_accepted
    assert world.settle(world.ask(deleted, terms_accepted="x")).terms_accepted
    assert world.ask(accepted, terms_accepted="x").outcome == "unchanged"
    never = world.settle(world.command(DeleteUser(personnel_number="1001"), world.jan()))
    for user in (never, world.jan(), None):
        fields = {**_complete(), "personnel_number": "1001"}
        assert world.told(user, terms_accepted="x", **fields) == [("terms_not_allowed", "terms_accepted")]


def test_rule_16_an_address_that_was_taken_meanwhile_is_in_use(world: Any) -> None:
    deleted = world.settle(world.command(DeleteUser(personnel_number="1001"), world.jan()))
    other = world.jan(personnel_number="2002")
    (problem,) = world.ask(deleted, holder=other).errors
    assert (problem.code.value, problem.field, problem.value) == ("email_in_use", "email", None)
    assert problem.params == {"who": "Jan de Vries (2002)", "personnel_number": "2002", "kind": "own"}
    (asked,) = world.ask(deleted, holder=other, email="JAN@acme.example").errors
    assert (asked.value, "kind" in asked.params) == ("JAN@acme.example", False)
    assert world.told(deleted, holder=other, email="jan@") == [("invalid_email", "email")]
    assert world.ask(deleted, email="nieuw@acme.example").outcome == "updated"


def test_rule_17_a_second_import_of_the_same_file_sends_nothing(world: Any, jan_fields: dict[str, Any]) -> None:
    row = jan_fields | {"invite": "x", "active": "x"}
    first = world.ask(None, **row)
    user = world.settle(first)
    assert (first.invitation.status, user.invitation.generation, user.invitation.status) == ("queued", 1, "open")
    second = world.ask(user, **row)
    assert (second.outcome, second.invitation.status) == ("unchanged", "already_invited")
    assert world.settle(second) is user


def test_rule_17_an_invitation_waits_for_activation(world: Any) -> None:
    user = world.jan(invite="x")
    assert user.invitation.status == "waiting"
    assert world.ask(user, invite="x").invitation.status == "waiting"
    assert world.settle(world.ask(user, invite="x")) is user
    decision = world.ask(user, active="x")
    assert (decision.outcome, decision.invitation.status) == ("updated", "queued")
    assert world.settle(decision).invitation.generation == 1


def test_rule_17_deactivation_makes_an_open_invitation_wait(world: Any) -> None:
    user = world.jan(invite="x", active="x")
    decision = world.ask(user, active="-")
    paused = world.settle(decision)
    assert (decision.invitation.status, paused.invitation.status) == ("waiting", "waiting")
    back = world.settle(world.ask(paused, active="x"))
    assert (back.invitation.status, back.invitation.generation) == ("open", 2)


@pytest.mark.parametrize("ended", ["failed", "withdrawn"])
def test_rule_17_a_failed_expired_or_withdrawn_invitation_is_replaced_when_asked(world: Any, ended: Any) -> None:
    user = world.jan(invite="x", active="x")
    closed = user._replace(invitation=user.invitation._replace(status=ended))
    later = world.at(days=30)
    for person, at in ((closed, world), (user, later)):
        assert at.ask(person).invitation.status == "none"
        decision = at.ask(person, invite="x")
        assert (decision.outcome, decision.invitation.status) == ("unchanged", "queued")
        assert at.settle(decision).invitation.generation == 2


def test_rule_17_an_open_invitation_follows_a_changed_address(world: Any) -> None:
    user = world.jan(invite="x", active="x")
    decision = world.ask(user, email="jan.de.vries@acme.example")
    after = world.settle(decision)
    assert decision.invitation.status == "queued"
    assert (after.invitation.generation, after.invitation.email_key) == (2, "jan.de.vries@acme.example")
    assert world.ask(after, email="jan.de.vries@acme.example").invitation.status == "none"


def test_rule_17_who_accepted_is_not_invited_again(world: Any) -> None:
    user = world.jan(invite="x", active="x")
    accepted = user._replace(invitation=user.invitation._replace(status="accepted"))
    assert world.ask(accepted, invite="x").invitation.status == "already_accepted"
    assert world.ask(accepted, email="anders@acme.example").invitation.status == "none"


def test_rule_18_learning_activities_are_those_of_all_functions_and_follow_them(world: Any) -> None:
    user = world.jan(functions=["Adviseur", "Manager, verkoop"])
    assert learning_activities(user, world.organisation) == ["Privacy", "Veilig werken", "Leiden"]
    changed = world.with_units(FunctionChanged(id="f1", name="Adviseur", learning_activities=["Nieuw"], revision=8))
    assert learning_activities(user, changed.organisation) == ["Nieuw", "Leiden", "Privacy"]


def _complete() -> dict[str, Any]:
    return {
        "first_name": "Piet",
        "last_name": "Jansen",
        "email": "piet@acme.example",
        "company": "Acme BV",
        "department": "Verkoop",
    }
