"""An OpenID provider for tests: real keys, real HTTP, and as dishonest as a test wants."""

import hashlib
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote_plus, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "instroom-client", "s3cret: 100% +"


class OpenIdProvider:
    """Lets in whoever comes, as the account of `claims`; a claim that is None is left out."""

    def __init__(self) -> None:
        self.issuer = ""
        self.claims: dict[str, Any] = {"sub": "account-1", "email": "eva@acme.example", "email_verified": True}
        self.metadata: dict[str, Any] = {}
        """What the discovery document says instead."""
        self.userinfo: dict[str, Any] = {}
        self.answers: dict[str, bytes] = {}
        """What it answers at a path instead."""
        self.signs = "right"
        """`right`; `other`: a key that it does not publish; `none`; `secret`: HS256 with the client's secret."""
        self.key: RSAKey | ECKey = RSAKey.generate_key(2048, {"kid": "rsa-1"})
        """What it signs with."""
        self.published: list[RSAKey | ECKey] = [self.key]
        self.secret = SECRET
        self.asked: list[str] = []
        """The paths that were asked for."""
        self._codes: dict[str, dict[str, str]] = {}

    def rotate(self) -> None:
        """Sign with a new key, of another type, and publish no other."""
        self.key = ECKey.generate_key("P-256", {"kid": f"ec-{len(self.asked)}"})
        self.published = [self.key]

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/jwks", self._jwks),
                Route("/userinfo", self._userinfo),
            ],
            middleware=[Middleware(BaseHTTPMiddleware, dispatch=self._instead)],
        )

    async def _instead(self, request: Request, going_on: RequestResponseEndpoint) -> Response:
        told = self.answers.get(request.url.path)
        return await going_on(request) if told is None else Response(told, media_type="application/json")

    async def _discovery(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        told = {"issuer": self.issuer} | {name: f"{self.issuer}/{end}" for name, end in ends.items()}
        told["userinfo_endpoint"] = f"{self.issuer}/userinfo"
        return JSONResponse(told | self.metadata)

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.issuer}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    async def _token(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        scheme, _, pair = request.headers["authorization"].partition(" ")
        name, _, secret = b64decode(pair).decode().partition(":")
        if scheme != "Basic" or (unquote_plus(name), unquote_plus(secret)) != (CLIENT, self.secret):
            return JSONResponse({"error": "invalid_client"}, 401)
        form = await request.form()
        asked = self._codes.pop(str(form["code"]), None)
        challenge = (
            urlsafe_b64encode(hashlib.sha256(str(form["code_verifier"]).encode()).digest()).rstrip(b"=").decode()
        )
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(
            {"access_token": "opaque", "token_type": "Bearer", "expires_in": 60, "id_token": self._id_token(asked)}
        )

    def _id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        good = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        said = {name: value for name, value in (good | self.claims).items() if value is not None}
        key = self.key
        header = {"alg": "ES256" if isinstance(key, ECKey) else "RS256", "kid": key.kid}
        if self.signs == "none":
            return jwt.encode({"alg": "none"}, said, OctKey.import_key(SECRET), algorithms=["none"])
        if self.signs == "secret":
            return jwt.encode(header | {"alg": "HS256"}, said, OctKey.import_key(SECRET), algorithms=["HS256"])
        if self.signs == "other":
            key = RSAKey.generate_key(2048)
        return jwt.encode(header, said, key, algorithms=["RS256", "ES256"])

    async def _jwks(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.published]})

    async def _userinfo(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer opaque"
        return JSONResponse(self.userinfo)


@contextmanager
def running_provider() -> Iterator[OpenIdProvider]:
    """A provider that listens on this machine."""
    provider = OpenIdProvider()
    server = uvicorn.Server(uvicorn.Config(provider.app(), port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline, "the provider does not start"
        time.sleep(0.01)
    provider.issuer = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join(30)
