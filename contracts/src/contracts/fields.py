"""The fields of a person, their normal forms and the syntax of single values (`docs/rules.md` 3 to 13).

Everything here is pure and needs no knowledge of people or units. A key is what two values are compared by; keys are
stored in columns and never computed in SQL, so that there is one definition of "the same".
"""

import re
import unicodedata
from encodings.idna import nameprep
from functools import lru_cache
from typing import Final

FIELDS: Final = (
    "personnel_number",
    "first_name",
    "infix",
    "last_name",
    "email",
    "company",
    "department",
    "functions",
    "cost_centre",
    "invite",
    "active",
    "language",
    "manager",
    "terms_accepted",
)
"""Every field of a person, in the order in which they are shown."""

IMPORT_FIELDS: Final = FIELDS[:12]
"""The fields that a workbook has a column for, in the order of the template."""

REQUIRED_TO_CREATE: Final = ("first_name", "last_name", "email", "company", "department")
"""Beside the personnel number, which is always required."""

FLAGS: Final = ("invite", "active", "manager", "terms_accepted")

MAX_LENGTH: Final = {
    "personnel_number": 64,
    "first_name": 100,
    "infix": 30,
    "last_name": 100,
    "email": 254,
    "company": 200,
    "department": 200,
    "functions": 200,
    "cost_centre": 100,
    "language": 100,
}
"""Longest accepted text per field in characters; for `functions` it is that of each single name."""

MAX_ACADEMY_ID: Final = 40

CLEAR: Final = "-"
"""The text that clears a value (`docs/rules.md` 6)."""

ON: Final = frozenset({"x", "ja", "j", "yes", "y", "oui", "1", "true", "waar"})
OFF: Final = frozenset({"-", "nee", "nein", "n", "no", "non", "0", "false", "onwaar"})

_SPACE = re.compile(r"\s+")
# Control characters other than white space (U+001C to U+001F are white space to Python and not to Unicode), bidi
# overrides and isolates, the replacement character, lone surrogates.
_FORBIDDEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufffd\ud800-\udfff]")
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_LOCAL = re.compile(rf"(?=.{{1,64}}$){_ATOM}(?:\.{_ATOM})*")
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?!\d+$){_LABEL}")
_ACADEMY_ID = re.compile(r"[a-z0-9](-?[a-z0-9])*")
_DOTS = re.compile("[.\u3002\uff0e\uff61]")
_KEPT_BY_IDNA_2008 = re.compile("([ßς])")
_FUNCTION_SEPARATORS = re.compile(r"[;\n\r]")


def is_academy_id(text: str) -> bool:
    """Whether `text` can be the id of an academy: lower-case letters, digits and single hyphens."""
    return len(text) <= MAX_ACADEMY_ID and _ACADEMY_ID.fullmatch(text) is not None


def clean_text(text: str) -> str:
    """Return `text` in NFC, trimmed, each run of white space made one space."""
    if text.isascii():
        return " ".join(text.split())
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()


def has_forbidden_characters(text: str) -> bool:
    """Whether `text` holds a control character, a bidi override or U+FFFD (white space is allowed)."""
    return _FORBIDDEN.search(text) is not None


def number_key(number: str) -> str:
    """The key of a personnel number: without case and width; leading zeros count."""
    if number.isascii():
        return " ".join(number.split()).lower()
    return clean_text(unicodedata.normalize("NFKC", number)).casefold()


def name_key(name: str) -> str:
    """The key of the name or code of a unit: without case, accents, width and repeated space."""
    # Only what can be a name is remembered: a file of 32 kB cells must not fill the memory.
    return _remembered_name_key(name) if len(name) <= MAX_LENGTH["company"] else _name_key(name)


def _name_key(name: str) -> str:
    if name.isascii():
        return " ".join(name.split()).lower()
    decomposed = unicodedata.normalize("NFKD", name)
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _SPACE.sub(" ", bare.casefold()).strip()


_remembered_name_key = lru_cache(maxsize=32_768)(_name_key)


def email_key(address: str) -> str | None:
    """The key of an e-mail address: lower case, the domain in its ASCII form; None if it is no valid address.

    No DNS is asked; reserved domains (.test, .example, .local) pass; a non-ASCII local part, a quoted local part, an
    address literal and a domain without a dot do not.
    """
    if len(address) > MAX_LENGTH["email"]:  # the codec below takes time that grows with the square of the length
        return None
    if not address.isascii():
        local, _, domain = address.rpartition("@")
        try:
            address = f"{local}@{ascii_domain(domain)}"
        except UnicodeError:
            return None
        if not local.isascii() or len(address) > MAX_LENGTH["email"]:
            return None
    key = address.lower()
    local, _, domain = key.rpartition("@")
    return key if _LOCAL.fullmatch(local) is not None and _is_domain(domain) else None


@lru_cache(maxsize=4_096)  # the people of an academy have few
def _is_domain(domain: str) -> bool:
    return _DOMAIN.fullmatch(domain) is not None


def ascii_domain(domain: str) -> str:
    """The ASCII form of an international domain, as registries and browsers have it; UnicodeError if it has none."""
    return ".".join(map(_ascii_label, _DOTS.split(domain)))


def _ascii_label(label: str) -> str:
    # The codec is of IDNA 2003, which makes `ss` of ß and σ of ς and drops the joiners: another owner's domain.
    if "\u200c" in label or "\u200d" in label:
        raise UnicodeError("a joiner in a domain")
    parts = _KEPT_BY_IDNA_2008.split(label.replace("ẞ", "ß"))
    if len(parts) == 1:
        return label.encode("idna").decode("ascii")
    prepared = "".join(part if n % 2 else nameprep(part) for n, part in enumerate(parts))
    if "." in prepared:  # made of one character, as of `…`
        raise UnicodeError("a dot in a label")
    return "xn--" + prepared.encode("punycode").decode("ascii")


def parse_flag(text: str) -> bool | None:
    """On, off, or None for anything else (`docs/rules.md` 5)."""
    word = text.strip().lower()
    if word in ON:
        return True
    if word in OFF:
        return False
    return None


def split_functions(cell: str) -> list[str]:
    """The parts of a functions cell, split on `;` and line break (`docs/rules.md` 7); the comma is `decide`'s to try."""
    return [part for part in (clean_text(p) for p in _FUNCTION_SEPARATORS.split(cell)) if part]


def display_name(first_name: str, infix: str | None, last_name: str) -> str:
    """A person's name as it is shown: "Jan van der Berg"."""
    return " ".join(filter(None, (first_name, infix, last_name)))
