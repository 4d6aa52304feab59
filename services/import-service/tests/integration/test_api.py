import io
from typing import Any

import openpyxl
import pytest

from chassis.testing import bearer
from contracts.access import Role
from import_service import intake, store, use_cases


async def test_an_unknown_academy_and_an_unknown_import_are_told_apart(world: Any, tools: Any) -> None:
    http = world.one.http
    for path in ("/academies/nowhere/imports", "/academies/nowhere/template.xlsx"):
        response = await http.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "unknown_academy")
    response = await http.post("/academies/nowhere/imports", params={"filename": "x.csv"}, content=b"x")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_academy")
    for import_id in ("01990000-0000-7000-8000-000000000001", "no-id"):
        for rest in ("", "/document", "/report.xlsx"):
            response = await http.get(f"/academies/{world.academy}/imports/{import_id}{rest}")
            assert (response.status_code, response.json()["code"]) == (404, "not_found")
        response = await http.post(f"/academies/{world.academy}/imports/{import_id}/start")
        assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_an_import_of_one_academy_is_not_seen_by_another(world: Any, tools: Any) -> None:
    world.know("neighbour")
    import_id = await world.checked(tools.csv(1))
    http = world.one.http
    for method, rest in (("GET", ""), ("GET", "/document"), ("GET", "/report.xlsx"), ("POST", "/start")):
        response = await http.request(method, f"/academies/neighbour/imports/{import_id}{rest}")
        assert response.status_code == 404
    assert (await http.get("/academies/neighbour/imports")).json()["imports"] == []


async def test_the_list_shows_the_newest_import_first(world: Any, tools: Any) -> None:
    first = await world.upload(tools.csv(1), "first.csv")
    second = await world.upload(tools.csv(1), "second.csv")
    response = await world.one.http.get(f"/academies/{world.academy}/imports")
    assert [i["import_id"] for i in response.json()["imports"]] == [second, first]
    assert "results" not in response.json()["imports"][0]


async def test_the_list_goes_on_where_a_page_ended(world: Any, tools: Any) -> None:
    made = [await world.upload(tools.csv(1), f"{number}.csv") for number in range(3)]
    path, seen, after = f"/academies/{world.academy}/imports", [], {}
    for _ in range(2):
        page = (await world.one.http.get(path, params={"limit": 2, **after})).json()
        seen += [i["import_id"] for i in page["imports"]]
        after = {"after": page["next"]}
    assert (seen, after) == (made[::-1], {"after": None})
    assert (await world.one.http.get(path, params={"after": "no id"})).status_code == 422


async def test_whoever_waits_is_told_of_the_next_state_and_no_later_than_asked(world: Any, tools: Any) -> None:
    import_id = await world.upload(tools.csv(1))
    assert (await world.get(import_id, wait=0.1, after_state="checking"))["state"] == "checking"
    await world.read()
    await world.through(import_id, tools.creates)
    assert (await world.get(import_id, wait=20, after_state="checking"))["state"] == "checked"


async def test_messages_come_in_the_language_that_is_asked_for_else_in_the_academys(world: Any, tools: Any) -> None:
    import_id = await world.upload(b"")
    await world.read()
    path = f"/academies/{world.academy}/imports/{import_id}/document"
    texts = {}
    for accept in ("nl-NL,nl;q=0.9", "en", "de", ""):
        headers = {"Accept-Language": accept} if accept else {}
        texts[accept] = (await world.one.http.get(path, headers=headers)).json()["errors"][0]["message"]
    assert texts["nl-NL,nl;q=0.9"] == texts["de"] == texts[""]
    assert texts["en"] != texts[""]


async def test_a_large_document_comes_in_pieces_and_in_file_order(world: Any, tools: Any) -> None:
    import_id = await world.checked(tools.csv(1234))
    document = await world.document(import_id)
    assert [r["row"] for r in document["results"]] == list(range(2, 1236))


async def test_a_document_has_no_results_that_are_not_counted_yet(
    world: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "COPY_ROWS", 1_000)
    add_rows = store.add_rows
    seen: list[Any] = []

    async def look_and_add(*args: Any) -> None:
        seen.append(await store.import_record(world.pool, world.academy, import_id))
        await add_rows(*args)

    monkeypatch.setattr(store, "add_rows", look_and_add)
    import_id = await world.upload(tools.csv(1_500))
    await world.read()
    counted = []
    for record in seen:
        results = [len(told) async for told in use_cases.results(world.pool, record, "en")]
        page = await use_cases.page(world.pool, record, "en", None, 990, 20)
        counted.append((record["rows"], sum(results), len(page)))
    assert counted == [(0, 0, 0), (1_000, 1_000, 11)]
    assert len((await world.document(import_id))["results"]) == 1_500


async def test_the_report_is_a_workbook_whose_rejected_rows_can_be_corrected(world: Any, tools: Any) -> None:
    import_id = await world.checked(tools.csv(2, "9;Piet;Puk;geen-adres;Acme;Verkoop;x;x"))
    response = await world.one.http.get(f"/academies/{world.academy}/imports/{import_id}/report.xlsx")
    assert response.status_code == 200
    workbook = openpyxl.load_workbook(io.BytesIO(response.content))
    cells = [str(cell) for sheet in workbook for row in sheet.iter_rows(values_only=True) for cell in row if cell]
    assert {"Piet", "Puk", "geen-adres"} <= set(cells)


async def test_the_template_is_a_workbook_that_can_be_read_back(world: Any, tools: Any) -> None:
    response = await world.one.http.get(f"/academies/{world.academy}/template.xlsx", params={"language": "nl"})
    assert response.status_code == 200
    workbook = openpyxl.load_workbook(io.BytesIO(response.content))
    assert workbook["Gebruikers"]["A1"].value.startswith("Personeelsnummer")


async def test_a_workbook_made_from_an_older_template_is_warned_about(world: Any, tools: Any) -> None:
    response = await world.one.http.get(f"/academies/{world.academy}/template.xlsx")
    workbook = openpyxl.load_workbook(io.BytesIO(response.content))
    workbook["Gebruikers"].append(["1", "Jan", None, "Jansen", "jan@acme.example", "Acme", "Verkoop"])
    buffer = io.BytesIO()
    workbook.save(buffer)
    current = await world.checked(buffer.getvalue(), filename="template.xlsx")
    world.know(world.academy, revision=4)
    old = await world.checked(buffer.getvalue(), filename="template.xlsx")
    assert [w["code"] for w in (await world.get(current))["warnings"]] == []
    assert [w["code"] for w in (await world.get(old))["warnings"]] == ["old_template"]


async def test_a_revision_that_no_organisation_can_have_is_refused(world: Any, tools: Any) -> None:
    for method, path in (("POST", "imports?filename=a.csv"), ("GET", "template.xlsx?language=nl")):
        url = f"/academies/{world.academy}/{path}&min_org_revision={2**64}"
        assert (await world.one.http.request(method, url)).status_code == 422


async def test_only_an_administrator_of_the_academy_is_answered(world: Any, tools: Any) -> None:
    import_id = await world.checked(tools.csv(1))
    base, http = f"/academies/{world.academy}", world.one.http
    routes = [("GET", "/imports"), ("POST", "/imports?filename=a.csv"), ("GET", "/template.xlsx")]
    routes += [("GET", f"/imports/{import_id}{end}") for end in ("", "/document", "/results", "/report.xlsx")]
    routes += [("POST", f"/imports/{import_id}/start")]
    for method, path in routes:
        for who in (
            bearer(Role.ADMINISTRATOR, "neighbour"),
            bearer(Role.MANAGER, world.academy),
            bearer(Role.MEMBER, world.academy),
        ):
            assert (await http.request(method, base + path, headers=who)).status_code == 403, path
        for who in ({"Authorization": "Bearer x"}, bearer(Role.ADMINISTRATOR, world.academy, seconds=-10)):
            assert (await http.request(method, base + path, headers=who)).status_code == 401, path
    administrator = bearer(Role.ADMINISTRATOR, world.academy)
    assert (await http.get(f"{base}/imports/{import_id}/results", headers=administrator)).status_code == 200
