"""The values of the golden examples: for each message the least and the most."""

from typing import Any, Final

from contracts.events import imports, invitations, org, users
from contracts.events.base import Message

Value = dict[str, Any]

_USER: Final = "019404f0-0000-7000-8000-00000000a001"
_ACME: Final = "019404f0-0000-7000-8000-00000000c001"
_SALES: Final = "019404f0-0000-7000-8000-00000000d001"
_ADVISER: Final = "019404f0-0000-7000-8000-00000000f001"
_IMPORT: Final = "019404f0-0000-7000-8000-000000000001"
_INVITATION: Final = "019404f0-0000-7000-8000-00000000e001"
_UNTIL: Final = "2026-12-31T09:30:00.000Z"

_ASKED: Final[Value] = {
    "personnel_number": "1001",
    "first_name": "Jan",
    "infix": "van der",
    "last_name": "Berg",
    "email": "jan.vanderberg@example.com",
    "company": "Acme BV",
    "department": "Verkoop",
    "functions": ["Adviseur", "Preventiemedewerker"],
    "cost_centre": "KP-0042",
    "invite": "x",
    "active": "x",
    "language": "nl",
    "manager": "-",
    "terms_accepted": "-",
}
_PERSON_LEAST: Final[Value] = {
    "user_id": _USER,
    "personnel_number": "1001",
    "first_name": "Jan",
    "last_name": "Berg",
    "email": "jan.vanderberg@example.com",
    "company": {"id": _ACME, "name": "Acme BV"},
    "department": {"id": _SALES, "name": "Verkoop"},
    "language": "nl",
    "active": False,
    "manager": False,
    "terms_accepted": False,
}
_PERSON: Final[Value] = _PERSON_LEAST | {
    "infix": "van der",
    "functions": [{"id": _ADVISER, "name": "Adviseur"}],
    "cost_centre": "KP-0042",
    "active": True,
    "deleted": False,
    "administrator": True,
}
_RECIPIENT: Final[Value] = {"email": "jan.vanderberg@example.com", "name": "Jan van der Berg", "language": "nl"}
_INVITED: Final[Value] = {
    "status": "queued",
    "invitation_id": _INVITATION,
    "generation": 1,
    "expires_at": _UNTIL,
    "recipient": _RECIPIENT,
}
_WAITING: Final[Value] = {"status": "waiting", "invitation_id": _INVITED["invitation_id"], "generation": 1}
_WITHDRAWN: Final[Value] = _WAITING | {"status": "withdrawn"}
_CHANGES: Final[Value] = {
    "department": ["Inkoop", "Verkoop"],
    "functions": [[], ["Adviseur"]],
    "cost_centre": [None, "KP-0042"],
    "active": [False, True],
}
_PROBLEM_LEAST: Final[Value] = {"code": "required"}
_PROBLEM: Final[Value] = {
    "code": "unknown_department",
    "field": "department",
    "value": "Verkop",
    "suggestion": "Verkoop",
    "params": {"company": "Acme BV"},
}
_NOTICE: Final[Value] = {"code": "leading_zeros", "field": "personnel_number", "params": {"column": "Nummer"}}
_COUNTS: Final[Value] = {
    "rows": 10,
    "created": 4,
    "updated": 2,
    "unchanged": 2,
    "rejected": 1,
    "not_attempted": 1,
    "invited": 3,
    "waiting": 1,
    "already_invited": 1,
}
_UNIT: Final[Value] = {"name": "Acme BV", "code": "ACME", "was": "Acme NV"}
_MAIL: Final[Value] = {"invitation_id": _INVITATION, "generation": 1, "personnel_number": "1001"}
_ONE_PERSON: Final[Value] = {"personnel_number": "1001"}
_STATE_LEAST: Final[Value] = {"version": 2, "person": _PERSON_LEAST}
_STATE: Final[Value] = {"version": 2, "person": _PERSON, "invitation": _INVITED}

_TERMS: Final[Value] = {
    "nl": "Je account is voor jou alleen.\n\nGa zorgvuldig om met wat je van anderen ziet.",
    "en": "Your account is for you alone.\n\nTake care of what you see of others.",
}
_RESET: Final[Value] = {
    "reset_id": "019404f0-0000-7000-8000-00000000b001",
    "expires_at": "2026-12-01T10:30:00.000Z",
    "recipient": _RECIPIENT,
}

VALUES: Final[dict[type[Message], tuple[Value, Value]]] = {
    org.DefineAcademy: ({}, {"name": "Demo Academy", "default_language": "nl", "languages": ["nl", "en"]}),
    org.DefineCompany: ({"name": "Acme BV"}, _UNIT),
    org.DefineDepartment: (
        {"company": "Acme BV", "name": "Inkoop"},
        {"company": "ACME", "name": "Inkoop", "code": "INK", "was": "Aankoop"},
    ),
    org.DefineFunction: (
        {"name": "Adviseur"},
        {"name": "Adviseur", "code": "ADV", "was": "Consulent", "learning_activities": ["Privacy basis"]},
    ),
    org.EnableLanguage: ({"language": "en"}, {"language": "en"}),
    org.DisableLanguage: ({"language": "en"}, {"language": "en"}),
    org.RenameUnit: (
        {"kind": "company", "unit": "Acme BV", "name": "Acme Group BV"},
        {"kind": "department", "unit": "Verkoop", "company": "Acme BV", "name": "Sales"},
    ),
    org.RemoveUnit: (
        {"kind": "company", "unit": "ACME"},
        {"kind": "department", "unit": "Verkoop", "company": "Acme BV"},
    ),
    org.MoveDepartment: (
        {"department": _SALES, "to": "Acme Nederland BV"},
        {"department": "Verkoop", "company": "Acme BV", "to": "Acme Nederland BV"},
    ),
    org.ApplyStructure: (
        {},
        {
            "academy": {"name": "Demo Academy", "default_language": "nl", "languages": ["nl", "en"]},
            "companies": [
                _UNIT
                | {
                    "remove": False,
                    "departments": [
                        {"name": "Inkoop", "code": "INK", "was": "Aankoop", "was_in": "Acme Oud BV", "remove": False}
                    ],
                }
            ],
            "functions": [
                {
                    "name": "Adviseur",
                    "code": "ADV",
                    "was": "Consulent",
                    "remove": False,
                    "learning_activities": ["Privacy basis", "Veilig werken"],
                }
            ],
        },
    ),
    org.RepublishStructure: ({}, {}),
    org.DefineTerms: ({"texts": {"nl": _TERMS["nl"]}}, {"texts": _TERMS}),
    org.AcademyChanged: (
        {"id": "demo", "name": "Demo Academy", "default_language": "nl", "languages": ["nl"], "revision": 12},
        {
            "id": "demo",
            "name": "Demo Academy",
            "default_language": "nl",
            "languages": ["nl", "en"],
            "revision": 12,
            "entries": 74,
        },
    ),
    org.CompanyChanged: (
        {"id": _ACME, "name": "Acme BV", "revision": 12},
        {"id": _ACME, "name": "Acme BV", "code": "ACME", "former_names": ["Acme NV"], "revision": 12},
    ),
    org.DepartmentChanged: (
        {"id": _SALES, "company_id": _ACME, "name": "Verkoop", "revision": 12},
        {
            "id": _SALES,
            "company_id": _ACME,
            "name": "Verkoop",
            "code": "VK",
            "former_names": ["Sales"],
            "revision": 12,
        },
    ),
    org.FunctionChanged: (
        {"id": _ADVISER, "name": "Adviseur", "revision": 12},
        {
            "id": _ADVISER,
            "name": "Adviseur",
            "code": "ADV",
            "former_names": ["Consulent"],
            "learning_activities": ["Privacy basis", "Veilig werken"],
            "revision": 12,
        },
    ),
    org.TermsChanged: (
        {"version": 1, "texts": {"nl": _TERMS["nl"]}, "revision": 12},
        {"version": 1, "texts": _TERMS, "revision": 12},
    ),
    users.UserRequested: (
        {"person": {}},
        {
            "mode": "upsert",
            "person": _ASKED,
            "min_org_revision": 12,
            "planned": {"outcome": "updated", "user_version": 3, "org_revision": 12},
        },
    ),
    users.UserCheckRequested: (
        {"person": {}},
        {"mode": "upsert", "person": _ASKED, "min_org_revision": 12, "round": 1},
    ),
    users.ActivateUser: (_ONE_PERSON, _ONE_PERSON),
    users.DeactivateUser: (_ONE_PERSON, _ONE_PERSON),
    users.DeleteUser: (_ONE_PERSON, _ONE_PERSON),
    users.ResendInvitation: (_ONE_PERSON, _ONE_PERSON),
    users.WithdrawInvitation: (_ONE_PERSON, _ONE_PERSON),
    users.GrantAdministrator: (_ONE_PERSON, _ONE_PERSON),
    users.RevokeAdministrator: (_ONE_PERSON, _ONE_PERSON),
    users.UserChecked: (
        {"outcome": "unchanged", "user_version": 3, "org_revision": 12},
        {
            "outcome": "rejected",
            "round": 1,
            "user_version": 3,
            "org_revision": 12,
            "name": "Jan van der Berg",
            "changes": _CHANGES,
            "restored": True,
            "invitation": "already_invited",
            "invitation_expires_at": "2026-12-31T09:30:00Z",
            "errors": [_PROBLEM_LEAST, _PROBLEM],
            "warnings": [{"code": "only_updates"}, _NOTICE],
        },
    ),
    users.UserCreated: (
        {"version": 1, "org_revision": 12, "person": _PERSON_LEAST},
        {"version": 1, "org_revision": 12, "person": _PERSON, "invitation": _INVITED},
    ),
    users.UserUpdated: (
        {"version": 4, "org_revision": 12, "person": _PERSON_LEAST},
        {
            "version": 4,
            "org_revision": 12,
            "person": _PERSON,
            "changes": _CHANGES,
            "restored": True,
            "invitation": _INVITED,
        },
    ),
    users.UserUnchanged: (
        {"version": 3, "org_revision": 12},
        {"version": 3, "org_revision": 12, "invitation": _INVITED | {"status": "already_invited"}},
    ),
    users.UserRejected: (
        {"errors": [_PROBLEM_LEAST]},
        {"version": 3, "org_revision": 12, "errors": [_PROBLEM_LEAST, _PROBLEM]},
    ),
    users.UserActivated: (_STATE_LEAST, _STATE),
    users.UserDeactivated: (_STATE_LEAST, _STATE | {"invitation": _WAITING}),
    users.UserDeleted: (_STATE_LEAST, _STATE | {"person": _PERSON | {"deleted": True}, "invitation": _WITHDRAWN}),
    users.InvitationAccepted: (_STATE_LEAST | {"terms_version": 0}, _STATE | {"terms_version": 2}),
    users.PasswordResetRequested: (_RESET, _RESET),
    imports.ImportUploaded: (
        {"import_id": _IMPORT, "filename": "mensen.xlsx", "size": 48213},
        {"import_id": _IMPORT, "filename": "mensen.xlsx", "size": 48213},
    ),
    imports.ImportRefused: (
        {"import_id": _IMPORT, "errors": [{"code": "empty_file"}]},
        {
            "import_id": _IMPORT,
            "errors": [{"code": "missing_columns", "params": {"fields": ["email", "company"]}}, _PROBLEM],
        },
    ),
    imports.ImportChecked: ({"import_id": _IMPORT, "counts": {}}, {"import_id": _IMPORT, "counts": _COUNTS}),
    imports.ImportStarted: ({"import_id": _IMPORT, "counts": {}}, {"import_id": _IMPORT, "counts": _COUNTS}),
    imports.ImportProgressed: (
        {"import_id": _IMPORT, "done": 0, "counts": {}},
        {"import_id": _IMPORT, "done": 9, "counts": _COUNTS},
    ),
    imports.ImportCompleted: (
        {"import_id": _IMPORT, "counts": {}},
        {"import_id": _IMPORT, "report_version": 2, "counts": _COUNTS},
    ),
    invitations.InvitationQueued: (_MAIL, _MAIL),
    invitations.InvitationSent: (
        _MAIL | {"message_id": "<019404f0.1@demo.example>"},
        _MAIL | {"message_id": "<019404f0.1@demo.example>"},
    ),
    invitations.InvitationFailed: (
        _MAIL | {"reason": "550 no such user"},
        _MAIL | {"reason": "550 no such user"},
    ),
    invitations.InvitationWithdrawn: (_MAIL, _MAIL),
}
