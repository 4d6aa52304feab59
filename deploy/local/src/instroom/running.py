"""From words to an exit code: what goes wrong outside a command's body is told in the same two ways."""

import io
import logging
import sys
import traceback
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from instroom.failure import Exit, Failure
from instroom.output import Output
from instroom.words import language_of


def run(root: typer.Typer, words: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; under `--json` wrong use and a crash are documents too."""
    words = sys.argv[1:] if words is None else words
    as_json = "--json" in words
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A document is UTF-8 whatever the locale; a file's name may be no text at all and must not end a command.
            stream.reconfigure(encoding="utf-8" if as_json else None, errors="backslashreplace")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it warns of is told once, as a Failure
    try:
        # Under --json the mistake is told here; else Typer tells it with the usage and ends the process.
        ended = root(args=list(words), prog_name="instroom", standalone_mode=not as_json)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else Exit.DONE
    except TyperException as error:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        return _tell(as_json, Failure("wrong_use", message, Exit.WRONG_USE))
    except typer.Abort:
        return 130
    except Exception as error:
        traceback.print_exc()
        return _tell(as_json, Failure("failed", f"{type(error).__name__}: {error}", Exit.UNAVAILABLE))
    return ended if isinstance(ended, int) else Exit.DONE


def _tell(as_json: bool, failure: Failure) -> int:
    Output(as_json=as_json, language=language_of()).failure(failure)
    return failure.exit_code
