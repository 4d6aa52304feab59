"""Rotation of the keys of access tokens: the new one signs, the old one is taken until it is removed."""

from base64 import urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws

from chassis.access import Verifier
from contracts.access import Role
from user_service.identity.access_tokens import Signer


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


class Key:
    """A key of access tokens as the settings tell it: the seed to user-service, the public half to everybody."""

    def __init__(self, id: str) -> None:
        key = Ed25519PrivateKey.generate()
        self.id, self.public = id, _text(key.public_key().public_bytes_raw())
        self.signer = Signer(_text(key.private_bytes_raw()), id)

    def token(self) -> str:
        return self.signer.sign("user:1", Role.MEMBER, "acme")


OLD, NEW = Key("2026-01"), Key("2026-07")


def _takes(*keys: Key, token: str) -> bool:
    return Verifier({key.id: key.public for key in keys}).verify(token) is not None


def test_each_step_of_a_rotation_takes_the_tokens_that_are_about() -> None:
    before, after = OLD.token(), NEW.token()
    assert _takes(OLD, token=before)
    # Every service is told the new key beside the old one; then user-service signs with the new one.
    assert _takes(OLD, NEW, token=before)
    assert _takes(OLD, NEW, token=after)
    # A minute later the old one is removed.
    assert not _takes(NEW, token=before)
    assert _takes(NEW, token=after)


def test_a_token_names_the_key_that_signed_it() -> None:
    headers = jws.extract_compact(NEW.token().encode()).headers()
    assert (headers["alg"], headers["kid"]) == ("Ed25519", "2026-07")


def test_a_token_by_a_key_that_nobody_was_told_of_is_refused() -> None:
    assert not _takes(OLD, token=NEW.token())


def test_a_token_that_names_another_key_than_the_one_that_signed_it_is_refused() -> None:
    stranger = Key(OLD.id)
    assert not _takes(OLD, NEW, token=stranger.token())
