"""The settings of org-service: those that every service has."""

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Nothing of its own."""
