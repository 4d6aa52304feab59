"""Importing in the browser: the article's steps, over an import-service that the tests play."""

import re
from typing import Any

import httpx
import pytest

from web_console.pages import imports
from web_console.testing import CSRF, ORIGIN, Played

ID = "01990000-0000-7000-8000-000000000001"
AT = f"/academies/demo/imports/{ID}"
PAGE = f"/demo/imports/{ID}"
HEADERS = {"Origin": ORIGIN}


def summary(state: str, **more: Any) -> dict[str, Any]:
    counts = dict.fromkeys(("rows", "created", "updated", "unchanged", "rejected", "not_attempted"), 0)
    rest = {"invited": 0, "waiting": 0, "already_invited": 0, "done": 0, "errors": [], "warnings": []}
    fixed = {"import_id": ID, "academy": "demo", "state": state, "filename": "mensen.xlsx", "plan": None}
    return fixed | counts | rest | {"created_at": "2026-11-25T12:00:00+00:00", "stalled": None, "reading": False} | more


def result(row: int, outcome: str, **more: Any) -> dict[str, Any]:
    fixed = {"row": row, "personnel_number": str(row), "name": f"Jan {row}", "outcome": outcome, "planned": outcome}
    rest = {"restored": False, "drifted": False, "invitation": "none", "invitation_expires_at": None}
    return fixed | rest | {"changes": {}, "errors": [], "warnings": []} | more


def error(cell: str | None, message: str, **more: Any) -> dict[str, Any]:
    fixed = {"code": "required", "column": "email", "header": "Emailadres", "cell": cell, "value": None}
    return fixed | {"message": message, "suggestion": None} | more


def served(
    state: str, results: list[dict[str, Any]] | None = None, following: int | None = None, **more: Any
) -> Played:
    played = Played()
    played.answers[f"GET import {AT}"] = (200, summary(state, **more))
    played.answers[f"GET import {AT}/results"] = (200, {"results": results or [], "next": following})
    return played


async def get(played: Played, path: str) -> httpx.Response:
    async with played.browser(logged_in=True) as browser:
        return await browser.get(path)


def text(response: httpx.Response) -> str:
    """What a reader sees, in one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", response.text.partition("<main")[2]).split())


async def test_the_first_step_offers_the_action_and_says_which_step_it_is() -> None:
    response = await get(Played(), "/demo/imports/new")
    assert response.status_code == 200
    assert "Nieuwe &amp; geüpdate gebruikers uploaden" in response.text
    assert "Volgende" in response.text
    assert re.search(r'<li aria-current="step"><strong>Kies de actie', response.text)
    assert "Stap 1 van 6: Kies de actie" in text(response)


async def test_the_second_step_has_the_template_in_a_chosen_language_and_takes_the_file() -> None:
    response = await get(Played(), "/demo/imports/new?action=people")
    assert "Template downloaden" in response.text
    assert re.search(r'<option value="nl" lang="nl" selected>', response.text)
    assert 'enctype="multipart/form-data"' in response.text
    assert "hoogstens 50 MB" in text(response)


async def test_without_an_organisation_it_says_what_to_do_first_and_an_upload_waits_for_the_one_that_was_seen() -> None:
    played = Played()
    removed = {"name": "Oud", "removed": False, "departments": [{"name": "Weg", "removed": True}]}
    played.answers["GET org /academies/demo/structure"] = (200, {"companies": [removed], "revision": 1})
    empty = await get(played, "/demo/imports/new?action=people")
    assert "Richt eerst je organisatiestructuur in" in text(empty)
    company = {"name": "Acme", "departments": [{"name": "Verkoop"}]}
    played.answers["GET org /academies/demo/structure"] = (200, {"companies": [company], "revision": 7})
    ready = await get(played, "/demo/imports/new?action=people")
    assert "Richt eerst" not in text(ready)
    assert '<input type="hidden" name="revision" value="7">' in ready.text
    played.answers["POST import /academies/demo/imports"] = (202, {"import_id": ID})
    async with played.browser(logged_in=True) as browser:
        data, files = {"csrf": CSRF, "revision": "7"}, {"file": ("a.csv", b"x")}
        await browser.post("/demo/imports/new", data=data, files=files, headers=HEADERS)
    assert played.asked[-1].url.params["min_org_revision"] == "7"


async def test_the_template_comes_from_import_service_in_the_asked_language() -> None:
    played = Played()
    played.answers["GET import /academies/demo/template.xlsx"] = httpx.Response(200, content=b"PK workbook")
    response = await get(played, "/demo/imports/template.xlsx?language=de")
    assert (response.content, response.headers["content-disposition"]) == (
        b"PK workbook",
        'attachment; filename="demo-de.xlsx"',
    )
    assert played.asked[-1].url.params["language"] == "de"
    assert (await get(played, "/demo/imports/template.xlsx?language=xx")).status_code == 404


async def test_an_uploaded_file_goes_on_to_import_service_as_it_is() -> None:
    played = Played()
    played.answers["POST import /academies/demo/imports"] = (202, {"import_id": ID, "location": AT})
    async with played.browser(logged_in=True) as browser:
        response = await browser.post(
            "/demo/imports/new", data={"csrf": CSRF}, files={"file": ("é.csv", b"a;b\n1;2")}, headers=HEADERS
        )
    assert (response.status_code, response.headers["location"]) == (303, PAGE)
    assert (played.asked[-1].content, played.asked[-1].url.params["filename"]) == (b"a;b\n1;2", "é.csv")


async def test_an_upload_without_the_form_token_or_from_elsewhere_is_refused() -> None:
    played = Played()
    for data, headers in (({}, HEADERS), ({"csrf": CSRF}, {"Origin": "http://evil.test"})):
        async with played.browser(logged_in=True) as browser:
            response = await browser.post(
                "/demo/imports/new", data=data, files={"file": ("a.csv", b"x")}, headers=headers
            )
        assert response.status_code == 403
    assert not [request for request in played.asked if request.url.host == "import"]


async def test_no_file_and_a_file_that_is_too_large_tell_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played()
    async with played.browser(logged_in=True) as browser:
        nothing = await browser.post(
            "/demo/imports/new", data={"csrf": CSRF}, files={"file": ("", b"")}, headers=HEADERS
        )
        assert nothing.status_code == 422
        assert "Kies het bestand" in text(nothing)
        monkeypatch.setattr(imports, "LARGEST_FORM", 100)
        large = await browser.post(
            "/demo/imports/new", data={"csrf": CSRF}, files={"file": ("a.csv", b"x" * 200)}, headers=HEADERS
        )
        assert large.status_code == 303
        told = await browser.get(large.headers["location"])
    assert "groter dan 50 MB" in text(told)
    assert not [request for request in played.asked if request.url.host == "import"]


async def test_a_refused_file_tells_its_reasons() -> None:
    message = "De kolom Emailadres ontbreekt."
    response = await get(served("refused", errors=[{"code": "missing_columns", "message": message}]), PAGE)
    assert "mensen.xlsx kan niet worden geïmporteerd" in text(response)
    assert message in text(response)


async def test_the_check_shows_counts_that_are_looked_at_again_each_second() -> None:
    played = served("checking", rows=200, created=40, rejected=7, not_attempted=153, done=47)
    response = await get(played, PAGE)
    assert "47 van 200 regels" in text(response)
    assert 'data-hx-trigger="every 1s"' in response.text
    assert re.search(
        r'id="aloud" role="status" aria-live="polite">\s*Het bestand wordt gecontroleerd: 20', response.text
    )


async def test_a_file_that_is_being_read_shows_what_is_checked_of_what_is_read_and_no_per_cent() -> None:
    played = served("checking", reading=True, rows=4000, created=40, not_attempted=3960, done=40)
    response = await get(played, PAGE)
    assert "40 van de 4000 regels die tot nu toe gelezen zijn" in text(response)
    assert re.search(r'aria-live="polite">\s*Het bestand wordt gelezen', response.text)
    assert re.search(r'<progress aria-label="Voortgang" max="100">', response.text)


async def test_the_live_counts_say_aloud_each_ten_per_cent_once_and_reload_when_the_state_is_another() -> None:
    played = served("running", rows=200, created=47, not_attempted=153, done=47)
    quiet = await get(played, f"{PAGE}/live?state=running&said=20")
    assert "47 van 200" in quiet.text
    assert "data-hx-swap-oob" not in quiet.text
    aloud = await get(played, f"{PAGE}/live?state=running&said=10")
    assert 'id="aloud" data-hx-swap-oob' in aloud.text
    other = await get(played, f"{PAGE}/live?state=checking&said=10")
    assert (other.headers["hx-refresh"], other.text) == ("true", "")


async def test_the_last_check_names_who_cannot_be_imported_with_each_cell_and_rows_without_a_person() -> None:
    results = [
        result(3, "rejected", name="Piet Puk", errors=[error("E3", "Het e-mailadres klopt niet.", value="piet@")]),
        result(
            9, "rejected", personnel_number=None, name=None, errors=[error("A9", "Het personeelsnummer ontbreekt.")]
        ),
    ]
    played = served(
        "checked", results, rows=5, created=2, updated=1, rejected=2, invited=1, waiting=2, already_invited=1
    )
    response = await get(played, PAGE)
    assert played.asked[-1].url.params["outcome"] == "rejected"
    seen = text(response)
    assert "Nieuw 2 + Bijgewerkt 1 + Ongewijzigd 0 + Niet geïmporteerd 2 = Regels in het bestand 5" in seen
    assert "2 uitnodigingen wachten tot de gebruikers actief zijn" in seen
    assert "3 3 Piet Puk Niet geïmporteerd E3 (Emailadres): Het e-mailadres klopt niet. piet@" in seen
    assert "Regels zonder persoon Regel Uitkomst Bijzonderheden 9 Niet geïmporteerd A9" in seen
    assert '<button type="submit">Start import</button>' in response.text


async def test_what_changes_is_shown_field_by_field() -> None:
    changes = {"department": ["Verkoop", "Inkoop"], "active": [False, True], "functions": [[], ["A", "B"]]}
    response = await get(served("checked", [result(2, "updated", changes=changes)], rows=1, updated=1), PAGE)
    seen = text(response)
    assert "Afdeling: Verkoop → Inkoop" in seen
    assert "Actief: nee → ja" in seen
    assert "Functie(s): (leeg) → A; B" in seen


async def test_without_a_good_row_the_start_is_off_and_says_why() -> None:
    response = await get(served("checked", [result(2, "rejected")], rows=1, rejected=1), PAGE)
    assert '<button type="submit" disabled aria-describedby="why-not">Start import</button>' in response.text
    assert "De import kan niet starten" in text(response)


async def test_starting_asks_import_service_and_goes_to_the_progress() -> None:
    played = Played()
    played.answers[f"POST import {AT}/start"] = (202, {"import_id": ID, "state": "running"})
    async with played.browser(logged_in=True) as browser:
        response = await browser.post(f"{PAGE}/start", data={"csrf": CSRF}, headers=HEADERS)
        assert (response.status_code, response.headers["location"]) == (303, PAGE)
        played.answers[f"POST import {AT}/start"] = (410, {"code": "too_old", "detail": "old"})
        late = await browser.post(f"{PAGE}/start", data={"csrf": CSRF}, headers=HEADERS)
        assert late.status_code == 303
        assert "instroom-flash" in late.headers["set-cookie"]


async def test_the_report_filters_by_outcome_goes_on_after_a_row_and_can_be_downloaded() -> None:
    drifted = result(4, "unchanged", drifted=True, planned="updated")
    played = served("completed", [drifted], following=4, rows=100, unchanged=100, done=100)
    response = await get(played, f"{PAGE}?show=drifted&after=2")
    assert dict(played.asked[-1].url.params) == {"outcome": "drifted", "after": "2", "limit": "50"}
    assert "anders dan gepland (gepland: bijgewerkt)" in text(response)
    assert f'href="{PAGE}?show=drifted&amp;after=4" rel="next"' in response.text
    assert f'href="{PAGE}/report.xlsx"' in response.text
    for kind in ("all", "created", "updated", "unchanged", "rejected", "waiting", "drifted"):
        assert f'href="?show={kind}"' in response.text
    played.answers[f"GET import {AT}/report.xlsx"] = httpx.Response(200, content=b"PK report")
    assert (await get(played, f"{PAGE}/report.xlsx")).content == b"PK report"


async def test_the_history_shows_imports_and_where_they_stand_or_what_to_do_first() -> None:
    played = Played()
    played.answers["GET import /academies/demo/imports"] = (200, {"imports": [summary("checked")], "next": ID})
    response = await get(played, "/demo/imports")
    assert "mensen.xlsx 25 nov" in text(response)
    assert "gecontroleerd, niet gestart" in text(response)
    assert f'href="?after={ID}"' in response.text
    played.answers["GET import /academies/demo/imports"] = (200, {"imports": [], "next": None})
    assert "Er is nog niets geïmporteerd" in text(await get(played, "/demo/imports"))


async def test_nothing_of_a_file_becomes_markup() -> None:
    evil = "<script>alert(1)</script>"
    results = [
        result(2, "rejected", name=evil, personnel_number=evil, errors=[error(evil, evil, value=evil, header=evil)]),
        result(3, "updated", changes={evil: [evil, evil], "email": [evil, evil]}, warnings=[{"message": evil}]),
    ]
    for state in ("checking", "checked", "running", "completed", "refused"):
        more = {"errors": [{"message": evil}], "warnings": [{"message": evil}], "stalled": {"message": evil}}
        response = await get(served(state, results, rows=2, rejected=1, filename=evil, **more), PAGE)
        assert response.status_code == 200
        assert "<script>alert" not in response.text


@pytest.mark.parametrize("role", ["manager", "member"])
async def test_importing_is_for_administrators(role: str) -> None:
    played = Played(role)
    async with played.browser(logged_in=True) as browser:
        for path in ("", "/new", "/template.xlsx", f"/{ID}", f"/{ID}/live", f"/{ID}/report.xlsx"):
            assert (await browser.get(f"/demo/imports{path}")).status_code == 403, path
        for path in ("/new", f"/{ID}/start"):
            response = await browser.post(f"/demo/imports{path}", data={"csrf": CSRF}, headers=HEADERS)
            assert response.status_code == 403, path
    assert not [request for request in played.asked if request.url.host == "import"]


async def test_an_import_that_is_not_there_is_a_page_that_does_not_exist() -> None:
    assert (await get(Played(), PAGE)).status_code == 404
