"""What a file is, by its content and whatever its name."""

from enum import Enum
from pathlib import Path

from import_service.reading.limits import MAX_FILE_BYTES
from import_service.reading.refused import FileRefused, not_readable

_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_FOREIGN = (b"%PDF", b"{\\rtf", b"<", b"MZ", b"\x7fELF")
"""Beginnings of text or half text that is no table: PDF, RTF, HTML or XML (often named .xls), programs."""


class Content(Enum):
    """The three ways of reading."""

    ZIP = "zip"
    OLE = "ole"
    TEXT = "text"


def content_of(path: Path, suffix: str) -> Content:
    """The kind of the content; refuses what is empty, too large or plainly foreign."""
    size = path.stat().st_size
    if size == 0:
        raise FileRefused("empty_file")
    if size > MAX_FILE_BYTES:
        raise FileRefused("file_too_large", limit=MAX_FILE_BYTES)
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Content.ZIP
    if start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return Content.OLE
    if start.startswith(_BOMS):
        return Content.TEXT
    if start.lstrip().startswith(_FOREIGN):
        raise not_readable(suffix)
    return Content.TEXT
