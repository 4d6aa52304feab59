"""A database and a role for each service: nobody reads another's tables."""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit


def name(service: str) -> str:
    """Of the database of a service, and of the role that owns it."""
    return f"instroom_{service}"


def service_dsn(admin_dsn: str, service: str, password: str) -> str:
    """The same server, but as this service."""
    parts = urlsplit(admin_dsn)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(
        parts._replace(netloc=f"{name(service)}:{quote(password, safe='')}@{host}", path=f"/{name(service)}")
    )


def address(admin_dsn: str) -> str:
    """The DSN without its password: fit to be shown."""
    parts = urlsplit(admin_dsn)
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{host}")) if at else admin_dsn


async def ensure(admin_dsn: str, passwords: Mapping[str, str]) -> None:
    """Make what is missing; can be repeated at any time. `passwords` are those of the services' roles."""
    import asyncpg

    connection = await asyncpg.connect(admin_dsn, timeout=10)
    try:
        roles = {r[0] for r in await connection.fetch("SELECT rolname FROM pg_roles")}
        databases = {r[0] for r in await connection.fetch("SELECT datname FROM pg_database")}
        for service, password in passwords.items():
            role = name(service)
            word = "ALTER" if role in roles else "CREATE"
            literal = await connection.fetchval("SELECT quote_literal($1)", password)
            await connection.execute(f"{word} ROLE {role} LOGIN PASSWORD {literal}")
            if role not in databases:
                # A role that may create databases but is no superuser must be a member of the role it gives to.
                await connection.execute(f"GRANT {role} TO CURRENT_USER")
                await connection.execute(f"CREATE DATABASE {role} OWNER {role} TEMPLATE template0 ENCODING 'UTF8'")
                await connection.execute(f"REVOKE ALL ON DATABASE {role} FROM PUBLIC")
    finally:
        await connection.close()
