"""The console over services that a test plays."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from web_console.app import build
from web_console.settings import Settings
from web_console.visiting import form_token

ORIGIN = "http://console.test"
VISIT = "v" * 43
CSRF = form_token(VISIT)
"""What a form of a browser of `Played` carries as `csrf`."""
Answer = tuple[int, Any] | httpx.Response | Callable[[httpx.Request], httpx.Response]

CALLER = {
    "sub": "user:1",
    "role": "administrator",
    "academy": "demo",
    "personnel_number": "007",
    "name": "Ada de Vries",
    "language": "nl",
    "department": "",
    "department_name": "",
}

EVERYBODY = {
    "/livez",
    "/readyz",
    "/robots.txt",
    "/",
    "/{academy}",
    "/{academy}/",
    "/{academy}/logout",
    "/{academy}/password",
    "/{academy}/terms",
    "/{academy}/oidc",
    "/-/oidc",
    "/-/language",
    "/-/operator",
    "/-/operator/logout",
    "/-/invitation/{token}",
    "/-/password/{token}",
}
"""The pages that ask nobody who they are; a test fails for another one that answers a stranger."""


class Played:
    """Services that answer what the test says, by `METHOD service path`; what was asked is kept."""

    def __init__(self, role: str = "administrator", public_url: str = ORIGIN, **settings: Any) -> None:
        self.asked: list[httpx.Request] = []
        self.answers: dict[str, Answer] = {
            "GET user /academies/demo/welcome": (
                200,
                {"id": "demo", "name": "Demo Academy", "default_language": "nl", "languages": ["nl", "en"]},
            ),
            "POST user /access-tokens": (
                200,
                {"access_token": "jwt", "token_type": "Bearer", "expires_in": 60, "caller": CALLER | {"role": role}},
            ),
        }
        hosts = {f"{name}_service": f"http://{name}" for name in ("org", "user", "import", "notify")}
        told = Settings(**hosts, http_port=1, public_url=public_url, **settings)  # type: ignore[arg-type]
        self.app = build(told, httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path = request.url.raw_path.decode().partition("?")[0]
        answer = self.answers.get(f"{request.method} {request.url.host} {path}")
        if answer is None:
            return httpx.Response(404, json={"code": "not_found", "detail": path})
        if isinstance(answer, tuple):
            return httpx.Response(answer[0], json=answer[1]) if answer[1] is not None else httpx.Response(answer[0])
        return answer(request) if callable(answer) else answer

    def body_of(self, start: str) -> Any:
        """The JSON of the last request whose `METHOD host path` starts so."""
        for request in reversed(self.asked):
            if f"{request.method} {request.url.host} {request.url.path}".startswith(start):
                return json.loads(request.content)
        raise AssertionError(f"never asked: {start}")

    def browser(self, *, logged_in: bool = False, address: str = "127.0.0.1", **options: Any) -> httpx.AsyncClient:
        """A browser at the console, from that network address; logged in as the role."""
        cookies = httpx.Cookies()
        cookies.set("instroom-visit", VISIT, "console.test")
        if logged_in:
            cookies.set("instroom-session", "s" * 43, "console.test")
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url=ORIGIN, cookies=cookies, **options)


def token_in(html: str) -> str:
    """The form token of a page."""
    return html.partition('name="csrf" value="')[2].partition('"')[0]
