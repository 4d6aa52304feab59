"""A person as others are shown them: in events, and as the user document of the command line."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from contracts.events.users import InvitationStatus
from contracts.fields import email_key
from user_service.domain.decision import Decision
from user_service.domain.organisation import Organisation
from user_service.domain.person import User


def invitation(decision: Decision, after: User | None) -> dict[str, Any]:
    """contracts' Invitation as plain data without its empty members: made by hand, for there is one in most events.

    `after` is the person as `apply` made them.
    """
    status = decision.invitation.status
    if status == "none" or after is None:
        return {}
    state = after.invitation
    if status == "withdrawn" and state.invitation_id is None:
        return {}  # it only waited: nothing was mailed that could be taken back
    told: dict[str, Any] = {"status": status}
    if state.invitation_id is not None:
        told["invitation_id"] = state.invitation_id
    if state.generation:
        told["generation"] = state.generation
    if state.expires_at is not None:
        told["expires_at"] = timestamp(state.expires_at)
    if status == "queued":
        told["recipient"] = recipient(after)
    return told


def recipient(user: User) -> dict[str, str]:
    """contracts' Recipient as plain data."""
    return {"email": _deliverable(user.email), "name": user.name, "language": user.language}


def user_document(
    user: User, organisation: Organisation, now: datetime, status: InvitationStatus | None = None
) -> dict[str, Any]:
    """The user document: the fields, and `deleted`, `invitation`, `learning_activities`.

    Units are told by name and by id; both are empty for an administrator without a place in the structure.
    `invitation` is `status`, what a request just did, or what stands now: none, waiting, already_invited,
    already_accepted, failed, expired or withdrawn. `invite` is whether one is waiting or can be used. A removed unit is
    marked by `company_removed`, `department_removed` and by its name in `functions_removed`.
    """
    company = organisation.companies.get(user.company_id)
    department = organisation.departments.get(user.department_id)
    functions = [organisation.functions[id_] for id_ in user.function_ids if id_ in organisation.functions]
    state = user.invitation
    return {
        "personnel_number": user.number,
        "first_name": user.first_name,
        "infix": user.infix,
        "last_name": user.last_name,
        "email": user.email,
        "company": organisation.company_name(user.company_id),
        "company_id": user.company_id,
        "department": organisation.department_name(user.department_id),
        "department_id": user.department_id,
        "functions": organisation.function_names(user.function_ids),
        "function_ids": list(user.function_ids),
        "cost_centre": user.cost_centre,
        "invite": state.status == "waiting" or state.is_valid(now),
        "active": user.active,
        "language": user.language,
        "manager": user.manager,
        "terms_accepted": user.terms_accepted,
        "administrator": user.administrator,
        "deleted": user.deleted,
        "invitation": status or _standing(user, now),
        "learning_activities": learning_activities(user, organisation),
        "invitation_expires_at": timestamp(state.expires_at) if state.status == "open" else None,
        "company_removed": company is not None and company.removed,
        "department_removed": department is not None and department.removed,
        "functions_removed": [unit.name for unit in functions if unit.removed],
        "user_id": user.user_id,
        "version": user.version,
    }


def learning_activities(user: User, organisation: Organisation) -> list[str]:
    """Those of all the person's functions, each once, in the functions' order (`docs/rules.md` 18)."""
    units = (organisation.functions.get(id_) for id_ in user.function_ids)
    return list(dict.fromkeys(name for unit in units if unit is not None for name in unit.learning_activities))


@lru_cache(maxsize=1_024)
def timestamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _standing(user: User, now: datetime) -> str:
    state = user.invitation
    if state.status == "open":
        return "already_invited" if state.is_valid(now) else "expired"
    return "already_accepted" if state.status == "accepted" else state.status


def _deliverable(address: str) -> str:
    """The address as a mail server takes it: the local part as it was written, the domain in its ASCII form."""
    if address.isascii():
        return address
    key = email_key(address)
    return address if key is None else f"{address.rpartition('@')[0]}@{key.rpartition('@')[2]}"
