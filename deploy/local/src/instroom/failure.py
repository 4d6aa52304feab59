"""How a command ends that does not do what was asked: a code, a sentence, an exit code."""

from enum import IntEnum


class Exit(IntEnum):
    """What a command tells the shell."""

    DONE = 0
    REFUSED = 1
    WRONG_USE = 2
    UNAVAILABLE = 3


class Failure(Exception):
    """Ends the command; told as `{"error": {"code", "message"}}` where JSON was asked for."""

    def __init__(self, code: str, message: str, exit_code: Exit) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.exit_code = exit_code
