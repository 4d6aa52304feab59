"""The bounds of reading. Each says which failure it holds off."""

from typing import Final

MIB: Final = 1024 * 1024

MAX_FILE_BYTES: Final = 50 * MIB
MAX_UNPACKED_BYTES: Final = 600 * MIB
MAX_PART_BYTES: Final = 512 * MIB
MAX_SHARED_STRINGS_BYTES: Final = 64 * MIB
MAX_COLUMNS: Final = 64
MAX_ROWS: Final = 250_000
HEADER_WITHIN_ROWS: Final = 20

MAX_ZIP_ENTRIES: Final = 4096
"""The zip directory is read into memory as objects; a workbook has tens of parts, a hostile one a million."""

SHEET_ROWS: Final = 1_048_576
"""The last row that a spreadsheet program can show; a number beyond it is nobody's."""

FAR_ROW: Final = 300_000
"""Rows up to here may be laid out by calamine whatever the columns: 300,000 x 64 cells take 600 MB."""

MAX_GRID_CELLS: Final = FAR_ROW * MAX_COLUMNS
"""calamine lays out the whole rectangle around the cells, 32 bytes each, and aborts when it cannot."""

HOPELESS_ROWS: Final = 400_000
"""More rows with content than this are refused by the gate: calamine could not hold them, nobody could import them."""

MAX_ERROR_CELLS: Final = 1_000_000
"""Cells with an Excel error are remembered by position, about 100 bytes each."""

CSV_FIELD_CHARACTERS: Final = 131_072
"""A quote that is never closed swallows the rest of the file; it stops here."""

CHUNK_ROWS: Final = 1000
"""Rows per frame: big enough for set-based work, small enough that nobody holds the file."""

MAX_FRAME_BYTES: Final = 64 * MIB
"""The parent trusts no length from the process beyond this (1,000 rows x 12 texts within their limits are 2 MiB)."""

MEMORY_BYTES: Final = 1024 * MIB
CPU_SECONDS: Final = 90
"""The most rows that are allowed take 30 seconds as .ods, the slowest format, and 7 as .xlsx."""
WALL_SECONDS: Final = 120.0
"""Time spent waiting for the process; the time that its consumer takes is not counted."""
