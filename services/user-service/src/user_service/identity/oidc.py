"""Log-in by an OpenID provider: authorization code with PKCE, and an ID token that is trusted in nothing unseen."""

import asyncio
import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus

import httpx
import structlog
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, JWKRegistry, Key
from pydantic import BaseModel, ValidationError

from chassis.problems import Problem
from user_service.identity.outward import SECONDS, Network, Outward, is_acceptable

PATIENCE: Final = 15.0
"""Seconds for all that is asked of a provider at a time, however slowly it answers."""
LEEWAY: Final = 60
"""Seconds that the clock of a provider may differ."""
_ALGORITHMS: Final = [f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)] + ["EdDSA", "Ed25519"]
"""Only signatures with a key that the provider alone has: neither `none` nor one with the client's secret."""
_PLAIN: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}
_KEY_TYPES: Final = ("RSA", "EC", "OKP")


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider of an academy."""

    id: str
    academy: str
    name: str
    issuer: str
    client_id: str
    password_log_in: bool
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a provider vouches for."""

    subject: str
    email: str


class ProviderFailed(Problem):
    """A provider gave no answer, or none that can be used."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(502, code, detail)


class Metadata(BaseModel):
    """What is used of a discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False


def derived(flow: str, purpose: str) -> str:
    """State, nonce or code verifier of a log-in; the secret of the log-in cannot be found from it."""
    digest = hmac.new(flow.encode(), purpose.encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_state_of(flow: str, state: str) -> bool:
    """Whether the provider's answer belongs to the log-in that this browser began."""
    return hmac.compare_digest(derived(flow, "state").encode(), state.encode())


class OpenId:
    """What is asked of providers; `redirect_uri` is where they send people back to."""

    def __init__(self, redirect_uri: str, networks: Sequence[Network]) -> None:
        self.redirect_uri, self._networks = redirect_uri, networks

    async def discover(self, issuer: str) -> Metadata:
        """The provider's discovery document. Raises ProviderFailed."""
        if not is_acceptable(issuer, self._networks) or "?" in issuer:
            raise ProviderFailed("issuer_not_allowed", "an issuer is an address that begins with https://")
        async with self._asking(issuer) as http:
            found = _object(await http.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration"))
        try:
            metadata = Metadata.model_validate(found)
        except ValidationError as error:
            raise ProviderFailed("provider_unsuitable", "the provider's discovery document is not whole") from error
        if metadata.issuer != issuer:
            raise ProviderFailed("issuer_mismatch", f"the provider calls itself {metadata.issuer[:300]!r}")
        if "client_secret_basic" not in metadata.token_endpoint_auth_methods_supported:
            raise ProviderFailed("provider_unsuitable", "the provider does not take client_secret_basic")
        told = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri, metadata.userinfo_endpoint)
        if not all(is_acceptable(url, self._networks) for url in told if url is not None):
            raise ProviderFailed("provider_unsuitable", "an address in the provider's discovery document is not https")
        return metadata

    async def address(self, provider: Provider, flow: str) -> str:
        """Where the browser goes to log in. Raises ProviderFailed."""
        metadata = await self.discover(provider.issuer)
        address: str = prepare_grant_uri(
            metadata.authorization_endpoint,
            provider.client_id,
            "code",
            redirect_uri=self.redirect_uri,
            scope="openid email",
            state=derived(flow, "state"),
            nonce=derived(flow, "nonce"),
            code_challenge=create_s256_code_challenge(derived(flow, "verifier")),
            code_challenge_method="S256",
        )
        return address

    async def account(self, provider: Provider, flow: str, code: str, issuer: str | None) -> Account:
        """Who came back with the code. Raises ProviderFailed, or a Problem for an answer that is not to be trusted."""
        metadata = await self.discover(provider.issuer)
        if issuer != provider.issuer and (issuer or metadata.authorization_response_iss_parameter_supported):
            raise _refused("the answer came from another provider")  # RFC 9207
        async with self._asking(provider.issuer) as http:
            token = await self._token(http, metadata, provider, flow, code)
            keys = _object(await http.get(metadata.jwks_uri))  # anew each time: keys are rotated, and withdrawn
            claims = read_id_token(token, keys, provider, derived(flow, "nonce"))
            if "email" not in claims and metadata.userinfo_endpoint is not None:
                bearer = {"Authorization": f"Bearer {token.get('access_token', '')}"}
                told = _object(await http.get(metadata.userinfo_endpoint, headers=bearer))
                if told.get("sub") != claims["sub"]:
                    raise _refused("the provider told of somebody else")
                claims |= {name: told.get(name) for name in ("email", "email_verified")}
        if not isinstance(claims.get("email"), str) or claims.get("email_verified") is not True:
            raise Problem(403, "email_not_verified", "the provider does not say that the e-mail address is verified")
        return Account(claims["sub"], claims["email"])

    async def _token(
        self, http: httpx.AsyncClient, metadata: Metadata, provider: Provider, flow: str, code: str
    ) -> dict[str, Any]:
        client = map(quote_plus, (provider.client_id, provider.client_secret))  # RFC 6749, 2.3.1
        body = prepare_token_request(
            "authorization_code",
            redirect_uri=self.redirect_uri,
            code=code,
            code_verifier=derived(flow, "verifier"),
        )
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await http.post(metadata.token_endpoint, content=body, headers=form, auth=httpx.BasicAuth(*client))
        told = _object(answer, 200, 400, 401)
        if answer.status_code == 200:
            return told
        if told.get("error") == "invalid_grant":
            raise _refused("the provider does not know the code")
        raise ProviderFailed("provider_refused", "the provider refuses the client: is its secret right?")

    @asynccontextmanager
    async def _asking(self, issuer: str) -> AsyncIterator[httpx.AsyncClient]:
        try:
            async with (
                asyncio.timeout(PATIENCE),
                httpx.AsyncClient(
                    transport=Outward(self._networks), timeout=SECONDS, trust_env=False, headers=_PLAIN
                ) as http,
            ):
                yield http
        except (httpx.HTTPError, TimeoutError) as error:
            structlog.get_logger("oidc").warning("provider.unreachable", issuer=issuer, cause=repr(error))
            raise ProviderFailed("provider_unreachable", "the provider gives no answer that can be used") from error


def _object(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    try:
        found = answer.json() if answer.status_code in (statuses or (200,)) else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise httpx.DecodingError(f"no JSON object, but status {answer.status_code}")
    return found


def read_id_token(token: dict[str, Any], keys: dict[str, Any], provider: Provider, nonce: str) -> dict[str, Any]:
    """What the ID token says. Raises a Problem unless it is signed by the provider, for this client and this log-in."""

    def key_of(said: GuestProtocol) -> Key:
        kid = said.headers().get("kid")
        usable = [key for key in keys["keys"] if key["kty"] in _KEY_TYPES and key.get("use", "sig") == "sig"]
        (key,) = [key for key in usable if kid is None or key.get("kid") == kid]
        return JWKRegistry.import_key(key)

    wanted: dict[str, Any] = {
        "iss": {"essential": True, "value": provider.issuer},
        "aud": {"essential": True, "value": provider.client_id},
        "sub": {"essential": True},
    }
    params = {"nonce": nonce, "client_id": provider.client_id, "access_token": token.get("access_token")}
    try:
        decoded = jwt.decode(token["id_token"], key_of, algorithms=_ALGORITHMS)
        claims = CodeIDToken(decoded.claims, decoded.header, wanted, params)
        claims.validate(leeway=LEEWAY)
        if not _is_subject(claims["sub"]):
            raise ValueError("no subject")
    except (JoseError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        structlog.get_logger("oidc").warning("id_token.refused", issuer=provider.issuer, cause=type(error).__name__)
        raise _refused("the provider's ID token is not to be trusted") from error
    return dict(claims)


def _is_subject(sub: str) -> bool:
    """OpenID Connect Core, 2: at most 255 ASCII characters."""
    return 0 < len(sub) <= 255 and sub.isascii() and sub.isprintable()


def _refused(detail: str) -> Problem:
    return Problem(401, "log_in_refused", detail)
