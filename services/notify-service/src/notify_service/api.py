"""HTTP: what became of an academy's invitations."""

from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from chassis.access import allow
from chassis.database import Pool
from chassis.problems import Problem
from contracts.access import Role
from notify_service import store
from notify_service.use_cases import Academy

Status = Literal["queued", "sent", "failed", "withdrawn"]


def make_router(pool: Pool, academy_of: Callable[[str], Academy | None]) -> APIRouter:
    """The routes of this service."""
    router = APIRouter()

    @router.get("/academies/{academy}/invitations", dependencies=[allow(Role.ADMINISTRATOR)])
    async def invitations(
        academy: str,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        after: str | None = None,
        status: Status | None = None,
        order: Literal["oldest", "newest"] = "oldest",
    ) -> dict[str, Any]:
        """The invitations of the academy, of one status or of all, by when they were asked for, in pages; `next` is the
        cursor of the next page of the same order, null on the last."""
        if academy_of(academy) is None:
            raise Problem(404, "unknown_academy", "There is no academy of this name.")
        async with pool.acquire() as conn:
            rows = await store.page(
                conn, academy, limit=limit, after=_cursor(after), status=status, newest=order == "newest"
            )
        return {
            "invitations": [_document(row) for row in rows],
            "next": f"{rows[-1]['invitation_id']}:{rows[-1]['generation']}" if len(rows) == limit else None,
        }

    return router


def _cursor(text: str | None) -> tuple[UUID, int] | None:
    if text is None:
        return None
    invitation_id, _, generation = text.partition(":")
    try:
        return UUID(invitation_id), min(int(generation), 2**31 - 1)
    except ValueError:
        raise Problem(422, "invalid_request", "`after` must be the `next` of an earlier page.") from None


def _document(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "personnel_number": row["personnel_number"],
        "email": row["email"],
        "status": row["state"],
        "invitation_id": str(row["invitation_id"]),
        "generation": row["generation"],
        "sent_at": row["sent_at"].isoformat(timespec="milliseconds") if row["sent_at"] else None,
        "message_id": row["message_id"],
        "attempts": row["attempts"],
        "reason": row["reason"],
        "replaced": row["replaced"],
    }
