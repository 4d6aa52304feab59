"""Opaque secrets: given once, kept as a hash."""

import hashlib
import secrets
from typing import Final

API_TOKEN: Final = "it_"  # noqa: S105 - the beginning of all of them


def new_secret(prefix: str = "") -> str:
    return prefix + secrets.token_urlsafe(32)


def hashed(secret: str) -> bytes:
    """What is stored: the secret has 256 bits, so that a fast hash does."""
    return hashlib.sha256(secret.encode()).digest()
