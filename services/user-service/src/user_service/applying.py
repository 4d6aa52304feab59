"""The write transaction: one or a thousand requests, decided in memory, written with a few statements."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, get_args

import asyncpg
import orjson

from chassis import outbox, request_log
from chassis.commands import COMMAND_SOURCE, Commands
from chassis.consuming import store_positions
from chassis.database import Connection, Pool, only_index_plans
from chassis.records import Event, Record, new_ids, now_text
from contracts.envelope import Envelope
from contracts.events.users import GrantAdministrator
from contracts.fields import number_key
from user_service import messages, people, store
from user_service.domain import documents
from user_service.domain.commands import Command, decide_command
from user_service.domain.decide import claimed_address, decide
from user_service.domain.decision import Decision, Verdict, apply
from user_service.domain.person import AddressHolder, User
from user_service.domain.reading import Asked, Requested, read, told
from user_service.identity import resets, sessions
from user_service.ids import ids_of
from user_service.organisations import Organisations
from user_service.pace import Pace
from user_service.people import Happened
from user_service.store import AddressKey, Creation, PersonKey

Request = Record[Requested | Command]

MOST_REDOS: Final = 20
"""How often a batch is decided again because another instance was faster; more is no race but a mistake."""


_LOGGED: Final = {outcome: b'{"outcome":"%s","number":' % outcome.encode() for outcome in get_args(Verdict)}


class _TwinWasFaster(Exception):
    """Another transaction wrote what this one decided without: roll back, decide again."""


class _OrganisationIsOld(Exception):
    """Another instance knows a newer one, in which departments may have moved: wait for it, decide again."""


@dataclass(slots=True, eq=False)
class _Item:
    request: Request
    asked: Asked | None
    person: PersonKey
    decision: Decision | None = None
    before: User | None = None
    after: User | None = None


@dataclass(slots=True)
class _Known:
    """What the decisions of a batch see: the database, and what the batch did so far."""

    users: dict[PersonKey, User]
    holders: dict[AddressKey, AddressHolder]
    claimed: dict[AddressKey, User] = field(default_factory=dict)
    released: dict[AddressKey, str] = field(default_factory=dict)
    administrators: Counter[str] = field(default_factory=Counter)


class _FreedHere(Exception):
    """The request wants an address that an earlier one of this batch gives up: it belongs to the next transaction."""


@dataclass
class Applying:
    """Carries out requests about people."""

    pool: Pool
    organisations: Organisations
    commands: Commands
    versions_above: Callable[[], int] = lambda: 0
    _repeated: bool = False
    """Whether the last batch had something that was asked before: then the next one probably has, too."""

    async def __call__(self, records: list[Request]) -> None:
        """Apply each request once, and publish its one outcome. Atomic up to where a part was committed before."""
        items = [_item(record) for record in records]
        await asyncio.sleep(0)
        await self._wait_for_organisations(records)
        while items:
            items = items[await self._retry(items) :]

    async def _wait_for_organisations(self, records: Sequence[Request]) -> None:
        needed: dict[str, int] = {}
        for record in records:
            academy, message = record.envelope.academy, record.message
            revision = message.min_org_revision if isinstance(message, Requested) else 0
            if isinstance(message, Requested) and message.planned is not None:
                revision = max(revision, message.planned.org_revision)
            needed[academy] = max(needed.get(academy, 0), revision)
        await self.organisations.wait_for(self.pool, needed)

    async def _retry(self, items: Sequence[_Item]) -> int:
        for redo in range(MOST_REDOS):
            try:
                async with self.pool.acquire() as connection, connection.transaction():
                    return await self._transact(connection, items, all_new=redo == 0 and not self._repeated)
            except (_TwinWasFaster, asyncpg.UniqueViolationError):
                self._repeated = True
            except _OrganisationIsOld:
                await self.organisations.wait_for(self.pool, {item.person[0]: 0 for item in items})
        raise TimeoutError(f"a batch was overtaken {MOST_REDOS} times")

    async def _transact(self, connection: Connection, items: Sequence[_Item], *, all_new: bool) -> int:
        """Apply the longest possible beginning of the items; how many those are.

        `all_new` bets that nobody asked any of this before or claims the same at this moment, which saves looking: a bet
        that is lost raises asyncpg.UniqueViolationError.
        """
        await only_index_plans(connection)
        academies = {item.person[0] for item in items}
        await store.lock_places(connection, academies, shared=True)
        if not await self.organisations.are_current(connection, academies):
            raise _OrganisationIsOld
        known = {} if all_new else await request_log.known(connection, [i.request.envelope for i in items])
        fresh, repeated = _without_duplicates(items, known)
        now = await store.now(connection)
        done = len(items)
        if fresh:
            count = await self._decide(connection, fresh, now, all_new=all_new)
            if count < len(fresh):
                done = items.index(fresh[count])
                fresh = fresh[:count]
                repeated = [(item, logged) for item, logged in repeated if items.index(item) < done]
        await self._publish(connection, fresh, repeated, now)
        await store_positions(connection, [i.request for i in items[:done]])
        self._repeated = bool(known)
        return done

    async def _decide(self, connection: Connection, items: list[_Item], now: datetime, *, all_new: bool) -> int:
        """Decide and write people and addresses; how many of the items were decided."""
        users = await store.load_users(connection, {i.person for i in items}, lock=True)
        administrators = await self._count_administrators(connection, items, users)
        wanted = {
            (i.person[0], address)
            for i in items
            if i.asked is not None and (address := claimed_address(i.asked, users.get(i.person))) is not None
        }
        holders = await store.load_holders(connection, wanted) if wanted else {}
        won: dict[AddressKey, str] = {}
        while True:
            await asyncio.sleep(0)
            state = _Known(dict(users), dict(holders), administrators=Counter(administrators))
            count = await self._decide_all(items, state, now)
            claims = {address: user.number_key for address, user in state.claimed.items()}
            if any(claims.pop(address, number) != number for address, number in won.items()):
                raise _TwinWasFaster  # won for one person, now due to another: begin again without the claims
            if not claims:
                break
            new = await store.claim_addresses(connection, claims, all_free=all_new)
            won |= {address: claims[address] for address in new}
            if len(new) == len(claims):
                break
            lost = claims.keys() - new
            found = await store.load_holders(connection, lost)
            if found.keys() != lost or any(found[a].number_key == claims[a] for a in lost):
                # Given up again meanwhile, or taken by the very person who is new here: see what is true now.
                raise _TwinWasFaster
            holders |= found
        await self._write(connection, items[:count], users, state, won, now)
        return count

    async def _count_administrators(
        self, connection: Connection, items: Sequence[_Item], users: dict[PersonKey, User]
    ) -> dict[str, int]:
        """Of the academies in which an administrator could stop being one in this batch."""
        academies = {key[0] for key, user in users.items() if user.administrator}
        academies |= {
            i.person[0] for i in items if i.asked is None and isinstance(i.request.message, GrantAdministrator)
        }
        return await store.count_administrators(connection, academies, lock=True) if academies else {}

    async def _decide_all(self, items: Sequence[_Item], state: _Known, now: datetime) -> int:
        pace = Pace()
        for count, item in enumerate(items):
            try:
                self._decide_one(item, state, now)
            except _FreedHere:
                return count
            if pace.due():
                await asyncio.sleep(0)
        return len(items)

    def _decide_one(self, item: _Item, state: _Known, now: datetime) -> None:
        academy = item.person[0]
        organisation = self.organisations.of(academy)
        user = state.users.get(item.person)
        message = item.request.message
        last = user is not None and user.administers and state.administrators[academy] <= 1
        if item.asked is not None:
            address = claimed_address(item.asked, user)
            key = (academy, address or "")
            if key in state.released:
                raise _FreedHere
            claimant = state.claimed.get(key)
            holder = state.holders.get(key) if claimant is None else AddressHolder.of(claimant)
            decision = decide(item.asked, user, organisation, holder, now, last_administrator=last)
        else:
            assert not isinstance(message, Requested)  # noqa: S101
            decision = decide_command(message, user, organisation.revision, now, last_administrator=last)
        given = decision.outcome == "created" or decision.invitation.new_generation
        user_id, invitation_id = ids_of(item.request.envelope) if given else ("", "")
        after = apply(
            decision,
            now=now,
            user_id=user_id,
            invitation_id=invitation_id,
            versions_above=self.versions_above(),
        )
        item.decision, item.before, item.after = decision, user, after
        if decision.outcome != "rejected" and after is not None and after is not user:
            state.users[item.person] = after
            _move_address(state, academy, user, after)
            state.administrators[academy] += after.administers - (user is not None and user.administers)

    async def _write(
        self,
        connection: Connection,
        items: Sequence[_Item],
        users: dict[PersonKey, User],
        state: _Known,
        won: dict[AddressKey, str],
        now: datetime,
    ) -> None:
        created: dict[PersonKey, User] = {}
        updated: dict[PersonKey, User] = {}
        creations: dict[PersonKey, Creation] = {}
        for item in items:
            decision = item.decision
            if decision is not None and decision.outcome == "created" and item.after is not None:
                status = decision.invitation.status
                creations[item.person] = Creation(now, item.request.envelope.actor, item.after.version, status)
            after = state.users.get(item.person)
            before = users.get(item.person)
            if after is None or after is before:
                continue
            (created if before is None else updated)[item.person] = after
        unused = won.keys() - state.claimed.keys()
        if created:
            await store.insert_users(connection, created, creations)
        if updated:
            await store.update_users(connection, users, updated)
        if state.released:
            await store.release_addresses(connection, state.released)
        if unused:
            await store.discard_claims(connection, unused)
        await _end_access(connection, items)

    async def _publish(
        self,
        connection: Connection,
        fresh: Sequence[_Item],
        repeated: Sequence[tuple[_Item, request_log.Logged]],
        now: datetime,
    ) -> None:
        time, pace = now_text(), Pace()
        ids = iter(new_ids(len(fresh) + len(repeated)))
        events: list[Event] = []
        entries = []
        happened: list[Happened] = []
        outcomes: list[tuple[Envelope, dict[str, Any]]] = []
        for item in fresh:
            decision, envelope = item.decision, item.request.envelope
            assert decision is not None  # noqa: S101 - _decide() gave each one
            organisation = self.organisations.of(envelope.academy)
            key, after = item.person[1], item.after
            event = messages.outcome_event(envelope, key, decision, after, organisation, id=next(ids), time=time)
            events.append(event)
            entries.append((envelope, logged_outcome(decision, event.value or b"{}")))
            if item.before is not None and after is not None and after is not item.before:
                happened.append(
                    Happened(
                        envelope.academy,
                        key,
                        now,
                        envelope.actor,
                        decision.outcome,
                        after.version,
                        decision.changes,
                        decision.restored,
                        decision.invitation.status,
                    )
                )
            if envelope.request_source == COMMAND_SOURCE:
                outcome = command_outcome(item.after, decision, self.organisations, envelope.academy, now)
                outcomes.append((envelope, outcome))
            if pace.due():
                await asyncio.sleep(0)
        for item, logged in repeated:
            known = orjson.loads(logged.outcome)
            events.append(
                messages.replay(
                    item.request.envelope,
                    known["outcome"],
                    orjson.dumps(known["value"]),
                    number=known["number"],
                    id=next(ids),
                    time=time,
                )
            )
        await outbox.enqueue(connection, events)
        if happened:
            await people.record_history(connection, happened)
        if entries:
            await request_log.record(connection, entries)
        if repeated:
            await request_log.raise_attempts(connection, [item.request.envelope for item, _ in repeated])
        await self.commands.finish(connection, outcomes)


async def _end_access(connection: Connection, items: Sequence[_Item]) -> None:
    """Who may not enter any more is logged out for good; links for a new password end with the access or address."""
    left: set[PersonKey] = set()
    moved: set[PersonKey] = set()
    for item in items:
        before, after = item.before, item.after
        if before is None or after is None or after is before or not before.may_enter:
            continue
        if not after.may_enter:
            left.add(item.person)
        elif before.email_key != after.email_key:
            moved.add(item.person)
    if left:
        await sessions.end_of(connection, sorted(left))
    if left or moved:
        await resets.end_of(connection, sorted(left | moved))


def logged_outcome(decision: Decision, value: bytes) -> bytes:
    """What the request log keeps: enough to publish the outcome again."""
    number = orjson.dumps(decision.number)
    return b"".join((_LOGGED[decision.outcome], number, b',"value":', value, b"}"))


def command_outcome(
    after: User | None, decision: Decision, organisations: Organisations, academy: str, now: datetime
) -> dict[str, Any]:
    """What whoever gave a command over HTTP finds under it."""
    outcome: dict[str, Any] = {
        "code": decision.outcome,
        "version": after.version if after is not None else 0,
        "changes": decision.changes,
        "restored": decision.restored,
        "invitation": decision.invitation.status,
        "errors": [messages.linked_problem_json(problem, academy) for problem in decision.errors],
    }
    if after is not None and decision.outcome != "rejected":
        status = decision.invitation.status if decision.invitation.status != "none" else None
        outcome["user"] = documents.user_document(after, organisations.of(academy), now, status)
    return outcome


def _item(record: Request) -> _Item:
    message = record.message
    if isinstance(message, Requested):
        asked = read(message)
        return _Item(record, asked, (record.envelope.academy, asked.number_key))
    return _Item(record, None, (record.envelope.academy, number_key(told(message.personnel_number))))


def _without_duplicates(
    items: Sequence[_Item], known: dict[request_log.RequestKey, request_log.Logged]
) -> tuple[list[_Item], list[tuple[_Item, request_log.Logged]]]:
    """The requests that are new, and those asked again on purpose (a higher attempt) with what came of them."""
    fresh: list[_Item] = []
    repeated: dict[request_log.RequestKey, tuple[_Item, request_log.Logged]] = {}
    seen: set[request_log.RequestKey] = set()
    for item in items:
        key = request_log.key_of(item.request.envelope)
        logged = known.get(key)
        if logged is not None:
            if item.request.envelope.attempt > logged.attempt:
                repeated[key] = (item, logged)
        elif key not in seen:
            seen.add(key)
            fresh.append(item)
    return fresh, list(repeated.values())


def _move_address(state: _Known, academy: str, before: User | None, after: User) -> None:
    old = (academy, before.email_key) if before is not None and not before.deleted else None
    new = (academy, after.email_key) if not after.deleted else None
    if old == new:
        return
    if old is not None:
        if state.claimed.pop(old, None) is None:
            state.released[old] = after.number_key
        state.holders.pop(old, None)
    if new is not None:
        state.claimed[new] = after
