"""The administrators that one import would take away, over all batches of its checks: the last one stays, as later at
the start.

A row that is refused here is not sent when the import is started; so the others can be carried out in any order, and the
plan comes true. Whom the import itself lets in again is not counted: in which order that happens is not known yet.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable

from chassis.database import Connection

ImportKey = tuple[str, str]
"""(academy, import)"""


async def find_last(
    connection: Connection, leaving: Collection[tuple[ImportKey, str]], staying: Collection[tuple[ImportKey, str]]
) -> dict[ImportKey, str]:
    """Who alone is left of an academy's administrators when an import has taken away all that it can.

    `leaving` and `staying` are administrators (number keys) as a batch of its checks finds them. They are kept, so that
    the next batch knows of them, and the same one gets the same answer when it comes again. Inside a transaction of the
    caller's.
    """
    goes: dict[ImportKey, set[str]] = defaultdict(set)
    stays: dict[ImportKey, set[str]] = defaultdict(set)
    for key, number in leaving:
        goes[key].add(number)
    for key, number in staying:
        stays[key].add(number)
    last: dict[ImportKey, str] = {}
    for key in sorted(goes.keys() | stays.keys()):
        in_order = await _note(connection, key, sorted(goes[key]), sorted(stays[key]))
        left = left_of(await _administrators(connection, key[0]), in_order)
        if len(left) == 1:
            last[key] = left.pop()
    return last


def left_of(administrators: Iterable[str], leaving: Iterable[str]) -> set[str]:
    """Who is left when they leave one after the other as far as somebody else stays."""
    left = set(administrators)
    for number in leaving:
        if left != {number}:
            left.discard(number)
    return left


async def _note(connection: Connection, key: ImportKey, goes: list[str], stays: list[str]) -> list[str]:
    """Keep them; everybody who leaves by this import, in the order in which they were found."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('leaving/' || $1 || '/' || $2, 0))", *key)
    await connection.execute("DELETE FROM leaving_administrator WHERE at < now() - interval '30 days'")
    await connection.execute(
        "DELETE FROM leaving_administrator WHERE academy = $1 AND import_id = $2 AND number_key = ANY ($3::text[])",
        *key,
        stays,
    )
    await connection.execute(
        """INSERT INTO leaving_administrator (academy, import_id, number_key)
           SELECT $1, $2, unnest($3::text[]) ON CONFLICT DO NOTHING""",
        *key,
        goes,
    )
    rows = await connection.fetch(
        "SELECT number_key FROM leaving_administrator WHERE academy = $1 AND import_id = $2 ORDER BY seq", *key
    )
    return [row["number_key"] for row in rows]


async def _administrators(connection: Connection, academy: str) -> list[str]:
    rows = await connection.fetch(
        "SELECT number_key FROM person WHERE academy = $1 AND administrator AND active AND NOT deleted", academy
    )
    return [row["number_key"] for row in rows]
