"""Which mails go out, which are taken back, and when one is offered again. Pure: time and chance come in as arguments.

Of a person's mails the newest wins, whatever the order of arrival: of one invitation the highest generation, of several
the one that was asked for at the highest version of the person.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

State = Literal["queued", "sent", "failed", "withdrawn"]
MailKind = Literal["invitation", "password_reset"]
PersonKey = tuple[str, str]
"""(academy, number_key)"""
MailKey = tuple[str, UUID, int]
"""(academy, invitation id, generation); of a password's reset its id, and 1"""

LONGEST_BACKOFF = 3600.0
LANGUAGES = ("nl", "en")
"""In which there are mails; English is what anybody else gets."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The event that something comes from, for the events that follow from it."""

    actor: str = ""
    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    academy: str
    number_key: str
    personnel_number: str
    version: int
    origin: Origin

    @property
    def person(self) -> PersonKey:
        return self.academy, self.number_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed(_About):
    """Mail somebody a link."""

    KIND: ClassVar[MailKind]

    invitation_id: UUID
    generation: int
    email: str
    name: str
    language: str
    expires_at: datetime
    queued_at: datetime
    academy_name: str = ""

    @property
    def key(self) -> MailKey:
        return self.academy, self.invitation_id, self.generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite(Addressed):
    """Mail this invitation."""

    KIND: ClassVar[MailKind] = "invitation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(Addressed):
    """Mail the link with which somebody chooses a new password. It stands apart from the person's invitations."""

    KIND: ClassVar[MailKind] = "password_reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall(_About):
    """Take back this generation of the invitation, and whatever is older."""

    invitation_id: UUID
    generation: int
    at: datetime

    @property
    def key(self) -> MailKey:
        return self.academy, self.invitation_id, self.generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar(_About):
    """Take back whatever was asked for this person up to this version: deactivated or deleted."""


Wish = Invite | Reset | Recall | Bar


@dataclass(slots=True)
class Mail:
    """What is known of one mail. `leased`: somebody may be sending it right now; `bare`: only how it ended is known."""

    key: MailKey
    version: int
    state: State
    leased: bool = False
    withdrawing: bool = False
    bare: bool = False

    def is_newer_than(self, other: "Mail") -> bool:
        if self.key[1] == other.key[1]:
            return self.key[2] > other.key[2]
        return self.version > other.version


@dataclass(frozen=True, slots=True)
class Fact:
    """What became of a mail by a decision of ours."""

    kind: Literal["queued", "withdrawn"]
    key: MailKey
    personnel_number: str
    origin: Origin


@dataclass(slots=True)
class Plan:
    """What to write for a batch, and what to tell, in order."""

    insert: dict[MailKey, tuple[Invite | Reset | Recall, State]] = field(default_factory=dict)
    withdraw: list[MailKey] = field(default_factory=list)
    """Rows to mark as withdrawn."""
    withdraw_later: list[MailKey] = field(default_factory=list)
    """Rows to withdraw unless the attempt that is under way delivers them."""
    complete: dict[MailKey, Invite] = field(default_factory=dict)
    """What was asked for with rows that say only how a mail ended."""
    bars: dict[PersonKey, int] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)


def decide(wishes: Iterable[Wish], mails: Mapping[PersonKey, Sequence[Mail]], bars: Mapping[PersonKey, int]) -> Plan:
    """Decide on the wishes in order, given the mails and bars of all people in them.

    Wishes that were decided on before, in whatever order they come back, change nothing.
    """
    plan = Plan()
    shelves: dict[PersonKey, dict[MailKey, Mail]] = {}
    for wish in wishes:
        if isinstance(wish, Reset):
            plan.insert.setdefault(wish.key, (wish, "queued"))
            continue
        shelf = shelves.get(wish.person)
        if shelf is None:
            shelf = shelves[wish.person] = {mail.key: replace(mail) for mail in mails.get(wish.person, ())}
        if isinstance(wish, Invite):
            bar = plan.bars.get(wish.person, bars.get(wish.person, -1))
            _invite(plan, shelf, wish, bar)
        elif isinstance(wish, Recall):
            _recall(plan, shelf, wish)
        else:
            if wish.version > max(plan.bars.get(wish.person, -1), bars.get(wish.person, -1)):
                plan.bars[wish.person] = wish.version
            _take_back(plan, [mail for mail in shelf.values() if mail.version <= wish.version], wish)
    return plan


def _invite(plan: Plan, shelf: dict[MailKey, Mail], wish: Invite, bar: int) -> None:
    if (known := shelf.get(wish.key)) is not None:
        if known.bare:
            plan.complete[wish.key] = wish
        return
    mine = Mail(wish.key, wish.version, "queued")
    if bar >= wish.version or any(mail.is_newer_than(mine) for mail in shelf.values()):
        mine.state = "withdrawn"
    else:
        # Nothing on the shelf is newer, so all that is still queued there is older.
        plan.facts.append(Fact("queued", wish.key, wish.personnel_number, wish.origin))
        _take_back(plan, shelf.values(), wish)
    if mine.state == "withdrawn":
        plan.facts.append(Fact("withdrawn", wish.key, wish.personnel_number, wish.origin))
    shelf[wish.key] = mine
    plan.insert[wish.key] = wish, mine.state


def _recall(plan: Plan, shelf: dict[MailKey, Mail], wish: Recall) -> None:
    # What is taken back was the newest invitation, so that whatever is older and still queued is taken back with it:
    # the invitation itself, which would have replaced those, may never have come.
    last = Mail(wish.key, wish.version, "withdrawn")
    _take_back(plan, [mail for mail in shelf.values() if not mail.is_newer_than(last)], wish)
    if wish.key not in shelf:
        shelf[wish.key] = last
        plan.insert[wish.key] = wish, "withdrawn"
        plan.facts.append(Fact("withdrawn", wish.key, wish.personnel_number, wish.origin))


def _take_back(plan: Plan, mails: Iterable[Mail], wish: Wish) -> None:
    for mail in mails:
        if mail.state != "queued" or mail.withdrawing:
            continue
        if mail.leased:
            mail.withdrawing = True
            plan.withdraw_later.append(mail.key)
            continue
        mail.state = "withdrawn"
        if mail.key in plan.insert:
            plan.insert[mail.key] = plan.insert[mail.key][0], "withdrawn"
        else:
            plan.withdraw.append(mail.key)
        plan.facts.append(Fact("withdrawn", mail.key, wish.personnel_number, wish.origin))


def mail_language(wanted: str, default: str) -> str:
    """The language of somebody's mail: theirs, else the academy's default, else English."""
    for language in (wanted, default):
        code = language.replace("_", "-").partition("-")[0].lower()
        if code in LANGUAGES:
            return code
    return "en"


def backoff(attempt: int, first: float, chance: float) -> float:
    """Seconds until the next attempt after the `attempt`th (from 1) was deferred; `chance` in [0, 1) spreads them."""
    return float(min(first * 2.0 ** min(attempt - 1, 30), LONGEST_BACKOFF) * (0.75 + 0.5 * chance))


Kind = Literal["sent", "failed", "deferred", "released", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Result:
    """How one attempt ended.

    `deferred` counts as an attempt; `released` does not: it was not the mail's fault, or it was not tried at all.
    """

    key: MailKey
    claim: UUID
    kind: Kind
    delay: float = 0.0
    message_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that is ours to send until the lease ends. `expired`: its link no longer works."""

    kind: MailKind
    key: MailKey
    claim: UUID
    email: str
    name: str
    language: str
    academy_name: str
    expires_at: datetime
    queued_at: datetime
    attempts: int
    expired: bool
    withdrawing: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """A mail whose attempt ended it."""

    key: MailKey
    state: State
    personnel_number: str
    origin: Origin
    message_id: str | None
    reason: str | None
    kind: MailKind = "invitation"


@dataclass(frozen=True, slots=True)
class Ended:
    """What our own events tell of a mail that is done with."""

    key: MailKey
    personnel_number: str
    state: State
    at: datetime
    message_id: str | None
    reason: str | None
