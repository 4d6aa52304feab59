"""The exit codes of the command line: 0 done, 1 refused, 2 wrong use, 3 the platform cannot be reached."""

import json
from pathlib import Path

import pytest
from outside import books
from outside.academy import Academy, as_yaml

from instroom.testing import Platform, Ran


def error(ran: Ran) -> tuple[int, str]:
    """(exit code, code of the one error document on standard output)."""
    document = ran.json()
    assert set(document) == {"error"}
    assert set(document["error"]) == {"code", "message"}
    assert document["error"]["message"]
    return ran.code, document["error"]["code"]


def test_0_is_done_and_1_is_refused_wholly_or_in_part(acme: Academy) -> None:
    good, bad = books.workbook([acme.person(1001)]), books.workbook([acme.person(1002), acme.person(1003, email="x")])
    acme.import_file(good, "--check-only", code=0)
    acme.import_file(bad, "--check-only", code=1)
    acme.import_file(good, "--yes", code=0)
    acme.import_file(bad, code=1)
    acme.import_file(b"", code=1)


def test_an_unknown_import_is_refused_as_not_found(acme: Academy) -> None:
    for word in ("start", "report"):
        for id_ in ("00000000-0000-0000-0000-000000000000", ".", "..", "", "a/b", "\x01"):
            assert error(acme.cli("import", word, id_, "--json")) == (1, "not_found")


def test_numbers_of_dots_and_slashes_are_managed_like_any_other(acme: Academy) -> None:
    for position, number in enumerate((".", "..", "a/b", "../activate")):
        acme.add(number, email=acme.address(position))
        for words in (["update", number, "--no-active"], ["activate", number], ["invite", number], ["delete", number]):
            assert acme.cli("user", *words).code == 0, words
        user = acme.cli("user", "show", number, "--json").json()
        assert (user["personnel_number"], user["deleted"]) == (number, True)
    for number in ("", "\x01", "7" * 400):
        assert error(acme.cli("user", "show", number, "--json")) == (1, "not_found")


def test_an_unknown_academy_is_wrong_use_everywhere(acme: Academy) -> None:
    file = acme.file(books.workbook([acme.person()]))
    commands: list[list[str | Path]] = [
        ["import", file],
        ["import", "list"],
        ["user", "list"],
        ["user", "show", "1001"],
        ["org", "show"],
        ["events", "tail", "--no-follow"],
    ]
    for words in commands:
        assert error(acme.platform.run(*words, "--academy", "nobody-has-this", "--json")) == (2, "unknown_academy")
    path = acme.folder / "x.xlsx"
    ran = acme.platform.run("template", "--academy", "nobody-has-this", "--lang", "nl", "-o", path)
    assert (ran.code, path.exists()) == (2, False)


@pytest.mark.parametrize(
    "words",
    [
        ["import", "weg.xlsx", "--json"],
        ["import", "--json"],
        ["import", "x.xlsx", "--no-such-flag", "--json"],
        ["user", "add", "--json"],
        ["user", "add", "--personnel-number", "1", "--json"],
        ["events", "tail", "--topic", "no.such.topic", "--no-follow", "--json"],
        ["no-such-command", "--json"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_2_and_one_json_document(acme: Academy, words: list[str]) -> None:
    code, _ = error(acme.cli(*words))
    assert code == 2


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        (b"companies: [", ""),
        (b"academy: {id: somebody-else, name: X}", "somebody-else"),
        (b"companies: [{naam: Acme}]", "naam"),
        (b"companies:\n- name: 12\n", "2"),
        (b"", ""),
    ],
)
def test_a_bad_organisation_file_is_wrong_use(acme: Academy, yaml: bytes, says: str) -> None:
    ran = acme.cli("org", "apply", acme.file(yaml, "organisatie.yaml"), "--json")
    code, _ = error(ran)
    assert code == 2
    assert says in ran.json()["error"]["message"]


def test_an_academy_id_that_cannot_be_one_is_wrong_use(acme: Academy) -> None:
    file = acme.file(as_yaml({"companies": [{"name": "Acme"}]}), "organisatie.yaml")
    for id_ in ("Hoofd", "a--b", "-a", "a" * 41, "a/b"):
        assert acme.platform.run("org", "apply", file, "--academy", id_, "--json").code == 2, id_


def test_3_where_no_platform_is(platform: Platform, tmp_path: Path) -> None:
    nowhere = {"INSTROOM_HOME": str(tmp_path / "nowhere")}
    assert error(platform.run("user", "list", "--academy", "a", "--json", environment=nowhere)) == (3, "no_platform")
    assert platform.run("status", environment=nowhere).code == 3


def test_3_where_the_platform_is_down(platform: Platform, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    closed = "127.0.0.1:9"
    services = {f"{short}-service": f"http://{closed}" for short in ("org", "user", "import", "notify")}
    addresses = {"kafka": closed, "database": "", "smtp": closed, "services": services}
    (home / "platform.json").write_text(json.dumps({"addresses": addresses}), "utf-8")
    down = {"INSTROOM_HOME": str(home)}
    for words in (["user", "list", "--academy", "a"], ["events", "tail", "--no-follow"], ["dlq", "list"]):
        assert error(platform.run(*words, "--json", environment=down))[0] == 3


@pytest.mark.parametrize("word", ["start", "report", "list"])
def test_a_file_with_a_reserved_name_is_written_with_its_folder(acme: Academy, word: str) -> None:
    acme.file(books.workbook([acme.person()]), word)
    ran = acme.cli("import", acme.folder / word, "--json")
    assert (ran.code, ran.json()["created"]) == (0, 1)


def test_flags_may_stand_anywhere(acme: Academy) -> None:
    assert acme.platform.run("import", "--json", "--academy", acme.id, "list").json() == {"imports": []}


def test_status_shows_each_process_and_all_addresses(platform: Platform) -> None:
    document = platform.status()
    assert {process["name"] for process in document["processes"]} == {
        *("postgres", "kafka", "mail", "org-service", "user-service", "import-service", "notify-service"),
        "web-console",
    }
    assert all(process["ready"] and process["pid"] and process["ports"] for process in document["processes"])
    assert {"broker", "database", "mail"} <= set(document["addresses"])
