"""Refusals over HTTP: problem+json (RFC 9457), with a `code` that programs may switch on."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi.responses import JSONResponse

PROBLEM: Final = "application/problem+json"
REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    "default": {
        "description": "Refused; `code` says why",
        "content": {
            PROBLEM: {
                "schema": {
                    "type": "object",
                    "required": ["type", "status", "code", "detail"],
                    "properties": {
                        "type": {"const": "about:blank"},
                        "status": {"type": "integer", "minimum": 400, "maximum": 599},
                        "code": {"type": "string", "minLength": 1},
                        "detail": {"type": "string"},
                        "errors": {"type": "array", "minItems": 1},
                    },
                }
            }
        },
    }
}
"""How an OpenAPI document describes every refusal of every route."""


class Problem(Exception):
    """Refuse a request: RFC 9457, with a `code` that programs may switch on."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Sequence[Any] = (),
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.headers = headers
        self.status, self.code, self.detail, self.errors = status, code, detail, list(errors)


def problem(
    status: int, code: str, detail: str, errors: Sequence[Any] = (), headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The body of a refusal."""
    body: dict[str, Any] = {"type": "about:blank", "status": status, "code": code, "detail": detail}
    if errors:
        body["errors"] = list(errors)
    return JSONResponse(body, status, dict(headers) if headers else None, media_type=PROBLEM)
