"""What the documented documents must look like (`docs/cli.md`)."""

from typing import Any, Final

COUNTS: Final = ("created", "updated", "unchanged", "rejected", "not_attempted")
DOCUMENT: Final = {
    *("import_id", "academy", "state", "rows", *COUNTS, "invited", "waiting", "already_invited"),
    *("errors", "warnings", "results"),
}
RESULT: Final = {
    *("row", "personnel_number", "name", "outcome", "restored", "drifted", "planned"),
    *("invitation", "invitation_expires_at", "changes", "errors", "warnings"),
}
ERROR: Final = {"code", "column", "header", "cell", "value", "message", "suggestion"}
INVITATIONS: Final = {"none", "queued", "waiting", "already_invited", "already_accepted"}
STATES: Final = {"checking", "checked", "running", "completed", "refused", "cancelled", "failed"}


def documented(document: dict[str, Any]) -> dict[str, Any]:
    """The document again: it has the documented keys and no others, its counts add up, its rows are in order."""
    assert set(document) == DOCUMENT
    assert document["state"] in STATES
    assert sum(document[name] for name in COUNTS) == document["rows"]
    results = document["results"]
    assert len(results) == document["rows"]
    assert [result["row"] for result in results] == sorted(result["row"] for result in results)
    for name in COUNTS:
        assert sum(result["outcome"] == name for result in results) == document[name]
    assert sum(result["invitation"] == "queued" for result in results) == document["invited"]
    assert sum(result["invitation"] == "waiting" for result in results) == document["waiting"]
    already = [result for result in results if result["invitation"] == "already_invited"]
    assert len(already) == document["already_invited"]
    assert all(result["invitation_expires_at"] for result in already)
    for result in results:
        assert set(result) == RESULT
        assert result["invitation"] in INVITATIONS
        assert bool(result["errors"]) == (result["outcome"] == "rejected")
        assert all(isinstance(change, list) and len(change) == 2 for change in result["changes"].values())
        for error in result["errors"]:
            assert set(error) == ERROR
            assert error["message"]
            assert error["cell"] is None or error["cell"].endswith(str(result["row"]))
    for error in document["errors"]:
        assert set(error) == {"code", "message", "columns"}
    for warning in document["warnings"]:
        assert set(warning) == {"code", "column", "message"}
    return document


def by_number(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The results by personnel number."""
    return {result["personnel_number"]: result for result in document["results"]}


def outcomes(document: dict[str, Any]) -> list[tuple[int, str]]:
    """(row, outcome) in file order."""
    return [(result["row"], result["outcome"]) for result in document["results"]]


def codes(document: dict[str, Any]) -> dict[int, list[str]]:
    """The codes of the rejected rows by row."""
    return {
        result["row"]: [error["code"] for error in result["errors"]]
        for result in document["results"]
        if result["outcome"] == "rejected"
    }


def places(document: dict[str, Any]) -> list[tuple[int, str, str | None]]:
    """(row, code, cell) of every error, in file order."""
    return [
        (result["row"], error["code"], error["cell"]) for result in document["results"] for error in result["errors"]
    ]
