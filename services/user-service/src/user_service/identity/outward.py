"""Requests to servers that an academy names: public ones only, without redirects, with an end to size and time."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, cast

import httpx

LONGEST: Final = 512 * 2**10
"""Bytes of an answer; a discovery document and a set of keys have some thousands."""
SECONDS: Final = 5.0
"""For each step of a request: connecting, writing, reading a part."""

Network = IPv4Network | IPv6Network
_TRANSLATED: Final = [
    ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
]
"""Addresses of IPv6 that stand for others of IPv4, be they private."""


def may_go_to(text: str, networks: Sequence[Network]) -> bool:
    """Whether the address is one of the internet, or in one of the networks."""
    address: IPv4Address | IPv6Address = ipaddress.ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address in network for network in networks):
        return True
    translated = any(address in network for network in _TRANSLATED)
    return address.is_global and not address.is_multicast and not translated


def is_acceptable(url: str, networks: Sequence[Network]) -> bool:
    """Whether it is an address of https; http is for this machine, where that is one of the networks."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    if (
        parsed.userinfo
        or parsed.fragment
        or not parsed.host
        or not url.isascii()
        or not url.isprintable()
        or " " in url
    ):
        return False
    if parsed.scheme != "http":
        return parsed.scheme == "https"
    try:
        address = ipaddress.ip_address("127.0.0.1" if parsed.host == "localhost" else parsed.host)
    except ValueError:
        return False
    return address.is_loopback and any(address in network for network in networks)


class _Bounded(httpx.AsyncByteStream):
    """The parts of an answer, until there are too many."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > LONGEST:
                raise httpx.ReadError("the answer is too large")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class Outward(httpx.AsyncBaseTransport):
    """Connects to the addresses that were looked at, so that a name cannot turn into another one meanwhile."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks
        self._transport = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not is_acceptable(str(request.url), self._networks):
            raise httpx.UnsupportedProtocol("not an address to go to")
        host = request.url.raw_host.decode("ascii")
        request.extensions = {**request.extensions, "sni_hostname": host.strip("[]")}
        response = await self._first_answer(request, await self._addresses(request.url.host))
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise httpx.ReadError("a compressed answer was not asked for")
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Bounded(cast(httpx.AsyncByteStream, response.stream)),
            extensions=response.extensions,
        )

    async def _first_answer(self, request: httpx.Request, addresses: list[str]) -> httpx.Response:
        for address in addresses[:-1]:
            request.url = request.url.copy_with(host=address)  # the Host header was made before
            try:
                return await self._transport.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout):  # nothing was sent
                continue
        request.url = request.url.copy_with(host=addresses[-1])
        return await self._transport.handle_async_request(request)

    async def _addresses(self, host: str) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError("the name has no address") from error
        addresses = [str(each[4][0]) for each in found]
        if not addresses or not all(may_go_to(address, self._networks) for address in addresses):
            raise httpx.ConnectError("at an address that this platform does not go to")
        return addresses

    async def aclose(self) -> None:
        await self._transport.aclose()
