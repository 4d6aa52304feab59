"""Reading the token of an invitation's link (docs/decisions/0014). Signing is the mail service's.

A token is base64url without padding of: version (1 byte, 1), invitation id (16 bytes), generation (4, big-endian),
expiry in unix seconds (8, big-endian), length of the key id (1), key id (ASCII), and the Ed25519 signature (64) of all
before it.
"""

import base64
import binascii
import re
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

VERSION: Final = 1
PASSWORD_RESET: Final = 2
"""The first byte of a link for a new password; its id is that of the reset, its generation 1."""
SIGNATURE_BYTES: Final = 64

_HEAD: Final = struct.Struct(">B16sIQB")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST: Final = 4 * (_HEAD.size + 255 + SIGNATURE_BYTES + 2) // 3


@dataclass(frozen=True, slots=True)
class InvitationClaim:
    """What a signed link says. Whether that generation is still the newest, and its time not over, is not in it."""

    invitation_id: str
    generation: int
    expires_at: datetime
    key_id: str


def verify(token: str, keys: Mapping[str, bytes], kind: int = VERSION) -> InvitationClaim | None:
    """The claim of a token that was signed with one of `keys` (raw Ed25519 public keys by key id), or None.

    Never raises on any token; exactly one text is the token of a claim and signature.
    """
    raw = _decode(token)
    if raw is None or len(raw) < _HEAD.size + SIGNATURE_BYTES:
        return None
    version, invitation, generation, expires, id_length = _HEAD.unpack_from(raw)
    signed, signature = raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]
    key_id = signed[_HEAD.size :]
    if version != kind or len(key_id) != id_length or not key_id.isascii():
        return None
    key = keys.get(key_id.decode("ascii"))
    if key is None:
        return None
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
        expires_at = datetime.fromtimestamp(expires, UTC)
    except (InvalidSignature, ValueError, OverflowError, OSError):
        return None
    return InvitationClaim(str(uuid.UUID(bytes=invitation)), generation, expires_at, key_id.decode("ascii"))


def _decode(token: str) -> bytes | None:
    if len(token) > _LONGEST or _TOKEN.fullmatch(token) is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    # spare bits of the last letter would make several texts of one token
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=") == token.encode() else None
