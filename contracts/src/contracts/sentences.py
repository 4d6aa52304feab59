"""The sentence of each code: what is wrong and what to do about it, in Dutch and English.

Programs switch on codes; people read these. A code has one or more templates, the most telling first: the first one
whose placeholders are all known is used and the last needs none, so a problem with few parameters still has its
sentence. `code/kind` holds the templates for a special case of a code.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from contracts.errors import ErrorCode, Problem
from contracts.fields import has_forbidden_characters, number_key
from contracts.languages import language_name, language_subtag
from contracts.wording import en, nl
from contracts.wording.columns import COLUMNS

DEFAULT_LANGUAGE: Final = "nl"
FALLBACK_LANGUAGE: Final = "en"

_Catalogue = Mapping[str, tuple[str, ...]]

_CATALOGUES: Final[Mapping[str, _Catalogue]] = {"nl": nl.SENTENCES, "en": en.SENTENCES}
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_LONGEST_SHOWN: Final = 80
_MEGABYTE: Final = 1_000_000

_KIND_PARAM: Final = {
    "email_in_use": "kind",
    "invalid_cell": "kind",
    "unreadable_file": "reason",
    "unsupported_format": "format",
}
_QUOTED: Final = frozenset({"value", "company", "department", "suggestion", "dead_letter"})


def render(problem: Problem, language: str) -> str:
    """The sentence of `problem`: what is wrong and what to do. Never fails, whatever the parameters are."""
    catalogue, language = _catalogue(language)
    words = _words(problem.params, problem.field, problem.value, language)
    sentence = _fill(catalogue, problem.code.value, _kind(problem), words)
    if problem.suggestion and "matches" not in words:
        sentence += " " + _fill(catalogue, "+suggestion", "", {"suggestion": _quote(problem.suggestion)})
    return sentence


def render_notice(code: str, params: dict[str, Any], field: str | None, language: str) -> str:
    """The sentence of a warning (see WarningCode). A code of a newer version has a general sentence."""
    catalogue, language = _catalogue(language)
    return _fill(catalogue, code, "", _words(params, field, None, language) | {"code": code})


def column_name(field: str, language: str) -> str:
    """The header of a field in the template of that language (nl, en, de, fr; any other: English)."""
    known = COLUMNS.get(_short(language), COLUMNS[FALLBACK_LANGUAGE])
    return known.get(field, field)


def _short(language: str) -> str:
    return language_subtag(language) or DEFAULT_LANGUAGE


def _catalogue(language: str) -> tuple[_Catalogue, str]:
    short = _short(language)
    if short in _CATALOGUES:
        return _CATALOGUES[short], short
    return _CATALOGUES[FALLBACK_LANGUAGE], FALLBACK_LANGUAGE


def _kind(problem: Problem) -> str:
    """The special case of its code that this problem is, or an empty text."""
    if problem.code is ErrorCode.REQUIRED:
        return problem.field or ""
    if problem.code is ErrorCode.NOT_FOUND:
        return "import" if problem.field in ("import", "import_id") else ""
    if problem.code is ErrorCode.PERSONNEL_NUMBER_CONFLICT:
        taken = problem.params.get("personnel_number")
        if problem.field == "email":
            return "email"
        if problem.value is None or not isinstance(taken, str):
            return ""
        return "number" if number_key(problem.value) == number_key(taken) else "email"
    kind = problem.params.get(_KIND_PARAM.get(problem.code.value, ""), "")
    return kind if isinstance(kind, str) else ""


def _fill(catalogue: _Catalogue, code: str, kind: str, words: Mapping[str, str]) -> str:
    templates = catalogue.get(f"{code}/{kind}", ()) + catalogue.get(code, catalogue["+unknown"])
    for template in templates:
        if all(name in words for name in _PLACEHOLDER.findall(template)):
            # one pass, so that braces inside a value are text
            return _PLACEHOLDER.sub(lambda match: words[match[1]], template)
    return templates[-1]


def _words(params: Mapping[str, Any], field: str | None, value: str | None, language: str) -> dict[str, str]:
    """What the placeholders stand for: only those of which something is known."""
    words: dict[str, str] = {}
    for name, param in params.items():
        text = _word(name, param, language)
        if text:
            words[name] = text
    for single in ("column", "header"):
        if single in words:
            words.setdefault("columns", _quote(words[single]))
    if field and (column := _shown(column_name(field, language))):
        words["column"] = column
    if value is not None and value.strip():
        words["value"] = _quote(value)
    return words


def _word(name: str, param: Any, language: str) -> str:
    if isinstance(param, (list, tuple)):
        if name == "fields":
            return _enumerate([_shown(column_name(str(field), language)) for field in param], language)
        return _enumerate([_quote(str(item)) for item in param], language)
    if isinstance(param, bool) or param is None:
        return ""
    if isinstance(param, int):
        return _limit(param, language) if name == "limit" else str(param)
    text = _shown(str(param))
    if name == "language":
        return language_name(text, language) or text
    if name == "limit" and text.isascii() and text.isdigit() and len(text) < 16:
        return _limit(int(text), language)
    return _quote(text) if name in _QUOTED and text else text


def _limit(limit: int, language: str) -> str:
    """A number of bytes as MB, a number of rows with its thousands apart."""
    if limit >= _MEGABYTE:
        unit = 1024 * 1024 if limit % (1024 * 1024) == 0 else _MEGABYTE
        return f"{limit // unit} MB"
    return f"{limit:,}".replace(",", _CATALOGUES[language]["+thousands"][0])


def _enumerate(items: list[str], language: str) -> str:
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + _CATALOGUES[language]["+and"][0] + items[-1]


def _quote(text: str) -> str:
    return f"“{_shown(text)}”"


def _shown(text: str) -> str:
    """`text` fit for a line of a message: of bounded length and without characters that disturb the line."""
    line = " ".join(text[: 4 * _LONGEST_SHOWN].split())
    if has_forbidden_characters(line):
        line = "".join("\N{WHITE SQUARE}" if has_forbidden_characters(c) else c for c in line)
    return line if len(line) <= _LONGEST_SHOWN else line[: _LONGEST_SHOWN - 1] + "…"
