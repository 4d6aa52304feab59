"""HTTP: commands in, the structure out."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, ValidationError

from chassis.access import actor_of, allow, caller_of
from chassis.commands import Commands
from chassis.problems import Problem
from chassis.records import EventTooLarge, make_event
from contracts.access import Role
from contracts.errors import ErrorCode
from contracts.events.base import Message
from contracts.events.org import COMMANDS, ApplyStructure
from contracts.topics import ORG_COMMANDS
from org_service import messages
from org_service.domain import academy_id_problem, defines_academy
from org_service.store import Store

_MODELS = {model.TYPE: model for model in COMMANDS}

IdempotencyKey = Annotated[str | None, Header(max_length=200)]


class CommandBody(BaseModel):
    """A command by its type name, with its value."""

    type: str
    data: dict[str, Any] = {}


def router(store: Store, commands: Commands) -> APIRouter:
    """The routes of the service."""
    routes = APIRouter(tags=["organisation"])

    async def submit(academy: str, command: Message, request: Request, idempotency_key: str | None) -> Response:
        if (problem := academy_id_problem(academy)) is not None:
            raise Problem(422, problem.reason.value, problem.sentences()[0], [messages.error_document(problem)])
        if not defines_academy(command) and not await store.exists(academy):
            raise _unknown(academy)
        envelope = commands.envelope(
            type=command.TYPE, academy=academy, actor=actor_of(request), idempotency_key=idempotency_key
        )
        try:
            id_ = await commands.submit(make_event(ORG_COMMANDS, academy, envelope, command))
        except EventTooLarge as error:
            raise Problem(413, "too_large", f"{error}: send it in parts, one company at a time") from None
        return commands.accepted(id_)

    @routes.post("/academies/{academy}/structure", status_code=202, dependencies=[allow(Role.ADMINISTRATOR)])
    async def apply_structure(
        academy: str, body: ApplyStructure, request: Request, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Define or update a whole organisation; what it does not name stays."""
        return await submit(academy, body, request, idempotency_key)

    @routes.post("/academies/{academy}/commands", status_code=202, dependencies=[allow(Role.ADMINISTRATOR)])
    async def command(
        academy: str, body: CommandBody, request: Request, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Any command of `org.commands`."""
        model = _MODELS.get(body.type)
        if model is None:
            raise Problem(422, "unknown_command", f"use one of {', '.join(sorted(_MODELS))}")
        try:
            message = model.model_validate(body.data)
        except ValidationError as error:
            errors = [{"path": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()]
            raise Problem(422, "invalid_request", f"the data is not that of {body.type}", errors) from None
        return await submit(academy, message, request, idempotency_key)

    @routes.get("/academies", dependencies=[allow(Role.ADMINISTRATOR)])
    async def academies(request: Request) -> dict[str, Any]:
        """The academies of whoever asks: an operator's are all."""
        caller = caller_of(request)
        known = [each for each in await store.academies() if caller.academy in ("", each[0].id)]
        return {"academies": [{**messages.academy_document(each), "revision": revision} for each, revision in known]}

    @routes.get("/academies/{academy}/structure", dependencies=[allow(Role.ADMINISTRATOR)])
    async def structure(academy: str) -> dict[str, Any]:
        """The whole structure with its revision, removed units too."""
        found = await store.structure(academy) if academy_id_problem(academy) is None else None
        if found is None:
            raise _unknown(academy)
        return messages.structure_document(*found)

    @routes.get("/academies/{academy}/terms", dependencies=[allow(Role.ADMINISTRATOR)])
    async def terms(academy: str) -> dict[str, Any]:
        """The terms of use in every language; those of everybody where the academy has none of its own."""
        found = await store.terms(academy) if academy_id_problem(academy) is None else None
        if found is None:
            raise _unknown(academy)
        return messages.terms_document(found)

    return routes


def _unknown(academy: str) -> Problem:
    return Problem(404, ErrorCode.UNKNOWN_ACADEMY.value, f"there is no academy {academy[:100]}")
