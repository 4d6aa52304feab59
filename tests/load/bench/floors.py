"""What nothing that reads a workbook into PostgreSQL can be faster than: each step alone, in one process.

    python floors.py FILE    prints one JSON line

The environment: BENCH_FLOORS_DATABASE, a DSN of a database of its own.
"""

import asyncio
import json
import os
import sys
import time
from typing import Final

import asyncpg
import orjson
from python_calamine import CalamineWorkbook

from contracts.fields import IMPORT_FIELDS
from instroom.samples import large

BATCH: Final = 4_000
TABLES: Final = """
DROP TABLE IF EXISTS person, department, company, staged;
CREATE TABLE staged (number int PRIMARY KEY, person text NOT NULL, value bytea NOT NULL);
CREATE TABLE company (name text PRIMARY KEY);
CREATE TABLE department (company text NOT NULL REFERENCES company, name text NOT NULL, PRIMARY KEY (company, name));
CREATE TABLE person (
    personnel_number text PRIMARY KEY, first_name text NOT NULL, infix text, last_name text NOT NULL,
    email text NOT NULL UNIQUE, company text NOT NULL REFERENCES company, department text NOT NULL,
    functions text, cost_centre text, invite text, active text, language text,
    FOREIGN KEY (company, department) REFERENCES department);
"""
_ARRAYS: Final = ", ".join(f"${n}::text[]" for n in range(1, len(IMPORT_FIELDS) + 1))
UPSERT: Final = (
    f"INSERT INTO person ({', '.join(IMPORT_FIELDS)}) SELECT * FROM unnest({_ARRAYS})"
    " ON CONFLICT (personnel_number) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in IMPORT_FIELDS[1:])
)


async def main(file: str) -> None:
    connection = await asyncpg.connect(os.environ["BENCH_FLOORS_DATABASE"])
    await connection.execute(TABLES)
    companies = large.organisation("bench")["companies"]
    await connection.copy_records_to_table("company", records=[(one["name"],) for one in companies])
    departments = [(one["name"], each["name"]) for one in companies for each in one["departments"]]
    await connection.copy_records_to_table("department", records=departments)
    seconds = {}

    began = time.perf_counter()
    _, *rows = CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()
    seconds["calamine"] = time.perf_counter() - began

    staged = [(n, row[0], orjson.dumps(dict(zip(IMPORT_FIELDS, row, strict=True)))) for n, row in enumerate(rows, 2)]
    began = time.perf_counter()
    await connection.copy_records_to_table("staged", records=staged)
    seconds["copy"] = time.perf_counter() - began

    for name in ("insert", "update"):  # the second time every row is there
        began = time.perf_counter()
        for first in range(0, len(rows), BATCH):
            await connection.execute(UPSERT, *map(list, zip(*rows[first : first + BATCH], strict=True)))
        seconds[name] = time.perf_counter() - began
    await connection.close()
    print(json.dumps({"rows": len(rows), "seconds": seconds}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
