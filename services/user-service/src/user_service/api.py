"""user-service over HTTP: commands in (202), queries out."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, Field

from chassis.access import actor_of, allow, caller_of, forbidden
from chassis.commands import Commands
from chassis.database import Pool
from chassis.problems import Problem
from chassis.records import make_event
from contracts.access import AccessClaims, Role
from contracts.events.base import Message
from contracts.events.users import (
    ActivateUser,
    DeactivateUser,
    DeleteUser,
    GrantAdministrator,
    PersonFields,
    ResendInvitation,
    RevokeAdministrator,
    UserRequested,
    WithdrawInvitation,
)
from contracts.fields import number_key
from contracts.topics import USER_REQUESTS
from user_service import people, store
from user_service.domain import documents
from user_service.domain.commands import Command
from user_service.domain.person import User
from user_service.identity_api.common import without_nul
from user_service.organisations import Organisations
from user_service.people import Filter, Standing, Status

_ACTIONS: dict[str, type[Command]] = {
    "activate": ActivateUser,
    "deactivate": DeactivateUser,
    "resend-invitation": ResendInvitation,
    "withdraw-invitation": WithdrawInvitation,
    "grant-administrator": GrantAdministrator,
    "revoke-administrator": RevokeAdministrator,
}

_MANAGERS_MAY = ("resend-invitation", "withdraw-invitation")


def _may_see(caller: AccessClaims, user: User) -> bool:
    if caller.role is Role.MANAGER and caller.department and user.department_id == caller.department:
        return not user.deleted
    if caller.role in (Role.MANAGER, Role.MEMBER):
        return user.number == caller.personnel_number and not user.deleted
    return True


def _counted(total: people.Total | None) -> dict[str, Any]:
    return {} if total is None else {"total": total.people, "total_exact": total.exact}


def _with_a_key(person: PersonFields) -> PersonFields:
    without_nul(person.personnel_number or "")
    return person


Number = Annotated[str, Path(max_length=300), AfterValidator(without_nul)]
NewPerson = Annotated[PersonFields, AfterValidator(_with_a_key)]
IdempotencyKey = Annotated[str | None, Header(max_length=200)]
Revision = Annotated[int, Query(ge=0)]


Text = Annotated[str, Field(max_length=300), AfterValidator(without_nul)]


class Wanted(BaseModel):
    """What the list of people may be asked for."""

    search: Text = ""
    company: Text | None = None
    department: Text | None = None
    function: Text | None = None
    status: Status | None = None
    invitation: Standing | None = None
    language: Text | None = None
    limit: int = Field(default=100, ge=1, le=1000)
    after: Annotated[str, Field(max_length=2_000), AfterValidator(without_nul)] = ""
    count: bool = False


class Accepted(BaseModel):
    """Where to follow a command."""

    command_id: str
    location: str


def make_router(pool: Pool, commands: Commands, organisations: Organisations) -> APIRouter:
    """The routes of user-service."""
    router = APIRouter()
    accepted: dict[str, Any] = {"status_code": 202, "response_model": Accepted}
    administrators = [allow(Role.ADMINISTRATOR)]
    managers = [allow(Role.ADMINISTRATOR, Role.MANAGER)]

    async def find(caller: AccessClaims, academy: str, number: str) -> User:
        """The person, if whoever asks may see them; to the others there is nobody of that number."""
        async with pool.acquire() as connection:
            user = await store.get_user(connection, academy, number_key(number))
        if user is None or not _may_see(caller, user):
            raise Problem(404, "not_found", f"there is nobody with number {number[:64]} in academy {academy}")
        return user

    async def submit(request: Request, academy: str, number: str, message: Message, key: str | None) -> JSONResponse:
        revision = message.min_org_revision if isinstance(message, UserRequested) else 0
        await organisations.get_new(pool, academy, revision)
        envelope = commands.envelope(
            type=message.TYPE, academy=academy, subject=number, actor=actor_of(request), idempotency_key=key
        )
        event = make_event(USER_REQUESTS, f"{academy}/{number_key(number)}", envelope, message)
        return commands.accepted(await commands.submit(event))

    @router.post("/academies/{academy}/users", **accepted, dependencies=administrators)
    async def add(
        request: Request,
        academy: str,
        person: NewPerson,
        min_org_revision: Revision = 0,
        idempotency_key: IdempotencyKey = None,
    ) -> JSONResponse:
        """Add one person; a number or address that is taken is refused, never overwritten."""
        message = UserRequested(mode="create", person=person, min_org_revision=min_org_revision)
        return await submit(request, academy, person.personnel_number or "", message, idempotency_key)

    @router.patch("/academies/{academy}/users/{number:path}", **accepted, dependencies=administrators)
    async def change(
        request: Request,
        academy: str,
        number: Number,
        person: PersonFields,
        min_org_revision: Revision = 0,
        idempotency_key: IdempotencyKey = None,
    ) -> JSONResponse:
        """Change one person; absent leaves, null clears. The personnel number never changes."""
        whole = PersonFields(**person.model_dump(exclude_unset=True) | {"personnel_number": number})
        message = UserRequested(mode="update", person=whole, min_org_revision=min_org_revision)
        return await submit(request, academy, number, message, idempotency_key)

    @router.delete("/academies/{academy}/users/{number:path}", **accepted, dependencies=administrators)
    async def delete(
        request: Request, academy: str, number: Number, idempotency_key: IdempotencyKey = None
    ) -> JSONResponse:
        """Delete one person; the same number later restores them with their history."""
        return await submit(request, academy, number, DeleteUser(personnel_number=number), idempotency_key)

    @router.post("/academies/{academy}/users/{number:path}/{action}", **accepted, dependencies=managers)
    async def act(
        request: Request, academy: str, number: Number, action: str, idempotency_key: IdempotencyKey = None
    ) -> JSONResponse:
        """activate, deactivate, resend-invitation, withdraw-invitation, grant-administrator or revoke-administrator."""
        model = _ACTIONS.get(action)
        if model is None:
            raise Problem(404, "not_found", f"there is no action {action[:50]}: use one of {', '.join(_ACTIONS)}")
        caller = caller_of(request)
        if caller.role is Role.MANAGER:
            if action not in _MANAGERS_MAY:
                raise forbidden()
            await find(caller, academy, number)
        return await submit(request, academy, number, model(personnel_number=number), idempotency_key)

    @router.get("/academies/{academy}/users", dependencies=managers)
    async def list_users(
        request: Request,
        academy: str,
        wanted: Annotated[Wanted, Query()],
    ) -> dict[str, Any]:
        """People by last name, first name and number, in pages; `next` is the cursor of the next page, null on the last.

        Deleted people are there only with `status=deleted`. `search` finds the beginnings of words of name, number and
        address. A manager sees the own department. With `count`, `total` says how many people there are on all pages;
        where it is not `total_exact`, there are more.
        """
        organisation = organisations.get(academy)
        caller = caller_of(request)
        chosen = Filter(**wanted.model_dump(exclude={"limit", "after", "count"}))
        total = None
        if caller.role is Role.MANAGER:
            other = chosen.department not in (None, "", caller.department)
            if other or chosen.status == "deleted" or not caller.department:
                return {"users": [], "next": None} | _counted(people.Total(0, True) if wanted.count else None)
            chosen = chosen._replace(department=caller.department)
        async with pool.acquire() as connection:
            page = await people.list_people(connection, academy, chosen, after=wanted.after, limit=wanted.limit)
            if wanted.count:
                total = await people.count_people(connection, academy, chosen)
            now = await store.now(connection)
        return {
            "users": [documents.user_document(user, organisation, now) for user in page.users],
            "next": page.next,
        } | _counted(total)

    @router.get("/academies/{academy}/users/{number:path}/history", dependencies=managers)
    async def history(request: Request, academy: str, number: Number) -> dict[str, Any]:
        """What became of one person, newest first."""
        organisations.get(academy)
        user = await find(caller_of(request), academy, number)
        async with pool.acquire() as connection:
            return {"history": await people.history(connection, academy, user.number_key)}

    @router.get("/academies/{academy}/users/{number:path}", dependencies=[allow(*Role)])
    async def show(request: Request, academy: str, number: Number) -> dict[str, Any]:
        """One person, also a deleted one."""
        organisation = organisations.get(academy)
        user = await find(caller_of(request), academy, number)
        async with pool.acquire() as connection:
            now = await store.now(connection)
        return documents.user_document(user, organisation, now)

    return router
