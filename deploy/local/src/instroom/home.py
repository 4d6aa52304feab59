"""Where a platform lives: its ports, addresses, secrets, logs and data, in one folder that only its owner can enter."""

import base64
import json
import os
import secrets as random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from instroom.failure import Exit, Failure
from instroom.words import language_of, words

FOLDER: Final = ".instroom"
OPERATOR_FILE: Final = "operator.token"
"""In the home, readable by its owner only."""
FIRST_ACADEMY: Final = "demo"
"""The academy that a new platform begins with."""
FIRST_ADDRESS: Final = "beheerder@demo.example"
"""Of its first administrator."""
SERVICES: Final = ("org", "user", "import", "notify")
"""Short names, as in addresses and roles; `SERVICE_NAMES` are those of the processes."""
SERVICE_NAMES: Final = {short: f"{short}-service" for short in SERVICES}


def locate(environment: Mapping[str, str] = os.environ, start: Path | None = None) -> Path | None:
    """The platform's home: INSTROOM_HOME, else `.instroom/` from the current directory upwards; None if there is none."""
    if said := environment.get("INSTROOM_HOME"):
        path = Path(said).expanduser().absolute()
        return path if path.is_dir() else None
    here = (start or Path.cwd()).absolute()
    return next((path for folder in (here, *here.parents) if (path := folder / FOLDER).is_dir()), None)


def find(environment: Mapping[str, str] = os.environ, start: Path | None = None) -> Path:
    """Like `locate`, but a Failure if there is no platform."""
    home = locate(environment, start)
    if home is None:
        said, say = environment.get("INSTROOM_HOME"), words(language_of(environment))
        where = say("no_such_home", said=said) if said else say("no_home_above", folder=FOLDER)
        raise Failure("no_platform", say("no_home", where=where), Exit.UNAVAILABLE)
    return home


def find_or_create(environment: Mapping[str, str] = os.environ, start: Path | None = None) -> Path:
    """The home to start a platform in: the one that is there, else INSTROOM_HOME or `.instroom/` made anew."""
    home = locate(environment, start)
    if home is None:
        said = environment.get("INSTROOM_HOME")
        home = Path(said).expanduser().absolute() if said else (start or Path.cwd()).absolute() / FOLDER
    prepare(home)
    return home


def prepare(home: Path) -> None:
    """Make the folder and its parts; nobody but the owner can look inside."""
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    for part in ("run", "logs"):
        (home / part).mkdir(exist_ok=True)


def write_private(path: Path, document: Any) -> None:
    """Replace a JSON file as a whole, readable by the owner only: a reader sees the old one or the new one."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
    new.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty if there is none."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    if not isinstance(document, dict):
        raise Failure("failed", words(language_of())("damaged", path=path), Exit.UNAVAILABLE)
    return document


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything of a platform listens."""

    kafka: str
    """Bootstrap servers, `host:port[,…]`."""
    database: str
    """DSN of a role that may create databases."""
    smtp: str
    """`host:port`."""
    services: Mapping[str, str]
    """`org-service` and so on → base URL."""
    console: str = ""
    """Base URL of the web console."""


@dataclass(slots=True)
class Platform:
    """`platform.json`: ports, chosen free once and kept; and the addresses in use, for the command line and for tests."""

    ports: dict[str, int] = field(default_factory=dict)
    addresses: dict[str, Any] = field(default_factory=dict)
    databases_made: list[str] = field(default_factory=list)
    """The server and the services whose databases are known to exist there."""

    @classmethod
    def load(cls, home: Path) -> "Platform":
        document = read_json(home / "platform.json")
        return cls(**{key: document[key] for key in ("ports", "addresses", "databases_made") if key in document})

    def save(self, home: Path) -> None:
        write_private(home / "platform.json", asdict(self))


def addresses(home: Path) -> Addresses:
    """The addresses that the platform in `home` was last started with. A Failure if it never was."""
    known = Platform.load(home).addresses
    if not known:
        raise Failure("no_platform", words(language_of())("never_started", home=home), Exit.UNAVAILABLE)
    return Addresses(**known)


@dataclass(frozen=True, slots=True)
class Secrets:
    """`secrets.json`: made once, never shown."""

    database_password: str
    role_passwords: Mapping[str, str]
    signing_key: str
    """Seed of the Ed25519 key that signs invitation links: 32 bytes, base64url without padding."""
    signing_key_id: str
    verify_key: str
    """Its public half, base64url without padding."""
    access_signing_key: str
    """The same three of the key that signs access tokens."""
    access_signing_key_id: str
    access_verify_key: str
    operator_token: str
    secrets_key: str
    """That user-service seals secrets of identity providers with: 32 bytes, base64url without padding."""
    first_password: str
    """Of the first administrator, to log in for the first time."""

    @classmethod
    def load_or_make(cls, home: Path) -> "Secrets":
        """Those of the platform; what a home of an earlier version does not have is made now."""
        path = home / "secrets.json"
        known = read_json(path)
        mails, access = random.token_bytes(32), random.token_bytes(32)
        made = {
            "database_password": random.token_urlsafe(24),
            "role_passwords": {service: random.token_urlsafe(24) for service in SERVICES},
            "signing_key": _base64url(mails),
            "signing_key_id": random.token_hex(4),
            "verify_key": _base64url(_public_half(mails)),
            "access_signing_key": _base64url(access),
            "access_signing_key_id": random.token_hex(4),
            "access_verify_key": _base64url(_public_half(access)),
            "operator_token": f"op_{random.token_urlsafe(32)}",
            "secrets_key": _base64url(random.token_bytes(32)),
            "first_password": random.token_urlsafe(12),
        }
        if not made.keys() <= known.keys():
            write_private(path, made | known)
        secrets = cls(**made | known)
        token = home / OPERATOR_FILE
        token.touch(0o600)
        token.chmod(0o600)
        token.write_text(secrets.operator_token + "\n", "ascii")
        return secrets


@dataclass(frozen=True, slots=True)
class LogIn:
    """Of the first administrator, as the platform made them."""

    url: str
    academy: str
    email: str
    password: str


def first_log_in(home: Path) -> LogIn:
    """Where to begin in a browser."""
    secrets = Secrets.load_or_make(home)
    return LogIn(addresses(home).console, FIRST_ACADEMY, FIRST_ADDRESS, secrets.first_password)


def credential(home: Path, environment: Mapping[str, str] = os.environ) -> str | None:
    """What the command line shows of itself: INSTROOM_TOKEN, else the operator's token of the embedded stack."""
    if said := environment.get("INSTROOM_TOKEN"):
        return said.strip()
    try:
        return (home / OPERATOR_FILE).read_text("ascii").strip()
    except FileNotFoundError:
        return None


def _public_half(seed: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
