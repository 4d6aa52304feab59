"""The module `contracts.language_data`, from Unicode's CLDR as Babel carries it."""

from functools import cache

from babel import Locale, UnknownLocaleError

from contracts.fields import name_key

NAMED_IN = ("nl", "en", "de", "fr")
WITHDRAWN = frozenset({"sh", "mo", "bh"})
"""Codes that CLDR still names and ISO 639-1 no longer has."""

HEADER = '''"""The languages of ISO 639-1. Generated from CLDR by `contracts_tools.languages`; do not edit."""

# fmt: off
from typing import Final

NAMED_IN: Final = {named_in}
"""The languages in which every language has a name here."""

NAMES: Final[dict[str, tuple[str, str, str, str, str]]] = {{
'''

SPELLINGS_HEADER = '''}
"""By code: the name in each of NAMED_IN, and in the language itself (empty where CLDR has none)."""

SPELLINGS: Final[dict[str, str]] = {
'''

FOOTER = '''}
"""By `name_key` of a name, regional names such as "Vlaams" included: the code. Ambiguous names are left out."""
'''


def language_codes() -> list[str]:
    return sorted(code for code in names("en") if len(code) == 2 and code not in WITHDRAWN)


@cache
def names(language: str) -> dict[str, str]:
    """What CLDR calls every language in `language`, by tag; nothing where it has no such locale."""
    try:
        return {str(tag): str(name) for tag, name in Locale(language).languages.items()}
    except UnknownLocaleError:
        return {}


def spellings(codes: list[str]) -> dict[str, str]:
    """Every name in NAMED_IN and in the language itself, those with a region or script included."""
    found: dict[str, set[str]] = {}
    sources = [item for language in NAMED_IN for item in names(language).items()]
    for code in codes:
        sources += [(tag, name) for tag, name in names(code).items() if tag.partition("_")[0] == code]
    for tag, name in sources:
        code = tag.partition("_")[0]
        if code in codes and name:
            found.setdefault(name_key(name), set()).add(code)
    return {key: min(owners) for key, owners in sorted(found.items()) if len(owners) == 1}


@cache
def module() -> str:
    """The text of the module."""
    codes = language_codes()
    lines = [HEADER.format(named_in=repr(NAMED_IN).replace("'", '"'))]
    for code in codes:
        row = (*(names(language)[code] for language in NAMED_IN), names(code).get(code, ""))
        lines.append(f"    {quote(code)}: ({', '.join(map(quote, row))}),\n")
    lines.append(SPELLINGS_HEADER)
    lines += [f"    {quote(key)}: {quote(code)},\n" for key, code in spellings(codes).items()]
    lines.append(FOOTER)
    return "".join(lines)


def quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
