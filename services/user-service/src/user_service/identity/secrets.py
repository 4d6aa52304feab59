"""Opaque secrets: given once, kept as a hash. Those of others, which must be read again, are kept sealed."""

import hashlib
import secrets
from base64 import urlsafe_b64decode
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

API_TOKEN: Final = "it_"  # noqa: S105 - the beginning of all of them


def new_secret(prefix: str = "") -> str:
    return prefix + secrets.token_urlsafe(32)


def hashed(secret: str) -> bytes:
    """What is stored: the secret has 256 bits, so that a fast hash does."""
    return hashlib.sha256(secret.encode()).digest()


class Sealer:
    """Keeps what must be read again unreadable to whoever has the database only: AES-256-GCM, for one academy."""

    def __init__(self, key: str) -> None:
        self._key = AESGCM(urlsafe_b64decode(key + "=" * (-len(key) % 4)))

    def seal(self, text: str, academy: str) -> bytes:
        nonce = secrets.token_bytes(12)
        return nonce + self._key.encrypt(nonce, text.encode(), academy.encode())

    def open(self, sealed: bytes, academy: str) -> str:
        """Raises InvalidTag for another key, another academy, or what was changed."""
        return self._key.decrypt(sealed[:12], sealed[12:], academy.encode()).decode()
