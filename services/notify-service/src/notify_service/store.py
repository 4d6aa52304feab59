"""All SQL of the service. Every statement takes a set; none is run per row."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import outbox
from chassis.database import Connection, only_index_plans
from chassis.records import Event
from contracts.fields import number_key
from notify_service.domain import Addressed, Claimed, Ended, Mail, MailKey, Origin, PersonKey, Plan, Recorded, Result

_INSERT_COLUMNS = {
    "kind": "text",
    "academy": "text",
    "invitation_id": "uuid",
    "generation": "int",
    "number_key": "text",
    "personnel_number": "text",
    "user_version": "bigint",
    "state": "text",
    "email": "text",
    "name": "text",
    "language": "text",
    "academy_name": "text",
    "expires_at": "timestamptz",
    "queued_at": "timestamptz",
    "actor": "text",
    "correlation_id": "text",
    "causation_id": "text",
    "traceparent": "text",
}
_INSERT = f"""INSERT INTO mail ({", ".join(_INSERT_COLUMNS)})
    SELECT * FROM unnest({", ".join(f"${i}::{t}[]" for i, t in enumerate(_INSERT_COLUMNS.values(), 1))})
    ON CONFLICT DO NOTHING RETURNING academy, invitation_id, generation"""  # noqa: S608 - constants only


def _columns(keys: Iterable[MailKey]) -> tuple[list[str], list[UUID], list[int]]:
    listed = list(keys)
    return [k[0] for k in listed], [k[1] for k in listed], [k[2] for k in listed]


class Transaction:
    """What the use cases do within one transaction on `conn`.

    `all_new` bets that no twin of ours takes in the same at this moment, which costs half: where one does,
    asyncpg.UniqueViolationError is raised.
    """

    def __init__(self, conn: Connection, *, all_new: bool = False) -> None:
        self._conn, self._all_new = conn, all_new

    async def lock_people(
        self, people: Sequence[PersonKey]
    ) -> tuple[dict[PersonKey, list[Mail]], dict[PersonKey, int]]:
        """The invitations and bars of these people, the mails locked until the transaction ends."""
        await only_index_plans(self._conn)
        people = sorted(set(people))
        keys = [p[0] for p in people], [p[1] for p in people]
        rows = await self._conn.fetch(
            """SELECT m.*, m.claim IS NOT NULL AND m.due_at > now() AS leased, m.email IS NULL AS bare
               FROM unnest($1::text[], $2::text[]) AS p (academy, number_key)
               CROSS JOIN LATERAL (
                   SELECT academy, invitation_id, generation, number_key, user_version, state, withdrawing, claim, due_at,
                     email
                   FROM mail WHERE mail.academy = p.academy AND mail.number_key = p.number_key
                     AND kind = 'invitation' FOR UPDATE) AS m""",
            *keys,
        )
        mails: dict[PersonKey, list[Mail]] = {}
        for r in rows:
            key = (r["academy"], r["invitation_id"], r["generation"])
            mails.setdefault((r["academy"], r["number_key"]), []).append(
                Mail(key, r["user_version"], r["state"], r["leased"], r["withdrawing"], r["bare"])
            )
        bars = await self._conn.fetch(
            """SELECT b.* FROM unnest($1::text[], $2::text[]) AS p (academy, number_key)
               CROSS JOIN LATERAL (SELECT * FROM bar
                   WHERE bar.academy = p.academy AND bar.number_key = p.number_key LIMIT 1) AS b""",
            *keys,
        )
        return mails, {(r["academy"], r["number_key"]): r["user_version"] for r in bars}

    async def write(self, plan: Plan) -> set[MailKey]:
        """Write the plan; returns the keys of the rows that are really new. What it withdraws is locked, and queued."""
        inserted: set[MailKey] = set()
        if plan.insert:
            rows = []
            for wish, state in sorted(plan.insert.values(), key=lambda entry: entry[0].key):
                o = wish.origin
                what: tuple[str | datetime | None, ...]
                kind = "invitation"
                if isinstance(wish, Addressed):
                    kind = wish.KIND
                    what = wish.email, wish.name, wish.language, wish.academy_name, wish.expires_at, wish.queued_at
                else:
                    what = None, None, None, None, None, wish.at
                rows.append(
                    (
                        kind,
                        *(*wish.key, wish.number_key, wish.personnel_number, wish.version, state),
                        *what,
                        *(o.actor, o.correlation_id, o.causation_id, o.traceparent),
                    )
                )
            if self._all_new:
                await self._conn.copy_records_to_table("mail", columns=[*_INSERT_COLUMNS], records=rows)
                inserted = set(plan.insert)
            else:
                new = await self._conn.fetch(_INSERT, *map(list, zip(*rows, strict=True)))
                inserted = {(r["academy"], r["invitation_id"], r["generation"]) for r in new}
        if plan.withdraw or plan.withdraw_later:
            keys = [*plan.withdraw, *plan.withdraw_later]
            await self._conn.execute(
                """UPDATE mail SET state = CASE WHEN k.later THEN state ELSE 'withdrawn' END, withdrawing = true
                   FROM unnest($1::text[], $2::uuid[], $3::int[], $4::bool[]) AS k (academy, invitation_id, generation, later)
                   WHERE mail.academy = k.academy AND mail.invitation_id = k.invitation_id
                     AND mail.generation = k.generation""",
                *_columns(keys),
                [False] * len(plan.withdraw) + [True] * len(plan.withdraw_later),
            )
        if plan.complete:
            wishes = sorted(plan.complete.values(), key=lambda wish: wish.key)
            await self._conn.execute(
                """UPDATE mail SET user_version = k.version, email = k.email, name = k.name, language = k.language,
                       academy_name = k.academy_name, expires_at = k.expires_at, queued_at = k.queued_at
                   FROM unnest($1::text[], $2::uuid[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::text[],
                       $8::text[], $9::timestamptz[], $10::timestamptz[])
                       AS k (academy, invitation_id, generation, version, email, name, language, academy_name,
                           expires_at, queued_at)
                   WHERE mail.academy = k.academy AND mail.invitation_id = k.invitation_id
                     AND mail.generation = k.generation AND mail.email IS NULL""",
                *_columns(wish.key for wish in wishes),
                [wish.version for wish in wishes],
                [wish.email for wish in wishes],
                [wish.name for wish in wishes],
                [wish.language for wish in wishes],
                [wish.academy_name for wish in wishes],
                [wish.expires_at for wish in wishes],
                [wish.queued_at for wish in wishes],
            )
        if plan.bars:
            bars = sorted(plan.bars.items())
            await self._conn.execute(
                """INSERT INTO bar (academy, number_key, user_version)
                   SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
                   ON CONFLICT (academy, number_key) DO UPDATE
                   SET user_version = greatest(bar.user_version, excluded.user_version)""",
                [p[0] for p, _ in bars],
                [p[1] for p, _ in bars],
                [version for _, version in bars],
            )
        return inserted

    async def record(self, results: Sequence[Result]) -> list[Recorded]:
        """Write down how attempts ended; returns those mails that are thereby done with.

        A result counts only while the claim is still the writer's, but for `sent`: what a server accepted, it accepted.
        """
        await only_index_plans(self._conn)
        results = sorted(results, key=lambda result: result.key)
        rows = await self._conn.fetch(
            """WITH r AS MATERIALIZED (
                   SELECT k.* FROM unnest($1::text[], $2::uuid[], $3::int[], $4::uuid[], $5::text[], $6::float8[], $7::text[],
                       $8::text[]) AS k (academy, invitation_id, generation, claim, kind, delay, message_id, reason)
                   CROSS JOIN LATERAL (
                       SELECT 1 FROM mail WHERE mail.academy = k.academy AND mail.invitation_id = k.invitation_id
                         AND mail.generation = k.generation FOR UPDATE) AS locked)
               UPDATE mail SET
                   state = CASE WHEN r.kind IN ('sent', 'failed', 'withdrawn') THEN r.kind
                                WHEN withdrawing THEN 'withdrawn' ELSE 'queued' END,
                   attempts = attempts + CASE WHEN r.kind IN ('sent', 'failed', 'deferred') THEN 1 ELSE 0 END,
                   due_at = now() + make_interval(secs => r.delay),
                   claim = NULL,
                   sent_at = CASE WHEN r.kind = 'sent' THEN clock_timestamp() END,
                   message_id = r.message_id,
                   reason = CASE WHEN r.kind = 'sent' THEN NULL ELSE coalesce(r.reason, mail.reason) END
               FROM r
               WHERE mail.academy = r.academy AND mail.invitation_id = r.invitation_id AND mail.generation = r.generation
                 AND ((mail.state = 'queued' AND mail.claim = r.claim)
                      OR (r.kind = 'sent' AND mail.state IN ('queued', 'withdrawn')))
               RETURNING mail.academy, mail.invitation_id, mail.generation, state, personnel_number, actor, correlation_id,
                   causation_id, traceparent, mail.message_id, mail.reason, mail.kind""",
            *_columns(result.key for result in results),
            [result.claim for result in results],
            [result.kind for result in results],
            [result.delay for result in results],
            [result.message_id for result in results],
            [result.reason for result in results],
        )
        return [
            Recorded(
                state=r["state"],
                key=(r["academy"], r["invitation_id"], r["generation"]),
                personnel_number=r["personnel_number"],
                origin=Origin(r["actor"], r["correlation_id"], r["causation_id"], r["traceparent"]),
                message_id=r["message_id"],
                reason=r["reason"],
                kind=r["kind"],
            )
            for r in rows
            if r["state"] != "queued"
        ]

    async def tell(self, events: Sequence[Event]) -> None:
        """Publish the events, in this order, if the transaction is committed."""
        await outbox.enqueue(self._conn, events)


TURN = 100
"""Academies that one claim looks at; the next claim goes on behind the last of them."""

# Hops from academy to academy along the index, so that its price is the number of academies and not that of mails.
_CLAIM = """
    WITH RECURSIVE hop AS (
        (SELECT academy, 1 AS n FROM mail WHERE state = 'queued' AND academy > $1 ORDER BY academy LIMIT 1)
        UNION ALL
        SELECT next.academy, hop.n + 1 FROM hop CROSS JOIN LATERAL (
            SELECT academy FROM mail WHERE state = 'queued' AND academy > hop.academy ORDER BY academy LIMIT 1) AS next
        WHERE hop.n < $3
    ), turn AS MATERIALIZED (
        SELECT academy FROM hop CROSS JOIN LATERAL (
            SELECT FROM mail WHERE mail.academy = hop.academy AND state = 'queued' AND due_at <= now() LIMIT 1) AS due
        ORDER BY academy
    ), picked AS MATERIALIZED (
        SELECT m.* FROM turn CROSS JOIN LATERAL (
            SELECT academy, invitation_id, generation FROM mail
            WHERE mail.academy = turn.academy AND state = 'queued' AND due_at <= now()
            ORDER BY due_at LIMIT greatest(1, $2::int / (SELECT count(*) FROM turn)) FOR UPDATE SKIP LOCKED) AS m
        LIMIT $2
    ), claimed AS (
        UPDATE mail SET claim = $4, due_at = now() + make_interval(secs => $5)
        FROM picked WHERE mail.academy = picked.academy AND mail.invitation_id = picked.invitation_id
          AND mail.generation = picked.generation
        RETURNING mail.*, mail.expires_at <= now() AS expired
    )
    SELECT academy, kind, invitation_id, generation, email, name, language, academy_name, expires_at, queued_at,
           attempts, expired, withdrawing, (SELECT max(academy) FROM hop) AS last
    FROM claimed
    UNION ALL
    SELECT max(academy), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, max(academy)
    FROM hop WHERE NOT EXISTS (SELECT FROM claimed)"""


async def claim(
    conn: Connection, *, claim: UUID, limit: int, after: str, lease: float
) -> tuple[list[Claimed], str | None]:
    """Lease up to `limit` due mails for `lease` seconds, by turns between the academies behind `after`.

    Returns them, alternating between academies, and the last academy looked at: None when there was none.
    """
    async with conn.transaction():
        await only_index_plans(conn)
        # The queue of an academy is taken off its index in order, never gathered and sorted.
        await conn.execute("SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off")
        rows = await conn.fetch(_CLAIM, after, limit, TURN, claim, lease)
    if not rows:
        return [], None
    last: str | None = rows[0]["last"]
    by_academy: dict[str, list[Claimed]] = {}
    for r in rows:
        if r["invitation_id"] is None:
            continue
        by_academy.setdefault(r["academy"], []).append(
            Claimed(
                kind=r["kind"],
                key=(r["academy"], r["invitation_id"], r["generation"]),
                claim=claim,
                email=r["email"],
                name=r["name"],
                language=r["language"],
                academy_name=r["academy_name"],
                expires_at=r["expires_at"],
                queued_at=r["queued_at"],
                attempts=r["attempts"],
                expired=r["expired"],
                withdrawing=r["withdrawing"],
            )
        )
    if by_academy and limit < TURN:
        last = max(by_academy)  # those behind it had no turn
    turns = [(i, academy, mail) for academy, mails in by_academy.items() for i, mail in enumerate(mails)]
    return [mail for _, _, mail in sorted(turns, key=lambda t: t[:2])], last


async def remember(conn: Connection, mails: Sequence[Ended]) -> None:
    """Take down what became of mails; those of which nothing is known get a row that says only this."""
    ordered = sorted(mails, key=lambda mail: mail.key)
    await conn.execute(
        """INSERT INTO mail (academy, invitation_id, generation, number_key, personnel_number, user_version, state,
               queued_at, sent_at, message_id, reason)
           SELECT academy, invitation_id, generation, number_key, number, 0, state,
               at, CASE WHEN state = 'sent' THEN at END, message_id, reason
           FROM unnest($1::text[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
               $8::text[], $9::text[])
               AS k (academy, invitation_id, generation, number_key, number, state, at, message_id, reason)
           ON CONFLICT (academy, invitation_id, generation) DO UPDATE
           SET state = excluded.state, sent_at = excluded.sent_at, message_id = excluded.message_id,
               reason = excluded.reason, claim = NULL
           WHERE mail.state = 'queued' OR (mail.state = 'withdrawn' AND excluded.state = 'sent')""",
        *_columns(mail.key for mail in ordered),
        [number_key(mail.personnel_number) for mail in ordered],
        [mail.personnel_number for mail in ordered],
        [mail.state for mail in ordered],
        [mail.at for mail in ordered],
        [mail.message_id for mail in ordered],
        [mail.reason for mail in ordered],
    )


async def page(
    conn: Connection,
    academy: str,
    *,
    limit: int,
    after: tuple[UUID, int] | None,
    status: str | None = None,
    newest: bool = False,
) -> Sequence[dict[str, Any]]:
    """Invitations of the academy, of one status or of all, in the order of (invitation, generation): that is of when
    they were asked for first. With `newest` from the other end. `replaced`: there is a later mail of the invitation."""
    first = (UUID(int=2**128 - 1), 2**31 - 1) if newest else (UUID(int=0), -1)
    behind, order = ("<", "DESC") if newest else (">", "ASC")
    rows = await conn.fetch(
        f"""SELECT invitation_id, generation, personnel_number, email, state, sent_at, message_id, attempts, reason,
                  EXISTS (SELECT FROM mail AS later WHERE later.academy = mail.academy
                          AND later.invitation_id = mail.invitation_id AND later.generation > mail.generation)
                  AS replaced
           FROM mail WHERE academy = $1 AND (invitation_id, generation) {behind} ($2, $3) AND kind = 'invitation'
             AND ($4::text IS NULL OR state = $4)
           ORDER BY invitation_id {order}, generation {order} LIMIT $5""",  # noqa: S608 - words from above
        academy,
        *(after or first),
        status,
        limit,
    )
    return [dict(r) for r in rows]


async def queue(conn: Connection) -> tuple[int, float]:
    """How many mails wait, and for how many seconds the oldest has."""
    row = await conn.fetchrow(
        "SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(queued_at)), 0)::float8 AS age"
        " FROM mail WHERE state = 'queued'"
    )
    return (row["waiting"], max(row["age"], 0.0)) if row else (0, 0.0)


KEEP_DAYS = 120
"""A link is valid for 30 days and events are kept for 30 more: no replay can ask for an older mail again."""


PURGE_CHUNK = 20_000


async def purge(conn: Connection) -> bool:
    """Forget a chunk of the mails that are long done with; whether there may be more."""
    deleted = await conn.fetchval(
        """WITH gone AS (
               DELETE FROM mail WHERE ctid = ANY (ARRAY(
                   SELECT ctid FROM mail WHERE state <> 'queued' AND queued_at < now() - make_interval(days => $1)
                   LIMIT $2))
               RETURNING 1)
           SELECT count(*) FROM gone""",
        KEEP_DAYS,
        PURGE_CHUNK,
    )
    return bool(deleted == PURGE_CHUNK)
