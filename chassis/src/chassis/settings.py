"""What every service is told by its environment (`INSTROOM_…`)."""

from ipaddress import IPv4Network, IPv6Network

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Addresses and limits; what is a promise (topics, retention, acknowledgements) is code and not here."""

    model_config = SettingsConfigDict(env_prefix="INSTROOM_", extra="ignore", hide_input_in_errors=True)

    kafka: str
    """Bootstrap servers of the broker, `host:port[,host:port]`."""
    database: str
    """DSN of this service's own database."""
    http_host: str = "127.0.0.1"
    http_port: int
    access_keys: dict[str, str] = {}
    """Public keys of access tokens: key id → Ed25519 public key, base64url without padding. Without one nobody gets in."""
    trusted_proxies: list[IPv4Network | IPv6Network] = []
    """Whose `X-Forwarded-For` is believed: the addresses of the console. Of anybody else the peer's address counts."""
    log_level: str = "info"
    topic_replication: int = 1
    """Copies of each topic that this service creates; 3 on a cluster."""
    stop_timeout: float = 15.0
    """Seconds that running batches have to finish at SIGTERM."""
    session_timeout: float = Field(default=45.0, ge=3)
    """Seconds until the partitions of a killed instance go to the next one. Shorter is sooner, but a process that is
    busy or frozen for as long loses its partitions too."""
