"""The container of old Office files and of encrypted new ones: its streams by name, read within bounds."""

import struct
from pathlib import Path
from typing import Final

from import_service.reading.refused import not_readable

_FREE: Final = 0xFFFFFFFC
"""Sector numbers from here on mean that there is no sector."""
_ENTRY_BYTES: Final = 128
_STREAM: Final = 2
_ROOT: Final = 5


class Container:
    """An OLE file. Chains that turn in circles or leave the file are refused."""

    def __init__(self, path: Path, suffix: str) -> None:
        self._suffix = suffix
        self._data = path.read_bytes()
        try:
            self._open()
        except (struct.error, IndexError, ValueError) as error:
            raise not_readable(suffix) from error

    def stream(self, name: str) -> bytes | None:
        """The stream of that name, in whichever storage it is."""
        entry = self._streams.get(name.lower())
        if entry is None:
            return None
        start, size = entry
        small = size < self._small_below
        return (self._small_chain(start) if small else self._chain(start))[:size]

    @property
    def names(self) -> frozenset[str]:
        """The lower-case names of all streams and storages."""
        return self._names

    def _open(self) -> None:
        data = self._data
        shift, small_shift = struct.unpack_from("<HH", data, 30)
        if shift not in (9, 12) or small_shift != 6:
            raise ValueError
        self._sector, self._small_sector = 1 << shift, 1 << small_shift
        directory, _, self._small_below, small_fat, _, more, _ = struct.unpack_from("<7I", data, 48)
        fat_sectors = [s for s in struct.unpack_from("<109I", data, 76) if s < _FREE]
        seen = set()
        while more < _FREE:
            if more in seen:
                raise ValueError
            seen.add(more)
            *sectors, more = self._numbers(self._at(more))
            fat_sectors += [s for s in sectors if s < _FREE]
        if len(fat_sectors) * self._sector > len(data):
            raise ValueError
        self._fat = [n for s in fat_sectors for n in self._numbers(self._at(s))]
        self._read_directory(self._chain(directory))
        self._small_fat = self._numbers(self._chain(small_fat)) if small_fat < _FREE else ()

    def _read_directory(self, directory: bytes) -> None:
        self._streams: dict[str, tuple[int, int]] = {}
        self._mini = b""
        names = set()
        for offset in range(0, len(directory) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
            length, kind = struct.unpack_from("<HB", directory, offset + 64)
            if kind == 0 or not 2 <= length <= 64:
                continue
            name = directory[offset : offset + length - 2].decode("utf-16-le", "replace").lower()
            start, size = struct.unpack_from("<II", directory, offset + 116)
            names.add(name)
            if kind == _STREAM:
                self._streams.setdefault(name, (start, size))
            elif kind == _ROOT and start < _FREE:
                self._mini = self._chain(start)
        self._names = frozenset(names)

    def _numbers(self, data: bytes) -> tuple[int, ...]:
        return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])

    def _at(self, sector: int) -> bytes:
        offset = (sector + 1) * self._sector
        if offset >= len(self._data):
            raise ValueError
        return self._data[offset : offset + self._sector]

    def _chain(self, sector: int) -> bytes:
        pieces: list[bytes] = []
        while sector < _FREE:
            if len(pieces) > len(self._fat):
                raise ValueError
            pieces.append(self._at(sector))
            sector = self._fat[sector]
        return b"".join(pieces)

    def _small_chain(self, sector: int) -> bytes:
        pieces: list[bytes] = []
        while sector < _FREE:
            if len(pieces) > len(self._small_fat):
                raise ValueError
            pieces.append(self._mini[sector * self._small_sector : (sector + 1) * self._small_sector])
            sector = self._small_fat[sector]
        return b"".join(pieces)
