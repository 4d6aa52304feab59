"""The closed list of error codes and the one shape in which a problem is told."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ErrorCode(StrEnum):
    """Why a row, a user, a file or a call was refused. Programs may switch on these; sentences may change."""

    # a row or a user
    REQUIRED = "required"
    INVALID_EMAIL = "invalid_email"
    INVALID_FLAG = "invalid_flag"
    INVALID_CELL = "invalid_cell"
    TOO_LONG = "too_long"
    INVALID_CHARACTERS = "invalid_characters"
    DUPLICATE_IN_FILE = "duplicate_in_file"
    UNKNOWN_COMPANY = "unknown_company"
    UNKNOWN_DEPARTMENT = "unknown_department"
    DEPARTMENT_NOT_IN_COMPANY = "department_not_in_company"
    UNKNOWN_FUNCTION = "unknown_function"
    UNKNOWN_LANGUAGE = "unknown_language"
    LANGUAGE_NOT_ENABLED = "language_not_enabled"
    EMAIL_IN_USE = "email_in_use"
    PERSONNEL_NUMBER_CONFLICT = "personnel_number_conflict"
    TERMS_NOT_ALLOWED = "terms_not_allowed"
    LAST_ADMINISTRATOR = "last_administrator"
    NOT_PROCESSED = "not_processed"
    NOT_FOUND = "not_found"
    # a file as a whole
    UNREADABLE_FILE = "unreadable_file"
    UNSUPPORTED_FORMAT = "unsupported_format"
    ENCRYPTED_FILE = "encrypted_file"
    FILE_TOO_LARGE = "file_too_large"
    TOO_MANY_ROWS = "too_many_rows"
    MISSING_COLUMNS = "missing_columns"
    DUPLICATE_COLUMNS = "duplicate_columns"
    EMPTY_FILE = "empty_file"
    # a call
    UNKNOWN_ACADEMY = "unknown_academy"


class WarningCode(StrEnum):
    """What is worth a look and stops nothing."""

    LEADING_ZEROS = "leading_zeros"
    IGNORED_COLUMN = "ignored_column"
    ONLY_UPDATES = "only_updates"
    OLD_TEMPLATE = "old_template"


class Problem(BaseModel):
    """One thing that is wrong with one field of one request.

    `params` holds what the sentence of the code needs (see `sentences`), so that any reader can tell it in the
    language of the person in front of it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    code: ErrorCode
    field: str | None = Field(default=None, description="name of the field, None if it is about the request as a whole")
    value: str | None = Field(default=None, description="the value that was refused, as it was sent")
    suggestion: str | None = Field(default=None, description="what was perhaps meant; offered, never taken")
    params: dict[str, Any] = Field(default_factory=dict)
