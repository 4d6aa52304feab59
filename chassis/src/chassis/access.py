"""Who asks, and whether they may: every route says which roles it is for, and checks the access token itself."""

import time
from collections.abc import Mapping
from typing import Any, Final

import structlog
from fastapi import Depends, Request
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, OKPKey
from pydantic import ValidationError

from chassis.problems import Problem
from contracts.access import AUDIENCE, ISSUER, AccessClaims, Role

LEEWAY: Final = 2
"""Seconds that the clocks of two machines may differ."""
LONGEST_TOKEN: Final = 4096
ROLES: Final = "x-roles"
"""Where a route's OpenAPI description tells who may call it; an empty list: everybody."""


class Verifier:
    """Takes access tokens that were signed with one of `keys`: raw Ed25519 public keys by key id, base64url.

    Keys are rotated by telling every service the new one beside the old, then user-service to sign with it.
    """

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys = {id_: OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": x}) for id_, x in keys.items()}
        self._registry = jws.JWSRegistry(algorithms=["Ed25519"])

    def verify(self, token: str) -> AccessClaims | None:
        """What the token says; None unless it is ours, whole and not over. Never raises on any text."""
        if len(token) > LONGEST_TOKEN:
            return None
        try:
            decoded = jwt.decode(token, self._key, registry=self._registry)
            claims = AccessClaims.model_validate(decoded.claims)
        except (JoseError, ValidationError, ValueError, KeyError, TypeError):
            return None
        now = time.time()
        if claims.iss != ISSUER or claims.aud != AUDIENCE or not claims.iat - LEEWAY <= now < claims.exp + LEEWAY:
            return None
        if (claims.role is Role.OPERATOR) == bool(claims.academy):
            return None
        return claims

    def _key(self, token: GuestProtocol) -> OKPKey:
        return self._keys[token.headers()["kid"]]


class Access:
    """A route's dependency: who may call it. `dependencies=[allow(...)]` or `[PUBLIC]`, one on every route.

    An operator may call everything. Where the path names an academy, the token must be for that one; whether another
    one exists is not told.
    """

    def __init__(self, *roles: Role) -> None:
        self.roles = roles

    async def __call__(self, request: Request) -> None:
        if not self.roles:
            return
        caller = self._caller(request)
        if caller.role is not Role.OPERATOR:
            academy = request.path_params.get("academy", caller.academy)
            if caller.role not in self.roles or caller.academy != academy:
                raise forbidden()
        request.state.caller = caller

    def _caller(self, request: Request) -> AccessClaims:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        verifier: Verifier = request.app.state.verifier
        caller = verifier.verify(token.strip()) if scheme.lower() == "bearer" else None
        if caller is None:
            raise Problem(
                401,
                "unauthenticated",
                "send `Authorization: Bearer <access token>`; it lasts a minute: ask for a new one",
            )
        structlog.contextvars.bind_contextvars(actor=caller.sub)
        return caller


def allow(*roles: Role) -> Any:
    """A route for these roles, and for operators."""
    return Depends(Access(*(roles or (Role.OPERATOR,))))


PUBLIC: Final[Any] = Depends(Access())
"""A route for everybody."""


def forbidden() -> Problem:
    """The same for what exists and for what does not."""
    return Problem(403, "forbidden", "you have no right to this")


def caller_of(request: Request) -> AccessClaims:
    """Who asks, on a route that is not public."""
    caller: AccessClaims = request.state.caller
    return caller


def actor_of(request: Request) -> str:
    """The `ce_actor` of what is asked."""
    return caller_of(request).sub
