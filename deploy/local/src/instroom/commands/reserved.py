"""How `instroom import FILE` and `instroom import start ID` can be one command."""

from typing import Any, Final

from typer.core import TyperCommand, TyperGroup

WORDS: Final = ("start", "report", "list")
FILE: Final = "FILE"
_WITH_VALUE: Final = ("--academy", "-o", "--output")


class FileOrWord(TyperGroup):
    """A group whose first word, flags aside, is a reserved word, or else the argument of its command FILE."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_command(args))


class OneFile(TyperCommand):
    """The command FILE, whose argument stands in its usage already: it is its name."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [self.options_metavar or ""]


def with_command(args: list[str]) -> list[str]:
    """The arguments with the command's name in front, wherever the flags stand."""
    position = _first_word(args)
    if position is not None and args[position] in WORDS:
        return [args[position], *args[:position], *args[position + 1 :]]
    if not args or (position is None and args[0] == "--help"):
        return args
    return [FILE, *args]


def _first_word(args: list[str]) -> int | None:
    """Where the first argument stands that is neither a flag nor the value of one; after `--` nothing is reserved."""
    position = 0
    while position < len(args):
        word = args[position]
        if word == "--":
            return None
        if not word.startswith("-") or word == "-":
            return position
        position += 2 if word in _WITH_VALUE else 1
    return None
