"""What this service does, batch first. Each operation is part of the caller's transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from chassis.records import Event, new_ids, now_text
from notify_service import domain, messages
from notify_service.domain import Addressed, Mail, MailKey, PersonKey, Plan, Recorded, Result, Wish

AnyAddressed = TypeVar("AnyAddressed", bound=Addressed)


@dataclass(frozen=True, slots=True)
class Academy:
    """What a mail says of an academy."""

    name: str
    default_language: str


class Transaction(Protocol):
    """One transaction on this service's database."""

    async def lock_people(
        self, people: Sequence[PersonKey]
    ) -> tuple[Mapping[PersonKey, Sequence[Mail]], Mapping[PersonKey, int]]:
        """The mails and bars of these people, the mails locked until the transaction ends."""
        ...

    async def write(self, plan: Plan) -> set[MailKey]:
        """Write the plan; returns the keys of the rows that are really new."""
        ...

    async def record(self, results: Sequence[Result]) -> Sequence[Recorded]:
        """Write down how attempts ended; returns those mails that are thereby done with."""
        ...

    async def tell(self, events: Sequence[Event]) -> None:
        """Publish the events, in this order, if the transaction is committed."""
        ...


async def take_in(
    transaction: Transaction, wishes: Sequence[Wish], academy_of: Callable[[str], Academy | None]
) -> None:
    """Queue, supersede and withdraw mails, and tell it. A wish that comes again changes and tells nothing.

    The academy's name and the language are fixed here, so that a mail made twice is the same mail.
    """
    addressed = [_addressed(wish, academy_of) if isinstance(wish, Addressed) else wish for wish in wishes]
    mails, bars = await transaction.lock_people([wish.person for wish in addressed])
    plan = domain.decide(addressed, mails, bars)
    inserted = await transaction.write(plan)
    # A row that was not inserted belongs to a twin of ours that was faster, and told it.
    facts = [fact for fact in plan.facts if fact.key not in plan.insert or fact.key in inserted]
    time = now_text()
    await transaction.tell(
        [messages.fact_event(fact, id=id, time=time) for fact, id in zip(facts, new_ids(len(facts)), strict=True)]
    )


def _addressed(wish: AnyAddressed, academy_of: Callable[[str], Academy | None]) -> AnyAddressed:
    academy = academy_of(wish.academy)
    name = academy.name if academy else wish.academy
    language = domain.mail_language(wish.language, academy.default_language if academy else "")
    return replace(wish, academy_name=name, language=language)


async def record(transaction: Transaction, results: Sequence[Result]) -> None:
    """Write down how attempts ended and tell which invitations are thereby done with."""
    done = [mail for mail in await transaction.record(results) if mail.kind == "invitation"]
    time = now_text()
    await transaction.tell(
        [messages.outcome_event(mail, id=id, time=time) for mail, id in zip(done, new_ids(len(done)), strict=True)]
    )
