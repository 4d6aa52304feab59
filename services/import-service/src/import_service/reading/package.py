"""A zip that nobody vouches for: its parts come out counted, whatever the directory of the zip declares."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from import_service.reading.limits import (
    MAX_PART_BYTES,
    MAX_SHARED_STRINGS_BYTES,
    MAX_UNPACKED_BYTES,
    MAX_ZIP_ENTRIES,
    MIB,
)
from import_service.reading.refused import FileRefused, not_readable

_LOCAL_HEADER_BYTES: Final = 30
_READ_BYTES: Final = 256 * 1024


class Package:
    """The parts of a zip by their lower-case names; every byte that is inflated counts towards the limits."""

    def __init__(self, path: Path, suffix: str) -> None:
        self._suffix = suffix
        self._path = path
        if path.read_bytes().count(b"PK\x01\x02") > MAX_ZIP_ENTRIES:
            raise not_readable(suffix)
        try:
            with zipfile.ZipFile(path) as archive:
                entries = archive.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError) as error:
            raise not_readable(suffix) from error
        if any(entry.flag_bits & 1 for entry in entries):
            raise FileRefused("encrypted_file")
        self._entries = {_canonical(entry.filename): entry for entry in entries}
        if len(self._entries) != len(entries) or any(".." in name.split("/") for name in self._entries):
            raise not_readable(suffix)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    @property
    def names(self) -> list[str]:
        """The names of all parts, in the order of the zip."""
        return list(self._entries)

    def whole(self, name: str, at_most: int = 8 * MIB) -> bytes:
        """A small part in one piece; a part that is not small is refused."""
        pieces, size = [], 0
        for piece in self.inflate(name):
            pieces.append(piece)
            size += len(piece)
            if size > at_most:
                raise FileRefused("unreadable_file")
        return b"".join(pieces)

    def inflate(self, name: str) -> Iterator[bytes]:
        """The bytes of a part in pieces of at most 1 MiB; refuses a part that is not what the directory declares."""
        entry = self._entries[name]
        with self._path.open("rb") as file:
            _skip_local_header(file, entry.header_offset, self._suffix)
            if entry.compress_type == zipfile.ZIP_STORED:
                pieces = _stored(file, entry.compress_size)
            elif entry.compress_type == zipfile.ZIP_DEFLATED:
                pieces = _deflated(file, entry.compress_size, self._suffix)
            else:
                raise not_readable(self._suffix)
            size = 0
            limit = MAX_SHARED_STRINGS_BYTES if name.endswith("sharedstrings.xml") else MAX_PART_BYTES
            for piece in pieces:
                size += len(piece)
                if size > limit:
                    raise FileRefused("file_too_large", limit=limit)
                yield piece
        if size != entry.file_size:
            raise not_readable(self._suffix)


class UnpackedBudget:
    """Counts the parts of one package together."""

    def __init__(self) -> None:
        self._left = MAX_UNPACKED_BYTES

    def spend(self, size: int) -> None:
        """Count `size` bytes; refuses the file when all parts together are too much."""
        self._left -= size
        if self._left < 0:
            raise FileRefused("file_too_large", limit=MAX_UNPACKED_BYTES)


def _canonical(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def _skip_local_header(file: BinaryIO, offset: int, suffix: str) -> None:
    file.seek(offset)
    header = file.read(_LOCAL_HEADER_BYTES)
    if len(header) < _LOCAL_HEADER_BYTES or header[:4] != b"PK\x03\x04":
        raise not_readable(suffix)
    name_bytes = int.from_bytes(header[26:28], "little")
    extra_bytes = int.from_bytes(header[28:30], "little")
    file.seek(name_bytes + extra_bytes, 1)


def _stored(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0 and (data := file.read(min(size, MIB))):
        size -= len(data)
        yield data


def _deflated(file: BinaryIO, size: int, suffix: str) -> Iterator[bytes]:
    inflator = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        while size > 0 and not inflator.eof and (data := file.read(min(size, _READ_BYTES))):
            size -= len(data)
            while data and not inflator.eof:
                # max_length bounds what one piece may grow to: a bomb inflates a thousandfold
                yield inflator.decompress(data, MIB)
                data = inflator.unconsumed_tail
        if not inflator.eof:
            yield inflator.flush()
    except zlib.error as error:
        raise not_readable(suffix) from error
