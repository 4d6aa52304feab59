"""Organisatiestructuur: companies and departments, functions, languages, and the terms of use."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.events import org
from contracts.events.base import Message
from contracts.language_data import NAMES
from contracts.languages import language_name
from web_console.pages.structures import KINDS, Filled, Found, Kind, change, clash, definition, find, restoration
from web_console.services import Refused, segment
from web_console.visiting import Visitor, page, redirect, render

ROUTES: list[Route] = []

DEFINE_TERMS: Final = "instroom.org.define-terms.v1"

Problems = dict[str, list[str]]
"""What is wrong, by field; under the empty name what is wrong with the whole."""


@page("/{academy}/organisation")
async def tree(request: Request, visitor: Visitor) -> Response:
    return await _tree(visitor)


async def _tree(visitor: Visitor, problems: Problems | None = None, **filled: str) -> Response:
    structure = await _structure(visitor)
    enabled = structure["academy"]["languages"]
    return render(
        visitor,
        "organisation/tree.html",
        status=422 if problems else 200,
        structure=structure,
        removed=[{"kind": each.kind, "unit": each.unit, "company": each.company} for each in _removed(structure)],
        spoken=[{"code": code, "name": language_name(code, visitor.language)} for code in enabled],
        other_spoken=sorted(
            ({"code": code, "name": language_name(code, visitor.language)} for code in NAMES if code not in enabled),
            key=lambda each: each["name"].casefold(),
        ),
        problems=problems or {},
        filled=filled,
    )


@page("/{academy}/organisation/academy", methods=("GET", "POST"))
async def academy(request: Request, visitor: Visitor) -> Response:
    structure = await _structure(visitor)
    now = structure["academy"]
    filled = {"name": now["name"], "default_language": now["default_language"]}
    problems: Problems = {}
    if request.method == "POST":
        form = await request.form()
        filled = {name: str(form.get(name, "")) for name in filled}
        problems = await _give(visitor, org.DefineAcademy(**filled))
        if not problems:
            return _back(visitor, visitor.say("The academy is changed."))
    return render(
        visitor,
        "organisation/academy.html",
        status=422 if problems else 200,
        filled=filled,
        problems=problems,
        spoken=[{"code": code, "name": language_name(code, visitor.language)} for code in now["languages"]],
    )


@page("/{academy}/organisation/languages", methods=("POST",))
async def switch_language(request: Request, visitor: Visitor) -> Response:
    form = await request.form()
    language, on = str(form.get("language", "")), form.get("on") == "1"
    command = org.EnableLanguage(language=language) if on else org.DisableLanguage(language=language)
    if problems := await _give(visitor, command):
        return await _tree(visitor, problems, language=language)
    name = language_name(language, visitor.language)
    said = visitor.say("%(name)s is on.", name=name) if on else visitor.say("%(name)s is off.", name=name)
    return _back(visitor, said)


@page("/{academy}/organisation/languages/{code}/off")
async def language_off(request: Request, visitor: Visitor) -> Response:
    now = (await _structure(visitor))["academy"]
    code = request.path_params["code"]
    if code not in now["languages"] or code == now["default_language"]:
        return _missing(visitor)
    return render(
        visitor,
        "organisation/language_off.html",
        code=code,
        name=language_name(code, visitor.language),
        people=await _count(visitor, language=code),
    )


@page("/{academy}/organisation/{kind}/new", methods=("GET", "POST"))
async def new_unit(request: Request, visitor: Visitor) -> Response:
    kind = _kind(request)
    if kind is None:
        return _missing(visitor)
    structure = await _structure(visitor)
    form: Mapping[str, Any] = await request.form() if request.method == "POST" else request.query_params
    company_id = str(form.get("company", ""))
    company = find(structure, "company", company_id) if kind == "department" else None
    filled, problems = Filled("", activities=() if kind == "function" else None), Problems()
    if request.method == "POST":
        filled = _filled(form, kind)
        siblings = structure["functions"] if kind == "function" else structure["companies"]
        if kind == "department":
            siblings = company.unit["departments"] if company else []
        if kind == "department" and (company is None or company.unit["removed"]):
            problems = {"company": [visitor.say("Choose the company of the department.")]}
        else:
            problems = _taken(visitor, clash(filled, siblings)) or await _give(
                visitor, definition(kind, filled, company=company_id)
            )
        if not problems:
            return _back(visitor, visitor.say("%(name)s is added.", name=filled.name.strip()))
    return render(
        visitor,
        "organisation/new.html",
        status=422 if problems else 200,
        kind=kind,
        filled=filled,
        problems=problems,
        company_id=company_id,
        companies=[each for each in structure["companies"] if not each["removed"]],
    )


@page("/{academy}/organisation/{kind}/{id}", methods=("GET", "POST"))
async def unit(request: Request, visitor: Visitor) -> Response:
    found = find(await _structure(visitor), *_names(request))
    if found is None:
        return _missing(visitor)
    here = found.unit
    learning = tuple(here.get("learning_activities", ())) if found.kind == "function" else None
    filled, problems = Filled(here["name"], here["code"] or "", learning), Problems()
    if request.method == "POST" and not here["removed"]:
        filled = _filled(await request.form(), found.kind)
        problems = _taken(visitor, clash(filled, found.siblings, but=here["id"]))
        command = None if problems else change(found, filled)
        if command is not None:
            problems = await _give(visitor, command)
        if not problems:
            return _back(visitor, visitor.say("%(name)s is saved.", name=filled.name.strip()))
    return render(
        visitor,
        "organisation/unit.html",
        status=422 if problems else 200,
        found=found,
        unit=here,
        filled=filled,
        problems=problems,
        people=await _people(visitor, found),
    )


@page("/{academy}/organisation/{kind}/{id}/remove", methods=("GET", "POST"))
async def remove(request: Request, visitor: Visitor) -> Response:
    found = find(await _structure(visitor), *_names(request))
    if found is None:
        return _missing(visitor)
    problems: Problems = {}
    if request.method == "POST":
        problems = await _give(visitor, org.RemoveUnit(kind=found.kind, unit=found.unit["id"]))
        if not problems:
            return _back(visitor, visitor.say("%(name)s is removed.", name=found.unit["name"]))
    return render(
        visitor,
        "organisation/remove.html",
        status=422 if problems else 200,
        found=found,
        unit=found.unit,
        problems=problems,
        departments=[each for each in found.unit.get("departments", ()) if not each["removed"]],
        people=await _people(visitor, found),
    )


@page("/{academy}/organisation/department/{id}/move", methods=("GET", "POST"))
async def move(request: Request, visitor: Visitor) -> Response:
    structure = await _structure(visitor)
    found = find(structure, "department", request.path_params["id"])
    if found is None or found.company is None or found.unit["removed"]:
        return _missing(visitor)
    companies = [each for each in structure["companies"] if not each["removed"] and each["id"] != found.company["id"]]
    chosen, problems = "", Problems()
    if request.method == "POST":
        chosen = str((await request.form()).get("to", ""))
        target = next((each for each in companies if each["id"] == chosen), None)
        if target is None:
            problems = {"to": [visitor.say("Choose the company to which the department goes.")]}
        else:
            told = _kept_out(visitor, found, target) or await _give(
                visitor, org.MoveDepartment(department=found.unit["id"], to=chosen)
            )
            problems = {"to": [each for several in told.values() for each in several]} if told else {}
        if target is not None and not problems:
            said = visitor.say("%(name)s is of %(company)s now.", name=found.unit["name"], company=target["name"])
            return _back(visitor, said)
    return render(
        visitor,
        "organisation/move.html",
        status=422 if problems else 200,
        found=found,
        unit=found.unit,
        companies=companies,
        chosen=chosen,
        problems=problems,
        people=await _people(visitor, found),
    )


@page("/{academy}/organisation/{kind}/{id}/restore", methods=("POST",))
async def restore(request: Request, visitor: Visitor) -> Response:
    found = find(await _structure(visitor), *_names(request))
    if found is None:
        return _missing(visitor)
    problems = _taken(visitor, clash(Filled(found.unit["name"], found.unit["code"] or ""), found.siblings))
    if not problems and found.company is not None and found.company["removed"]:
        said = visitor.say("Restore the company %(name)s first.", name=found.company["name"])
        problems = {"": [said]}
    if not problems:
        form = await request.form()
        problems = await _give(visitor, restoration(found, with_departments=form.get("departments") == "1"))
    if problems:
        return await _tree(visitor, {"": [each for several in problems.values() for each in several]})
    return _back(visitor, visitor.say("%(name)s is back.", name=found.unit["name"]))


@page("/{academy}/organisation/terms", methods=("GET", "POST"))
async def terms(request: Request, visitor: Visitor) -> Response:
    structure = await _structure(visitor)
    now = await visitor.ask.get("org", f"{_base(visitor)}/terms")
    codes = list(dict.fromkeys((*structure["academy"]["languages"], *now["texts"])))
    texts = {code: str(now["texts"].get(code, "")) for code in codes}
    problems: Problems = {}
    if request.method == "POST":
        form = await request.form()
        texts = {code: str(form.get(f"text-{code}", "")).replace("\r\n", "\n") for code in codes}
        given = {code: text for code, text in texts.items() if text.strip()}
        if str(form.get("version", "")) != str(now["version"]):
            problems = {"": [visitor.say("Somebody made a newer version meanwhile. Compare before you save.")]}
        elif not given:
            problems = {f"text-{codes[0]}": [visitor.say("Write the terms in at least one language.")]}
        elif given == {code: text for code, text in now["texts"].items() if text.strip()}:
            return _back(visitor, visitor.say("The terms are as they were; there is no new version."))
        else:
            problems = await _give_document(visitor, DEFINE_TERMS, {"texts": given})
            problems = {_terms_field(field): told for field, told in problems.items()}
        if not problems:
            return redirect(
                f"/{segment(visitor.academy)}/organisation/terms",
                visitor.say("The terms are saved. Everybody is asked to accept them at the next log-in."),
            )
    return render(
        visitor,
        "organisation/terms.html",
        status=422 if problems else 200,
        terms=now,
        texts=[{"code": code, "name": language_name(code, visitor.language), "text": texts[code]} for code in codes],
        problems=problems,
    )


def _terms_field(path: str) -> str:
    """The field of `texts.nl` or `data.texts.nl`."""
    return f"text-{path.rpartition('.')[2]}" if "texts." in path else ""


def _kind(request: Request) -> Kind | None:
    return next((kind for kind in KINDS if kind == request.path_params["kind"]), None)


def _names(request: Request) -> tuple[str, str]:
    return request.path_params["kind"], request.path_params["id"]


def _base(visitor: Visitor) -> str:
    return f"/academies/{segment(visitor.academy)}"


async def _structure(visitor: Visitor) -> dict[str, Any]:
    structure: dict[str, Any] = await visitor.ask.get("org", f"{_base(visitor)}/structure")
    return structure


def _removed(structure: Mapping[str, Any]) -> list[Found]:
    found = [find(structure, kind, unit["id"]) for kind, unit in _units(structure) if unit["removed"]]
    return [each for each in found if each is not None]


def _units(structure: Mapping[str, Any]) -> list[tuple[Kind, Mapping[str, Any]]]:
    units: list[tuple[Kind, Mapping[str, Any]]] = []
    for company in structure["companies"]:
        units.append(("company", company))
        units.extend(("department", each) for each in company["departments"])
    units.extend(("function", each) for each in structure["functions"])
    return units


def _filled(form: Mapping[str, Any], kind: Kind) -> Filled:
    lines = str(form.get("learning_activities", "")).splitlines()
    activities = tuple(line.strip() for line in lines if line.strip()) if kind == "function" else None
    return Filled(str(form.get("name", "")), str(form.get("code", "")).strip(), activities)


def _taken(visitor: Visitor, taken: Mapping[str, str]) -> Problems:
    problems: Problems = {}
    if "name" in taken:
        said = visitor.say(
            "There is one with the name “%(name)s” here already. Choose another name.", name=taken["name"]
        )
        problems["name"] = [said]
    if "code" in taken:
        said = visitor.say("“%(name)s” has this code already. Choose another code.", name=taken["code"])
        problems["code"] = [said]
    return problems


def _kept_out(visitor: Visitor, found: Found, company: Mapping[str, Any]) -> Problems:
    """Why the department cannot stand in the company: another one there has its name or code."""
    taken = clash(Filled(found.unit["name"], found.unit["code"] or ""), company["departments"])
    if "name" in taken:
        sentence = "%(company)s has a department “%(name)s” already. Rename one of the two first."
        return {"name": [visitor.say(sentence, company=company["name"], name=taken["name"])]}
    if "code" in taken:
        sentence = "“%(name)s” of %(company)s has the same code already. Change one of the two first."
        return {"code": [visitor.say(sentence, company=company["name"], name=taken["code"])]}
    return {}


async def _give(visitor: Visitor, command: Message) -> Problems:
    return await _give_document(visitor, command.TYPE, command.model_dump(exclude_unset=True))


async def _give_document(visitor: Visitor, type_: str, data: Mapping[str, Any]) -> Problems:
    """Give a command to org-service and wait for what becomes of it; what is wrong with it, by field."""
    try:
        outcome = await visitor.ask.command(
            "org", "POST", f"{_base(visitor)}/commands", json={"type": type_, "data": dict(data)}
        )
    except Refused as refused:
        if refused.status in (401, 403) or refused.status >= 500:
            raise
        return _by_field(visitor, refused.errors) or {"": [refused.detail]}
    if outcome.get("code") == "pending":
        return {"": [visitor.say("This takes longer than usual. It is not lost: look again in a moment.")]}
    if outcome.get("code") == "refused":
        return _by_field(visitor, outcome.get("errors", []))
    return {}


def _by_field(visitor: Visitor, errors: Sequence[Mapping[str, Any]]) -> Problems:
    problems: Problems = {}
    for error in errors:
        message = error.get("message_nl") if visitor.language == "nl" else None
        field = str(error.get("path", "")).partition("[")[0]
        problems.setdefault(field, []).append(str(message or error.get("message", "")))
    return problems


async def _people(visitor: Visitor, found: Found) -> dict[str, Any]:
    """How many people have the unit, as `total`; more where it is not `total_exact`."""
    return await _count(visitor, **{found.kind: found.unit["id"]})


async def _count(visitor: Visitor, **wanted: str) -> dict[str, Any]:
    path = f"{_base(visitor)}/users"
    document: dict[str, Any] = await visitor.ask.get("user", path, limit=1, count=True, **wanted)
    return document


def _back(visitor: Visitor, flash: str) -> Response:
    return redirect(f"/{segment(visitor.academy)}/organisation", flash)


def _missing(visitor: Visitor) -> Response:
    return render(visitor, "organisation/missing.html", status=404)
