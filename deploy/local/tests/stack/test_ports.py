"""Ports are chosen free once and kept."""

import socket

from instroom.stack import ports


def test_ports_are_kept_from_start_to_start() -> None:
    first = ports.choose(("kafka", "postgres"), {})
    assert ports.choose(("kafka", "postgres"), first) == first


def test_a_kept_port_that_somebody_else_took_is_replaced_and_the_others_stay() -> None:
    first = ports.choose(("kafka", "postgres"), {})
    with socket.create_server((ports.LOOPBACK, first["kafka"])):
        second = ports.choose(("kafka", "postgres"), first)
    assert second["postgres"] == first["postgres"]
    assert second["kafka"] != first["kafka"]


def test_no_two_names_get_the_same_port_and_none_is_one_of_outgoing_connections() -> None:
    chosen = ports.choose([str(number) for number in range(50)], {})
    assert len(set(chosen.values())) == 50
    assert all(port in ports.RANGE for port in chosen.values())
