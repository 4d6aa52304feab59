"""What user-service is told by its environment."""

from base64 import urlsafe_b64decode

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    verify_keys: dict[str, str] = {}
    """Public keys of invitation links: key id → Ed25519 public key, base64url without padding."""

    time_zone: str = "Europe/Amsterdam"
    """In which the date of expiry is told; the same as notify-service's, so that mail and page agree."""

    def public_keys(self) -> dict[str, bytes]:
        """The keys as bytes."""
        return {id_: urlsafe_b64decode(key + "=" * (-len(key) % 4)) for id_, key in self.verify_keys.items()}
