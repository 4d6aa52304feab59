"""The services over HTTP, with patience: what is starting or restarting is asked again for 30 s."""

import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import IO, Any, Final, Literal
from urllib.parse import quote, unquote

import httpx

from contracts.access import TOKEN_SECONDS
from contracts.errors import ErrorCode, Problem
from contracts.fields import is_academy_id
from contracts.sentences import render
from instroom.failure import Exit, Failure
from instroom.words import Language, Words, words

Service = Literal["org-service", "user-service", "import-service", "notify-service"]

READY_SECONDS: Final = 30.0
"""How long a command waits for a service to answer, and for the outcome of what it asked."""
ERROR_SECONDS: Final = 10.0
"""How long an internal error is taken for the moment in which a database or broker comes back."""
REPLICA_SECONDS: Final = 5.0
"""How long a service may take to learn of an academy that was defined here."""
READ_SECONDS: Final = 30.0
"""How long a service may say nothing."""
PAUSE_SECONDS: Final = 0.2
RENEW_SECONDS: Final = TOKEN_SECONDS * 0.75
_PAGE: Final = 1000
_GLANCE: Final = httpx.Timeout(2.0)
_NAMED_BY: Final = {"user-service": "personnel_number", "import-service": "import_id"}
"""What stands behind `/academies/{academy}/…/` in a path."""


class AccessTokens(httpx.Auth):
    """Shows an access token with each request, got from user-service for an API token or the operator's."""

    requires_response_body = True

    def __init__(self, user_service: str, credential: str) -> None:
        self._url, self._credential = user_service + "/access-tokens", credential
        self._token, self._until = "", 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """A new token in time; once more where one is not taken, since keys may have changed."""
        if time.monotonic() > self._until:
            yield from self._renew()
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == 401:
            yield from self._renew()
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _renew(self) -> Generator[httpx.Request, httpx.Response, None]:
        asked = time.monotonic()
        response = yield httpx.Request("POST", self._url, headers={"Authorization": f"Bearer {self._credential}"})
        if response.status_code in (401, 403):
            raise NoAccess
        if not response.is_success:
            raise httpx.ReadError(f"user-service gives no access token: HTTP {response.status_code}")
        self._token, self._until = response.json()["access_token"], asked + RENEW_SECONDS


class NoAccess(Exception):
    """The credential is not known, or no longer."""


class Client:
    """Asks a platform's services. What they refuse is a Failure with the exit code of `docs/cli.md`.

    `applied` tells whether an organisation was applied to an academy from here: a service that does not know it yet is
    asked again for 5 s. `running` tells whether anybody keeps the platform up: if not, the first question is not
    repeated.
    """

    def __init__(
        self,
        services: Mapping[str, str],
        *,
        credential: str | None = None,
        language: Language | None = None,
        applied: Callable[[str], bool] = lambda academy: False,
        running: Callable[[], bool] = lambda: True,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._services = services
        self._applied, self._running = applied, running
        self._reached = False
        self._clock, self._pause = clock, pause
        auth = AccessTokens(services["user-service"], credential) if credential is not None else None
        self._http = httpx.Client(auth=auth, timeout=_timeout(READ_SECONDS), transport=transport, trust_env=False)
        self.speak(language)

    def speak(self, language: Language | None) -> None:
        """Tell and be told in this language from now on."""
        self._say: Words = words(language)
        if language is not None:
            self._http.headers["Accept-Language"] = language

    def close(self) -> None:
        self._http.close()

    def get(self, service: Service, path: str, **params: Any) -> Any:
        """The JSON that is there."""
        return self.send(service, "GET", path, params=params).json()

    def whole_list(self, service: Service, path: str, member: str, **params: Any) -> list[dict[str, Any]]:
        """All pages of a list."""
        found: list[dict[str, Any]] = []
        after = None
        while True:
            page = self.get(service, path, limit=_PAGE, after=after, **params)
            found += page[member]
            if (after := page.get("next")) is None:
                return found

    def send(
        self,
        service: Service,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        content: Callable[[], Iterator[bytes]] | None = None,
        headers: Mapping[str, str] | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> httpx.Response:
        """Ask, again while nothing answers; `content` is called anew for each attempt.

        A service that says nothing for `read_seconds` does not answer.
        """

        def ask() -> httpx.Response:
            return self._http.request(
                method,
                self._services[service] + path,
                params={k: v for k, v in (params or {}).items() if v is not None},
                json=json,
                content=content() if content is not None else None,
                headers=dict(headers or {}),
                timeout=_timeout(read_seconds),
            )

        return self._patiently(service, path, ask)

    def save(self, service: Service, path: str, file: IO[bytes], **params: Any) -> None:
        """Write a large answer into an empty file, from the beginning again where it breaks off."""

        def ask() -> httpx.Response:
            file.seek(0)
            file.truncate()
            with self._http.stream("GET", self._services[service] + path, params=params) as response:
                if response.is_success:
                    for piece in response.iter_bytes():
                        file.write(piece)
                else:
                    response.read()
                return response

        self._patiently(service, path, ask)

    def _patiently(self, service: Service, path: str, ask: Callable[[], httpx.Response]) -> httpx.Response:
        """The answer that is none of a service that starts or restarts, as long as there is patience."""
        began = self._clock()
        while True:
            patience, failure = READY_SECONDS, None
            try:
                response = ask()
            except UnicodeEncodeError:  # bytes of the command line that are no text
                raise Failure("wrong_use", self._say("not_text"), Exit.WRONG_USE) from None
            except NoAccess:
                raise Failure("unauthenticated", self._say("no_access"), Exit.REFUSED) from None
            except httpx.TransportError as error:
                failure = self._unreachable(service, error)
                if not self._reached and not self._running():
                    raise Failure("no_platform", self._say("no_platform"), Exit.UNAVAILABLE) from None
            else:
                self._reached = True
                failure = self._refusal(service, path, response)
                if failure is None:
                    return response
                patience = self._patience(response, failure, path)
            if self._clock() - began >= patience:
                raise failure
            self._pause(PAUSE_SECONDS)

    def glance(self, service: Service, path: str) -> Any:
        """The JSON that is there at this moment, None if there is no answer: for what a command can do without."""
        try:
            response = self._http.get(self._services[service] + path, timeout=_GLANCE)
            return response.json() if response.is_success else None
        except (httpx.TransportError, NoAccess, ValueError):
            return None

    def command(
        self, service: Service, method: str, path: str, *, params: Mapping[str, Any] | None = None, json: Any = None
    ) -> dict[str, Any]:
        """Ask for something and wait for its outcome. Asked again after a lost answer, it is still done once."""
        key = str(uuid.uuid4())
        accepted = self.send(service, method, path, params=params, json=json, headers={"Idempotency-Key": key}).json()
        id_ = accepted["command_id"]
        deadline = self._clock() + READY_SECONDS
        while True:
            state = self.get(service, f"/commands/{segment(id_)}", wait=5)
            if state["state"] == "done":
                outcome: dict[str, Any] = state["outcome"] or {}
                return outcome
            if self._clock() >= deadline:
                text = self._say("not_in_time", service=service, seconds=int(READY_SECONDS), id=id_)
                raise Failure("not_in_time", text, Exit.UNAVAILABLE)

    def _unreachable(self, service: str, error: Exception) -> Failure:
        reason = str(error) or type(error).__name__
        text = self._say("unreachable", service=service, seconds=int(READY_SECONDS), reason=reason)
        return Failure("unreachable", text, Exit.UNAVAILABLE)

    def _refusal(self, service: str, path: str, response: httpx.Response) -> Failure | None:
        """What the answer comes to; None if it is what was asked for."""
        if response.status_code < 300:
            return None
        code, detail = _problem(response)
        if code == "unknown_academy":
            return Failure(code, self._say("unknown_academy", academy=_academy_of(path)), Exit.WRONG_USE)
        if response.status_code >= 500 or code == "http_error":
            # Without a code of ours it is no answer about the academy: a broken service or one of another version.
            text = self._say("failed", service=service, status=response.status_code, reason=detail)
            return Failure("failed", text, Exit.UNAVAILABLE)
        # Told by the services in English only.
        if code == ErrorCode.NOT_FOUND and service in _NAMED_BY and _academy_of(path):
            return not_found(_NAMED_BY[service], unquote(path.split("/")[4]), self._say)
        if code in ("not_checked", "too_old"):
            detail = self._say(code, id=unquote(path.split("/")[4]), academy=_academy_of(path))
        return Failure(code, detail, Exit.WRONG_USE if code == "invalid_request" else Exit.REFUSED)

    def _patience(self, response: httpx.Response, failure: Failure, path: str) -> float:
        if failure.code == "unknown_academy":
            return REPLICA_SECONDS if self._applied(_academy_of(path)) else 0.0
        if response.status_code == 500:
            return ERROR_SECONDS
        return READY_SECONDS if response.status_code > 500 else 0.0


def _timeout(read_seconds: float) -> httpx.Timeout:
    return httpx.Timeout(30.0, connect=5.0, read=read_seconds)


def _academy_of(path: str) -> str:
    return path.split("/")[2] if path.startswith("/academies/") else ""


def not_found(field: str, value: str, say: Words) -> Failure:
    """Nobody has that number, or no import that id."""
    problem = Problem(code=ErrorCode.NOT_FOUND, field=field, value=value)
    return Failure(problem.code.value, render(problem, say.language), Exit.REFUSED)


def segment(text: str) -> str:
    """`text` as one part of a path. Nothing but dots would be taken for a folder and the one above it."""
    quoted = quote(text, safe="")
    return quoted if quoted.strip(".") else quoted.replace(".", "%2E")


def academy_path(academy: str, *parts: str, say: Words) -> str:
    """`/academies/{academy}/…`, each part made fit for a path. What cannot be an academy is none."""
    if not is_academy_id(academy):
        raise Failure("unknown_academy", say("unknown_academy", academy=academy), Exit.WRONG_USE)
    try:
        return "/academies/" + "/".join([academy, *map(segment, parts)])
    except UnicodeEncodeError:
        raise Failure("wrong_use", say("not_text"), Exit.WRONG_USE) from None


def _problem(response: httpx.Response) -> tuple[str, str]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return "http_error", response.reason_phrase or str(response.status_code)
    reasons = body.get("reasons")
    detail = str(body.get("detail") or (", ".join(map(str, reasons)) if reasons else response.reason_phrase))
    errors = [str(e.get("message")) for e in body.get("errors") or () if isinstance(e, dict) and e.get("message")]
    return str(body.get("code") or "http_error"), "; ".join([detail, *errors])
