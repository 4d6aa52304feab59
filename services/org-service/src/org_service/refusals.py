"""Why a command was refused: the closed list of codes and their sentences."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Programs may switch on these; sentences may change."""

    INVALID_ACADEMY_ID = "invalid_academy_id"
    UNKNOWN_ACADEMY = "unknown_academy"
    REQUIRED = "required"
    TOO_LONG = "too_long"
    TOO_MANY = "too_many"
    INVALID_CHARACTERS = "invalid_characters"
    RESERVED = "reserved"
    DUPLICATE_NAME = "duplicate_name"
    DUPLICATE_CODE = "duplicate_code"
    UNKNOWN_UNIT = "unknown_unit"
    AMBIGUOUS_UNIT = "ambiguous_unit"
    UNKNOWN_LANGUAGE = "unknown_language"
    DEFAULT_LANGUAGE = "default_language"
    LANGUAGE_NOT_ENABLED = "language_not_enabled"
    DUPLICATE_LANGUAGE = "duplicate_language"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one member of a command; `path` is empty if it is about the command as a whole."""

    reason: Reason
    path: str = ""
    params: dict[str, str] = field(default_factory=dict)

    def sentences(self) -> tuple[str, str]:
        """What is wrong and what to do, in English and in Dutch."""
        english, dutch = _SENTENCES[self.reason]
        kind = self.params.get("kind", "")
        return (
            english.format_map({**self.params, "kind": kind}),
            dutch.format_map({**self.params, "kind": _DUTCH_KINDS.get(kind, kind)}),
        )


_DUTCH_KINDS: Final = {"company": "bedrijf", "department": "afdeling", "function": "functie"}

_SENTENCES: Final[dict[Reason, tuple[str, str]]] = {
    Reason.INVALID_ACADEMY_ID: (
        "“{value}” cannot be the id of an academy: use at most 40 lower-case letters, digits and single hyphens, "
        "starting and ending with a letter or digit.",
        "“{value}” kan geen id van een academy zijn: gebruik hoogstens 40 kleine letters, cijfers en losse "
        "koppeltekens, met een letter of cijfer aan begin en eind.",
    ),
    Reason.UNKNOWN_ACADEMY: (
        "There is no academy “{value}” yet: define it first, with a name.",
        "Er is nog geen academy “{value}”: maak die eerst aan, met een naam.",
    ),
    Reason.REQUIRED: ("A value is required here.", "Hier is een waarde nodig."),
    Reason.TOO_LONG: (
        "This is {length} characters long; at most {max} are possible.",
        "Dit is {length} tekens lang; er kunnen er hoogstens {max}.",
    ),
    Reason.TOO_MANY: (
        "These are {count}; at most {max} are possible.",
        "Dit zijn er {count}; er kunnen er hoogstens {max}.",
    ),
    Reason.INVALID_CHARACTERS: (
        "This holds a character that cannot be shown; type it again.",
        "Hierin staat een teken dat niet getoond kan worden; typ het opnieuw.",
    ),
    Reason.RESERVED: (
        "“{value}” cannot be a name or a code: for a person it clears the field. Choose another.",
        "“{value}” kan geen naam of code zijn: bij een persoon maakt het een veld leeg. Kies een andere.",
    ),
    Reason.DUPLICATE_NAME: (
        "There is another {kind} with the name “{value}” in the same place; choose another name.",
        "Er is op dezelfde plek al een {kind} met de naam “{value}”; kies een andere naam.",
    ),
    Reason.DUPLICATE_CODE: (
        "There is another {kind} with the code “{value}” in the same place; choose another code.",
        "Er is op dezelfde plek al een {kind} met de code “{value}”; kies een andere code.",
    ),
    Reason.UNKNOWN_UNIT: (
        "There is no {kind} “{value}”; use its name, code or id.",
        "Er is geen {kind} “{value}”; gebruik de naam, de code of het id.",
    ),
    Reason.AMBIGUOUS_UNIT: (
        "There is more than one {kind} “{value}”: say which one by its code, its id or its company.",
        "Er is meer dan één {kind} “{value}”: zeg welke met de code, het id of het bedrijf.",
    ),
    Reason.UNKNOWN_LANGUAGE: (
        "“{value}” is no language; use the two letters of its ISO 639-1 code, such as nl or en.",
        "“{value}” is geen taal; gebruik de twee letters van de ISO 639-1-code, zoals nl of en.",
    ),
    Reason.DEFAULT_LANGUAGE: (
        "“{value}” is the default language and always enabled; choose another default first.",
        "“{value}” is de standaardtaal en staat altijd aan; kies eerst een andere standaardtaal.",
    ),
    Reason.LANGUAGE_NOT_ENABLED: (
        "The language “{value}” is not enabled in this academy; enable it first.",
        "De taal “{value}” staat niet aan in deze academy; zet die eerst aan.",
    ),
    Reason.DUPLICATE_LANGUAGE: (
        "There is a text for the language “{value}” already; give one for each language.",
        "Er is al een tekst voor de taal “{value}”; geef er één voor elke taal.",
    ),
}
