"""What goes on can be seen from outside: metrics, logs, and one trace from the request to the mail."""

import json
import secrets
from typing import Any

import httpx
import pytest
from outside import books, broker
from outside.academy import Academy

from instroom.testing import wait_until

SERVICES = ("org", "user", "import", "notify")


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_shows_its_metrics(acme: Academy, service: str) -> None:
    acme.take_in(acme.person(invite="x", active="x"))
    acme.mail()
    metrics = httpx.get(f"{acme.platform.address(service)}/metrics", timeout=30, trust_env=False)
    assert metrics.status_code == 200
    names = {line.partition("{")[0].partition(" ")[0] for line in metrics.text.splitlines() if line[:1].isalpha()}
    wanted = {"instroom_consumed_total", "instroom_batch_seconds_count", "instroom_outbox_published_total"}
    wanted |= {"instroom_outbox_leader", "instroom_outbox_lag_seconds", "instroom_consumer_lag_seconds"}
    if service == "notify":
        wanted |= {"instroom_mails_total", "instroom_mails_queued"}
    assert wanted <= names


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_says_that_it_lives_and_is_ready(acme: Academy, service: str) -> None:
    address = acme.platform.address(service)
    for path, key in (("livez", "live"), ("readyz", "ready")):
        answer = httpx.get(f"{address}/{path}", timeout=30, trust_env=False)
        assert (answer.status_code, answer.json()) == (200, {key: True, "reasons": []})


@pytest.mark.parametrize("service", ["org", "user", "import"])
def test_logs_are_json_lines_with_the_service_and_the_trace_of_the_request(acme: Academy, service: str) -> None:
    trace = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}
    if service == "org":
        acme.client.send("org-service", "POST", acme.path("structure"), json={}, headers=headers)
    elif service == "user":
        acme.client.send("user-service", "DELETE", acme.path("users", "0815"), headers=headers)
    else:
        params, content = {"filename": "x.xlsx"}, lambda: iter([b"x"])
        acme.client.send(
            "import-service", "POST", acme.path("imports"), params=params, content=content, headers=headers
        )
    log = acme.platform.home / "logs" / f"{service}-service.log"

    def traced() -> list[dict[str, Any]]:
        *whole, _ = log.read_text("utf-8").split("\n")  # the last line may be half written
        lines = [json.loads(line) for line in whole]
        assert {line["service"] for line in lines} == {f"{service}-service"}
        assert all({"event", "level", "timestamp"} <= set(line) for line in lines)
        return [line for line in lines if line.get("trace_id") == trace and line.get("status") == 202]

    (line,) = wait_until(traced, timeout=30, what="the request is in the log")
    assert line["event"] == "http.request"
    assert "0815" not in json.dumps(line), "no personnel number in the log"


def test_one_trace_runs_from_the_upload_to_the_mail(acme: Academy) -> None:
    trace = secrets.token_hex(16)
    answer = acme.client.send(
        "import-service",
        "POST",
        acme.path("imports"),
        params={"filename": "mensen.xlsx", "min_org_revision": acme.revision},
        content=lambda: iter([books.workbook([acme.person(invite="x", active="x"), acme.person(1002, email="fout")])]),
        headers={"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"},
    )
    acme.start(acme.ended(answer.json()["import_id"])["import_id"])
    acme.mail()
    topics = ("user.checks", "user.verdicts", "user.requests.bulk", "user.events", "import.events", "invitation.events")
    key = f"{acme.id}/".encode()
    kafka = acme.platform.address("broker")
    broker.until(kafka, ["invitation.events"], lambda r: r.trace_id == trace and r.type.endswith(".sent.v1"), 1)
    records = broker.read(kafka, topics, lambda r: (r.key or b"").startswith(key))
    assert {record.topic for record in records} == set(topics)
    assert {(record.type, record.trace_id) for record in records} == {(record.type, trace) for record in records}


def test_one_trace_runs_from_the_form_to_the_mail(acme: Academy) -> None:
    trace = secrets.token_hex(16)
    person = acme.person(invite="x", active="x") | {"functions": ["Adviseur"]}
    headers = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}
    acme.client.send("user-service", "POST", acme.path("users"), json=person, headers=headers)
    acme.mail()
    topics = ("user.requests", "user.events", "invitation.events")
    kafka = acme.platform.address("broker")
    broker.until(kafka, ["invitation.events"], lambda r: r.trace_id == trace and r.type.endswith(".sent.v1"), 1)
    records = broker.read(kafka, topics, lambda r: (r.key or b"").startswith(f"{acme.id}/".encode()))
    assert {record.topic for record in records} == set(topics)
    assert {record.trace_id for record in records} == {trace}


def test_one_trace_runs_from_an_organisation_command_to_the_structure(acme: Academy) -> None:
    trace = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}
    companies = [{"name": "Spoor", "departments": [{"name": "Perron"}]}]
    acme.client.send("org-service", "POST", acme.path("structure"), json={"companies": companies}, headers=headers)
    kafka = acme.platform.address("broker")
    changed = "instroom.org.academy-changed.v1"  # the last event of a revision
    broker.until(kafka, ["org.structure"], lambda r: r.trace_id == trace and r.type == changed, 1)
    records = broker.read(kafka, ("org.commands", "org.structure"), lambda r: r.trace_id == trace)
    assert sorted((record.topic, record.type) for record in records) == [
        ("org.commands", "instroom.org.apply-structure.v1"),
        ("org.structure", changed),
        ("org.structure", "instroom.org.company-changed.v1"),
        ("org.structure", "instroom.org.department-changed.v1"),
    ]
    assert {(record.key or b"").split(b"/")[0] for record in records} == {acme.id.encode()}


def test_events_can_be_followed_at_the_command_line(acme: Academy) -> None:
    acme.add(1001)
    ran = acme.cli("events", "tail", "--topic", "user.events", "--from", "start", "--limit", "1", "--json")
    (event,) = [json.loads(line) for line in ran.out.splitlines()]
    assert (event["academy"], event["type"], event["topic"]) == (acme.id, "instroom.user.created.v1", "user.events")
    assert event["data"]["person"]["personnel_number"] == "1001"
    waiting = acme.platform.popen("events", "tail", "--academy", acme.id, "--from", "start", "--limit", "3", "--json")
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, err
    assert len(out.splitlines()) == 3
