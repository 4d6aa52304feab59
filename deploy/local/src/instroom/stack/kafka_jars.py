"""The broker's jars: exactly those of `jgo.lock.toml`, fetched once per user and shared by all platforms and checkouts.

`python -m instroom.stack.kafka_jars lock` resolves `jgo.toml` anew and writes the lock.
"""

import hashlib
import os
import shutil
import sys
import tomllib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

DOWNLOADS: Final = 8
"""At the same time."""
BROKER: Final = "kafka-server"
"""The artifact whose version names the installation."""

Say = Callable[[str], None]


class JarsMissing(Exception):
    """The jars are not there and could not be fetched; the message says why."""


@dataclass(frozen=True, slots=True)
class Jar:
    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


@dataclass(frozen=True, slots=True)
class Installation:
    """A folder with the jars of one lock."""

    folder: Path
    jars: tuple[Jar, ...]

    def class_path(self) -> str:
        """Each jar by name: an ahead-of-time cache wants the same class path every time."""
        return os.pathsep.join(str(self.folder / "jars" / jar.file) for jar in self.jars)

    @property
    def complete(self) -> bool:
        return self.folder.is_dir()  # it appears as a whole


def lock_folder() -> Path:
    """Where `jgo.toml` and `jgo.lock.toml` are: in the package of a wheel, beside `src/` in a checkout."""
    package = Path(__file__).resolve().parent.parent
    return next(f for f in (package / "kafka", package.parents[1] / "kafka") if (f / "jgo.lock.toml").is_file())


def locked_jars(folder: Path | None = None) -> tuple[Jar, ...]:
    """What the lock names, in its order. A jar without a checksum is refused."""
    with ((folder or lock_folder()) / "jgo.lock.toml").open("rb") as file:
        entries: list[dict[str, Any]] = tomllib.load(file)["dependencies"]
    return tuple(Jar(e["groupId"], e["artifactId"], e["version"], e["sha256"]) for e in entries)


def cache_root(environment: Mapping[str, str] = os.environ) -> Path:
    """INSTROOM_CACHE, else `instroom/` in the user's cache folder."""
    if said := environment.get("INSTROOM_CACHE"):
        return Path(said).expanduser().absolute()
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "instroom"


def installation(environment: Mapping[str, str] = os.environ) -> Installation:
    """Where the jars of this lock are or will be."""
    jars = locked_jars()
    version = next(jar.version for jar in jars if jar.artifact == BROKER)
    digest = hashlib.sha256("\n".join(sorted(f"{j.group}:{j.file} {j.sha256}" for j in jars)).encode()).hexdigest()
    return Installation(cache_root(environment) / f"kafka-{version}-{digest[:12]}", jars)


def fetch(target: Installation, say: Say) -> None:
    """Fetch what is missing, verify every jar against the lock, put them in place all at once.

    The caller holds the installation's lock. JarsMissing if a jar cannot be had or is not the locked one.
    """
    staging = target.folder.with_name(f".{target.folder.name}.new")
    shutil.rmtree(staging, ignore_errors=True)
    (staging / "jars").mkdir(parents=True)
    say(f"fetching Apache Kafka ({len(target.jars)} jars, 45 MB), once for this user")
    try:
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            for _ in pool.map(partial(_fetch, staging=staging, resolve=_resolver(staging)), target.jars):
                pass
        shutil.rmtree(staging / "repository", ignore_errors=True)
        staging.rename(target.folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _resolver(staging: Path) -> Callable[[Jar], Path]:
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL, default_maven_repo
    from jgo.maven import MavenContext, PythonResolver

    context = MavenContext(
        resolver=PythonResolver(),
        repo_cache=staging / "repository",
        local_repos=[default_maven_repo()],
        remote_repos={"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories},
        timeout=60,
    )
    return lambda jar: Path(context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve())


def _fetch(jar: Jar, staging: Path, resolve: Callable[[Jar], Path]) -> None:
    import requests

    try:
        found = resolve(jar)
    except (requests.RequestException, RuntimeError, OSError) as error:
        raise JarsMissing(
            f"{jar.file} of the broker cannot be fetched ({type(error).__name__}: {str(error)[:200]}). The network is needed "
            "once; without it set INSTROOM_KAFKA to a broker that is running already"
        ) from error
    data = found.read_bytes()
    if hashlib.sha256(data).hexdigest() != jar.sha256:
        raise JarsMissing(f"{found} is not the file that jgo.lock.toml names: its checksum differs")
    (staging / "jars" / jar.file).write_bytes(data)


def lock(folder: Path) -> int:
    """Resolve `jgo.toml` and write `jgo.lock.toml`; returns how many jars it names."""
    from jgo.env import EnvironmentBuilder, EnvironmentSpec, compute_spec_hash
    from jgo.maven import MavenContext, PythonResolver

    builder = EnvironmentBuilder(context=MavenContext(resolver=PythonResolver()), cache_dir=cache_root() / "jgo")
    resolved = builder.resolve_lockfile(EnvironmentSpec.load(folder / "jgo.toml"))
    resolved.spec_hash = compute_spec_hash(folder / "jgo.toml")
    resolved.save(folder / "jgo.lock.toml")
    return len(resolved.dependencies)


if __name__ == "__main__":
    if sys.argv[1:] != ["lock"]:
        sys.exit("usage: python -m instroom.stack.kafka_jars lock")
    print(f"{lock(lock_folder())} jars locked")
