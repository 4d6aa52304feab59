"""A whole file that is refused, with the code of the closed list."""

from typing import Any, Final, Literal

FileCode = Literal[
    "empty_file",
    "file_too_large",
    "encrypted_file",
    "unreadable_file",
    "unsupported_format",
    "missing_columns",
    "duplicate_columns",
    "too_many_rows",
]
"""The file codes of `contracts.errors.ErrorCode`, which costs a third of a second to import."""

READABLE_SUFFIXES: Final = frozenset({".xlsx", ".xls", ".ods", ".csv", ".tsv", ".txt"})


class FileRefused(Exception):
    """The file as a whole is refused; `params` holds what the sentence of the code needs."""

    def __init__(self, code: FileCode, **params: Any) -> None:
        super().__init__(code, params)
        self.code: FileCode = code
        self.params = params


def not_readable(suffix: str) -> FileRefused:
    """The refusal of content that is none of our formats: by its name it is a broken file or a foreign one."""
    return FileRefused("unreadable_file" if suffix in READABLE_SUFFIXES else "unsupported_format")


def far_cell() -> FileRefused:
    """The refusal of a cell or a dimension that nobody can mean."""
    return FileRefused("unreadable_file", reason="dimension")
