"""A workbook from import-service into a file."""

from pathlib import Path

from instroom.client import Client
from instroom.failure import Exit, Failure
from instroom.words import Words


def download(client: Client, path: str, target: Path, say: Words, **params: str) -> None:
    """Write it to `target`, whole or not at all."""
    response = client.send("import-service", "GET", path, params=params)
    partial = target.with_name(f".{target.name}.part")
    try:
        partial.write_bytes(response.content)
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        reason = say("cannot_write", path=target, reason=error.strerror or type(error).__name__)
        raise Failure("cannot_write", reason, Exit.WRONG_USE) from None
