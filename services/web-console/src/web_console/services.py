"""The services over HTTP: one pool of connections, and one `Ask` per visitor that carries the access token."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

OUTCOME_SECONDS: Final = 10.0
"""For how long a page waits for the outcome of a command before it says that it is still busy."""

_TIMEOUT: Final = httpx.Timeout(30, connect=3)
_WELCOME_SECONDS: Final = 30.0


class Refused(Exception):
    """A service said no: its problem+json."""

    def __init__(self, status: int, code: str, detail: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.errors = status, code, detail, errors or []
        self.retry_after = ""


class Unreachable(Exception):
    """A service gave no answer, or not one of its own."""

    def __init__(self, service: str) -> None:
        super().__init__(service)
        self.service = service


def segment(text: str) -> str:
    """The text as one part of a path, dots too."""
    return {".": "%2E", "..": "%2E%2E"}.get(text, quote(text, safe=""))


class Ask:
    """Questions in the name of one visitor; without a credential those of nobody."""

    def __init__(self, services: "Services", credential: str = "", user_agent: str = "", client: str = "") -> None:
        self._services = services
        self._headers = {"traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"}
        if credential:
            self._headers["Authorization"] = f"Bearer {credential}"
        if user_agent:
            self._headers["User-Agent"] = user_agent[:300]
        if client:
            self._headers["X-Forwarded-For"] = client
        self._user_agent, self._client = user_agent, client

    def with_credential(self, credential: str) -> Self:
        """The same visitor with this credential."""
        return type(self)(self._services, credential, self._user_agent, self._client)

    async def get(self, service: str, path: str, **params: Any) -> Any:
        """The document at `path`; parameters that are None are left out. Raises Refused or Unreachable."""
        return _document(service, await self.send(service, "GET", path, params=params))

    async def send(
        self,
        service: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer to one request. Raises Refused for what is not 2xx, Unreachable where there is none."""
        try:
            response = await self._services.client.request(
                method,
                self._services.address(service) + path,
                params=_given(params),
                json=json,
                content=content,
                headers=self._headers | dict(headers or {}),
            )
        except httpx.HTTPError as error:
            raise Unreachable(service) from error
        _check(service, response)
        return response

    async def command(
        self,
        service: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The outcome of a command; `{"code": "pending", "command_id": …}` where it takes more than ten seconds."""
        response = await self.send(service, method, path, params=params, json=json, headers=headers)
        id_ = _document(service, response)["command_id"]
        deadline = asyncio.get_running_loop().time() + OUTCOME_SECONDS
        while (left := deadline - asyncio.get_running_loop().time()) > 0:
            try:
                found = await self.get(service, f"/commands/{segment(id_)}", wait=round(left, 1))
            except Unreachable:  # it was taken and will be done; only its outcome cannot be told now
                break
            if found["state"] == "done":
                outcome: dict[str, Any] = found["outcome"]
                return outcome
        return {"code": "pending", "command_id": id_}

    def stream(
        self,
        service: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """An answer that is read as it comes, without an end to the wait."""
        return self._stream(service, path, params, headers)

    @asynccontextmanager
    async def _stream(
        self, service: str, path: str, params: Mapping[str, Any] | None, headers: Mapping[str, str] | None
    ) -> AsyncIterator[httpx.Response]:
        request = self._services.client.build_request(
            "GET",
            self._services.address(service) + path,
            params=_given(params),
            headers=self._headers | dict(headers or {}),
            timeout=httpx.Timeout(None, connect=3),
        )
        try:
            response = await self._services.client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise Unreachable(service) from error
        try:
            if response.is_error:
                await response.aread()
            _check(service, response)
            yield response
        finally:
            await response.aclose()


class Services:
    """The pool of connections to the services."""

    def __init__(self, addresses: Mapping[str, str], transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._addresses = {name: address.rstrip("/") for name, address in addresses.items()}
        self.client = httpx.AsyncClient(transport=transport, timeout=_TIMEOUT, trust_env=False)
        self._welcomes: dict[str, tuple[float, dict[str, Any]]] = {}

    def address(self, service: str) -> str:
        """The base address of a service."""
        return self._addresses[service]

    def ask(self, user_agent: str = "", client: str = "") -> Ask:
        """Questions of somebody who is not known yet, at that network address: services count attempts by it."""
        return Ask(self, "", user_agent, client)

    async def welcome(self, academy: str) -> dict[str, Any]:
        """What everybody may know of an academy; at most half a minute old. Raises Refused where there is none."""
        kept = self._welcomes.get(academy)
        if kept is not None and time.monotonic() - kept[0] < _WELCOME_SECONDS:
            return kept[1]
        found: dict[str, Any] = await self.ask().get("user", f"/academies/{segment(academy)}/welcome")
        self._welcomes[academy] = (time.monotonic(), found)
        return found

    def forget(self, academy: str) -> None:
        """Ask anew what everybody may know of the academy."""
        self._welcomes.pop(academy, None)

    async def why_not_ready(self) -> list[str]:
        """The services that do not answer."""

        async def look(service: str) -> str | None:
            try:
                response = await self.client.get(f"{self.address(service)}/livez", timeout=3)
            except httpx.HTTPError:
                return f"{service}-service does not answer"
            return None if response.is_success else f"{service}-service is not live"

        return [reason for reason in await asyncio.gather(*map(look, self._addresses)) if reason]

    async def close(self) -> None:
        """Let the connections go."""
        await self.client.aclose()


def _given(params: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (params or {}).items() if value is not None}


def _document(service: str, response: httpx.Response) -> Any:
    try:
        return response.json() if response.content else {}
    except ValueError as error:
        raise Unreachable(service) from error


def _check(service: str, response: httpx.Response) -> None:
    if response.is_success:
        return
    try:
        body = response.json()
        refused = Refused(response.status_code, body["code"], body.get("detail", ""), body.get("errors"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreachable(service) from error
    refused.retry_after = response.headers.get("retry-after", "")
    raise refused
