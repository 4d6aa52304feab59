"""The sentences of the pages: English in the source, other languages from the .po files of each area."""

from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LANGUAGES: Final = {"nl": "Nederlands", "en": "English"}
LOCALES: Final = Path(__file__).parent / "locales"


def mark(msgid: str) -> str:
    """The sentence itself: marks one that is translated where it is shown."""
    return msgid


@cache
def translations(language: str) -> NullTranslations:
    """All areas of one language as one catalogue; English is the source itself."""
    merged: Any = Translations()
    for path in sorted((LOCALES / language / "LC_MESSAGES").glob("*.po")):
        compiled = BytesIO()
        with path.open("rb") as file:
            write_mo(compiled, read_po(file, locale=language))
        compiled.seek(0)
        merged.merge(Translations(compiled))
    catalogue: NullTranslations = merged
    return catalogue


def say(language: str, msgid: str, **params: Any) -> str:
    """The sentence in the language, `%(name)s` filled in."""
    text = translations(language).gettext(msgid)
    return text % params if params else text


def count(language: str, one: str, many: str, number: int, **params: Any) -> str:
    """The sentence for this number, `%(num)s` filled in."""
    return translations(language).ngettext(one, many, number) % {"num": number, **params}
