"""What the supervisor promises, on small processes."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from instroom import home as homes
from instroom.stack import control, ports, probes
from instroom.stack.identity import Identity
from instroom.stack.spec import External, Gate, Spec, Table
from instroom.stack.supervisor import AlreadyRunning, Running, Supervisor

SERVER = "import http.server, sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()"

Start = Callable[..., Awaitable[Supervisor]]


def dummy(name: str, code: str = SERVER, *, port: int | None = None, **more: Any) -> Spec:
    """A process that listens on a port, or does whatever `code` says."""
    port = port or ports.choose((name,), {})[name]
    return Spec(
        name=name,
        command=lambda: [sys.executable, "-c", code, str(port)],
        probe=partial(probes.http, f"http://127.0.0.1:{port}/"),
        ports={"http": port},
        **more,
    )


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
async def start(tmp_path: Path, said: list[str]) -> AsyncIterator[Start]:
    """Starts supervisors that are stopped at the end of the test."""
    tasks: list[tuple[Supervisor, asyncio.Task[None]]] = []

    async def start(table: Table, home: Path = tmp_path / "home", *, ready: bool = True) -> Supervisor:
        supervisor, is_ready = Supervisor(home, lambda: table, said.append), asyncio.Event()
        task = asyncio.create_task(supervisor.run(is_ready.set))
        tasks.append((supervisor, task))
        if ready:
            async with asyncio.timeout(20):
                await is_ready.wait()
        return supervisor

    yield start
    for supervisor, task in tasks:
        supervisor.stop()
        with contextlib.suppress(AlreadyRunning):
            await asyncio.wait_for(task, 30)


async def until(condition: Callable[[], Any], timeout: float = 20.0) -> Any:
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout} s"
        await asyncio.sleep(0.02)
    return value


async def test_a_killed_process_is_started_again_and_its_reason_is_kept(start: Start, said: list[str]) -> None:
    supervisor = await start(Table(processes=[dummy("web")]))
    (state,) = supervisor.states()
    first = state.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: state.ready and state.restarts == 1)
    assert state.pid != first
    assert state.last_reason == "ended by SIGKILL"
    assert any("web: ended by SIGKILL; starts again in 0.2 s" in line for line in said)


async def test_a_process_that_keeps_failing_is_started_ever_more_rarely_and_its_last_words_are_shown(
    start: Start, said: list[str]
) -> None:
    broken = dummy("broken", "import sys; sys.exit('no such setting: colour')")
    supervisor = await start(Table(processes=[broken]), ready=False)
    await until(lambda: len(said) >= 3)
    assert [line.rpartition("in ")[2] for line in said[:3]] == ["0.2 s", "0.4 s", "0.8 s"]
    (state,) = supervisor.states()
    assert state.last_reason == "exit code 1: no such setting: colour"
    assert not state.ready


async def test_a_process_that_refuses_its_settings_is_not_tried_often(start: Start, said: list[str]) -> None:
    supervisor = await start(Table(processes=[dummy("unsafe", "raise SystemExit(78)")]), ready=False)
    await until(lambda: said)
    assert said[0].endswith("starts again in 10.0 s")
    assert [state.name for state in supervisor.refused] == ["unsafe"]


async def test_a_process_that_says_three_times_in_a_row_that_it_is_not_live_is_started_again(
    start: Start, said: list[str], tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    code = (
        "import http.server, os, sys\n"
        f"asked, again = {str(asked)!r}, os.path.exists({str(asked)!r})\n"
        "answers = [503, 503, 200, 503, 503, 500, 503, 503, None]\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        answer = 200\n"
        "        if self.path == '/livez' and not again:\n"
        "            open(asked, 'a').write('x')\n"
        "            answer = answers.pop(0) if answers else 503\n"
        "        if answer is not None:\n"
        "            self.send_response(answer)\n"
        "            self.end_headers()\n"
        """            self.wfile.write(b'{"reasons": ["a consumer has ended"]}')\n"""
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()"
    )
    spec = dummy("web", code)
    live = partial(probes.live, f"http://127.0.0.1:{spec.ports['http']}/livez")
    supervisor = await start(Table(processes=[replace(spec, live=live, live_seconds=0.01)]))
    (state,) = supervisor.states()
    await until(lambda: state.ready and state.restarts == 1)
    assert asked.read_text() == 12 * "x"
    assert state.last_reason == "not live: a consumer has ended"
    assert "web: not live: a consumer has ended; starts again in 0.2 s" in said


async def test_a_process_that_cannot_be_prepared_is_tried_again_with_the_reason(start: Start, said: list[str]) -> None:
    attempts: list[int] = []

    async def prepare() -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise OSError("the disk is full")

    supervisor = await start(Table(processes=[dummy("web", prepare=prepare)]))
    assert supervisor.states()[0].last_reason == "cannot be started: the disk is full"
    assert len(attempts) == 3


async def test_what_waits_for_a_gate_tells_why_and_starts_when_its_work_has_succeeded(
    start: Start, tmp_path: Path
) -> None:
    tried, accepts = asyncio.Event(), asyncio.Event()
    refusals = iter(("the database is full", "the database refuses"))

    async def work() -> None:
        await tried.wait()
        if reason := next(refusals, None):
            raise OSError(reason)
        await accepts.wait()

    def shown() -> str | None:
        running = Running.read(tmp_path / "home")
        return running.processes[0].reason if running else None

    gate = Gate(work, "its database")
    supervisor = await start(Table(processes=[dummy("web", gate=gate)], gates=[gate]), ready=False)
    await until(lambda: shown() == "waits for its database")
    tried.set()
    await until(lambda: shown() == "the database refuses")
    accepts.set()
    await until(lambda: supervisor.ready)
    assert supervisor.states()[0].restarts == 0


async def test_those_that_others_depend_on_are_stopped_last(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "order"
    code = (
        "import signal, sys, time, threading\n"
        f"def end(*_): open({str(log)!r}, 'a').write(sys.argv[2]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n" + SERVER
    )

    def with_name(spec: Spec) -> Spec:
        command = [*spec.command(), spec.name[0]]
        return replace(spec, command=lambda: command)

    table = Table(
        processes=[
            with_name(dummy("broker", code, stops_last=True)),
            with_name(dummy("a", code)),
            with_name(dummy("x", code)),
        ]
    )
    supervisor = await start(table)
    supervisor.stop()
    await until(lambda: log.exists() and len(log.read_text()) == 3)
    assert log.read_text()[-1] == "b"


async def test_a_process_that_does_not_end_in_time_is_killed(start: Start, tmp_path: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER
    supervisor = await start(Table(processes=[dummy("deaf", deaf, stop_seconds=0.5)]))
    pid = supervisor.states()[0].pid
    assert pid is not None
    supervisor.stop()
    await until(lambda: not psutil.pid_exists(pid))


async def test_only_one_supervisor_keeps_a_home(start_stack: Callable[..., Any], tmp_path: Path) -> None:
    stack = start_stack(tmp_path / "home", "mail")
    async with asyncio.timeout(20):
        with pytest.raises(AlreadyRunning):
            await Supervisor(stack.home, lambda: Table(processes=[]), print).run()


async def test_what_a_killed_supervisor_left_is_ended_before_the_next_start(start: Start, tmp_path: Path) -> None:
    home = tmp_path / "home"
    homes.prepare(home)
    spec = dummy("web")
    orphan = await asyncio.create_subprocess_exec(*spec.command(), start_new_session=True)
    identity = Identity.of(orphan.pid)
    assert identity is not None
    state = {"name": "web", "pid": orphan.pid, "created": identity.created}
    homes.write_private(
        home / "run" / "supervisor.json", {"pid": 999_999_999, "created": 0.0, "state": "ready", "processes": [state]}
    )
    supervisor = await start(Table(processes=[spec]))
    assert identity.process() is None
    assert supervisor.states()[0].pid != orphan.pid


async def test_a_foreign_process_that_got_the_pid_of_an_old_one_is_left_alone(start: Start, tmp_path: Path) -> None:
    home = tmp_path / "home"
    homes.prepare(home)
    state = {"name": "web", "pid": os.getpid(), "created": 1.0}
    homes.write_private(
        home / "run" / "supervisor.json", {"pid": os.getpid(), "created": 1.0, "state": "ready", "processes": [state]}
    )
    await start(Table(processes=[dummy("web")]))  # and this test goes on


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_no_process_outlives_a_killed_supervisor_for_long(
    start_stack: Callable[..., Any], until: Callable[..., Any], tmp_path: Path
) -> None:
    stack = start_stack(tmp_path / "home", "mail,postgres")
    children = stack.everything()[1:]
    stack.process.kill()
    until(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children))


def test_closing_its_standard_input_stops_a_stack(start_stack: Callable[..., Any], tmp_path: Path) -> None:
    stack = start_stack(tmp_path / "home", "mail")
    stack.process.stdin.close()
    assert stack.process.wait(20) == 0


def test_two_platforms_live_side_by_side(start_stack: Callable[..., Any], tmp_path: Path) -> None:
    one, other = (start_stack(tmp_path / name, "mail,postgres") for name in ("one", "other"))
    assert one.at["postgres"] != other.at["postgres"]
    assert one.at["smtp"] != other.at["smtp"]
    assert all(state.ready for stack in (one, other) for state in stack.states().values())


async def test_what_a_process_that_is_ready_warns_of_is_told_by_status(start: Start, tmp_path: Path) -> None:
    home = tmp_path / "home"
    homes.prepare(home)
    answer = json.dumps({"ready": True, "reasons": [], "warnings": ["the broker was replaced"]})
    code = f"""if True:
        import http.server, sys
        class Warned(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write({answer.encode()!r})
        http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Warned).serve_forever()"""
    spec = dummy("user-service", code)
    at = {"kafka": "127.0.0.1:1", "database": "postgresql://instroom@127.0.0.1:2/postgres", "smtp": "127.0.0.1:3"}
    services = {"user-service": f"http://127.0.0.1:{spec.ports['http']}"}
    homes.Platform(addresses={**at, "services": services}).save(home)
    await start(Table(processes=[spec]))
    (process,) = (await asyncio.to_thread(control.status, home))["processes"]
    assert (process["ready"], process["warnings"]) == (True, ["the broker was replaced"])


async def test_status_tells_each_process_and_all_addresses(start: Start, tmp_path: Path) -> None:
    home = tmp_path / "home"
    homes.prepare(home)
    spec, listening = dummy("user-service"), dummy("mail")
    url = f"http://127.0.0.1:{spec.ports['http']}"
    homes.Platform(
        addresses={
            "kafka": "127.0.0.1:1",
            "database": "postgresql://instroom:secret@127.0.0.1:2/postgres",
            "smtp": "127.0.0.1:3",
            "services": {"user-service": url},
        }
    ).save(home)
    external = External(name="kafka", address="127.0.0.1:1", probe=listening.probe)
    supervisor = await start(Table(processes=[spec], externals=[external]), ready=False)
    (state, _) = await until(supervisor.states)
    await until(lambda: state.ready)
    document = await asyncio.to_thread(control.status, home)
    # The dummy has no /readyz: what is shown is what it answers now, not what it answered when it started.
    process, kafka = document["processes"]
    assert process == {
        "name": "user-service",
        "pid": state.pid,
        "ports": {"http": spec.ports["http"]},
        "ready": False,
        "reason": process["reason"],
        "restarts": 0,
        "last_reason": None,
        "external": False,
        "warnings": (),
    }
    assert "404" in process["reason"]
    assert (kafka["pid"], kafka["external"], kafka["ready"]) == (None, True, False)
    assert document["state"] == "not_ready"
    assert document["addresses"] == {
        "broker": "127.0.0.1:1",
        "database": "postgresql://instroom@127.0.0.1:2/postgres",
        "mail": "127.0.0.1:3",
        "console": None,
        "user": url,
    }


async def test_status_of_a_stopped_platform_is_down_and_its_addresses_stay_known(tmp_path: Path) -> None:
    home = tmp_path / "home"
    homes.prepare(home)
    assert control.status(home)["state"] == "down"
    assert control.stop(home) is False
    assert Running.read(home) is None
