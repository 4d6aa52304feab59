"""The pages of the console as it registers them, who may have which, and forms that would do harm."""

from __future__ import annotations

from starlette.routing import Route

from security.academies import Realm
from web_console.testing import EVERYBODY, Played

OWN = {"/{academy}/profile", "/{academy}/profile/password", "/{academy}/profile/sessions"}
MANAGERS = {"/{academy}/users", "/{academy}/users/p/{number:path}"}
OPERATORS = {"/-/operator/academies", "/-/operator/academies/{new}/administrators"}
ENDS_THE_SESSION = {"/{academy}/logout", "/-/operator/logout"}
NEVER_ENDS = "/{academy}/events/stream"
PAGES = [
    (route.path, method)
    for route in Played().app.routes
    if isinstance(route, Route)
    for method in sorted((route.methods or set()) - {"HEAD"})
]
CLOSED = [(path, method) for path, method in PAGES if path not in EVERYBODY]
PEOPLE = ("administrator", "manager", "lid")


def may(who: str, path: str) -> bool:
    """Whether the page is for them; whatever is not named above is for administrators, and for operators."""
    if path in EVERYBODY:
        return True
    if path in OWN:
        return who != "nobody"
    if path in OPERATORS:
        return who == "operator"
    return who in ("administrator", "operator") or (who == "manager" and path in MANAGERS)


FORMS = [path for path, method in PAGES if method == "POST"]


def harm(realm: Realm) -> dict[str, dict[str, str]]:
    """Forms that change what belongs to the academy, if they are let."""
    number = realm.people["elders"].number
    return {
        "/{academy}/users/new": {"personnel_number": number, "company": realm.units["company"], "last_name": "Jansen"},
        "/{academy}/users/p/{number:path}": {"action": "delete", "key": "wandeling"},
        "/{academy}/organisation/{kind}/new": {"name": "Nieuw", "company": realm.units["company"]},
        "/{academy}/organisation/{kind}/{id}": {"name": "Anders"},
        "/{academy}/invitations/action": {"number": number, "action": "withdraw-invitation"},
        "/{academy}/log-in": {
            "name": "Ander",
            "issuer": "https://nergens.invalid",
            "client_id": "x",
            "client_secret": "x",
        },
        "/{academy}/log-in/unlink": {"number": number},
        "/{academy}/profile/sessions": {"id": realm.people["elders"].session_id},
        "/{academy}/profile/tokens/delete": {"id": realm.ids["api-tokens/{id}"]},
    }
