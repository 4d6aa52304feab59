"""From check to report: what was planned happens, and what was rejected can be corrected and sent again."""

import io

import openpyxl
from outside import books
from outside.academy import Academy
from outside.documents import by_number, codes, documented, outcomes


def test_a_second_import_is_unchanged_and_one_changed_cell_is_one_update(acme: Academy) -> None:
    people = [acme.person(number, invite="x", active="x") for number in range(1001, 1006)]
    first = acme.take_in(*people)
    assert (first["created"], first["invited"]) == (5, 5)
    for number in range(1001, 1006):
        acme.mail(number)
    second = acme.take_in(*people)
    assert (second["unchanged"], second["invited"], second["updated"]) == (5, 0, 0)
    assert {r["invitation"] for r in second["results"]} == {"already_invited"}
    people[2]["last_name"] = "Vriesema"
    third = acme.take_in(*people)
    assert (third["unchanged"], third["updated"]) == (4, 1)
    assert by_number(third)["1003"]["changes"] == {"last_name": ["Vries", "Vriesema"]}
    assert len(acme.mails()) == 5


def test_the_plan_is_the_outcome(acme: Academy) -> None:
    acme.take_in(acme.person(1001), acme.person(1002))
    people = [
        acme.person(1001),
        acme.person(1002, cost_centre="KP2"),
        acme.person(1003, invite="x", active="x"),
        acme.person(1004, department="Winkel"),
        acme.person(1005, invite="x"),
    ]
    checked = documented(acme.check(books.workbook(people)))
    done = documented(acme.start(checked["import_id"]))
    assert [r["outcome"] for r in checked["results"]] == ["unchanged", "updated", "created", "rejected", "created"]
    same = ("row", "outcome", "changes", "invitation", "errors", "name", "restored")
    for planned, became in zip(checked["results"], done["results"], strict=True):
        assert {name: became[name] for name in same} == {name: planned[name] for name in same}
        assert not became["drifted"]


def test_an_import_that_was_checked_only_can_be_started_later_and_twice(acme: Academy) -> None:
    checked = acme.import_file(books.workbook([acme.person()]), "--check-only")
    assert checked["state"] == "checked"
    for _ in range(2):
        ran = acme.cli("import", "start", checked["import_id"], "--json")
        assert ran.code == 0, ran.err
        assert (documented(ran.json())["state"], ran.json()["created"]) == ("completed", 1)
    assert acme.show()["version"] == 1


def test_an_import_started_when_somebody_changed_meanwhile_says_that_it_drifted(acme: Academy) -> None:
    acme.take_in(acme.person(1001))
    checked = acme.check(books.workbook([acme.person(1001, cost_centre="KP1"), acme.person(1002)]))
    assert acme.update(1001, cost_centre="KP1")["code"] == "updated"
    done = documented(acme.start(checked["import_id"]))
    first = by_number(done)["1001"]
    assert (first["planned"], first["outcome"], first["drifted"]) == ("updated", "unchanged", True)
    assert by_number(done)["1002"]["drifted"] is False


def test_the_rejected_rows_of_a_report_can_be_corrected_and_uploaded_again(acme: Academy) -> None:
    people = [acme.person(1001), acme.person("0002", email="fout", cost_centre="007"), acme.person(1003)]
    document = acme.import_file(books.workbook(people), code=1)
    report = acme.folder / "rapport.xlsx"
    ran = acme.cli("import", "report", document["import_id"], "-o", report, "--json")
    assert (ran.code, documented(ran.json())) == (1, document)

    book = openpyxl.load_workbook(report)
    sheet = book["Gebruikers"]
    assert sheet.max_row == 2
    header = [str(cell.value).strip(" *") for cell in sheet[1]]
    sheet.cell(2, header.index("Emailadres") + 1).value = acme.address("0002")
    corrected = io.BytesIO()
    book.save(corrected)
    again = documented(acme.import_file(corrected.getvalue(), name="verbeterd.xlsx"))
    assert (again["rows"], again["created"]) == (1, 1)
    assert acme.show("0002")["cost_centre"] == "007"


def test_imports_are_listed_newest_first(acme: Academy) -> None:
    first = acme.check(books.workbook([acme.person(1001)]), "een.xlsx")["import_id"]
    second = acme.take_in(acme.person(1002))["import_id"]
    listed = acme.cli("import", "list", "--json").json()["imports"]
    assert [(each["import_id"], each["state"]) for each in listed] == [(second, "completed"), (first, "checked")]
    lines = acme.cli("import", "list").out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [second, first]


def test_a_template_can_be_downloaded_filled_in_and_uploaded(acme: Academy) -> None:
    path = acme.folder / "sjabloon.xlsx"
    assert acme.cli("template", "--lang", "nl", "-o", path).code == 0
    book = openpyxl.load_workbook(path)
    sheet = book["Gebruikers"]
    header = [str(cell.value).strip(" *") for cell in sheet[1]]
    assert header == list(books.DUTCH)
    person = acme.person("0042", cost_centre="0007", invite="x", active="x", language="Engels")
    for column, field in enumerate(books.HEADERS, 1):
        sheet.cell(2, column).value = person.get(field) or None
    book.save(path)
    document = documented(acme.import_file(path.read_bytes(), name="sjabloon-gevuld.xlsx"))
    assert (outcomes(document), document["warnings"]) == ([(2, "created")], [])
    user = acme.show("0042")
    assert (user["cost_centre"], user["language"], user["active"]) == ("0007", "en", True)


def test_a_template_of_an_older_organisation_is_taken_with_a_warning(acme: Academy) -> None:
    path = acme.folder / "oud.xlsx"
    assert acme.cli("template", "--lang", "en", "-o", path).code == 0
    acme.apply(companies=[{"name": "Nieuw BV", "departments": [{"name": "Verkoop"}]}])
    book = openpyxl.load_workbook(path)
    person = acme.person(company="Nieuw BV")
    for column, field in enumerate(books.HEADERS, 1):
        book["Users"].cell(2, column).value = person.get(field) or None
    book.save(path)
    document = documented(acme.import_file(path.read_bytes()))
    assert (document["created"], [w["code"] for w in document["warnings"]]) == (1, ["old_template"])


def test_a_person_at_the_command_line_reads_check_and_report_in_their_language(acme: Academy) -> None:
    data = books.workbook([acme.person(1001), acme.person(1002, email="fout")])
    dutch = acme.cli("import", acme.file(data))
    assert dutch.code == 1
    assert "1 nieuw" in dutch.out
    assert "E3" in dutch.out
    english = acme.cli("import", acme.file(data), language="en")
    assert "1 unchanged" in english.out
    assert dutch.out != english.out


def test_an_address_that_another_row_frees_is_refused_and_names_that_row(acme: Academy) -> None:
    acme.take_in(acme.person(1001))
    people = [acme.person(1001, email=acme.address("nieuw")), acme.person(1002, email=acme.address(1001))]
    document = acme.take_in(*people)
    assert codes(document) == {3: ["personnel_number_conflict"]}
    assert "regel 2" in document["results"][1]["errors"][0]["message"]
    assert acme.take_in(*people)["created"] == 1
