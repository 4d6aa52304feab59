from typing import Any

from contracts.events import org
from org_service.domain import Changes, Refused
from org_service.units import Academy


def reasons(decision: Changes | Refused) -> list[tuple[str, str]]:
    assert isinstance(decision, Refused), decision
    return [(problem.reason.value, problem.path) for problem in decision.problems]


def test_absent_languages_mean_dutch_only(nowhere: Any) -> None:
    nowhere.give(org.DefineAcademy(name="Demo"))
    assert nowhere.structure.academy == Academy(id="demo", name="Demo", default_language="nl", languages=("nl",))


def test_absent_languages_mean_dutch_and_the_default_at_definition_and_what_is_there_afterwards(nowhere: Any) -> None:
    nowhere.give(org.DefineAcademy(name="Demo", default_language="en"))
    assert nowhere.structure.academy.languages == ("en", "nl")
    nowhere.give(org.DefineAcademy(languages=["en"]))
    nowhere.give(org.DefineAcademy(default_language="fr"))
    assert nowhere.structure.academy.languages == ("fr", "en")


def test_the_default_language_is_always_enabled(nowhere: Any) -> None:
    nowhere.give(org.DefineAcademy(name="Demo", default_language="de", languages=["en", "fr"]))
    assert nowhere.structure.academy.languages == ("de", "en", "fr")
    nowhere.give(org.DefineAcademy(default_language="nl"))
    assert nowhere.structure.academy.languages == ("nl", "de", "en", "fr")


def test_a_language_is_a_code_with_or_without_region_or_a_name_and_counts_once(nowhere: Any) -> None:
    nowhere.give(org.DefineAcademy(name="Demo", default_language="nl-NL", languages=["NL", "Dutch", "en_GB"]))
    assert nowhere.structure.academy.languages == ("nl", "en")


def test_what_a_second_definition_does_not_say_stays(acme: Any) -> None:
    acme.give(org.DefineAcademy(name="Another name"))
    assert acme.structure.academy == Academy(
        id="demo", name="Another name", default_language="nl", languages=("nl", "en")
    )


def test_a_new_academy_needs_a_name(nowhere: Any) -> None:
    assert reasons(nowhere.apply(academy={})) == [("required", "academy.name")]


def test_an_unknown_language_is_refused_with_its_place(nowhere: Any) -> None:
    decision = nowhere.give(org.DefineAcademy(name="Demo", default_language="double dutch", languages=["nl", "xx"]))
    assert reasons(decision) == [("unknown_language", "default_language"), ("unknown_language", "languages[1]")]


def test_languages_are_switched_on_and_off(acme: Any) -> None:
    acme.give(org.EnableLanguage(language="fr"))
    assert acme.structure.academy.languages == ("nl", "en", "fr")
    acme.give(org.DisableLanguage(language="en"))
    assert acme.structure.academy.languages == ("nl", "fr")


def test_switching_a_language_to_what_it_is_changes_nothing(acme: Any) -> None:
    assert acme.give(org.EnableLanguage(language="en")) == Changes()
    assert acme.give(org.DisableLanguage(language="fr")) == Changes()


def test_the_default_language_cannot_be_switched_off(acme: Any) -> None:
    assert reasons(acme.give(org.DisableLanguage(language="nl"))) == [("default_language", "language")]


def test_an_academy_that_nobody_defined_takes_no_other_command(nowhere: Any) -> None:
    assert reasons(nowhere.give(org.DefineCompany(name="Acme"))) == [("unknown_academy", "")]
    assert reasons(nowhere.apply(companies=[{"name": "Acme"}])) == [("unknown_academy", "")]
    assert reasons(nowhere.give(org.RepublishStructure())) == [("unknown_academy", "")]


def test_a_command_to_an_invalid_academy_is_refused(nowhere: Any) -> None:
    nowhere.structure = type(nowhere.structure)("Not Valid")
    assert reasons(nowhere.give(org.DefineAcademy(name="Demo"))) == [("invalid_academy_id", "")]
