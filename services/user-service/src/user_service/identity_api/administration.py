"""API tokens of an academy and its administrators without a place in the structure."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, Field

from chassis.access import actor_of, allow
from chassis.problems import Problem
from contracts.access import Role
from user_service import store
from user_service.domain import documents
from user_service.identity import administrators, api_tokens
from user_service.identity_api.common import Identity, without_nul, without_nul_or_404
from user_service.settings import NewAdministrator


class NewToken(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(without_nul)]
    role: Role = Role.ADMINISTRATOR


def add_administration(router: APIRouter, it: Identity) -> None:
    only_administrators = [allow(Role.ADMINISTRATOR)]

    @router.get("/academies/{academy}/api-tokens", dependencies=only_administrators)
    async def list_tokens(academy: str) -> dict[str, Any]:
        """The tokens of programs, without their secrets."""
        it.organisation(academy)
        async with it.pool.acquire() as connection:
            return {"api_tokens": await api_tokens.of_academy(connection, academy)}

    @router.post("/academies/{academy}/api-tokens", status_code=201, dependencies=only_administrators)
    async def make_token(request: Request, academy: str, asked: NewToken) -> dict[str, Any]:
        """A token for a program; its secret is shown here and never again."""
        it.organisation(academy)
        if asked.role is not Role.ADMINISTRATOR:
            raise Problem(422, "invalid", "a program's token has role administrator")
        async with it.pool.acquire() as connection:
            return await api_tokens.make(connection, academy, asked.name, actor_of(request))

    @router.delete("/academies/{academy}/api-tokens/{id}", status_code=204, dependencies=only_administrators)
    async def remove_token(academy: str, id: str) -> Response:
        """From now on no access token is given for it."""
        async with it.pool.acquire() as connection:
            await api_tokens.remove(connection, academy, without_nul_or_404(id))
        return Response(status_code=204)

    @router.post(
        "/academies/{academy}/administrators",
        status_code=201,
        dependencies=[allow()],
        responses={200: {"description": "The administrator was there already"}},
    )
    async def make_administrator(
        request: Request,
        academy: str,
        asked: Annotated[NewAdministrator, Body()],
        min_org_revision: Annotated[int, Query(ge=0)] = 0,
    ) -> JSONResponse:
        """Somebody who administers the academy, without a place in its structure."""
        organisation = await it.organisations.get_new(it.pool, academy, min_org_revision)
        user, new = await administrators.make(
            it.pool, it.organisations, it.passwords, academy, asked, actor_of(request)
        )
        async with it.pool.acquire() as connection:
            now = await store.now(connection)
        return JSONResponse(documents.user_document(user, organisation, now), 201 if new else 200)
