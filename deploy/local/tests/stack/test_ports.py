"""Ports are chosen free once and kept."""

import json
import socket
import subprocess
import sys

from instroom.stack import ports

ANOTHER = """
import json, sys
from instroom.stack import ports
print(json.dumps(ports.choose(("kafka", "postgres"), json.loads(sys.argv[1]))))
"""


def test_ports_are_kept_from_start_to_start() -> None:
    first = ports.choose(("kafka", "postgres"), {})
    assert ports.choose(("kafka", "postgres"), first) == first


def test_a_kept_port_that_somebody_else_took_is_replaced_and_the_others_stay() -> None:
    first = ports.choose(("kafka", "postgres"), {})
    with socket.create_server((ports.LOOPBACK, first["kafka"])):
        second = ports.choose(("kafka", "postgres"), first)
    assert second["postgres"] == first["postgres"]
    assert second["kafka"] != first["kafka"]


def test_another_platform_cannot_take_a_port_whose_process_does_not_listen_now() -> None:
    first = ports.choose(("kafka", "postgres"), {})
    another = subprocess.run(
        [sys.executable, "-c", ANOTHER, json.dumps(first)], capture_output=True, text=True, check=True, timeout=60
    )
    assert not {*first.values()} & {*json.loads(another.stdout).values()}


def test_no_two_names_get_the_same_port_and_none_is_one_of_outgoing_connections() -> None:
    chosen = ports.choose([str(number) for number in range(50)], {})
    assert len(set(chosen.values())) == 50
    assert all(port in ports.RANGE for port in chosen.values())
