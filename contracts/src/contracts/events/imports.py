"""What happens to an import."""

from typing import ClassVar

from contracts.errors import Problem
from contracts.events.base import Message, Value


class Counts(Value):
    """created + updated + unchanged + rejected + not_attempted = rows."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    not_attempted: int = 0
    invited: int = 0
    waiting: int = 0
    already_invited: int = 0


class _ImportMessage(Message):
    import_id: str


class ImportUploaded(_ImportMessage):
    """A file was taken in; it is yet to be read."""

    TYPE: ClassVar[str] = "instroom.import.uploaded.v1"

    filename: str
    size: int


class ImportRefused(_ImportMessage):
    """The file as a whole was refused; no row was read."""

    TYPE: ClassVar[str] = "instroom.import.refused.v1"

    errors: list[Problem]


class ImportChecked(_ImportMessage):
    """Every row has a verdict; `counts` is the plan."""

    TYPE: ClassVar[str] = "instroom.import.checked.v1"

    counts: Counts


class ImportStarted(_ImportMessage):
    """Somebody said yes to the plan, `counts`; its good rows go out."""

    TYPE: ClassVar[str] = "instroom.import.started.v1"

    counts: Counts


class ImportProgressed(_ImportMessage):
    """At most two a second per import. `counts` is what is decided so far, of the rows that are read so far."""

    TYPE: ClassVar[str] = "instroom.import.progressed.v1"

    done: int
    counts: Counts


class ImportCompleted(_ImportMessage):
    """Every row has an outcome. Published again with a higher `report_version` when a row's outcome is replaced."""

    TYPE: ClassVar[str] = "instroom.import.completed.v1"

    report_version: int = 1
    counts: Counts


EVENTS = (ImportUploaded, ImportRefused, ImportChecked, ImportStarted, ImportProgressed, ImportCompleted)
