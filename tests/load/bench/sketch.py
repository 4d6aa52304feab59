"""The bare pipeline: the same way as an import, without the product's layers; the floor to compare with.

Parse, stage, publish a request per row, decide in batches, write people and outbox in one transaction, relay, collect
the outcomes. No validation, no contracts, no recovery, no fairness. Two processes, as in the product:

    python sketch.py prepare                  makes its tables and topics
    python sketch.py users                    decides until it is terminated
    python sketch.py importing FILE NUMBER    imports FILE as import NUMBER and prints one JSON line

The environment: SKETCH_KAFKA, SKETCH_DATABASE, SKETCH_TOPICS (what its topics' names begin with).
"""

import asyncio
import json
import os
import signal
import sys
import time
import uuid
from typing import Any, Final

import asyncpg
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from python_calamine import CalamineWorkbook

FIELDS: Final = (
    *("personnel_number", "first_name", "infix", "last_name", "email", "company"),
    *("department", "functions", "cost_centre", "invite", "active", "language"),
)
WINDOW: Final = 20_000
TOPICS: Final = tuple(f"{os.environ.get('SKETCH_TOPICS', 'sketch')}.{name}" for name in ("requests", "events"))
TABLES: Final = f"""
DROP TABLE IF EXISTS person, outbox, row, outcome;
CREATE TABLE person (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, academy text NOT NULL DEFAULT 'a',
    {", ".join(f"{name} text NOT NULL" for name in FIELDS)}, version int NOT NULL DEFAULT 1,
    UNIQUE (academy, personnel_number));
CREATE UNIQUE INDEX person_email ON person (academy, lower(email));
CREATE TABLE outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text, id uuid, type text, value bytea);
CREATE TABLE row (import int, number int, person text, value bytea, PRIMARY KEY (import, number));
CREATE TABLE outcome (import int, number int, outcome text, PRIMARY KEY (import, number));
"""
_ARRAYS: Final = ", ".join(f"${n}::text[]" for n in range(1, len(FIELDS) + 1))
INSERT: Final = f"INSERT INTO person ({', '.join(FIELDS)}) SELECT * FROM unnest({_ARRAYS})"
UPDATE: Final = (
    "UPDATE person p SET version = p.version + 1, "
    + ", ".join(f"{name} = k.{name}" for name in FIELDS[1:])
    + f" FROM unnest({_ARRAYS}) k ({', '.join(FIELDS)}) WHERE p.academy = 'a' AND p.personnel_number = k.personnel_number"
)
Row = dict[str, str]


async def prepare() -> None:
    """Make the tables and topics anew."""
    connection = await asyncpg.connect(os.environ["SKETCH_DATABASE"])
    await connection.execute(TABLES)
    await connection.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=os.environ["SKETCH_KAFKA"])
    await admin.start()
    await admin.create_topics([NewTopic(topic, 4, 1) for topic in TOPICS])
    await admin.close()


async def producer() -> AIOKafkaProducer:
    made = AIOKafkaProducer(
        bootstrap_servers=os.environ["SKETCH_KAFKA"], enable_idempotence=True, linger_ms=5, max_batch_size=262_144
    )
    await made.start()
    return made


async def consumer(topic: str, group: str, start: str) -> AIOKafkaConsumer:
    made = AIOKafkaConsumer(
        topic,
        bootstrap_servers=os.environ["SKETCH_KAFKA"],
        group_id=group,
        auto_offset_reset=start,
        enable_auto_commit=False,
        max_partition_fetch_bytes=2 * 1024 * 1024,
        fetch_max_wait_ms=50,
    )
    await made.start()
    return made


HEADERS: Final = [
    ("ce_type", b"sketch"),
    ("ce_academy", b"a"),
    ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
]


async def importing(file: str, number: int) -> None:
    """Import one workbook and print rows per second."""
    pool = await asyncpg.create_pool(os.environ["SKETCH_DATABASE"], min_size=2, max_size=3)
    sender, outcomes = await producer(), await consumer(TOPICS[1], f"importing{number}", "latest")
    await outcomes.seek_to_end()
    began = time.perf_counter()
    cells = CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()[1:]
    parsed = time.perf_counter()
    rows = [(number, n, r[0], orjson.dumps(dict(zip(FIELDS, r, strict=False)))) for n, r in enumerate(cells, 2)]
    await pool.copy_records_to_table("row", records=rows, columns=["import", "number", "person", "value"])
    staged, spent = time.perf_counter(), time.process_time()
    total, done, room = len(rows), 0, asyncio.Event()
    del rows, cells

    async def publish() -> None:
        sent = last = 0
        while sent < total:
            while sent - done > WINDOW:
                room.clear()
                await room.wait()
            chunk = await pool.fetch(
                "SELECT number, person, value FROM row WHERE import = $1 AND number > $2 ORDER BY number LIMIT 2000",
                number,
                last,
            )
            last = chunk[-1][0]
            futures = [
                await sender.send(
                    TOPICS[0], r[2], key=f"a/{r[1]}".encode(), headers=[("ce_id", b"%d:%d" % (number, r[0])), *HEADERS]
                )
                for r in chunk
            ]
            await asyncio.gather(*futures)
            sent += len(chunk)

    async def collect() -> None:
        nonlocal done
        while done < total:
            found = [r for records in (await outcomes.getmany(timeout_ms=200)).values() for r in records]
            events = [orjson.loads(r.value) for r in found]
            if events:
                await pool.execute(
                    "INSERT INTO outcome SELECT $1, * FROM unnest($2::int[], $3::text[]) ON CONFLICT DO NOTHING",
                    number,
                    [e["row"] for e in events],
                    [e["outcome"] for e in events],
                )
                await outcomes.commit()
                done += len(events)
                room.set()

    await asyncio.gather(publish(), collect())
    applied = time.perf_counter()
    seconds = {"parse_s": parsed - began, "read_s": staged - began, "apply_s": applied - staged}
    print(json.dumps({"rows": total, "cpu_s": time.process_time() - spent, **seconds}))
    await outcomes.stop()
    await sender.stop()
    await pool.close()


async def users() -> None:
    """Decide, write and relay until terminated."""
    pool = await asyncpg.create_pool(os.environ["SKETCH_DATABASE"], min_size=2, max_size=3)
    sender, requests = await producer(), await consumer(TOPICS[0], "users", "earliest")
    wake, stop = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)

    async def relay() -> None:
        while not stop.is_set():
            wake.clear()
            rows = await pool.fetch("SELECT seq, key, id, type, value FROM outbox ORDER BY seq LIMIT 4000")
            if not rows:
                await asyncio.wait({asyncio.ensure_future(wake.wait())}, timeout=0.2)
                continue
            futures = [
                await sender.send(TOPICS[1], r[4], key=r[1].encode(), headers=[("ce_id", r[2].bytes), *HEADERS])
                for r in rows
            ]
            await asyncio.gather(*futures)
            await pool.execute("DELETE FROM outbox WHERE seq <= $1", rows[-1][0])

    async def consume() -> None:
        while not stop.is_set():
            found = await requests.getmany(timeout_ms=200, max_records=4000)
            records = [r for part in found.values() for r in part]
            if records:
                async with pool.acquire() as connection, connection.transaction():
                    await decide(connection, records)
                wake.set()
                await requests.commit()

    tasks = [asyncio.create_task(relay()), asyncio.create_task(consume())]
    await stop.wait()
    await asyncio.gather(*tasks)
    await requests.stop()
    await sender.stop()
    await pool.close()


async def decide(connection: Any, records: list[Any]) -> None:
    """One batch: look up, compare, write people and outbox."""
    wanted: list[Row] = [orjson.loads(r.value) for r in records]
    known = {
        r["personnel_number"]: r
        for r in await connection.fetch(
            "SELECT p.* FROM unnest($1::text[]) k (n) CROSS JOIN LATERAL"
            " (SELECT * FROM person p WHERE p.academy = 'a' AND p.personnel_number = k.n LIMIT 1 FOR UPDATE) p",
            [w["personnel_number"] for w in wanted],
        )
    }
    taken = {
        r[0]
        for r in await connection.fetch(
            "SELECT k.e FROM unnest($1::text[]) k (e) CROSS JOIN LATERAL"
            " (SELECT 1 FROM person p WHERE p.academy = 'a' AND lower(p.email) = k.e LIMIT 1) p",
            [w["email"].lower() for w in wanted],
        )
    }
    created, updated, outbox = [], [], []
    for row, record in zip(wanted, records, strict=True):
        old = known.get(row["personnel_number"])
        changes = None
        if old is None:
            if row["email"].lower() in taken:
                raise ValueError("the sketch knows no refusals")
            created.append(row)
            outcome = "created"
        else:
            changes = {name: (old[name], row[name]) for name in FIELDS[1:] if old[name] != row[name]}
            outcome = "updated" if changes else "unchanged"
            if changes:
                updated.append(row)
        number = int(record.headers[0][1].split(b":")[1])
        value = orjson.dumps({"row": number, "outcome": outcome, "changes": changes, "user": row})
        outbox.append((f"a/{row['personnel_number']}", uuid.uuid4(), outcome, value))
    for statement, rows in ((INSERT, created), (UPDATE, updated)):
        if rows:
            await connection.execute(statement, *([row[name] for row in rows] for name in FIELDS))
    columns = list(map(list, zip(*outbox, strict=True)))
    await connection.execute(
        "INSERT INTO outbox (key, id, type, value)"
        " SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bytea[])",
        *columns,
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prepare"]:
            uvloop.run(prepare())
        case ["users"]:
            uvloop.run(users())
        case ["importing", file, number]:
            uvloop.run(importing(file, int(number)))
        case _:
            sys.exit(__doc__)
