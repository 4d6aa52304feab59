"""What import-service is told by its environment."""

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """The chassis' settings and our own."""

    stall_after: float = 60.0
    """Seconds without any answer after which the unanswered rows of an import are sent again (then ever later)."""
