"""What this service is told by its environment (`INSTROOM_…`)."""

from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from chassis.settings import ServiceSettings
from notify_service.tokens import Signer


class Settings(ServiceSettings):
    smtp: str
    """The mail server, `host:port`."""
    smtp_connections: int = Field(default=8, ge=1, le=100)
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_timeout: float = Field(default=15.0, gt=0, le=600)
    """Seconds that the server may take for one answer, and for a whole mail's content. A server that accepts a mail
    later than this is offered it again: better too long than too short."""
    smtp_mails_per_connection: int = Field(default=500, ge=1)
    """After so many mails a connection is replaced: servers limit them, and load spreads anew."""
    mail_from: str = "no-reply@instroom.local"
    """The address that mails come from; its domain is also that of the Message-IDs."""
    mail_lease: float = Field(default=30.0, ge=10)
    """Seconds after which what a killed instance was sending goes to another; twice the time-out at least."""
    mail_first_retry: float = Field(default=30.0, gt=0)
    """Seconds until a mail that the server deferred is offered again; doubled each time, up to an hour."""
    public_url: str
    """Where people reach this platform; the links in mails begin with it."""
    time_zone: str = "Europe/Amsterdam"
    """In which the date of expiry is told."""
    signing_key: SecretStr
    """The Ed25519 seed that signs invitation links: 32 bytes, base64url."""
    signing_key_id: str

    @field_validator("public_url")
    @classmethod
    def _is_base(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url.rstrip("/")

    @field_validator("mail_from")
    @classmethod
    def _is_address(cls, address: str) -> str:
        local, _, domain = address.rpartition("@")
        if not (local and domain and address.isascii() and address.isprintable() and not set(address) & set(' <>,;"')):
            raise ValueError("must be a bare address, such as no-reply@academy.example")
        return address

    @field_validator("smtp")
    @classmethod
    def _has_port(cls, address: str) -> str:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError("must be host:port")
        return address

    @model_validator(mode="after")
    def _keeps_password(self) -> "Settings":
        if self.smtp_user and self.smtp_tls == "none" and self.smtp_host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("a password is only sent over TLS: set INSTROOM_SMTP_TLS to starttls or tls")
        return self

    @property
    def smtp_host(self) -> str:
        return self.smtp.rpartition(":")[0].strip("[]")

    @property
    def smtp_port(self) -> int:
        return int(self.smtp.rpartition(":")[2])

    def signer(self) -> Signer:
        """Raises ValueError where the key is not what it must be."""
        return Signer.from_text(self.signing_key.get_secret_value(), self.signing_key_id)
