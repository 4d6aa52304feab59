"""What user-service is told by its environment."""

from base64 import urlsafe_b64decode
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr

from chassis.settings import ServiceSettings

Text = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]


class NewAdministrator(BaseModel):
    """Somebody who administers an academy, without a place in its structure."""

    personnel_number: Text
    first_name: Text
    infix: Text | None = None
    last_name: Text
    email: Text
    language: Text | None = None
    password: SecretStr | None = None


class FirstAdministrator(NewAdministrator):
    """The administrator that a new installation begins with."""

    academy: str


class Settings(ServiceSettings):
    verify_keys: dict[str, str] = {}
    """Public keys of invitation links: key id → Ed25519 public key, base64url without padding."""

    access_signing_key: SecretStr = SecretStr("")
    """Seed of the Ed25519 key that signs access tokens, 32 bytes as base64url; without it nobody gets one."""
    access_signing_key_id: str = ""
    operator_token_hash: str = ""
    """SHA-256 of the operator's token, in hex; without it there is no operator."""
    secrets_key: SecretStr = SecretStr("")
    """32 bytes as base64url, that secrets of identity providers are sealed with; without it none can be set."""
    public_url: str = ""
    """Where browsers find the console: identity providers send people back to it."""
    oidc_networks: list[IPv4Network | IPv6Network] = []
    """Networks beside the internet where identity providers may be; with 127.0.0.0/8 they may speak http there."""
    first_administrator: FirstAdministrator | None = None

    def public_keys(self) -> dict[str, bytes]:
        """The keys as bytes."""
        return {id_: urlsafe_b64decode(key + "=" * (-len(key) % 4)) for id_, key in self.verify_keys.items()}
