"""Tokens of programs: each for one academy, shown once, stored as a hash.

They belong to the academy and outlive the access of whoever made them: a link with a personnel system must not break
when a colleague leaves. Any administrator sees who made which, and removes it.
"""

from typing import Any

from chassis.database import Connection
from chassis.records import new_id
from user_service.domain.documents import timestamp
from user_service.identity.secrets import API_TOKEN, hashed, new_secret


async def make(connection: Connection, academy: str, name: str, created_by: str) -> dict[str, Any]:
    id_, secret = new_id(), new_secret(API_TOKEN)
    await connection.execute(
        "INSERT INTO api_token (id, token_hash, academy, name, created_by) VALUES ($1, $2, $3, $4, $5)",
        id_,
        hashed(secret),
        academy,
        name,
        created_by,
    )
    return {"id": id_, "name": name, "role": "administrator", "token": secret}


async def of_academy(connection: Connection, academy: str) -> list[dict[str, Any]]:
    rows = await connection.fetch("SELECT * FROM api_token WHERE academy = $1 ORDER BY created_at, id", academy)
    return [
        {
            "id": row["id"],
            "name": row["name"],
            "role": "administrator",
            "created_by": row["created_by"],
            "created_at": timestamp(row["created_at"]),
            "last_used_at": timestamp(row["last_used_at"]),
        }
        for row in rows
    ]


async def find(connection: Connection, secret: str) -> dict[str, str] | None:
    """Id, academy and name of the token of a secret. Notes that it was used."""
    row = await connection.fetchrow(
        "UPDATE api_token SET last_used_at = clock_timestamp() WHERE token_hash = $1 RETURNING id, academy, name",
        hashed(secret),
    )
    return None if row is None else dict(row)


async def remove(connection: Connection, academy: str, id: str) -> None:
    await connection.execute("DELETE FROM api_token WHERE academy = $1 AND id = $2", academy, id)
