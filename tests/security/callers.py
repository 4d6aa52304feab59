"""Who asks: nobody, those who forge, and everybody of an academy."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import OKPKey

from contracts.access import AUDIENCE, ISSUER
from instroom.testing import Platform


class Forger:
    """Knows the platform's keys, and so signs what it likes."""

    def __init__(self, platform: Platform) -> None:
        secrets = json.loads((platform.home / "secrets.json").read_text("utf-8"))
        self.kid = secrets["access_signing_key_id"]
        self.key = _key(secrets["access_signing_key"], secrets["access_verify_key"])
        self._of_mails = _key(secrets["signing_key"], secrets["verify_key"])
        self._kid_of_mails = secrets["signing_key_id"]

    def claims(self, role: str = "operator", academy: str = "", **said: Any) -> dict[str, Any]:
        now = int(time.time())
        good = {"iss": ISSUER, "aud": AUDIENCE, "sub": f"user:{role}", "role": role, "academy": academy}
        return good | {"iat": now, "exp": now + 60} | said

    def token(
        self, role: str = "operator", academy: str = "", key: OKPKey | None = None, kid: str | None = None, **said: Any
    ) -> str:
        header = {"alg": "Ed25519", "kid": kid or self.kid}
        return jwt.encode(header, self.claims(role, academy, **said), key or self.key, algorithms=["Ed25519"])

    def bad(self, academy: str) -> dict[str, str | None]:
        """Tokens that are worth nothing, each of an administrator or operator."""
        old = int(time.time()) - 3600
        good = self.token("administrator", academy)
        head, claims, signature = good.split(".")
        more = _part(self.claims("operator"))
        return {
            "no token": None,
            "nonsense": "nonsense",
            "forged": self.token(key=OKPKey.generate_key("Ed25519", auto_kid=False)),
            "signed with the key of mails": self.token(key=self._of_mails),
            "under the key id of mails": self.token(key=self._of_mails, kid=self._kid_of_mails),
            "tampered with": f"{head}.{more}.{signature}",
            "without signature": f"{head}.{claims}.",
            "expired": self.token("administrator", academy, iat=old, exp=old + 60),
            "of the future": self.token("administrator", academy, iat=old + 7200, exp=old + 7260),
            "other issuer": self.token("administrator", academy, iss="somebody/else"),
            "other audience": self.token("administrator", academy, aud="another"),
            "no such role": self.token("director", academy),
            "operator of one academy": self.token("operator", academy),
            "administrator of none": self.token("administrator", ""),
            "alg none": f"{_part({'alg': 'none', 'kid': self.kid})}.{more}.",
        }


def _key(private: str, public: str) -> OKPKey:
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "d": private, "x": public})


def _part(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()
