"""Dead letters over HTTP, for operators: the same routes on every service, each for what it gave up itself."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from chassis.access import actor_of, allow
from chassis.database import Pool
from chassis.dead_letters import looking
from chassis.dead_letters.acting import Acting
from chassis.dead_letters.documents import MOST, Action, Actions, Dealt, Page, Text, Wanted, WholeLetter


class Listed(Wanted):
    """Which letters, and which page of them."""

    after: Text | None = None
    limit: Annotated[int, Field(ge=1, le=1_000)] = 100


class Act(BaseModel):
    """Which letters are to be dealt with, in what run: asked again in the same run, nothing is done twice."""

    ids: Annotated[list[Text], Field(min_length=1, max_length=MOST)]
    run: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]+$")]
    force: bool = False
    dry_run: bool = False


class Done(BaseModel):
    """What became of the letters; for those that are not named, ask again."""

    dead_letters: list[Dealt]


def make_router(pool: Pool, acting: Acting) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["dead letters"])
    operators = [allow()]

    async def act(action: Action, asked: Act, request: Request) -> Done:
        dealt = await acting.act(
            action, asked.ids, run=asked.run, actor=actor_of(request), force=asked.force, dry_run=asked.dry_run
        )
        return Done(dead_letters=dealt)

    @router.get("/dead-letters", dependencies=operators)
    async def list_(wanted: Annotated[Listed, Query()]) -> Page:
        """What this service could not handle, in pages."""
        return await looking.page(
            pool, Wanted(**wanted.model_dump(exclude={"after", "limit"})), after=wanted.after, limit=wanted.limit
        )

    @router.get("/dead-letters/{id}", dependencies=operators)
    async def show(id: Annotated[Text, Path()]) -> WholeLetter:
        """One of them: its headers, its bytes, and what was done with it."""
        return await looking.find(pool, id)

    @router.post("/dead-letters/replay", dependencies=operators)
    async def replay(asked: Act, request: Request) -> Done:
        """Send them again in the order of topic, partition and offset, a request with its attempt raised.

        Skipped and told, unless forced: what was sent again or dropped already, what cannot be read today either, and
        requests whose person was changed after they were set aside.
        """
        return await act("replay", asked, request)

    @router.post("/dead-letters/drop", dependencies=operators)
    async def drop(asked: Act, request: Request) -> Done:
        """Mark them as done with. They stay to be looked at, and a forced replay sends them after all."""
        return await act("drop", asked, request)

    @router.get("/dead-letter-actions", dependencies=operators)
    async def actions(
        letter: Annotated[Text | None, Query()] = None,
        run: Annotated[Text | None, Query()] = None,
        after: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> Actions:
        """Who did what with which letter, and what came of it."""
        return await looking.actions(pool, letter=letter, run=run, after=after, limit=limit)

    return router
