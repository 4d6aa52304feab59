"""What web-console is told by its environment."""

from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Addresses; the console has no database and no broker."""

    model_config = SettingsConfigDict(env_prefix="INSTROOM_", extra="ignore", hide_input_in_errors=True)

    org_service: str
    user_service: str
    import_service: str
    notify_service: str
    http_host: str = "127.0.0.1"
    http_port: int
    public_url: str
    """Where browsers find the console; links and the check of `Origin` come from it and never from the Host header."""
    trusted_proxies: list[IPv4Network | IPv6Network] = []
    """Whose `X-Forwarded-For` is believed: what ends TLS in front of the console."""
    time_zone: str = "Europe/Amsterdam"
    """In which moments are told."""
    log_level: str = "info"

    @property
    def secure(self) -> bool:
        """Whether browsers come over TLS: then cookies are `__Host-` ones."""
        return self.public_url.startswith("https://")

    @property
    def origin(self) -> str:
        """What browsers send as `Origin`."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    def services(self) -> dict[str, str]:
        """Base address by the short name of a service."""
        return {
            "org": self.org_service,
            "user": self.user_service,
            "import": self.import_service,
            "notify": self.notify_service,
        }
