import base64
import struct
from datetime import UTC, datetime
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from notify_service.tokens import PASSWORD_RESET, Signer

ID = UUID("01980000-0000-7000-8000-0000000000ff")
EXPIRES = datetime(2031, 2, 3, 12, 0, 0, 987_654, tzinfo=UTC)


def raw(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def test_a_token_is_version_invitation_generation_expiry_key_id_and_signature(signer: Signer) -> None:
    token = signer.token(ID, 258, EXPIRES)
    data = raw(token)
    assert "=" not in token
    assert data[0] == 1
    assert data[1:17] == ID.bytes
    assert data[17:21] == b"\x00\x00\x01\x02"
    assert struct.unpack(">Q", data[21:29]) == (int(EXPIRES.timestamp()),)
    assert data[29] == len("2031-a")
    assert data[30:36] == b"2031-a"
    assert len(data) == 36 + 64


def test_the_token_of_a_reset_differs_from_that_of_an_invitation_in_its_first_byte_and_signature(
    signer: Signer,
) -> None:
    invitation, reset = raw(signer.token(ID, 1, EXPIRES)), raw(signer.token(ID, 1, EXPIRES, PASSWORD_RESET))
    assert (invitation[0], reset[0]) == (1, 2)
    assert invitation[1:-64] == reset[1:-64]
    assert invitation[-64:] != reset[-64:]


def test_the_public_key_verifies_all_that_stands_before_the_signature(signer: Signer) -> None:
    data = raw(signer.token(ID, 1, EXPIRES))
    public = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
    public.verify(data[-64:], data[:-64])
    for place in range(len(data) - 64):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(InvalidSignature):
            public.verify(bytes(changed[-64:]), bytes(changed[:-64]))


def test_the_same_invitation_always_has_the_same_token(signer: Signer, seed: str) -> None:
    assert signer.token(ID, 1, EXPIRES) == Signer.from_text(seed, "2031-a").token(ID, 1, EXPIRES)
    assert signer.token(ID, 1, EXPIRES) != signer.token(ID, 2, EXPIRES)


def test_a_seed_is_taken_with_and_without_padding(seed: str) -> None:
    padded, bare = Signer.from_text(seed, "k"), Signer.from_text(seed.rstrip("="), "k")
    assert padded.token(ID, 1, EXPIRES) == bare.token(ID, 1, EXPIRES)


@pytest.mark.parametrize("text", ["", "c2hvcnQ", "not base64!", "A" * 44])
def test_a_seed_that_is_not_32_bytes_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError) as error:
        Signer.from_text(text, "k")
    assert not text or text not in str(error.value)


@pytest.mark.parametrize("key_id", ["", "é", "k" * 256])
def test_a_key_id_that_does_not_fit_into_a_token_is_refused(seed: str, key_id: str) -> None:
    with pytest.raises(ValueError):
        Signer.from_text(seed, key_id)
