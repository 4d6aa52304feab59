"""The token of a link: signed, not stored.

base64url without padding of: what it is for (1 byte: 1 an invitation, 2 a new password), id of it (16), generation (4, big-endian), expiry in Unix
seconds (8, big-endian), length of the key id (1), key id (ASCII), Ed25519 signature over all before it (64).

It is deterministic: the same mail made again after a crash has the same link. Whoever has the public key can check it,
nobody without the private key can make one. Never log it, never publish it.
"""

import base64
import struct
from datetime import datetime
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

INVITATION: Final = 1
PASSWORD_RESET: Final = 2
_HEAD = struct.Struct(">B16sIQB")


class Signer:
    """Makes tokens with one private key."""

    def __init__(self, key: Ed25519PrivateKey, key_id: str) -> None:
        if not (key_id.isascii() and 0 < len(key_id) < 256):
            raise ValueError("the id of the signing key must be 1 to 255 ASCII characters")
        self._key = key
        self._key_id = key_id.encode()

    @classmethod
    def from_text(cls, seed: str, key_id: str) -> "Signer":
        """The signer of a seed of 32 bytes in base64url, padded or not; ValueError (without the seed) if it is not."""
        try:
            raw = base64.b64decode(seed.rstrip("=") + "=" * (-len(seed.rstrip("=")) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raw = b""
        if len(raw) != 32:
            raise ValueError("the signing key must be 32 bytes in base64url")
        return cls(Ed25519PrivateKey.from_private_bytes(raw), key_id)

    def token(self, id: UUID, generation: int, expires_at: datetime, purpose: int = INVITATION) -> str:
        """The token of this invitation or reset, valid until `expires_at` (cut to the second)."""
        signed = (
            _HEAD.pack(purpose, id.bytes, generation, int(expires_at.timestamp()), len(self._key_id)) + self._key_id
        )
        return base64.urlsafe_b64encode(signed + self._key.sign(signed)).rstrip(b"=").decode()
