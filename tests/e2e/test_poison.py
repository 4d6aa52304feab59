"""A poison message lands byte for byte in the dead letters, its neighbours go through, and whoever asked is told."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from outside import broker
from outside.academy import Academy
from outside.broker import Sent, event

from contracts.events import BY_TOPIC
from contracts.topics import TOPICS
from contracts_tools.asyncapi import DEAD_LETTER_HEADERS
from instroom.testing import wait_until

EXAMPLES = Path(__file__).parents[2] / "contracts" / "examples"
CONSUMERS = {
    topic.name: {f"{name}.{topic.name}" for name in topic.consumers if name != "outside"}
    for topic in TOPICS
    if topic.consumers != ("outside",)
}
"""The consumer groups of every topic that a service consumes."""
READ = {"invitation.events": "instroom.invitation.failed.v1"}
"""A type whose value a consumer reads, where it passes over the first one of the topic."""

Spoil = Callable[[Sent], Sent]


def _person(record: Sent, person: bytes) -> Sent:
    return replace(record, value=b'{"person": ' + person + b"}")


READABLE: dict[str, Spoil] = {
    "a value that is no JSON": lambda r: replace(r, value=b"{not json"),
    "a value of half a JSON": lambda r: replace(r, value=(r.value or b"")[:-1]),
    "a value that is a list": lambda r: replace(r, value=b'["no", "object"]'),
    "a value that is not UTF-8": lambda r: replace(r, value=b'{"person": {"first_name": "\xff\xfe"}}'),
    "a value of no bytes": lambda r: replace(r, value=b""),
    "JSON nested without end": lambda r: replace(r, value=b"[" * 100_000),
    "a type that nobody knows": lambda r: r.with_headers(ce_type=b"instroom.user.cloned.v1"),
}
"""The envelope can be read, so whoever asked can be told."""
UNREADABLE: dict[str, Spoil] = {
    "no headers": lambda r: replace(r, headers=[]),
    "no academy": lambda r: r.without_header("ce_academy"),
    "an empty id": lambda r: r.with_headers(ce_id=b""),
    "a type that is not UTF-8": lambda r: r.with_headers(ce_type=b"\xff\xfe"),
    "a header without value": lambda r: r.with_headers(ce_source=None),
    "an id twice": lambda r: replace(r, headers=[*r.headers, ("ce_id", b"another")]),
    "another version of CloudEvents": lambda r: r.with_headers(ce_specversion=b"0.3"),
    "an attempt that is no number": lambda r: r.with_headers(ce_attempt=b"often"),
    "a NUL in the reference": lambda r: r.with_headers(ce_requestid=b"a\0b"),
    "the key of another academy": lambda r: replace(r, key=b"somebody-else/1001/x"),
    "a key that is not UTF-8": lambda r: replace(r, key=b"\xff\xfe/1"),
}
REQUEST_ONLY: dict[str, Spoil] = {
    "a number where text belongs": lambda r: _person(r, b'{"personnel_number": 1001}'),
    "a person that is text": lambda r: _person(r, b'"Jan"'),
    "no value": lambda r: replace(r, value=None),
    "a mode that is none": lambda r: replace(r, value=(r.value or b"").replace(b"upsert", b"destroy")),
}
KINDS = READABLE | UNREADABLE

REQUESTED, CHECK = "instroom.user.requested.v1", "instroom.user.check-requested.v1"


def request(academy: Academy, topic: str, number: int, type_: str = REQUESTED) -> Sent:
    """A good request of somebody outside."""
    person = academy.person(number) | {"functions": ["Adviseur"]}
    return event(topic, f"{academy.id}/{number}", type_, {"mode": "upsert", "person": person})


def letters(bootstrap: str, poison: list[Sent], everybodys: Sequence[Sent] = ()) -> list[Sent]:
    """The dead letters of these records: one of each by at least one consumer, and of `everybodys` by all of them."""
    topic = poison[0].topic
    wanted = {(record.place, group) for record in everybodys for group in CONSUMERS[topic]}
    places = {record.place for record in poison}
    found: list[Sent] = []

    def all_there() -> bool:
        found[:] = broker.once(broker.read(bootstrap, [topic + ".dlq"], lambda letter: origin(letter) in places))
        return {origin(letter) for letter in found} == places and {_by(letter) for letter in found} >= wanted

    wait_until(all_there, timeout=90, every=0.5, what=f"dead letters of {topic}")
    assert len({_by(letter) for letter in found}) == len(found), "nobody sets a record aside twice"
    assert {letter.header("x-consumer-group") for letter in found} <= CONSUMERS[topic]
    return found


def _by(letter: Sent) -> tuple[tuple[str, int, int], str]:
    return origin(letter), letter.header("x-consumer-group")


def origin(letter: Sent) -> tuple[str, int, int]:
    return (
        letter.header("x-original-topic"),
        int(letter.header("x-original-partition") or -1),
        int(letter.header("x-original-offset") or -1),
    )


def assert_byte_for_byte(poison: list[Sent], dead: list[Sent]) -> None:
    by_place = {record.place: record for record in poison}
    for letter in dead:
        record = by_place[origin(letter)]
        assert (letter.key, letter.value) == (record.key, record.value)
        assert letter.headers[: len(record.headers)] == record.headers
        assert {name for name, _ in letter.headers[len(record.headers) :]} == set(DEAD_LETTER_HEADERS)
        assert letter.header("x-error-message")


def example(academy: Academy, topic: str) -> Sent:
    """What the contracts show as a record of this topic, about this academy and a row of an import nobody knows."""
    first = next(models[0].TYPE for each, models in BY_TOPIC.items() if each.name == topic)
    type_ = READ.get(topic, first)
    shown = json.loads((EXAMPLES / type_ / "minimal.json").read_text("utf-8"))
    key = "/".join([academy.id, *shown["key"].split("/")[1:]])
    about = {"ce_academy": academy.id, "ce_requestsource": f"import/{uuid.uuid4()}", "ce_requestid": "2"}
    return event(topic, key, type_, shown["value"], **(shown["headers"] | about))


@pytest.mark.parametrize("topic", CONSUMERS)
def test_poison_in_any_topic_that_services_consume_is_set_aside_and_the_main_job_goes_on(
    acme: Academy, topic: str
) -> None:
    kafka = acme.platform.address("broker")
    base = example(acme, topic)
    spoiled = [spoil(base.with_headers(ce_id=b"%d" % n)) for n, spoil in enumerate(KINDS.values())]
    poison = broker.publish(kafka, spoiled)
    acme.apply(companies=[{"name": "Erachter", "departments": [{"name": "Balie"}]}])
    document = acme.take_in(acme.person(1001, company="Erachter", department="Balie", invite="x", active="x"))
    assert (document["state"], document["created"], document["invited"]) == ("completed", 1, 1)
    acme.mail()
    assert_byte_for_byte(poison, letters(kafka, poison, everybodys=poison[len(READABLE) :]))


@pytest.mark.parametrize("topic", ["user.requests", "user.requests.bulk"])
def test_poison_among_requests_is_set_aside_and_answered_and_its_neighbours_go_through(
    acme: Academy, topic: str
) -> None:
    kafka = acme.platform.address("broker")
    spoils = {**KINDS, **REQUEST_ONLY}
    told = {**READABLE, **REQUEST_ONLY}
    records, poisonous = [], []
    for number, spoil in enumerate(spoils.values(), 100):
        poisonous.append(spoil(request(acme, topic, number)))
        records += [poisonous[-1], request(acme, topic, number)]
    placed = broker.publish(kafka, records)
    poison, good = placed[0::2], placed[1::2]
    asked = {("test.example.com", record.header("ce_id")) for record in placed}
    outcomes = broker.until(kafka, ["user.events"], lambda r: r.reference in asked, len(good) + len(told))
    by_id = {outcome.header("ce_requestid"): outcome for outcome in outcomes}
    assert len(by_id) == len(outcomes), "exactly one outcome of each"
    assert {by_id[record.header("ce_id")].type for record in good} == {"instroom.user.created.v1"}

    dead = letters(kafka, poison)
    assert_byte_for_byte(poison, dead)
    ids = {origin(letter): letter.header("x-dead-letter-id") for letter in dead}
    for kind, record in zip(spoils, poison, strict=True):
        if kind not in told:
            continue
        outcome = by_id[record.header("ce_id")]
        (error,) = outcome.json()["errors"]
        assert (outcome.type, error["code"]) == ("instroom.user.rejected.v1", "not_processed"), kind
        assert error["params"]["dead_letter"] == ids[record.place]
        assert outcome.key == record.key


def test_poison_among_checks_is_answered_as_a_verdict(acme: Academy) -> None:
    kafka = acme.platform.address("broker")
    records = []
    for number, spoil in enumerate(KINDS.values(), 100):
        records += [spoil(request(acme, "user.checks", number, CHECK)), request(acme, "user.checks", number, CHECK)]
    placed = broker.publish(kafka, records)
    poison, good = placed[0::2], placed[1::2]
    asked = {("test.example.com", record.header("ce_id")) for record in placed}
    verdicts = broker.until(kafka, ["user.verdicts"], lambda r: r.reference in asked, len(good) + len(READABLE))
    by_id = {verdict.header("ce_requestid"): verdict.json() for verdict in verdicts}
    assert {by_id[record.header("ce_id")]["outcome"] for record in good} == {"created"}
    for record in poison[: len(READABLE)]:
        verdict = by_id[record.header("ce_id")]
        assert (verdict["outcome"], [e["code"] for e in verdict["errors"]]) == ("rejected", ["not_processed"])
    assert_byte_for_byte(poison, letters(kafka, poison))
    assert acme.users() == [], "a check writes nothing"


def test_poison_in_the_structure_does_not_hide_what_comes_behind_it(acme: Academy) -> None:
    kafka = acme.platform.address("broker")
    records = []
    for spoil in KINDS.values():
        id_ = str(uuid.uuid4())
        value = {"id": id_, "name": f"Bedrijf {id_}", "revision": 1}
        base = event("org.structure", f"{acme.id}/company/{id_}", "instroom.org.company-changed.v1", value)
        records.append(spoil(base.with_headers(ce_orgrevision=b"1")))
    base = event("org.structure", f"{acme.id}/company/x", "instroom.org.company-changed.v1", {"id": "x"})
    records += [base, replace(base, key=acme.id.encode())]
    poison = broker.publish(kafka, records)
    acme.apply(companies=[{"name": "Erachter", "departments": [{"name": "Balie"}]}])
    assert acme.add(1001, company="Erachter", department="Balie")["code"] == "created"
    assert_byte_for_byte(poison, letters(kafka, poison))


def test_poison_among_organisation_commands_leaves_the_next_command_alone(acme: Academy) -> None:
    kafka = acme.platform.address("broker")
    base = event("org.commands", acme.id, "instroom.org.define-function.v1", {"name": "Gif"})
    poison = broker.publish(
        kafka, [spoil(base.with_headers(ce_id=b"%d" % n)) for n, spoil in enumerate(KINDS.values())]
    )
    good = event("org.commands", acme.id, "instroom.org.define-function.v1", {"name": "Kok"})
    broker.publish(kafka, [good])
    wait_until(lambda: "Kok" in acme.cli("org", "show").out, timeout=60, every=1)
    assert_byte_for_byte(poison, letters(kafka, poison))
    assert "Gif" not in acme.cli("org", "show").out


def test_poison_among_events_of_invitations_does_not_hide_a_failed_one(acme: Academy) -> None:
    kafka = acme.platform.address("broker")
    acme.take_in(acme.person(1001, invite="x", active="x"))
    acme.mail()
    invitation = wait_until(lambda: acme.invitations().get("1001"))
    value = {name: invitation[name] for name in ("invitation_id", "generation", "personnel_number")}
    base = event("invitation.events", f"{acme.id}/1001", "instroom.invitation.failed.v1", value | {"reason": "test"})
    spoiled = [spoil(base.with_headers(ce_id=b"%d" % n)) for n, spoil in enumerate(KINDS.values())]
    poison = broker.publish(kafka, [*spoiled, base])[:-1]
    wait_until(lambda: acme.show()["invitation"] == "failed", timeout=60, what="the good event behind is handled")
    assert_byte_for_byte(poison, letters(kafka, poison))


def test_dead_letters_can_be_listed_and_looked_at(acme: Academy) -> None:
    kafka = acme.platform.address("broker")
    (poison,) = broker.publish(kafka, [replace(request(acme, "user.requests", 1001), value='{"naam": "Zoë'.encode())])
    (letter,) = letters(kafka, [poison])
    id_ = letter.header("x-dead-letter-id")
    listed = acme.platform.ok("dlq", "list", "--academy", acme.id, "--json").json()["dead_letters"]
    (mine,) = (each for each in listed if each["id"] == id_)
    assert (mine["academy"], mine["type"], mine["key"]) == (acme.id, REQUESTED, f"{acme.id}/1001")
    assert (mine["group"], mine["state"]) == ("user-service.user.requests", "open")
    assert mine["reason"] == letter.header("x-error-message")
    shown = acme.platform.ok("dlq", "show", id_, "--json").json()
    assert (shown["value"], shown["topic"]) == ('{"naam": "Zoë', "user.requests")
    assert (shown["partition"], shown["offset"]) == (poison.partition, poison.offset)
    assert dict(shown["headers"]) == {name: (value or b"").decode() for name, value in poison.headers}
    assert acme.platform.run("dlq", "show", "no-such-id", "--json").code == 1
