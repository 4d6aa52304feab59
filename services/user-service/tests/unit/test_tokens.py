"""Only what the mail service signed is a token, and each token has one spelling."""

import base64
import struct
import uuid
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from user_service.tokens import InvitationClaim, verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = {"k1": KEY.public_key().public_bytes_raw()}
INVITATION = uuid.UUID("01890000-0000-7000-8000-000000000001")
EXPIRES = datetime(2026, 3, 31, 9, 30, tzinfo=UTC)


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(
    *, version: int = 1, generation: int = 3, expires: int = int(EXPIRES.timestamp()), key_id: bytes = b"k1"
) -> bytes:
    """The layout by hand, byte by byte, so that it cannot change unseen."""
    signed = (
        bytes([version])
        + INVITATION.bytes
        + struct.pack(">I", generation)
        + struct.pack(">Q", expires)
        + bytes([len(key_id)])
        + key_id
    )
    return signed + KEY.sign(signed)


def test_a_signed_token_says_which_invitation_generation_and_expiry() -> None:
    assert verify(encode(sign()), KEYS) == InvitationClaim(str(INVITATION), 3, EXPIRES, "k1")


def test_a_token_of_the_first_release_is_still_read() -> None:
    token = (
        "AQGJAAAAAHAAgAAAAAAAAAEAAAADAAAAAGnLlBgCazF3muK2XBUpqUkzTadLTAJX"
        "Hq0_geRm8r-3TYSfNM41hHMOLaSckLpoyA24Y37PGllExFbeQAUZV82KqHXvKXcB"
    )
    assert token == encode(sign())
    assert verify(token, KEYS) is not None


@pytest.mark.parametrize("position", range(len(sign())))
def test_no_byte_can_be_changed(position: int) -> None:
    raw = bytearray(sign())
    raw[position] ^= 1
    assert verify(encode(bytes(raw)), KEYS) is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a",
        "%%%%",
        "a" * 10_000,
        encode(sign()) + "=",
        encode(sign()) + "\n",
        " " + encode(sign()),
        encode(sign()[:-1]),
        encode(sign() + b"x"),
        encode(sign(version=2)),
        encode(sign(key_id=b"k2")),
        encode(sign(key_id=b"")),
        encode(sign(key_id=b"\xff")),
        encode(sign(expires=2**63)),
        encode(bytes(200)),
    ],
)
def test_anything_else_is_no_token(token: str) -> None:
    assert verify(token, KEYS) is None


def test_a_token_has_one_spelling() -> None:
    raw = sign(key_id=b"key1")
    token = encode(raw)
    keys = {"key1": KEYS["k1"]}
    assert len(raw) % 3 == 2
    assert verify(token, keys) is not None
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = token[:-1] + alphabet[alphabet.index(token[-1]) + 1]
    assert base64.urlsafe_b64decode(twin + "=") == raw
    assert verify(twin, keys) is None


def test_a_key_that_is_none_verifies_nothing() -> None:
    assert verify(encode(sign()), {"k1": b"short"}) is None
    assert verify(encode(sign()), {}) is None


@given(st.text(max_size=200) | st.binary(max_size=200).map(encode))
def test_no_text_makes_verification_fail_otherwise(token: str) -> None:
    assert verify(token, KEYS) is None
