"""What is asked and told about dead letters."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

MOST: Final = 500
"""Letters of one act: what comes meanwhile in the same lane waits for no more."""
SHOWN: Final = 300
"""Characters of a key in a list, and of what is looked for."""

State = Literal["open", "replayed", "dropped"]
Action = Literal["replay", "drop"]
Outcome = Literal["done", "skipped"]


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None


Text = Annotated[str, Field(max_length=SHOWN, pattern=r"^[^\x00]*$")]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Reason(StrEnum):
    """Why a letter was not dealt with as asked."""

    UNKNOWN = "unknown"
    NOT_KEPT = "not_kept"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"
    NOT_CONSUMED = "not_consumed"
    COMPACTED = "compacted"
    ALREADY_REPLAYED = "already_replayed"
    ALREADY_DROPPED = "already_dropped"
    UNREADABLE = "unreadable"
    CHANGED_LATER = "changed_later"


UNLESS_FORCED: Final = frozenset(
    {Reason.ALREADY_REPLAYED, Reason.ALREADY_DROPPED, Reason.UNREADABLE, Reason.CHANGED_LATER}
)
"""Nothing helps against the others."""


class Wanted(BaseModel):
    """Which letters are asked for; what is not given leaves none out. `reason` is found anywhere in the text."""

    id: Annotated[list[Text], Field(max_length=MOST)] = []
    topic: Text | None = None
    academy: Text | None = None
    type: Text | None = None
    group: Text | None = None
    reason: Text | None = None
    state: State | None = None
    since: Moment | None = None
    until: Moment | None = None


class Letter(BaseModel):
    """A letter in a list."""

    id: str
    state: State
    topic: str
    partition: int
    offset: int
    group: str
    academy: str
    type: str
    key: str | None
    reason: str
    at: datetime
    size: int


class Page(BaseModel):
    """By topic, partition and offset; `next` is the cursor of the next page, null on the last."""

    dead_letters: list[Letter]
    next: str | None


class ActionTaken(BaseModel):
    """What somebody did with a letter."""

    id: int
    at: datetime
    run: str
    actor: str
    action: Action
    letter: str
    topic: str
    forced: bool
    outcome: Outcome
    reason: Reason | None


class WholeLetter(Letter):
    """A letter with what it holds, and what was done with it. Without `headers` its bytes are not kept."""

    truncated: int | None
    headers: list[tuple[str, str | None]] | None
    value: str | None
    value_base64: str | None
    actions: list[ActionTaken]


class Actions(BaseModel):
    """Oldest first; `next` is the cursor of the next page, null on the last."""

    actions: list[ActionTaken]
    next: int | None


class Dealt(BaseModel):
    """What became of one letter. `forceable`: it is done where force is asked for."""

    id: str
    topic: str
    key: str | None = None
    outcome: Outcome
    reason: Reason | None = None
    detail: str = ""
    forceable: bool = False
