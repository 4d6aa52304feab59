"""What people do about their own log-in: their sessions and their password."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from chassis.access import caller_of
from chassis.problems import Problem
from contracts.fields import number_key
from user_service.identity import people, resets, sessions
from user_service.identity.passwords import check_strength
from user_service.identity_api.common import ANY_ROLE, Identity, Password, without_nul_or_404


class ChangedPassword(BaseModel):
    current: Password
    new: Password


def add_profile(router: APIRouter, it: Identity) -> None:
    def own(request: Request) -> str:
        number = caller_of(request).personnel_number
        if not number:
            raise Problem(404, "not_found", "only people have a profile")
        return number_key(number)

    @router.get("/academies/{academy}/profile/sessions", dependencies=ANY_ROLE)
    async def list_sessions(request: Request, academy: str) -> dict[str, Any]:
        """The own log-ins, and which of them asks."""
        async with it.pool.acquire() as connection:
            found = await sessions.of_person(connection, academy, own(request))
        here = caller_of(request).session
        return {"sessions": [session | {"current": session["id"] == here} for session in found]}

    @router.delete("/academies/{academy}/profile/sessions/{id}", status_code=204, dependencies=ANY_ROLE)
    async def end_session(request: Request, academy: str, id: str) -> Response:
        """End one of the own log-ins."""
        async with it.pool.acquire() as connection:
            await sessions.end(connection, academy, own(request), without_nul_or_404(id))
        return Response(status_code=204)

    @router.put("/academies/{academy}/profile/password", status_code=204, dependencies=ANY_ROLE)
    async def change_password(request: Request, academy: str, asked: ChangedPassword) -> Response:
        """Choose another password; ends the other sessions, and links for a new password."""
        key = (academy, own(request))
        await it.attempt(request, "password", *key)
        async with it.pool.acquire() as connection:
            who = await people.by_number(connection, *key)
        if who is None or not await it.passwords.matches(who.password_hash, asked.current.get_secret_value()):
            raise Problem(422, "wrong_credentials", "that is not the present password")
        password = asked.new.get_secret_value()
        check_strength(password, email=who.user.email, name=who.user.name)
        hash_ = await it.passwords.hash(password)
        async with it.pool.acquire() as connection, connection.transaction():
            now = await people.by_number(connection, *key, lock=True)
            if now is None or now.password_hash != who.password_hash:
                raise Problem(422, "wrong_credentials", "that is not the present password")
            await people.set_password(connection, *key, hash_)
            await sessions.end_all(connection, *key, but=caller_of(request).session)
            await resets.end_of(connection, [key])
        return Response(status_code=204)
