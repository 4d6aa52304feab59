"""What may not change once it was released.

An event is read by programs that know only the released schema, and old events are read by new code: both must
accept each other's. A command is written by programs that know only the released schema: new code must accept all of
those. The check judges structure and is strict: a change that it cannot judge is a break.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

from contracts_tools.schemas import EXTENSIBLE, Schema

Role = Literal["event", "command"]

_ANNOTATIONS: Final = frozenset({"title", "description", "default", "examples", "$defs", "$schema", "$id", EXTENSIBLE})
_UPPER: Final = frozenset({"maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum"})
_LOWER: Final = frozenset({"minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum"})
_JUDGED: Final = _ANNOTATIONS | {"$ref", "anyOf", "oneOf", "type", "enum", "const", "properties", "required", "items"}
_ABSENT: Final = object()


def breaks(old: Schema, new: Schema, role: Role) -> list[str]:
    """Why `new` breaks with `old`, a reason each with its path; empty if it does not."""
    found = [*_lost(_Node(old, old), _Node(new, new), "", frozenset())]
    found += [f"{why} (old messages are no longer accepted)" for why in _outside(_Node(old, old), _Node(new, new), "")]
    if role == "event":
        extensible = _outside(_Node(new, new), _Node(old, old), "", grows=True)
        found += [f"{why} (readers of the release do not know it)" for why in extensible]
    return list(dict.fromkeys(found))


def registry_breaks(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Why the registry `new` breaks with `old`."""
    found = []
    for name, was in old["topics"].items():
        now = new["topics"].get(name)
        if now is None:
            found.append(f"topic {name} is gone")
            continue
        found += [
            f"topic {name}: {what} was {was[what]}, now {now[what]}"
            for what in ("key", "partitions", "cleanup")
            if was[what] != now[what]
        ]
        if _shorter(now["retention_ms"], was["retention_ms"]):
            found.append(f"topic {name}: retention_ms was {was['retention_ms']}, now {now['retention_ms']}")
        found += [f"topic {name} no longer carries {type_}" for type_ in was["types"] if type_ not in now["types"]]
    for codes in ("error_codes", "warning_codes"):
        found += [f"{codes}: {code} is gone" for code in old[codes] if code not in new[codes]]
    return found


def _shorter(now: int | None, was: int | None) -> bool:
    return now is not None and (was is None or now < was)


class _Node:
    """A schema with the document in which its references point."""

    __slots__ = ("_root", "ref", "schema")

    def __init__(self, schema: Schema, root: Schema) -> None:
        self._root = root
        self.ref = ""
        while "$ref" in schema:
            self.ref = schema["$ref"]
            schema = root["$defs"][self.ref.removeprefix("#/$defs/")] | {k: v for k, v in schema.items() if k != "$ref"}
        self.schema = schema

    def child(self, schema: Schema) -> "_Node":
        return _Node(schema, self._root)

    def alternatives(self) -> "list[_Node]":
        """The schemas of which a value must meet one."""
        choices = self.schema.get("anyOf") or self.schema.get("oneOf")
        if choices:
            return [leaf for choice in choices for leaf in self.child(choice).alternatives()]
        types = self.schema.get("type")
        if isinstance(types, list):
            return [self.child(self.schema | {"type": type_}) for type_ in types]
        return [self]

    def properties(self) -> "dict[str, _Node]":
        return {name: self.child(schema) for name, schema in self.schema.get("properties", {}).items()}

    def elements(self) -> "list[tuple[str, _Node]]":
        """The schemas of what an array or map holds, each with its place."""
        places = [(f"[{i}]", schema) for i, schema in enumerate(self.schema.get("prefixItems", []))]
        places += [("[]", self.schema.get("items")), ("{}", self.schema.get("additionalProperties"))]
        return [(place, self.child(schema)) for place, schema in places if isinstance(schema, dict)]


def _lost(old: _Node, new: _Node, path: str, seen: frozenset[str]) -> Iterator[str]:
    """Members that are gone, and defaults that changed: an absent member would mean something else."""
    if old.ref and old.ref in seen:
        return
    seen |= {old.ref}
    new_alternatives = new.alternatives()
    news = {name: node for leaf in new_alternatives for name, node in leaf.properties().items()}
    new_elements = {place: node for leaf in new_alternatives for place, node in leaf.elements()}
    for leaf in old.alternatives():
        for name, was in leaf.properties().items():
            here = f"{path}.{name}"
            if name not in news:
                yield f"{here} is gone"
                continue
            now = news[name]
            if was.schema.get("default", now.schema.get("default")) != now.schema.get("default"):
                yield f"{here}: default was {was.schema['default']!r}, now {now.schema.get('default')!r}"
            yield from _lost(was, now, here, seen)
        for place, was in leaf.elements():
            if place in new_elements:
                yield from _lost(was, new_elements[place], path + place, seen)


def _outside(
    small: _Node, big: _Node, path: str, *, grows: bool = False, seen: frozenset[tuple[str, str]] = frozenset()
) -> list[str]:
    """Why a value that meets `small` may not meet `big`. `grows`: an extensible enum may have more in `small`."""
    if small.ref and big.ref:
        if (small.ref, big.ref) in seen:
            return []
        seen |= {(small.ref, big.ref)}
    reasons: list[str] = []
    for leaf in small.alternatives():
        fitting = [choice for choice in big.alternatives() if _type_fits(leaf.schema, choice.schema)]
        if fitting:
            tried = [_leaf_outside(leaf, choice, path, grows, seen) for choice in fitting]
            closest: list[str] = min(tried, key=len)
            reasons += closest
        else:
            expected = " or ".join(_kind(choice.schema) for choice in big.alternatives())
            reasons.append(f"{path or 'the value'}: {_kind(leaf.schema)} where {expected} is expected")
    return reasons


def _type_fits(s: Schema, b: Schema) -> bool:
    return "type" not in b or s.get("type") == b["type"] or (s.get("type"), b["type"]) == ("integer", "number")


def _leaf_outside(small: _Node, big: _Node, path: str, grows: bool, seen: frozenset[tuple[str, str]]) -> list[str]:
    here = path or "the value"
    s, b = small.schema, big.schema
    reasons = [*_values_outside(s, b, here, grows), *_bounds_outside(s, b, here), *_unjudged(s, b, here)]
    theirs = small.properties()
    for name in b.get("required", []):
        if name not in s.get("required", []):
            reasons.append(f"{path}.{name} is required on one side and optional on the other")
    for name, node in big.properties().items():
        if name in theirs:
            reasons += _outside(theirs[name], node, f"{path}.{name}", grows=grows, seen=seen)
    reasons += _elements_outside(small, big, path, grows, seen)
    return reasons


def _elements_outside(small: _Node, big: _Node, path: str, grows: bool, seen: frozenset[tuple[str, str]]) -> list[str]:
    theirs = dict(small.elements())
    reasons: list[str] = []
    for place, node in big.elements():
        if place in theirs:
            reasons += _outside(theirs[place], node, path + place, grows=grows, seen=seen)
        elif any(node.schema.keys() - _ANNOTATIONS):
            reasons.append(f"{path}{place} is anything on one side and {_kind(node.schema)} on the other")
    if big.schema.get("additionalProperties") is False and small.schema.get("additionalProperties") is not False:
        reasons.append(f"{path or 'the value'} may have further members on one side only")
    return reasons


def _values_outside(s: Schema, b: Schema, here: str, grows: bool) -> Iterator[str]:
    allowed = _values(b)
    if allowed is None:
        return
    values = _values(s)
    if values is None:
        yield f"{here}: any {_kind(s)} where only {allowed} are expected"
    elif not (grows and b.get(EXTENSIBLE)):
        for value in values:
            if value not in allowed:
                yield f"{here}: {value!r} is on one side only"


def _values(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def _bounds_outside(s: Schema, b: Schema, here: str) -> Iterator[str]:
    if _values(s) is not None:
        return  # the values were compared one by one
    for word in sorted(b.keys() & (_UPPER | _LOWER)):
        bound = s.get(word)
        if bound is None or (bound > b[word] if word in _UPPER else bound < b[word]):
            yield f"{here}: {word} is {b[word]} on one side and {bound} on the other"


def _unjudged(s: Schema, b: Schema, here: str) -> Iterable[str]:
    judged = _JUDGED | _UPPER | _LOWER | {"prefixItems", "additionalProperties"}
    for word in sorted(b.keys() - judged):
        if s.get(word, _ABSENT) != b[word]:
            yield f"{here}: {word} is {b[word]!r} on one side and {s.get(word)!r} on the other"


def _kind(schema: Schema) -> str:
    return str(schema.get("type", "anything"))
