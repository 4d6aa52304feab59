"""Every address of the console with something to see, in every state that it can have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from playwright.sync_api import Page, Response

from browser.academies import World
from web_console.testing import Played

Act = Callable[[Page], Response]

NO_PAGES = {
    "/livez": "JSON",
    "/readyz": "JSON",
    "/robots.txt": "text",
    "/{academy}": "goes on to the log-in",
    "/{academy}/oidc": "goes on to the log-in",
    "/{academy}/imports/template.xlsx": "a workbook",
    "/{academy}/imports/{id}/report.xlsx": "a workbook",
    "/{academy}/events/stream": "events, which the page of events shows",
}
"""Routes without anything to see, and what they are instead."""
PARTS = ("/{academy}/users/departments", "/{academy}/users/restoring", "/{academy}/imports/{id}/live")
"""Routes that give a part of a page: judged as HTML here, and where pages have them."""


@dataclass(frozen=True)
class Picture:
    """One for the documents, taken where that is asked for."""

    name: str
    width: int = 1200
    height: int = 800
    dark: bool = False
    language: str = "en"


@dataclass(frozen=True)
class View:
    """One thing to see: what it is called, the route, the address, who looks, and what they do there first."""

    name: str
    route: str
    path: str
    who: str = "administrator"
    status: int = 200
    act: Act | None = None
    pictures: tuple[Picture, ...] = ()

    @property
    def part(self) -> bool:
        return self.route in PARTS


PHONE = Picture("phone-invitation", width=360, height=870, language="nl")


def sent(form: str, **fields: str | bool) -> Act:
    """Fill in fields of a form by their names and send it, whatever the browser thinks of that."""

    def act(page: Page) -> Response:
        found = page.locator(form)
        for name, value in fields.items():
            box = found.locator(f"[name='{name}']")
            if isinstance(value, bool):
                box.set_checked(value)
            elif box.evaluate("box => box.tagName") == "SELECT":
                box.select_option(value)
            else:
                box.fill(value)
        with page.expect_navigation() as going:
            found.evaluate("form => { form.noValidate = true; form.querySelector('[type=submit], button').click() }")
        assert going.value is not None
        return going.value

    return act


def spoiled(form: str) -> Act:
    """Send a form whose token is another one's."""

    def act(page: Page) -> Response:
        page.locator(f"{form} [name=csrf]").evaluate("field => { field.value = 'x' }")
        return sent(form)(page)

    return act


def chosen(link: str) -> Act:
    def act(page: Page) -> Response:
        with page.expect_navigation() as going:
            page.locator(link).first.click()
        assert going.value is not None
        return going.value

    return act


def views(world: World, played: str) -> list[View]:
    """All of them; `played` is a console over services that are played, for what passes too quickly to be looked at."""
    full, empty = f"/{world.full.id}", f"/{world.empty.id}"
    return [
        *_entrances(world, full),
        *_people(world, full, empty),
        *_imports(world, full, empty, played),
        *_organisation(world, full, empty),
        *_others(full, empty),
        *_operator(world),
        *_errors(full, played),
    ]


def _entrances(world: World, full: str) -> list[View]:
    log_in, links = "/{academy}/", world.links
    password, invitation = "/-/password/{token}", "/-/invitation/{token}"
    accepting = "main form"
    return [
        View("root", "/", "/", "guest"),
        View("log-in", log_in, f"{full}/", "guest"),
        View("back from no provider", "/-/oidc", "/-/oidc", "guest", 409),
        View("log-in refused", log_in, f"{full}/", "guest", 401, sent("main form", email="x@y.example", password="x")),
        View("forgotten", "/{academy}/password", f"{full}/password", "guest"),
        View(
            "forgotten, sent",
            "/{academy}/password",
            f"{full}/password",
            "guest",
            200,
            sent("main form", email="x@y.example"),
        ),
        View("password valid", password, links["password valid"], "guest"),
        View(
            "password differs",
            password,
            links["password valid"],
            "guest",
            422,
            sent("main form", password="a", again="b"),
        ),
        View(
            "password weak", password, links["password valid"], "guest", 422, sent("main form", password="a", again="a")
        ),
        View("password used", password, links["password used"], "guest", 410),
        View("password expired", password, links["password expired"], "guest", 410),
        View("password unknown", password, "/-/password/x", "guest", 404),
        View("invitation valid", invitation, links["invitation valid"], "guest", pictures=(PHONE,)),
        View(
            "invitation refused",
            invitation,
            links["invitation valid"],
            "guest",
            422,
            sent(accepting, password="a", again="b"),
        ),
        View("invitation expired", invitation, links["invitation expired"], "guest", 410),
        View("invitation replaced", invitation, links["invitation replaced"], "guest", 410),
        View("invitation accepted", invitation, links["invitation accepted"], "guest"),
        View("invitation not active", invitation, links["invitation not_active"], "guest"),
        View("invitation unknown", invitation, "/-/invitation/x", "guest", 404),
        View("terms", "/{academy}/terms", f"{full}/terms", "newcomer"),
        View("terms refused", "/{academy}/terms", f"{full}/terms", "newcomer", 422, sent("main form[action$=terms]")),
        View("terms accepted", "/{academy}/terms", f"{full}/terms", "member"),
    ]


def _people(world: World, full: str, empty: str) -> list[View]:
    users, new, one = "/{academy}/users", "/{academy}/users/new", "/{academy}/users/p/{number:path}"
    form = "form:has([name=email])"
    taken: dict[str, str | bool] = {"email": world.full.address(1001), "first_name": "Jan", "last_name": "Vries"}
    parts = f"{full}/users/departments?company={world.units['Acme BV']}"
    return [
        View(
            "users",
            users,
            f"{full}/users",
            pictures=(Picture("people", height=720), Picture("people-dark", height=720, dark=True, language="nl")),
        ),
        View("users, none", users, f"{empty}/users", "first"),
        View("users, nobody fits", users, f"{full}/users?search=niemand&status=inactive"),
        View("users of a company", users, f"{full}/users?company={world.units['Acme BV']}&invitation=waiting"),
        View("users, deleted", users, f"{full}/users?status=deleted"),
        View("users of a manager", users, f"{full}/users", "manager"),
        View("departments", "/{academy}/users/departments", parts),
        View("restoring", "/{academy}/users/restoring", f"{full}/users/restoring?personnel_number=2003"),
        View("add user", new, f"{full}/users/new", pictures=(Picture("add-user"),)),
        View("add user, no structure", new, f"{empty}/users/new", "first"),
        View("add user, restoring", new, f"{full}/users/new?restore=2003"),
        View(
            "add user, refused", new, f"{full}/users/new", status=422, act=sent(form, personnel_number="1001", **taken)
        ),
        View("add user, empty", new, f"{full}/users/new", status=422, act=sent(form)),
        View("user", one, f"{full}/users/p/1001", pictures=(Picture("user"),)),
        View("user, invited", one, f"{full}/users/p/1012"),
        View("user, deleted", one, f"{full}/users/p/2003"),
        View("user, refused", one, f"{full}/users/p/1004", status=422, act=sent(form, **taken)),
        View("user, for a manager", one, f"{full}/users/p/2001", "manager"),
        View("user, to be deleted", one, f"{full}/users/p/1001?ask=delete"),
        View("user, unknown", one, f"{full}/users/p/9999", status=404),
    ]


def _imports(world: World, full: str, empty: str, played: str) -> list[View]:
    history, new, one = "/{academy}/imports", "/{academy}/imports/new", "/{academy}/imports/{id}"
    ids = world.imports
    upload = sent("form[enctype]")
    return [
        View("imports", history, f"{full}/imports"),
        View("imports, none", history, f"{empty}/imports", "first"),
        View("imports, older", history, f"{full}/imports?after={ids['done']}"),
        View("import, step 1", new, f"{full}/imports/new"),
        View("import, nothing chosen", new, f"{full}/imports/new?action=x"),
        View("import, step 2", new, f"{full}/imports/new?action=people"),
        View("import, step 2, no structure", new, f"{empty}/imports/new?action=people", "first"),
        View("import, no file", new, f"{full}/imports/new?action=people", status=422, act=upload),
        View("import, too large", new, f"{full}/imports/new?action=people&problem=too_large"),
        View("import, checking", one, f"{played}/demo/imports/checking", "played"),
        View("import, being read", one, f"{played}/demo/imports/reading", "played"),
        View("import, running", one, f"{played}/demo/imports/running", "played"),
        View("import, held up", one, f"{played}/demo/imports/stalled", "played"),
        View(
            "import, live",
            "/{academy}/imports/{id}/live",
            f"{played}/demo/imports/running/live?state=running",
            "played",
        ),
        View("last check", one, f"{full}/imports/{ids['checked']}", pictures=(Picture("import-check"),)),
        *(
            View(f"last check, {each}", one, f"{full}/imports/{ids['checked']}?show={each}")
            for each in ("all", "updated", "waiting")
        ),
        View("last check, nothing good", one, f"{full}/imports/{ids['nothing good']}"),
        View("refused file", one, f"{full}/imports/{ids['refused']}"),
        View("report", one, f"{full}/imports/{ids['done']}", pictures=(Picture("import-report"),)),
        View("report, all", one, f"{full}/imports/{ids['done']}?show=all"),
        View("import, unknown", one, f"{full}/imports/x", status=404),
    ]


def _organisation(world: World, full: str, empty: str) -> list[View]:
    org, unit = "/{academy}/organisation", "/{academy}/organisation/{kind}/{id}"
    new, units = "/{academy}/organisation/{kind}/new", world.units
    at = f"{full}/organisation"
    return [
        View("organisation", org, at, pictures=(Picture("organisation"),)),
        View("organisation, empty", org, f"{empty}/organisation", "first"),
        View("organisation, refused", org, at, status=422, act=sent("form:has(select#language)")),
        View("academy", "/{academy}/organisation/academy", f"{at}/academy"),
        View(
            "academy, refused",
            "/{academy}/organisation/academy",
            f"{at}/academy",
            status=422,
            act=sent("main form", name=""),
        ),
        View("terms of the academy", "/{academy}/organisation/terms", f"{at}/terms"),
        View(
            "terms, refused",
            "/{academy}/organisation/terms",
            f"{at}/terms",
            status=422,
            act=sent("main form", **{"text-nl": "", "text-en": ""}),
        ),
        *(View(f"new {each}", new, f"{at}/{each}/new") for each in ("company", "department", "function")),
        View(
            "new company, taken",
            new,
            f"{at}/company/new",
            status=422,
            act=sent("main form", name="Acme BV", code="ACME"),
        ),
        View("new department, nowhere", new, f"{at}/department/new", status=422, act=sent("main form", name="X")),
        View("company", unit, f"{at}/company/{units['Acme BV']}"),
        View(
            "company, taken",
            unit,
            f"{at}/company/{units['Bakkerij Zoë']}",
            status=422,
            act=sent("main form", name="Acme BV"),
        ),
        View("department", unit, f"{at}/department/{units['Verkoop']}"),
        View("department, removed", unit, f"{at}/department/{units['Bezorging']}"),
        View("function", unit, f"{at}/function/{units['Adviseur']}"),
        View("no such unit", unit, f"{at}/company/x", status=404),
        View("remove", f"{unit}/remove", f"{at}/company/{units['Acme BV']}/remove"),
        View("move", f"{org}/department/{{id}}/move", f"{at}/department/{units['Verkoop']}/move"),
        View(
            "move, nowhere",
            f"{org}/department/{{id}}/move",
            f"{at}/department/{units['Verkoop']}/move",
            status=422,
            act=sent("main form"),
        ),
        View("turn off a language", f"{org}/languages/{{code}}/off", f"{at}/languages/en/off"),
    ]


def _others(full: str, empty: str) -> list[View]:
    invitations, events, profile = "/{academy}/invitations", "/{academy}/events", "/{academy}/profile"
    change, token = "form[action$=password]", "form[action$=tokens]"
    return [
        View("invitations", invitations, f"{full}/invitations", pictures=(Picture("invitations"),)),
        View("invitations, none", invitations, f"{empty}/invitations", "first"),
        View("events", events, f"{full}/events", pictures=(Picture("events"),)),
        View("events, filtered", events, f"{empty}/events?text=niets", "first"),
        View("log-in settings", "/{academy}/log-in", f"{full}/log-in"),
        View(
            "log-in settings, refused",
            "/{academy}/log-in",
            f"{full}/log-in",
            status=422,
            act=sent("main form", name="Acme ID", issuer="http://id.example", client_id="x", client_secret="x"),
        ),
        View("profile", profile, f"{full}/profile"),
        View("profile of a member", profile, f"{full}/profile", "member"),
        View(
            "profile, refused",
            profile,
            f"{full}/profile",
            status=422,
            act=sent(change, current="x", new="a", again="b"),
        ),
        View("profile, new token", profile, f"{full}/profile", status=201, act=sent(token, name="Koppeling")),
        View("profile, token without name", profile, f"{full}/profile", status=422, act=sent(token)),
    ]


def _operator(world: World) -> list[View]:
    start, academies = "/-/operator", "/-/operator/academies"
    first, of = academies + "/{new}/administrators", f"{academies}/{world.empty.id}/administrators"
    person = {"personnel_number": "z9", "first_name": "A", "last_name": "B"}
    taken = sent("main form", email=world.empty.address("b1"), **person)
    return [
        View("operator's log-in", start, start, "guest"),
        View("operator's log-in refused", start, start, "guest", 401, sent("main form", token="x")),
        View("academies", academies, academies, "operator"),
        View(
            "academy, id taken",
            academies,
            academies,
            "operator",
            422,
            sent("main form:has([name=id])", id=world.empty.id, name="X"),
        ),
        View("academy, no id", academies, academies, "operator", 422, sent("main form:has([name=id])", id="Ab c")),
        View("first administrator", first, of, "operator"),
        View("first administrator, no address", first, of, "operator", 422, sent("main form", email="x", **person)),
        View("first administrator, address taken", first, of, "operator", 422, taken),
        View("users for the operator", "/{academy}/users", f"/{world.full.id}/users", "operator"),
    ]


def _errors(full: str, played: str) -> list[View]:
    users = "/{academy}/users"
    return [
        View("no such academy", "/{academy}/", "/geen-academie/", "guest", 404),
        View("no such page", "/{academy}/", f"{full}/geen/pagina", "guest", 404),
        View("not for members", users, f"{full}/users", "member", 403),
        View("form expired", "/{academy}/profile", f"{full}/profile", "member", 403, spoiled("form[action$=password]")),
        *(
            View(f"answer {each}", users, f"{played}/demo/users?search={each}", "played", shown)
            for each, shown in ((500, 502), (503, 503), (429, 429), (409, 409))
        ),
    ]


def play(console: Played) -> None:
    """What passes too quickly on a real platform: imports under way, and services that do not answer as they should."""
    counts = {"created": 420, "updated": 36, "unchanged": 0, "rejected": 2, "not_attempted": 0}
    held_up = {"message": "Er is even geen verbinding. De import gaat vanzelf verder.", "since": "2026-11-25T12:00:00Z"}
    states: Mapping[str, dict[str, Any]] = {
        "reading": {"state": "checking", "reading": True, "rows": 4000, "done": 458},
        "checking": {"state": "checking", "rows": 1200, "done": 458},
        "running": {"state": "running", "rows": 1200, "done": 458},
        "stalled": {"state": "running", "rows": 1200, "done": 458, "stalled": held_up},
    }
    fixed: dict[str, Any] = {"academy": "demo", "filename": "september.xlsx", "created_at": "2026-11-25T12:00:00Z"}
    fixed |= {"stalled": None, "reading": False}
    for id_, state in states.items():
        answer = (200, fixed | counts | {"import_id": id_} | state)
        console.answers[f"GET import /academies/demo/imports/{id_}"] = answer
    console.answers["GET org /academies/demo/structure"] = (200, {"companies": [], "functions": []})
    console.answers["GET user /academies/demo/users"] = _as_asked


def _as_asked(request: httpx.Request) -> httpx.Response:
    status = int(request.url.params["search"])
    if status == 500:
        return httpx.Response(status, text="no problem of ours")
    return httpx.Response(status, json={"code": "as_asked", "detail": "Dat kan nu niet."})
