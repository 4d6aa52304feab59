"""CloudEvents 1.0 in Kafka's binary mode: every attribute is a header, the value is the JSON of one model."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

CONTENT_TYPE: Final = "application/json"
SPEC_VERSION: Final = "1.0"

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


_REQUIRED: Final = ("ce_id", "ce_source", "ce_type", "ce_academy")
_ATTRIBUTES: Final = frozenset(
    (
        *_REQUIRED,
        "ce_specversion",
        "ce_time",
        "ce_subject",
        "ce_actor",
        "ce_correlationid",
        "ce_causationid",
        "ce_requestsource",
        "ce_requestid",
        "ce_attempt",
        "ce_orgrevision",
    )
)


class EnvelopeError(ValueError):
    """The headers of a record are not those of an event of ours."""


@dataclass(slots=True, kw_only=True)
class Envelope:
    """What is true of an event whatever its type.

    `(source, id)` names the event for ever; a repeat has the same two and, when it was sent again on purpose, a higher
    `attempt`. `request_source` and `request_id` are the reference of whoever asked: an outcome carries those of its
    request. Times are RFC 3339 in UTC.
    """

    id: str
    type: str
    source: str
    academy: str
    time: str = ""
    subject: str = ""
    actor: str = ""
    correlation_id: str = ""
    causation_id: str = ""
    request_source: str = ""
    request_id: str = ""
    attempt: int = 1
    org_revision: int | None = None
    traceparent: str = ""

    def attributes(self) -> list[tuple[str, str]]:
        """The Kafka headers as text, without the attributes that are empty."""
        attributes = [
            ("ce_specversion", SPEC_VERSION),
            ("content-type", CONTENT_TYPE),
            ("ce_id", self.id),
            ("ce_type", self.type),
            ("ce_source", self.source),
            ("ce_academy", self.academy),
        ]
        for name, value in (
            ("ce_time", self.time),
            ("ce_subject", self.subject),
            ("ce_actor", self.actor),
            ("ce_correlationid", self.correlation_id),
            ("ce_causationid", self.causation_id),
            ("ce_requestsource", self.request_source),
            ("ce_requestid", self.request_id),
            ("traceparent", self.traceparent),
        ):
            if value:
                attributes.append((name, value))
        if self.attempt != 1:
            attributes.append(("ce_attempt", str(self.attempt)))
        if self.org_revision is not None:
            attributes.append(("ce_orgrevision", str(self.org_revision)))
        return attributes

    def headers(self) -> list[tuple[str, bytes]]:
        """The Kafka headers, without the attributes that are empty."""
        return [(name, value.encode()) for name, value in self.attributes()]

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]]) -> "Envelope":
        """Read the headers of a record.

        Raises EnvelopeError, naming the attribute, where a required one is missing or one is not what it must be.
        A trace context that is none is ignored, as W3C asks: it says nothing of the event.
        """
        given = _read(list(headers))
        for name in _REQUIRED:
            if name not in given:
                raise EnvelopeError(f"attribute {name} is missing or empty")
        if given.get("ce_specversion", SPEC_VERSION) != SPEC_VERSION:
            raise EnvelopeError("attribute ce_specversion is not 1.0")
        trace = given.get("traceparent", "")
        id_, source, get = given["ce_id"], given["ce_source"], given.get
        return cls(
            id=id_,
            type=given["ce_type"],
            source=source,
            academy=given["ce_academy"],
            time=get("ce_time", ""),
            subject=get("ce_subject", ""),
            actor=get("ce_actor", ""),
            correlation_id=get("ce_correlationid", id_),
            causation_id=get("ce_causationid", ""),
            request_source=get("ce_requestsource", source),
            request_id=get("ce_requestid", id_),
            attempt=_number(given, "ce_attempt") if "ce_attempt" in given else 1,
            org_revision=_number(given, "ce_orgrevision") if "ce_orgrevision" in given else None,
            traceparent=trace if is_traceparent(trace) else "",
        )

    def answer(self, *, id: str, type: str, source: str, time: str) -> "Envelope":
        """The envelope of what this event caused: same academy, subject, actor, trace and request reference."""
        return replace(
            self, id=id, type=type, source=source, time=time, causation_id=self.id, attempt=1, org_revision=None
        )


def key_academy(key: str) -> str:
    """The academy of a record's key: all before its first `/`."""
    return key.partition("/")[0]


def _read(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    """The headers as text, in one go where nothing is wrong with any of them."""
    try:
        given = {name: value.decode() for name, value in headers}  # type: ignore[union-attr]
    except (AttributeError, UnicodeDecodeError):
        return _read_carefully(headers)
    texts = given.values()
    if len(given) != len(headers) or "" in texts or "\0" in "".join(texts):
        return _read_carefully(headers)
    return given


def _read_carefully(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    """Only our own attributes, each looked at by itself: whatever else is there may be anything."""
    given: dict[str, str] = {}
    for name, value in headers:
        if name == "traceparent":
            given[name] = (value or b"").decode("ascii", "replace")
            continue
        if name not in _ATTRIBUTES:
            continue
        if name in given:
            raise EnvelopeError(f"attribute {name} is given twice")
        if not value:
            raise EnvelopeError(f"attribute {name} is missing or empty")
        if b"\0" in value:
            raise EnvelopeError(f"attribute {name} holds a NUL")
        try:
            given[name] = value.decode()
        except UnicodeDecodeError:
            raise EnvelopeError(f"attribute {name} is not UTF-8") from None
    return given


@lru_cache(maxsize=4_096)
def is_traceparent(text: str) -> bool:
    """Whether the text has the form of a W3C trace context; what has not is no trace of ours."""
    return _TRACEPARENT.fullmatch(text) is not None


def _number(given: dict[str, str], name: str) -> int:
    digits = given[name]
    if not (digits.isascii() and digits.isdigit() and len(digits) < 16):
        raise EnvelopeError(f"attribute {name} is not a number")
    return int(digits)
