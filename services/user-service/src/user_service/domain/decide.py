"""The one decision on a request about a person: for the check and for the real thing (`docs/rules.md` 9 to 17)."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from contracts.errors import ErrorCode, Problem
from contracts.fields import FIELDS, REQUIRED_TO_CREATE, display_name
from contracts.languages import parse_language
from user_service.domain.decision import Decision
from user_service.domain.invitations import NOTHING, after_deletion, decide_invitation
from user_service.domain.organisation import Organisation
from user_service.domain.person import NO_INVITATION, AddressHolder, User
from user_service.domain.placing import Place, find_functions, find_place
from user_service.domain.reading import Asked, told

_language = lru_cache(maxsize=1024)(parse_language)
_ORDER: Final = {field: position for position, field in enumerate(FIELDS)}


def claimed_address(asked: Asked, user: User | None) -> str | None:
    """The key of the address that a decision turns on, None if it turns on none.

    Whoever holds it is to be given to `decide`: the address that is asked for, if it is not the person's own, and the
    own one of somebody who is restored.
    """
    if user is None or user.deleted:
        return asked.email_key or (user.email_key if user is not None else None)
    return asked.email_key if asked.email_key != user.email_key else None


def decide(
    asked: Asked,
    user: User | None,
    organisation: Organisation,
    holder: AddressHolder | None,
    now: datetime,
    *,
    last_administrator: bool = False,
) -> Decision:
    """What the request makes of `user`, the person with that number (deleted or not), None if there is none.

    `holder` holds the address `claimed_address` now. `last_administrator` says that nobody else administers the
    academy: then `user` stays active. Pure and total: any request gets a decision, with all that is wrong at once.
    """
    known = user is not None and not user.deleted
    if known and user is not None and _plan_stands(asked, user, organisation):
        return _unchanged(asked, user, organisation, now)
    if not organisation.known or asked.problems or (asked.mode == "create" if known else asked.mode == "update"):
        return _rejected(asked, user, organisation, holder, last_administrator)
    place, functions, language, problems = _looked_up(asked, user, organisation)
    if problems or (holder is not None and _conflicts(asked, holder)):
        return _rejected(asked, user, organisation, holder, last_administrator)
    if user is None:
        if not (asked.first_name and asked.last_name and asked.email and asked.email_key and place):
            return _rejected(asked, user, organisation, holder, last_administrator)
        if asked.terms_accepted:
            return _rejected(asked, user, organisation, holder, last_administrator)
        return _created(asked, place, functions, language or organisation.default_language, organisation, now)
    if _stops_administering(asked, last_administrator):
        return _rejected(asked, user, organisation, holder, last_administrator)
    if asked.terms_accepted and not _may_accept(user):
        return _rejected(asked, user, organisation, holder, last_administrator)
    return _updated(asked, user, place, functions, language, organisation, now)


def _plan_stands(asked: Asked, user: User, organisation: Organisation) -> bool:
    # Only "unchanged" saves work: the other outcomes need the new values anyway.
    planned = asked.planned
    return (
        planned is not None
        and planned.outcome == "unchanged"
        and planned.user_version == user.version
        and planned.org_revision == organisation.revision
        and not asked.problems
        and asked.mode != "create"
    )


def _unchanged(asked: Asked, user: User, organisation: Organisation, now: datetime) -> Decision:
    before = user.invitation
    invitation = decide_invitation(before, asked=asked.invite, after=user, now=now)
    after = (
        user if invitation.after is before or invitation.after == before else user._replace(invitation=invitation.after)
    )
    return Decision("unchanged", user.number, user.version, organisation.revision, after, invitation)


def _may_accept(user: User) -> bool:
    return user.ever_accepted_terms if user.deleted else user.terms_accepted


def _stops_administering(asked: Asked, last_administrator: bool) -> bool:
    return last_administrator and asked.active is False


def _conflicts(asked: Asked, holder: AddressHolder) -> bool:
    return holder.number_key != asked.number_key


def _looked_up(
    asked: Asked, user: User | None, organisation: Organisation
) -> tuple[Place | None, tuple[str, ...] | None, str | None, Sequence[Problem]]:
    """Place, functions and language that are asked for, each None where nothing is asked; and what is unknown."""
    place, problems = find_place(asked.company, asked.department, user, organisation)
    functions: tuple[str, ...] | None = None
    if asked.functions is not None:
        functions, unknown = find_functions(asked.functions, user, organisation)
        if unknown:
            problems = [*problems, *unknown]
    language: str | None = None
    if asked.language is not None:
        if not asked.language:
            return place, functions, organisation.default_language, problems
        language = _language(asked.language)
        if language is None:
            problem = Problem(code=ErrorCode.UNKNOWN_LANGUAGE, field="language", value=told(asked.language))
            problems = [*problems, problem]
        elif language not in organisation.languages:
            problem = Problem(
                code=ErrorCode.LANGUAGE_NOT_ENABLED,
                field="language",
                value=told(asked.language),
                params={"language": language},
            )
            problems = [*problems, problem]
    return place, functions, language, problems


def _created(
    asked: Asked,
    place: Place,
    functions: tuple[str, ...] | None,
    language: str,
    organisation: Organisation,
    now: datetime,
) -> Decision:
    after = User(
        "",
        asked.number,
        asked.number_key,
        asked.first_name or "",
        asked.infix or None,
        asked.last_name or "",
        asked.email or "",
        asked.email_key or "",
        place[0],
        place[1],
        functions or (),
        asked.cost_centre or None,
        language,
        asked.active or False,
        asked.manager or False,
    )
    invitation = NOTHING
    if asked.invite:
        invitation = decide_invitation(NO_INVITATION, asked=True, after=after, now=now)
        if invitation.after is not after.invitation:
            after = after._replace(invitation=invitation.after)
    return Decision("created", asked.number, 0, organisation.revision, after, invitation)


def _updated(
    asked: Asked,
    user: User,
    place: Place | None,
    functions: tuple[str, ...] | None,
    language: str | None,
    organisation: Organisation,
    now: datetime,
) -> Decision:
    restored = user.deleted
    changed: dict[str, Any] = {}
    changes: dict[str, tuple[Any, Any]] = {}

    def change(field: str, old: Any, new: Any) -> None:
        changed[field] = new
        changes[field] = (old, new)

    if asked.first_name is not None and asked.first_name != user.first_name:
        change("first_name", user.first_name, asked.first_name)
    if asked.infix is not None and (asked.infix or None) != user.infix:
        change("infix", user.infix, asked.infix or None)
    if asked.last_name is not None and asked.last_name != user.last_name:
        change("last_name", user.last_name, asked.last_name)
    if asked.email_key is not None and asked.email_key != user.email_key:
        change("email", user.email, asked.email)
        changed["email_key"] = asked.email_key
    if place is not None and place != (user.company_id, user.department_id):
        changed["company_id"], changed["department_id"] = place
        _tell_move(changes, user, place, organisation)
    if functions is not None and functions != user.function_ids and set(functions) != set(user.function_ids):
        changed["function_ids"] = functions
        changes["functions"] = (organisation.function_names(user.function_ids), organisation.function_names(functions))
    if asked.cost_centre is not None and (asked.cost_centre or None) != user.cost_centre:
        change("cost_centre", user.cost_centre, asked.cost_centre or None)
    active = (asked.active or False) if restored else asked.active
    if active is not None and active != user.active:
        change("active", user.active, active)
    if language is not None and language != user.language:
        change("language", user.language, language)
    if asked.manager is not None and asked.manager != user.manager:
        change("manager", user.manager, asked.manager)
    terms = (asked.terms_accepted or False) if restored else asked.terms_accepted
    if terms is not None and terms != user.terms_accepted:
        change("terms_accepted", user.terms_accepted, terms)
    if not changed and not restored:
        return _unchanged(asked, user, organisation, now)

    before = after_deletion(user.invitation) if restored else user.invitation
    if restored:
        changed["deleted"] = False
    after = user.having(changed)
    invitation = decide_invitation(before, asked=asked.invite, after=after, now=now)
    if invitation.after is not after.invitation:
        after = after._replace(invitation=invitation.after)
    return Decision("updated", user.number, user.version, organisation.revision, after, invitation, changes, restored)


def _tell_move(changes: dict[str, tuple[Any, Any]], user: User, place: Place, organisation: Organisation) -> None:
    """A move to a department of the same name in another company is told as a change of the company alone."""
    moved = place[0] != user.company_id
    if moved:
        changes["company"] = (organisation.company_name(user.company_id), organisation.company_name(place[0]))
    old, new = organisation.department_name(user.department_id), organisation.department_name(place[1])
    if place[1] != user.department_id and not (moved and old == new):
        changes["department"] = (old, new)


def _rejected(
    asked: Asked, user: User | None, organisation: Organisation, holder: AddressHolder | None, last_administrator: bool
) -> Decision:
    """Everything that is wrong with a request of which something is wrong. Not on the hot path."""
    problems = _all_problems(asked, user, organisation, holder)
    if _stops_administering(asked, last_administrator):
        problems.append(Problem(code=ErrorCode.LAST_ADMINISTRATOR, field="active"))
    problems.sort(key=lambda problem: _ORDER.get(problem.field or "", -1))
    first_name = asked.first_name or (user.first_name if user else "")
    last_name = asked.last_name or (user.last_name if user else "")
    infix = asked.infix if asked.infix is not None else (user.infix if user else None)
    name = display_name(first_name, infix, last_name) or None
    number = asked.number or (user.number if user else "")
    invitation = NOTHING if user is None else NOTHING._replace(after=user.invitation)
    version = user.version if user else 0
    return Decision(
        "rejected",
        number,
        version,
        organisation.revision,
        user,
        invitation,
        errors=tuple(problems),
        refused_name=name,
    )


def _all_problems(
    asked: Asked, user: User | None, organisation: Organisation, holder: AddressHolder | None
) -> list[Problem]:
    if not organisation.known:
        return [Problem(code=ErrorCode.UNKNOWN_ACADEMY), *asked.problems]
    problems = list(asked.problems)
    known = user is not None and not user.deleted
    # What was asked for and cannot be read is None in `asked`, but not left to be the person's own.
    unreadable = {problem.field for problem in asked.problems}
    problems += [
        problem
        for problem in _looked_up(asked, None if known and asked.mode == "create" else user, organisation)[3]
        if problem.code is not ErrorCode.DEPARTMENT_NOT_IN_COMPANY or "department" not in unreadable
    ]
    if asked.mode == "update" and not known:
        if asked.number_key:
            problem = Problem(code=ErrorCode.NOT_FOUND, field="personnel_number", value=told(asked.number))
            problems.append(problem)
        return problems
    if asked.mode == "create" and known and user is not None:
        problems.append(_taken(ErrorCode.PERSONNEL_NUMBER_CONFLICT, asked.number, AddressHolder.of(user)))
    if user is None or (known and asked.mode == "create"):
        wrong = {problem.field for problem in problems}
        problems += [
            Problem(code=ErrorCode.REQUIRED, field=field)
            for field in REQUIRED_TO_CREATE
            if getattr(asked, field) is None and field not in wrong
        ]
    if holder is not None and asked.number_key and _conflicts(asked, holder):
        if user is None:
            problems.append(_taken(ErrorCode.PERSONNEL_NUMBER_CONFLICT, asked.number, holder))
        elif "email" not in unreadable:
            problems.append(_taken(ErrorCode.EMAIL_IN_USE, asked.email, holder))
    if asked.terms_accepted and (user is None or not _may_accept(user)):
        problems.append(Problem(code=ErrorCode.TERMS_NOT_ALLOWED, field="terms_accepted"))
    return problems


def _taken(code: ErrorCode, value: str | None, holder: AddressHolder) -> Problem:
    """Without a value it is the own address of somebody who is restored."""
    field = "email" if code is ErrorCode.EMAIL_IN_USE else "personnel_number"
    params = {"who": holder.who, "personnel_number": holder.number}
    if value is None:
        return Problem(code=code, field=field, params=params | {"kind": "own"})
    return Problem(code=code, field=field, value=told(value), params=params)
