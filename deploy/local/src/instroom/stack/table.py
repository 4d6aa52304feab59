"""Everything that runs, on one page: which processes, on which ports, told what."""

import hashlib
import json
import os
import signal
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from instroom.home import FIRST_ACADEMY, FIRST_ADDRESS, SERVICE_NAMES, SERVICES, Addresses, Platform, Secrets
from instroom.stack import databases, kafka, ports, postgres, probes
from instroom.stack.java import Java
from instroom.stack.kafka_jars import Installation
from instroom.stack.ports import LOOPBACK
from instroom.stack.spawning import unprivileged_user
from instroom.stack.spec import External, Gate, Spec, Table, until_ready

INFRASTRUCTURE: Final = ("postgres", "kafka", "mail")
YIELDING: Final = 10
"""How far mailing people yields to taking them in, all of it being on one machine (nice): a tenth of it is left for mails
where everything is wanted, so that notify-service stays in its groups."""
_NOT_PASSED_ON: Final = ("INSTROOM_HOME", "INSTROOM_CACHE", "INSTROOM_POSTGRES", "INSTROOM_SMTP", "INSTROOM_TOKEN")
_PORTS: Final = (*INFRASTRUCTURE, "controller", *SERVICES, "console")


def build(
    home: Path,
    broker: tuple[Java, Installation] | None,
    only: Collection[str] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Table:
    """The platform of `home`: all of it, or some of the infrastructure. Ports and addresses are kept in its file.

    What INSTROOM_KAFKA, INSTROOM_POSTGRES and INSTROOM_SMTP name is used instead of a process of our own; `broker` is
    what our own broker runs on.
    """
    platform, secrets = Platform.load(home), Secrets.load_or_make(home)
    platform.ports = port = ports.choose(_PORTS, platform.ports)
    at = {name: f"{LOOPBACK}:{number}" for name, number in port.items()}
    own_database = not environment.get("INSTROOM_POSTGRES")
    addresses = Addresses(
        kafka=environment.get("INSTROOM_KAFKA") or at["kafka"],
        database=environment.get("INSTROOM_POSTGRES") or postgres.dsn(port["postgres"], secrets.database_password),
        smtp=environment.get("INSTROOM_SMTP") or at["mail"],
        services={SERVICE_NAMES[service]: f"http://{at[service]}" for service in SERVICES},
        console=environment.get("INSTROOM_PUBLIC_URL") or f"http://{at['console']}",
    )
    wanted = INFRASTRUCTURE if only is None else only
    processes: list[Spec] = []
    externals: list[External] = []

    async def database_ready() -> None:
        await (probes.postgres(at["postgres"]) if own_database else external_database(addresses.database))

    if "postgres" in wanted and own_database:
        processes.append(
            Spec(
                name="postgres",
                command=partial(postgres.command, home, port["postgres"]),
                prepare=partial(postgres.prepare, home, secrets.database_password),
                probe=database_ready,
                ports={"postgres": port["postgres"]},
                user=unprivileged_user(),
                stop_signal=signal.SIGINT,  # its fast shutdown: it does not wait for clients
                stop_seconds=20,
                stops_last=True,
            )
        )
    elif "postgres" in wanted:
        externals.append(External(name="postgres", address=databases.address(addresses.database), probe=database_ready))

    if "kafka" in wanted and broker is not None:
        java, jars = broker
        processes.append(
            Spec(
                name="kafka",
                command=partial(kafka.command, home, java, jars),
                prepare=partial(kafka.prepare, home, java, jars, port["kafka"], port["controller"]),
                probe=partial(probes.kafka, at["kafka"]),
                ports={"kafka": port["kafka"], "controller": port["controller"]},
                stop_seconds=20,
                stops_last=True,
            )
        )
    elif "kafka" in wanted:
        first = addresses.kafka.split(",")[0].strip()
        externals.append(External(name="kafka", address=addresses.kafka, probe=partial(probes.kafka, first)))

    if "mail" in wanted and not environment.get("INSTROOM_SMTP"):
        sink = [sys.executable, "-m", "instroom.stack.mail_sink", "--home", str(home), "--port", str(port["mail"])]
        processes.append(
            Spec(
                name="mail",
                command=lambda: sink,
                probe=partial(probes.smtp, at["mail"]),
                ports={"mail": port["mail"]},
                nice=YIELDING,
                stop_seconds=3,
                stops_last=True,
            )
        )
    elif "mail" in wanted:
        externals.append(External(name="mail", address=addresses.smtp, probe=partial(probes.smtp, addresses.smtp)))

    gates: list[Gate] = []
    if only is None:
        made = [databases.address(addresses.database), *SERVICES]
        known = own_database and platform.databases_made == made and postgres.exists(home)

        async def make_databases() -> None:
            if known:
                return  # the services load while the server starts, and wait for it by themselves
            await until_ready(database_ready, lambda _: None)
            await databases.ensure(addresses.database, secrets.role_passwords)
            platform.databases_made = made
            platform.save(home)

        gate = Gate(make_databases, "its database")
        gates.append(gate)
        processes += [
            Spec(
                name=SERVICE_NAMES[service],
                command=partial(lambda module: [sys.executable, "-m", module], f"{service}_service"),
                probe=partial(probes.http, f"http://{at[service]}/readyz"),
                live=partial(probes.live, f"http://{at[service]}/livez"),
                ports={"http": port[service]},
                environment=service_environment(service, port[service], addresses, secrets, environment),
                gate=gate,
                nice=YIELDING if service == "notify" else 0,
                stop_seconds=25,  # a service gives its batches 15 s
            )
            for service in SERVICES
        ]
        processes.append(
            Spec(
                name="web-console",
                command=lambda: [sys.executable, "-m", "web_console"],
                probe=partial(probes.http, f"http://{at['console']}/readyz"),
                live=partial(probes.live, f"http://{at['console']}/livez"),
                ports={"http": port["console"]},
                environment=console_environment(port["console"], addresses, environment),
                stop_seconds=5,
            )
        )
    platform.addresses = asdict(addresses)
    platform.save(home)
    return Table(processes=processes, externals=externals, gates=gates)


def service_environment(
    service: str, port: int, addresses: Addresses, secrets: Secrets, environment: Mapping[str, str]
) -> dict[str, str]:
    """What a service is told; what else `INSTROOM_…` says about services is passed on (time-outs, log level)."""
    told = {name: value for name, value in environment.items() if name not in _NOT_PASSED_ON} | {
        "INSTROOM_KAFKA": addresses.kafka,
        "INSTROOM_DATABASE": databases.service_dsn(addresses.database, service, secrets.role_passwords[service]),
        "INSTROOM_HTTP_PORT": str(port),
        # Nobody can be further away than this machine: who does not answer for so long is dead, and its work goes on.
        "INSTROOM_SESSION_TIMEOUT": environment.get("INSTROOM_SESSION_TIMEOUT", "10"),
    }
    told["INSTROOM_ACCESS_KEYS"] = json.dumps({secrets.access_signing_key_id: secrets.access_verify_key})
    if service == "org":
        first = {"id": FIRST_ACADEMY, "name": "Demo Academy", "default_language": "nl", "languages": ["nl", "en"]}
        told["INSTROOM_FIRST_ACADEMY"] = json.dumps(first)
    if service == "user":
        told |= {
            "INSTROOM_VERIFY_KEYS": json.dumps({secrets.signing_key_id: secrets.verify_key}),
            "INSTROOM_ACCESS_SIGNING_KEY": secrets.access_signing_key,
            "INSTROOM_ACCESS_SIGNING_KEY_ID": secrets.access_signing_key_id,
            "INSTROOM_TRUSTED_PROXIES": '["127.0.0.1/32"]',  # the console
            "INSTROOM_OPERATOR_TOKEN_HASH": hashlib.sha256(secrets.operator_token.encode()).hexdigest(),
            "INSTROOM_SECRETS_KEY": secrets.secrets_key,
            "INSTROOM_PUBLIC_URL": addresses.console,
            "INSTROOM_OIDC_NETWORKS": environment.get("INSTROOM_OIDC_NETWORKS", '["127.0.0.0/8", "::1/128"]'),
            "INSTROOM_FIRST_ADMINISTRATOR": json.dumps(
                {
                    "academy": FIRST_ACADEMY,
                    "personnel_number": "beheerder",
                    "first_name": "Demo",
                    "last_name": "Beheerder",
                    "email": FIRST_ADDRESS,
                    "password": secrets.first_password,
                }
            ),
        }
    if service == "notify":
        told |= {
            "INSTROOM_SMTP": addresses.smtp,
            "INSTROOM_PUBLIC_URL": addresses.console,
            "INSTROOM_SIGNING_KEY": secrets.signing_key,
            "INSTROOM_SIGNING_KEY_ID": secrets.signing_key_id,
        }
    return told


def console_environment(port: int, addresses: Addresses, environment: Mapping[str, str]) -> dict[str, str]:
    """What the console is told: where the services are, and no secret."""
    services = {f"INSTROOM_{name.upper().replace('-', '_')}": url for name, url in addresses.services.items()}
    told = {name: value for name, value in environment.items() if not name.startswith("INSTROOM_") or "LOG" in name}
    return told | services | {"INSTROOM_HTTP_PORT": str(port), "INSTROOM_PUBLIC_URL": addresses.console}


def status_probes(home: Path) -> Mapping[str, probes.Probe]:
    """How each process of a platform that was started is asked whether it is ready."""
    platform = Platform.load(home)
    known: dict[str, Any] = platform.addresses
    if not known:
        return {}
    database = str(known["database"])
    server, own_server = urlsplit(database).netloc.rpartition("@")[2], f"{LOOPBACK}:{platform.ports.get('postgres')}"
    first_broker = str(known["kafka"]).split(",")[0].strip()
    return {
        "postgres": partial(probes.postgres, server) if server == own_server else partial(external_database, database),
        "kafka": partial(probes.kafka, first_broker),
        "mail": partial(probes.smtp, str(known["smtp"])),
        **{name: partial(probes.http, f"{url}/readyz") for name, url in known["services"].items()},
        "web-console": partial(probes.http, f"http://{LOOPBACK}:{platform.ports.get('console')}/readyz"),
    }


async def external_database(dsn: str) -> None:
    """Ready when it can be connected to: it may have a socket, TLS or a password file."""
    import asyncpg

    try:
        connection = await asyncpg.connect(dsn, timeout=probes.ANSWER_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise probes.NotReady(f"cannot connect: {error or type(error).__name__}") from None
    await connection.close(timeout=probes.ANSWER_SECONDS)
