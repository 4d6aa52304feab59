"""What a case of trouble is given: the platform's settings, its size, and books to keep."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ledger import Ledger

from instroom.testing import Platform

SETTINGS = {
    # What a killed instance was at goes to the next one after so many seconds; 45 are the services' own choice.
    "INSTROOM_SESSION_TIMEOUT": "4",
    # What a killed instance had claimed is mailed after so long; the lease is at least twice the patience with a server.
    "INSTROOM_SMTP_TIMEOUT": "15",
    "INSTROOM_MAIL_LEASE": "30",
    "INSTROOM_MAIL_FIRST_RETRY": "2",
    # Rows without an answer are not sent again so soon: that would cover up that something was lost.
    "INSTROOM_STALL_AFTER": "120",
}
OpenLedger = Callable[[Platform], Ledger]
"""Makes an academy with an organisation and no people on a platform, and its books."""
Value = TypeVar("Value", int, float)


@dataclass(frozen=True)
class Size:
    """How much a case does: the short form's measure or the long form's, unless the command line says another."""

    long: bool
    asked_rows: int | None = None
    asked_soak: float | None = None

    def rows(self, short: int, long: int) -> int:
        """Rows to import."""
        return self.asked_rows or self._of(short, long)

    def seconds(self, short: float, long: float) -> float:
        """How long something is away, or goes on."""
        return self._of(short, long)

    def times(self, short: int, long: int) -> int:
        """How often something happens."""
        return self._of(short, long)

    def soak(self, short: float, long: float) -> float:
        """Seconds of the soak."""
        return self._of(short, long) if self.asked_soak is None else 60 * self.asked_soak

    def _of(self, short: Value, long: Value) -> Value:
        return long if self.long else short

    @property
    def form(self) -> str:
        form = "long" if self.long else "short"
        return form + (f", {self.asked_rows:,} rows" if self.asked_rows else "")
