"""What becomes of people and files when the organisation changes."""

from outside import books
from outside.academy import Academy, as_yaml
from outside.documents import codes


def test_the_old_name_of_a_unit_is_still_understood(acme: Academy) -> None:
    acme.take_in(acme.person(1001))
    acme.apply(
        companies=[
            {"name": "Acme Holding", "was": "Acme BV", "departments": [{"name": "Sales", "was": "Verkoop"}]},
        ],
        functions=[{"name": "Consultant", "code": "ADV"}],
    )
    document = acme.take_in(acme.person(1001), acme.person(1002))
    assert (document["unchanged"], document["created"]) == (1, 1)
    user = acme.show(1001)
    assert (user["company"], user["department"], user["functions"]) == ("Acme Holding", "Sales", ["Consultant"])
    assert acme.show(1002)["company"] == "Acme Holding"


def test_a_removed_unit_takes_nobody_new_and_keeps_its_people(acme: Academy) -> None:
    acme.take_in(acme.person(1001, department="Inkoop"))
    acme.apply(companies=[{"name": "Acme BV", "departments": [{"name": "Inkoop", "remove": True}]}])
    people = (acme.person(1001, department="Inkoop", cost_centre="KP1"), acme.person(1002, department="Inkoop"))
    document = acme.take_in(*people)
    assert [r["outcome"] for r in document["results"]] == ["updated", "rejected"]
    assert codes(document) == {3: ["unknown_department"]}
    user = acme.show(1001)
    assert (user["department"], user["department_removed"]) == ("Inkoop", True)
    assert "vervallen" in acme.cli("user", "show", "1001").out


def test_learning_activities_follow_the_function_at_once(acme: Academy) -> None:
    acme.take_in(acme.person(functions="Adviseur; Inkoper"))
    assert acme.show()["learning_activities"] == ["Privacy basis", "Veilig werken", "Onderhandelen"]
    acme.apply(functions=[{"name": "Adviseur", "learning_activities": ["Nieuw"]}])
    ran = acme.cli("user", "update", "1001", "--cost-centre", "KP1", "--json")
    assert ran.json()["learning_activities"] == ["Nieuw", "Onderhandelen"]


def test_only_languages_that_are_on_are_taken_and_the_default_always_is(acme: Academy) -> None:
    people = [
        acme.person(1001, language="Duits"),
        acme.person(1002, language="en-GB"),
        acme.person(1003, language="Elfs"),
    ]
    assert codes(acme.take_in(*people)) == {2: ["language_not_enabled"], 4: ["unknown_language"]}
    acme.apply(academy={"name": "Akademie", "default_language": "de", "languages": ["en"]})
    document = acme.take_in(acme.person(1001, language="Duits"), acme.person(1004))
    assert document["created"] == 2
    assert (acme.show(1001)["language"], acme.show(1004)["language"]) == ("de", "de")


def test_org_show_tells_what_org_apply_said(acme: Academy) -> None:
    document = {
        "academy": {"id": acme.id, "name": "Demo", "default_language": "en", "languages": ["en", "fr"]},
        "companies": [{"name": "Nieuw BV", "code": "NW", "departments": [{"name": "Magazijn"}]}],
        "functions": [{"name": "Kok", "learning_activities": ["Snijden"]}],
    }
    file = acme.file(as_yaml(document), "organisatie.yaml")
    applied = acme.cli("org", "apply", file, "--json").json()
    assert set(applied) == {"academy", "revision", "changed"}
    shown = acme.cli("org", "show", "--json").json()
    assert shown["revision"] == applied["revision"]
    assert shown["academy"]["name"] == "Demo"
    assert {company["name"] for company in shown["companies"]} == {"Acme BV", "Bakkerij Zoë", "Nieuw BV"}
    assert "Kok" in {function["name"] for function in shown["functions"]}
    again = acme.cli("org", "apply", file, "--json").json()
    assert (again["changed"], again["revision"]) == (False, applied["revision"])


def test_names_that_are_given_twice_are_refused_at_definition(acme: Academy) -> None:
    twice = {"companies": [{"name": "Dubbel"}, {"name": "dubbel"}]}
    ran = acme.cli("org", "apply", acme.file(as_yaml(twice), "dubbel.yaml"), "--json")
    assert (ran.code, ran.json()["error"]["code"]) == (1, "refused")
    assert "Dubbel" not in acme.cli("org", "show").out


def test_a_department_of_another_company_says_where_it_is(acme: Academy) -> None:
    document = acme.take_in(acme.person(department="Winkel"))
    (error,) = document["results"][0]["errors"]
    assert error["code"] == "department_not_in_company"
    assert "Bakkerij Zoë" in error["message"]
    assert acme.take_in(acme.person(company="bz", department="Winkel"), fields=tuple(books.HEADERS))["created"] == 1
