"""Which name was perhaps meant: offered, never taken."""

from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from contracts.fields import name_key

_CUTOFF: Final = 0.75
_MAX_KEY: Final = 80
"""A longer text gets no suggestion: comparing costs the product of the lengths."""
_MAX_COMPARED: Final = 6
"""Names compared letter by letter for one text: those that share most pairs of letters with it."""
_MAX_COUNTED: Final = 1_000
"""Names looked at for one text, the rarest pairs of letters first, so that 10,000 departments cost what 100 do."""
_MAX_REMEMBERED: Final = 10_000


class CloseNames:
    """The close names among `names`. Each text is worked out once."""

    __slots__ = ("_by_pair", "_found", "_names")

    def __init__(self, names: Sequence[str]) -> None:
        self._names: dict[str, str] = {}
        for name in names:
            key = name_key(name)
            if len(key) <= 2 * _MAX_KEY:
                self._names.setdefault(key, name)
        self._by_pair: dict[str, list[str]] = {}
        for key in self._names:
            for pair in _pairs(key):
                self._by_pair.setdefault(pair, []).append(key)
        self._found: dict[str, str | None] = {}

    def find(self, text: str) -> str | None:
        """The name that is closest to `text`, or None if none is close."""
        key = name_key(text[: 2 * _MAX_KEY])
        if len(key) > _MAX_KEY:
            return None
        if key not in self._found:
            if len(self._found) >= _MAX_REMEMBERED:
                self._found.clear()
            best = get_close_matches(key, self._candidates(key), n=1, cutoff=_CUTOFF)
            self._found[key] = self._names[best[0]] if best else None
        return self._found[key]

    def _candidates(self, key: str) -> list[str]:
        if len(self._names) <= _MAX_COMPARED:
            return list(self._names)
        lists = sorted((self._by_pair.get(pair, []) for pair in _pairs(key)), key=len)
        shared: Counter[str] = Counter()
        counted = 0
        for names in lists:
            room = _MAX_COUNTED - counted
            if room <= 0:
                break
            shared.update(names[:room])
            counted += len(names)
        # of those that share as many, the one of the nearest length
        most = shared.most_common(4 * _MAX_COMPARED)
        ranked = sorted(most, key=lambda item: (-item[1], abs(len(item[0]) - len(key))))
        return [name for name, _ in ranked[:_MAX_COMPARED]]


def _pairs(key: str) -> set[str]:
    padded = f" {key} "
    return {padded[i : i + 2] for i in range(len(padded) - 1)}
