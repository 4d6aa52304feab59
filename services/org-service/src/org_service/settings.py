"""The settings of org-service."""

from pydantic import BaseModel

from chassis.settings import ServiceSettings


class FirstAcademy(BaseModel):
    """The academy that a new platform begins with."""

    id: str
    name: str
    default_language: str = "nl"
    languages: list[str] = ["nl"]


class Settings(ServiceSettings):
    """The chassis' settings and our own."""

    first_academy: FirstAcademy | None = None
    """Made at the start if there is no such academy, as JSON; its first administrator is a setting of user-service."""
