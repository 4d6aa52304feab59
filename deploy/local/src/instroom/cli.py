"""The command `instroom`."""

import sys
from collections.abc import Sequence
from typing import Final

import typer

from instroom import streams
from instroom.commands import platform
from instroom.running import run

_PLATFORM: Final = {"up": platform.up, "down": platform.down, "status": platform.status}


def main() -> None:
    """What `instroom` runs."""
    streams.take()
    sys.exit(streams.ended(run(root_for(sys.argv[1:]))))


def root_for(words: Sequence[str]) -> typer.Typer:
    """All commands; only those of the platform if one of them was asked for: starting is not to wait for the others."""
    root = typer.Typer(
        name="instroom",
        help="The intake of people: workbooks in, users out.",
        no_args_is_help=True,
        add_completion=False,
    )
    for word, function in _PLATFORM.items():
        root.command(word)(function)
    if not words or words[0] not in _PLATFORM:
        from instroom.commands.register import register

        register(root)
    return root


if __name__ == "__main__":
    main()
