"""A platform that answers what a test tells it to, in place of the services."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import typer
from typer.testing import CliRunner, Result

from instroom.commands.register import register

SERVICES = {name: f"http://{name}" for name in ("org-service", "user-service", "import-service", "notify-service")}

Answer = httpx.Response | BaseException
Route = Callable[[httpx.Request], Answer] | Answer


def problem(status: int, code: str, detail: str = "because") -> httpx.Response:
    return httpx.Response(status, json={"status": status, "code": code, "detail": detail})


@dataclass
class FakePlatform:
    """Answers by method and path; what is asked is kept."""

    routes: dict[str, list[Route]] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    now: float = 0.0
    running: bool = True

    def on(self, line: str, *answers: Route | Any) -> None:
        """`line` is "GET /path"; the last answer is given for ever after. Anything else than a response is its JSON."""
        kept = (httpx.Response, BaseException)
        self.routes[line] = [a if isinstance(a, kept) or callable(a) else httpx.Response(200, json=a) for a in answers]

    def command(self, line: str, outcome: dict[str, Any]) -> None:
        """`line` is accepted as a command that comes to `outcome`."""
        self.on(line, httpx.Response(202, json={"command_id": "c1", "location": "/commands/c1"}))
        self.on("GET /commands/c1", {"state": "done", "outcome": outcome})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.bodies.append(request.read())
        answers = self.routes.get(f"{request.method} {request.url.path}")
        if answers is None:
            return problem(404, "http_error", f"no route {request.method} {request.url.path}")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if not isinstance(answer, (httpx.Response, BaseException)):
            answer = answer(request)
        if isinstance(answer, BaseException):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def is_running(self) -> bool:
        return self.running

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def lines(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.asked]


class CommandLine:
    """Runs commands as a shell would, without one."""

    def __init__(self) -> None:
        self.root = typer.Typer()
        register(self.root)

    def __call__(self, *words: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(self.root, list(words), input=stdin)
