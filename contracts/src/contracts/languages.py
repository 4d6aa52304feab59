"""Languages by code or name (`docs/rules.md` 13)."""

import re
from typing import Final

from contracts.fields import name_key
from contracts.language_data import NAMED_IN, NAMES, SPELLINGS

# A code, perhaps with a script and a region: nl, nl-NL, pt_BR, zh-Hant-TW, es-419.
_TAG: Final = re.compile(r"([a-z]{2})([-_][a-z]{4})?([-_]([a-z]{2}|[0-9]{3}))?", re.IGNORECASE)
_FORMER_CODES: Final = {"iw": "he", "in": "id", "ji": "yi"}
_FALLBACK: Final = "en"


def parse_language(text: str) -> str | None:
    """The ISO 639-1 code that `text` means, or None.

    `text` is a code, with or without region (nl, nl-NL, pt_BR), or a name in Dutch, English, German, French or the
    language itself, compared by `name_key`.
    """
    text = text.strip()
    tag = _TAG.fullmatch(text)
    if tag is not None:
        code = tag[1].lower()
        code = _FORMER_CODES.get(code, code)
        if code in NAMES:
            return code
    return SPELLINGS.get(name_key(text))


def language_subtag(tag: str) -> str:
    """The language of a tag, without script and region: nl of nl-NL and of NL_nl."""
    return tag.replace("_", "-").partition("-")[0].lower()


def language_name(code: str, in_language: str) -> str:
    """The name of a language in Dutch, English, German, French or itself; in any other, its English name.

    A code that is none is returned as it is.
    """
    names = NAMES.get(code)
    if names is None:
        return code
    if in_language in NAMED_IN:
        return names[NAMED_IN.index(in_language)]
    own = names[len(NAMED_IN)]
    return own if in_language == code and own else names[NAMED_IN.index(_FALLBACK)]
