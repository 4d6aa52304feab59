"""CloudEvents 1.0 in Kafka's binary mode: every attribute is a header, the value is the JSON of one model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

CONTENT_TYPE: Final = "application/json"
SPEC_VERSION: Final = "1.0"

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

Header = tuple[str, bytes | None]

_REQUIRED: Final = ("ce_id", "ce_source", "ce_type", "ce_academy")
_ATTRIBUTES: Final = (
    "ce_specversion",
    "content-type",
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_academy",
    "ce_time",
    "ce_subject",
    "ce_actor",
    "ce_correlationid",
    "ce_causationid",
    "ce_requestsource",
    "ce_requestid",
    "traceparent",
    "ce_attempt",
    "ce_orgrevision",
)
_CHECKED: Final = frozenset(_ATTRIBUTES) - {"content-type", "traceparent"}
_MOST_KNOWN: Final = 1_000
_MOST_BYTES: Final = 2_000
"""How many combinations of other headers are remembered, and of how many bytes: 2 MB at most."""


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
        """The Kafka headers as text, without the attributes that are empty, in the order in which people read them."""
        given = dict((*self.common.attributes, *self.own_attributes()))
        return [(name, given[name]) for name in _ATTRIBUTES if name in given]

    @property
    def common(self) -> "Common":
        """The attributes that it shares with others of its batch; theirs is the same object then."""
        return _common(
            self.type,
            self.source,
            self.academy,
            self.time,
            self.actor,
            self.correlation_id,
            self.request_source,
            self.attempt,
            self.org_revision,
            self.traceparent,
        )

    def own_attributes(self) -> list[tuple[str, str]]:
        """All attributes that are not in `common`."""
        own = [("ce_id", self.id)]
        if self.subject:
            own.append(("ce_subject", self.subject))
        if self.causation_id:
            own.append(("ce_causationid", self.causation_id))
        if self.request_id:
            own.append(("ce_requestid", self.request_id))
        return own

    def headers(self) -> list[tuple[str, bytes]]:
        """The Kafka headers, without the attributes that are empty."""
        return [*self.common.headers, *[(name, value.encode()) for name, value in self.own_attributes()]]

    @classmethod
    def from_headers(cls, headers: Sequence[Header]) -> "Envelope":
        """Read the headers of a record.

        Raises EnvelopeError, naming the attribute, where a required one is missing or one is not what it must be.
        A trace context that is none is ignored, as W3C asks: it says nothing of the event.
        """
        others = dict(headers)
        pop = others.pop
        own = (
            pop("ce_id", b""),
            pop("ce_time", b""),
            pop("ce_subject", b""),
            pop("ce_causationid", b""),
            pop("ce_requestid", b""),
        )
        key = (*others, *others.values())
        known = _known.get(key)
        if known is not None and own[0] and len(others) + len(own) - own.count(b"") == len(headers):
            # None is given twice or empty; a NUL in one would make one more of them.
            try:
                texts = b"\0".join(own).decode().split("\0")  # type: ignore[arg-type]
            except (TypeError, UnicodeDecodeError):
                texts = []
            if len(texts) == len(own):
                envelope = cls.__new__(cls)  # a call with fourteen names would cost as much as all the rest
                envelope.id, envelope.time, envelope.subject, envelope.causation_id, request_id = texts
                (
                    envelope.type,
                    envelope.source,
                    envelope.academy,
                    envelope.actor,
                    correlation_id,
                    envelope.request_source,
                    envelope.attempt,
                    envelope.org_revision,
                    envelope.traceparent,
                ) = known
                envelope.correlation_id = correlation_id or envelope.id
                envelope.request_id = request_id or envelope.id
                return envelope
        envelope = _read(headers)
        _remember(key, envelope, "ce_correlationid" in others)
        return envelope

    def answer(self, *, id: str, type: str, source: str, time: str) -> "Envelope":
        """The envelope of what this event caused: same academy, subject, actor, trace and request reference."""
        return replace(
            self, id=id, type=type, source=source, time=time, causation_id=self.id, attempt=1, org_revision=None
        )


def key_academy(key: str) -> str:
    """The academy of a record's key: all before its first `/`."""
    return key.partition("/")[0]


@dataclass(frozen=True, slots=True, eq=False)
class Common:
    """Attributes that many events have alike, as text and as headers."""

    attributes: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, bytes], ...]


@lru_cache(maxsize=64)  # few: the events of a batch come one after another, and a sender's texts may be long
def _common(
    type_: str,
    source: str,
    academy: str,
    time: str,
    actor: str,
    correlation_id: str,
    request_source: str,
    attempt: int,
    org_revision: int | None,
    traceparent: str,
) -> Common:
    attributes = (
        ("ce_specversion", SPEC_VERSION),
        ("content-type", CONTENT_TYPE),
        ("ce_type", type_),
        ("ce_source", source),
        ("ce_academy", academy),
        ("ce_time", time),
        ("ce_actor", actor),
        ("ce_correlationid", correlation_id),
        ("ce_requestsource", request_source),
        ("ce_attempt", str(attempt) if attempt != 1 else ""),
        ("ce_orgrevision", str(org_revision) if org_revision is not None else ""),
        ("traceparent", traceparent),
    )
    given = tuple(attribute for attribute in attributes if attribute[1])
    return Common(given, tuple((name, value.encode()) for name, value in given))


_known: dict[tuple[str | bytes | None, ...], tuple[str, str, str, str, str, str, int, int | None, str]] = {}
"""What the headers that are not an event's own say, by their names and values, where nothing is wrong with them."""


def _remember(key: tuple[str | bytes | None, ...], read: Envelope, has_correlation_id: bool) -> None:
    if sum(len(part or b"") for part in key) > _MOST_BYTES:
        return
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[key] = (
        read.type,
        read.source,
        read.academy,
        read.actor,
        read.correlation_id if has_correlation_id else "",
        read.request_source,
        read.attempt,
        read.org_revision,
        read.traceparent,
    )


def _read(headers: Sequence[Header]) -> Envelope:
    given = _texts(headers)
    for name in _REQUIRED:
        if name not in given:
            raise EnvelopeError(f"attribute {name} is missing or empty")
    if given.get("ce_specversion", SPEC_VERSION) != SPEC_VERSION:
        raise EnvelopeError("attribute ce_specversion is not 1.0")
    trace = given.get("traceparent", "")
    id_, source, get = given["ce_id"], given["ce_source"], given.get
    return Envelope(
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


def _texts(headers: Sequence[Header]) -> dict[str, str]:
    """Only our own attributes, each looked at by itself: whatever else is there may be anything."""
    given: dict[str, str] = {}
    for name, value in headers:
        if name == "traceparent":
            given[name] = (value or b"").decode("ascii", "replace")
            continue
        if name not in _CHECKED:
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


def is_traceparent(text: str) -> bool:
    """Whether the text has the form of a W3C trace context; what has not is no trace of ours."""
    return _TRACEPARENT.fullmatch(text) is not None


def _number(given: dict[str, str], name: str) -> int:
    digits = given[name]
    if not (digits.isascii() and digits.isdigit() and len(digits) < 16):
        raise EnvelopeError(f"attribute {name} is not a number")
    return int(digits)
