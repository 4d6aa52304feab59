"""Imports through the product, over HTTP as the console does."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

LONGEST = 1800.0


@dataclass(frozen=True, slots=True)
class Checked:
    """An import whose plan is there."""

    import_id: str
    seconds: float
    """From the upload to the whole plan."""
    first_seconds: float
    """From the upload until the first verdicts could be seen."""
    document: dict[str, Any]


class Imports:
    """Of one academy."""

    def __init__(self, service: str, academy: str, http: httpx.Client) -> None:
        self._base = f"{service}/academies/{academy}/imports"
        self._http = http

    def check(self, file: Path) -> Checked:
        content, began = file.read_bytes(), time.perf_counter()
        answer = self._http.post(self._base, params={"filename": file.name}, content=content).raise_for_status()
        import_id = str(answer.json()["import_id"])
        while (document := self._get(import_id))["state"] == "checking" and not document["done"]:
            time.sleep(0.05)
        first = time.perf_counter() - began
        document = self._left(import_id, "checking")
        assert document["state"] == "checked", document
        return Checked(import_id, time.perf_counter() - began, first, document)

    def start(self, checked: Checked) -> float:
        """Carry it out; the seconds until it was completed."""
        began = time.perf_counter()
        self.begin(checked)
        document = self._left(checked.import_id, "running")
        seconds = time.perf_counter() - began
        assert document["state"] == "completed", document
        counted = sum(document[name] for name in ("created", "updated", "unchanged", "rejected"))
        assert counted == document["rows"] == checked.document["rows"], document
        return seconds

    def begin(self, checked: Checked) -> None:
        self._http.post(f"{self._base}/{checked.import_id}/start").raise_for_status()

    def state(self, checked: Checked) -> str:
        return str(self._get(checked.import_id)["state"])

    def document(self, checked: Checked) -> dict[str, Any]:
        return self._get(checked.import_id)

    def _left(self, import_id: str, state: str) -> dict[str, Any]:
        deadline = time.monotonic() + LONGEST
        while (document := self._get(import_id, wait=20, after_state=state))["state"] == state:
            assert time.monotonic() < deadline, document
        return document

    def _get(self, import_id: str, **params: Any) -> dict[str, Any]:
        document: dict[str, Any] = self._http.get(f"{self._base}/{import_id}", params=params).raise_for_status().json()
        return document
