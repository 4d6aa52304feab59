"""Signing access tokens: what every service takes as proof of who asks."""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import OKPKey

from contracts.access import AUDIENCE, ISSUER, TOKEN_SECONDS, AccessClaims, Role


class Signer:
    """Signs with one Ed25519 key (its seed, base64url without padding)."""

    def __init__(self, seed: str, key_id: str) -> None:
        raw = urlsafe_b64decode(seed + "=" * (-len(seed) % 4))
        public = Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()
        x = urlsafe_b64encode(public).rstrip(b"=").decode()
        self._key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": x, "d": seed.rstrip("=")})
        self._key_id = key_id

    def sign(self, sub: str, role: Role, academy: str = "", **claims: str) -> str:
        """A token that is good for `TOKEN_SECONDS`."""
        now = int(time.time())
        said = AccessClaims(
            iss=ISSUER,
            aud=AUDIENCE,
            sub=sub,
            role=role,
            academy=academy,
            iat=now,
            exp=now + TOKEN_SECONDS,
            **claims,
        )
        header = {"alg": "Ed25519", "kid": self._key_id}
        return jwt.encode(header, said.model_dump(mode="json"), self._key, algorithms=["Ed25519"])
