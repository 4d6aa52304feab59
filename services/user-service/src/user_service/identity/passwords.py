"""Passwords: argon2 in threads, few at a time, and as slow for an address that nobody has."""

import asyncio
from ipaddress import ip_address, ip_network
from typing import Final

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from chassis.problems import Problem

SHORTEST: Final = 12
LONGEST: Final = 200
AT_ONCE: Final = 2
"""Hashes that are made at the same time: each takes 64 MiB and a core."""
_LIMIT: Final = RateLimitItemPerMinute(10, 5)
_CLIENT_LIMIT: Final = RateLimitItemPerMinute(300, 5)
"""Much more than for one account: behind one client there may be a whole school."""


class Passwords:
    """Makes and checks hashes of passwords; `parameters` say at what cost, of themselves RFC 9106's for little memory."""

    def __init__(self, parameters: Parameters = RFC_9106_LOW_MEMORY) -> None:
        self._hasher = PasswordHasher.from_parameters(parameters)
        self._dummy = self._hasher.hash("nobody has this password")
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, hash: str | None, password: str) -> bool:
        """Whether it is the password; takes as long without a hash."""
        async with self._turn:
            right = await asyncio.to_thread(self._verify, hash or self._dummy, password)
        return right and hash is not None

    def _verify(self, hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(hash, password)
        except (VerificationError, InvalidHashError):
            return False


class Attempts:
    """How often something may be tried in five minutes: ten times for each key, 300 times by each client."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def take(self, *key: str) -> None:
        """Count an attempt; refuse it when there were too many."""
        if not await self._limiter.hit(_LIMIT, *key):
            raise _too_many()

    async def refuse_after_many(self, *key: str) -> None:
        """Refuse when there were too many; this one is not counted."""
        if not await self._limiter.test(_LIMIT, *key):
            raise _too_many()

    async def take_of_client(self, what: str, address: str) -> None:
        """Count an attempt of whoever is at this network address; refuse it when there were too many."""
        if not await self._limiter.hit(_CLIENT_LIMIT, "client", what, _client(address)):
            raise _too_many()


def _too_many() -> Problem:
    return Problem(
        429, "too_many_attempts", "too many attempts; try again in five minutes", headers={"Retry-After": "300"}
    )


def _client(address: str) -> str:
    """One client for each address; of IPv6 for each /64, which is what one subscriber has."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    return str(known) if known.version == 4 else str(ip_network((int(known), 64), strict=False))


def check_strength(password: str, *, email: str, name: str) -> None:
    """Refuse a password that is too short, or that everybody can guess who knows the person."""
    if len(password) < SHORTEST:
        raise Problem(422, "weak_password", f"a password has at least {SHORTEST} characters")
    if len(password) > LONGEST:
        raise Problem(422, "weak_password", f"a password has at most {LONGEST} characters")
    if password.casefold() in (email.casefold(), name.casefold()) or len(set(password)) < 4:
        raise Problem(422, "weak_password", "a password is not the address or name, nor a few characters repeated")
